package vxlan

import (
	"net"
	"net/netip"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/spool"
	"tapestry/link/internal/wire"
)

// outbox takes datagrams to their VTEPs and never waits.
type outbox interface {
	// send marks the parts of which at least one datagram left or is sure to.
	send(w *writer)
	// close ends what the outbox started. The socket was closed before.
	close()
}

// writer is what one call of WriteFrames works with.
type writer struct {
	parts     []part
	datagrams []datagram
	fitted    []link.Frame
	lost      []bool // by index of the frame that was given
	batch     batch
}

// part is a frame to be sent: one that was given, or a segment of it.
type part struct {
	frame link.Frame
	owner int // index of the frame that was given
	sent  bool
}

// datagram is one copy of a part.
type datagram struct {
	part int
	to   *vtep
}

// maxBatch is how many datagrams are gathered before they are sent; flooding one frame may exceed it.
const maxBatch = 64

// WriteFrames implements [link.Queue]. A frame has left if at least one VTEP was sent all of it.
func (d *Device) WriteFrames(f []link.Frame) int {
	if d.closed.Load() {
		d.DropTx(len(f))
		link.ReleaseAll(f)
		return 0
	}
	w := d.writers.Get().(*writer)
	defer d.writers.Put(w)
	w.lost = append(w.lost[:0], make([]bool, len(f))...)
	for i := range f {
		d.add(w, i, f[i])
		f[i] = link.Frame{}
		if len(w.parts) >= maxBatch {
			d.flush(w)
		}
	}
	d.flush(w)
	left := 0
	for _, lost := range w.lost {
		if !lost {
			left++
		}
	}
	d.DropTx(len(f) - left)
	return left
}

// add makes the parts of the frame with index i.
func (d *Device) add(w *writer, i int, f link.Frame) {
	if !wire.Carries(d.info.MTU, &f) || !d.mayCross(&f) {
		w.lost[i] = true
		f.Release()
		return
	}
	if wire.IsReady(&f, 0) {
		w.parts = append(w.parts, part{frame: f, owner: i})
		return
	}
	parts, err := link.Fit(w.fitted[:0], f, 0)
	w.lost[i] = err != nil
	for j := range parts {
		if wire.Carries(d.info.MTU, &parts[j]) {
			w.parts = append(w.parts, part{frame: parts[j], owner: i})
		} else {
			w.lost[i] = true
			parts[j].Release()
		}
		parts[j] = link.Frame{}
	}
	w.fitted = parts
}

// mayCross applies RFC 7348 §6.1 to what we encapsulate.
func (d *Device) mayCross(f *link.Frame) bool {
	if d.tags {
		return true
	}
	var head [ethernet.HeaderLen]byte
	f.Data.ReadAt(head[:], 0)
	if isTagged(head[:]) {
		d.drops.tagged.Add(1)
		return false
	}
	return true
}

// flush sends the parts and releases them.
func (d *Device) flush(w *writer) {
	if len(w.parts) == 0 {
		return
	}
	d.address(w)
	d.out.send(w)
	var frames, octets uint64
	for i := range w.parts {
		p := &w.parts[i]
		if p.sent {
			frames++
			octets += uint64(p.frame.Len())
		} else {
			w.lost[p.owner] = true
		}
		p.frame.Release()
	}
	d.AddTx(frames, octets, 0)
	clear(w.parts)
	clear(w.datagrams)
	w.parts, w.datagrams = w.parts[:0], w.datagrams[:0]
}

// address gives each part its VTEPs.
func (d *Device) address(w *writer) {
	now := d.clock.Now()
	t := d.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range w.parts {
		var to ethernet.Addr
		w.parts[i].frame.Data.ReadAt(to[:], 0)
		if v := t.lookup(now, to); v != nil {
			w.datagrams = append(w.datagrams, datagram{i, v})
			continue
		}
		if len(t.flood) == 0 {
			d.drops.destination.Add(1)
		}
		for _, v := range t.flood {
			w.datagrams = append(w.datagrams, datagram{i, v})
		}
	}
}

// queued is the outbox of a socket whose writes may wait.
type queued struct {
	conn   net.PacketConn
	header []byte
	drops  *drops
	queue  spool.Queue[letter]
}

// letter is a frame on its way.
type letter struct {
	frame link.Frame
	to    *vtep
}

func newQueued(c Config, header []byte, dr *drops) *queued {
	q := &queued{conn: c.Conn, header: header, drops: dr}
	q.queue.Start(c.QueueFrames, q.run)
	return q
}

func (q *queued) send(w *writer) {
	for _, g := range w.datagrams {
		p := &w.parts[g.part]
		l := letter{p.frame.Clone(), g.to}
		taken, closed := q.queue.Put(l)
		if taken {
			p.sent = true
			continue
		}
		l.frame.Release()
		if !closed {
			q.drops.full.Add(1)
		}
	}
}

// run writes until the queue is closed. It is what may wait for the socket.
func (q *queued) run(letters <-chan letter) {
	write := transmitter(q.conn)
	var b []byte
	for l := range letters {
		b = l.frame.AppendTo(append(b[:0], q.header...))
		l.frame.Release()
		if err := write(b, l.to); err != nil {
			q.drops.full.Add(1)
		}
	}
}

func (q *queued) close() { q.queue.Close() }

// transmitter gives the way to write to a socket that allocates least.
func transmitter(c net.PacketConn) func([]byte, *vtep) error {
	if u, ok := c.(interface {
		WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	}); ok {
		return func(b []byte, to *vtep) error {
			_, err := u.WriteToUDPAddrPort(b, to.addr)
			return err
		}
	}
	return func(b []byte, to *vtep) error {
		_, err := c.WriteTo(b, to.udp)
		return err
	}
}
