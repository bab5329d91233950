package vxlan

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// Device is a tunnel end: a [link.Device] with one queue, which is the Device itself.
type Device struct {
	link.Counters
	drops   drops
	info    link.Info
	vni     uint32
	tags    bool
	clock   link.Clock
	log     *slog.Logger
	conn    net.PacketConn
	table   *table
	out     outbox
	writers sync.Pool // of *writer
	closed  atomic.Bool
	gone    chan struct{} // closed when the device is closed or its socket has failed
	goneSet sync.Once

	in reader
}

// New makes a tunnel end, which owns c.Conn from then on. With an error, Conn is the caller's.
func New(c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := configure(c); err != nil {
		return nil, err
	}
	d := &Device{
		vni: c.VNI, tags: c.Tags, clock: c.Clock, log: c.Log, conn: c.Conn, table: newTable(c), gone: make(chan struct{}),
		in: newReader(c.Conn, HeaderLen+ethernet.HeaderLen+ethernet.TagLen+c.MTU),
	}
	d.info = link.Info{Name: c.Name, Addr: c.Addr, MTU: c.MTU, Up: true, Changed: d.gone}
	d.out = newOutbox(c, AppendHeader(nil, c.VNI), &d.drops)
	d.writers.New = func() any { return new(writer) }
	return d, nil
}

// Info implements [link.Device].
func (d *Device) Info() link.Info { return wire.Now(d.info, d.gone) }

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return []link.Queue{d} }

// Close implements [link.Device].
func (d *Device) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.setGone()
	err := d.conn.Close()
	d.out.close()
	return err
}

func (d *Device) setGone() { d.goneSet.Do(func() { close(d.gone) }) }

// maxErrors is how many reads may fail in a row before the socket is held to be of no more use.
const maxErrors = 64

// ReadFrames implements [link.Queue].
func (d *Device) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	n, failed := 0, 0
	for n == 0 || n < len(f) && d.in.hasNext() {
		b, from, err := d.in.next()
		if err != nil { // nothing was at hand: n is 0
			if failed++; d.isFatal(err) || failed == maxErrors {
				return 0, d.fail(err)
			}
			continue
		}
		failed = 0
		frame, ok := d.decapsulate(b, from)
		if !ok {
			d.DropRx(1)
			continue
		}
		f[n] = frame
		n++
	}
	d.CountRx(f[:n])
	return n, nil
}

// isFatal: an ICMP error about what was sent may come up at a read and means nothing for the next one.
func (d *Device) isFatal(err error) bool {
	return d.closed.Load() || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed)
}

func (d *Device) fail(err error) error {
	if d.closed.Load() {
		return net.ErrClosed
	}
	d.setGone()
	return fmt.Errorf("%s has lost its socket: %w", d.info.Name, err)
}

// decapsulate gives the frame in a datagram, unless there is a reason to drop it.
func (d *Device) decapsulate(b []byte, from netip.AddrPort) (link.Frame, bool) {
	v, known := d.table.knows(from)
	if !known {
		d.drops.peer.Add(1)
		return link.Frame{}, false
	}
	h, err := ParseHeader(b)
	switch {
	case err == errShort:
		d.drops.short.Add(1)
	case err != nil:
		d.drops.flags.Add(1)
	case h.VNI() != d.vni:
		d.drops.vni.Add(1)
	case d.accepts(b[HeaderLen:], from, v):
		return link.NewFrame(b[HeaderLen:]), true
	}
	return link.Frame{}, false
}

// accepts checks an inner frame and learns from it.
func (d *Device) accepts(b []byte, from netip.AddrPort, v *vtep) bool {
	if len(b) < ethernet.HeaderLen {
		d.drops.short.Add(1)
		return false
	}
	tagged, limit := isTagged(b), d.info.MTU+ethernet.HeaderLen
	if tagged && !d.tags {
		d.drops.tagged.Add(1)
		return false
	}
	if tagged {
		limit += ethernet.TagLen
	}
	if len(b) > limit {
		d.drops.long.Add(1)
		return false
	}
	source := ethernet.Addr(b[ethernet.AddrLen:])
	ok, moved := d.table.learn(d.clock.Now(), source, from, v)
	if moved {
		d.moves(source, from)
	}
	if !ok {
		d.drops.static.Add(1)
	}
	return ok
}

// isTagged reports whether a frame, at least a header long, has a VLAN tag (IEEE 802.1Q §9.4).
func isTagged(b []byte) bool {
	t := ethernet.EtherType(b[2*ethernet.AddrLen])<<8 | ethernet.EtherType(b[2*ethernet.AddrLen+1])
	return t == ethernet.TypeVLAN || t == ethernet.TypeQinQ
}

// moves counts a move, and reports the first and then each after twice as many: two stations with one address move
// with each frame.
func (d *Device) moves(a ethernet.Addr, to netip.AddrPort) {
	if n := d.drops.moves.Add(1); n&(n-1) == 0 {
		d.log.Warn("an address is behind another VTEP", "device", d.info.Name, "addr", a, "vtep", to, "moves", n)
	}
}

// Entries lists what is known of addresses.
func (d *Device) Entries() []Entry { return d.table.list(d.clock.Now()) }

// SetStatic fixes the VTEP of an address, also of one that was learned; port 0 is Config.Port.
func (d *Device) SetStatic(a ethernet.Addr, at netip.AddrPort) error {
	e := Entry{Addr: a, VTEP: withPort(at, d.table.port)}
	if err := (Config{}).checkStatic(e); err != nil {
		return err
	}
	if !d.table.setStatic(e.Addr, e.VTEP) {
		return fmt.Errorf("vxlan: no room for %v: the table holds %d addresses", a, d.table.maxAddrs)
	}
	return nil
}

// Forget removes what is known of an address and reports whether anything was.
func (d *Device) Forget(a ethernet.Addr) bool { return d.table.forget(a) }
