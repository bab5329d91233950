package dgram

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/spool"
	"tapestry/link/internal/wire"
)

// Config describes a device. The zero value of each field means its default.
type Config struct {
	Conn   net.PacketConn // required; the device owns it
	Remote net.Addr       // the peer: a *net.UDPAddr or a *net.UnixAddr. Default, on a Unix socket alone: who sent last
	Name   string         // default "dgram0"
	Addr   ethernet.Addr  // of the station behind this device; default none: a segment is
	MTU    int            // default 1500
	Depth  int            // frames waiting for a peer that reads slowly; default 1024
}

// Limits of an MTU: what IPv4 needs (RFC 791 §3.2), and what an IP packet can have.
const (
	minMTU = 68
	maxMTU = 65535
)

func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = "dgram0"
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.Depth <= 0 {
		c.Depth = 1024
	}
	switch {
	case c.Conn == nil:
		return c, errors.New("dgram: Config.Conn is nil: hand in a datagram socket")
	case c.MTU < minMTU || c.MTU > maxMTU:
		return c, fmt.Errorf("dgram: an MTU of %d: want %d to %d", c.MTU, minMTU, maxMTU)
	case c.Addr.IsMulticast():
		return c, fmt.Errorf("dgram: %v is a group address, no station's", c.Addr)
	}
	if _, unix := c.Conn.LocalAddr().(*net.UnixAddr); c.Remote == nil && !unix {
		return c, fmt.Errorf("dgram: Config.Remote is nil, and anybody can send to %v: name the peer", c.Conn.LocalAddr())
	}
	return c, nil
}

// Device is a wire to a process: a [link.Device] with one queue, which is the Device itself.
type Device struct {
	link.Counters
	info     link.Info
	conn     net.PacketConn
	in       func([]byte) (int, sender, error)
	fixed    sender // the peer, or the zero value
	strange  atomic.Uint64
	moves    atomic.Uint64
	buf      []byte // the reader's
	gone     chan struct{}
	goneSet  sync.Once
	isClosed atomic.Bool
	out      spool.Queue[link.Frame]

	mu   sync.Mutex
	peer net.Addr // nil: nobody
	from sender   // the same
}

// sender tells who sent a datagram. It is comparable; the zero value is a Unix socket without a name.
type sender struct {
	udp  netip.AddrPort
	path string
}

func senderOf(a net.Addr) sender {
	switch a := a.(type) {
	case *net.UDPAddr:
		p := a.AddrPort()
		return sender{udp: netip.AddrPortFrom(p.Addr().Unmap(), p.Port())}
	case *net.UnixAddr:
		if a != nil {
			return sender{path: a.Name}
		}
	case nil:
	default:
		return sender{path: a.String()}
	}
	return sender{}
}

// New makes a device on a socket. With an error, Conn is the caller's.
func New(c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Device{
		conn: c.Conn, fixed: senderOf(c.Remote), peer: c.Remote, gone: make(chan struct{}),
		buf: make([]byte, c.MTU+ethernet.HeaderLen+ethernet.TagLen+1),
	}
	d.in = d.receiver()
	d.info = link.Info{Name: c.Name, Addr: c.Addr, MTU: c.MTU, Up: true, Changed: d.gone}
	d.out.Start(c.Depth, d.write)
	return d, nil
}

// receiver gives the way to read that allocates least: of UDP nothing.
func (d *Device) receiver() func([]byte) (int, sender, error) {
	if u, ok := d.conn.(interface {
		ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	}); ok {
		return func(b []byte) (int, sender, error) {
			n, a, err := u.ReadFromUDPAddrPort(b)
			return n, sender{udp: netip.AddrPortFrom(a.Addr().Unmap(), a.Port())}, err
		}
	}
	return func(b []byte) (int, sender, error) {
		n, a, err := d.conn.ReadFrom(b)
		return n, senderOf(a), err
	}
}

// Info implements [link.Device].
func (d *Device) Info() link.Info { return wire.Now(d.info, d.gone) }

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return []link.Queue{d} }

// Strangers is how many datagrams were dropped because they were not the peer's.
func (d *Device) Strangers() uint64 { return d.strange.Load() }

// Moves is how many times another sender became the peer.
func (d *Device) Moves() uint64 { return d.moves.Load() }

// Peer is who frames are sent to; nil if that is not known.
func (d *Device) Peer() net.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peer
}

// Close implements [link.Device].
func (d *Device) Close() error {
	if d.isClosed.Swap(true) {
		return nil
	}
	d.setGone()
	err := d.conn.Close()
	d.out.Close()
	return err
}

func (d *Device) setGone() { d.goneSet.Do(func() { close(d.gone) }) }

// maxErrors is how many reads may fail in a row before the socket is held to be of no more use: an ICMP error about
// what was sent may come up at a read.
const maxErrors = 64

// ReadFrames implements [link.Queue]. It gives one frame.
func (d *Device) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	for failed := 0; ; {
		n, from, err := d.in(d.buf)
		if err != nil {
			if failed++; failed == maxErrors || d.isClosed.Load() || errors.Is(err, net.ErrClosed) {
				return 0, d.fail(err)
			}
			continue
		}
		failed = 0
		if d.accepts(d.buf[:n], from) {
			f[0] = link.NewFrame(d.buf[:n])
			d.CountRx(f[:1])
			return 1, nil
		}
		d.DropRx(1)
	}
}

func (d *Device) fail(err error) error {
	if d.isClosed.Load() {
		return net.ErrClosed
	}
	d.setGone()
	return fmt.Errorf("dgram: %s has lost its socket: %w", d.info.Name, err)
}

// accepts checks a datagram; it makes who sent it the peer, unless that is fixed.
func (d *Device) accepts(b []byte, from sender) bool {
	if d.fixed != (sender{}) {
		if from != d.fixed {
			d.strange.Add(1)
			return false
		}
		return d.isFrame(b)
	}
	if !d.isFrame(b) {
		return false
	}
	if from.path == "" {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if from != d.from {
		if d.peer != nil {
			d.moves.Add(1)
		}
		d.from, d.peer = from, &net.UnixAddr{Name: from.path, Net: "unixgram"}
	}
	return true
}

// isFrame: the buffer has room for one octet more than the longest.
func (d *Device) isFrame(b []byte) bool {
	if len(b) < ethernet.HeaderLen {
		return false
	}
	limit := d.info.MTU + ethernet.HeaderLen
	t := ethernet.EtherType(b[2*ethernet.AddrLen])<<8 | ethernet.EtherType(b[2*ethernet.AddrLen+1])
	if t == ethernet.TypeVLAN || t == ethernet.TypeQinQ {
		limit += ethernet.TagLen
	}
	return len(b) <= limit
}

// lost forgets a learned peer that is no more.
func (d *Device) lost(peer net.Addr, err error) {
	if d.fixed != (sender{}) || !isGone(err) && !errors.Is(err, os.ErrNotExist) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peer == peer {
		d.peer, d.from = nil, sender{}
	}
}
