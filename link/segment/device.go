package segment

import (
	"net"
	"sync"

	"tapestry/link"
	"tapestry/link/internal/ring"
)

// Device is a port as a device with one queue, which is the Device itself: what a host is given. Closing it detaches
// the port.
type Device struct {
	port *Port
	ring *ring.Ring

	mu      sync.Mutex
	info    link.Info
	changed chan struct{} // info.Changed; closed when info is replaced
}

// NewDevice makes a port and the device of its station. The frames that the station reads need no more than c.Offload,
// and it is told that it may write such frames.
func (s *Segment) NewDevice(c PortConfig) (*Device, error) {
	d := &Device{changed: make(chan struct{})}
	c.Tree.Edge = true
	report := c.Carrier
	c.Carrier = func(up bool) {
		d.setCarrier(up)
		if report != nil {
			report(up)
		}
	}
	p, err := s.attach(c, kindDevice, func(p *Port) sink {
		c := p.config
		d.port, d.ring = p, ring.NewShared(c.Depth, c.DepthBytes)
		d.info = link.Info{Name: c.Name, Addr: c.Addr, MTU: c.MTU, Rx: c.Offload, Tx: c.Offload, Up: true, Changed: d.changed}
		return &ringSink{p, d.ring}
	})
	if err != nil {
		return nil, err
	}
	d.port = p
	return d, nil
}

// Port is the port that the device is.
func (d *Device) Port() *Port { return d.port }

// setCarrier tells the station. Of a closed device there is nothing to tell.
func (d *Device) setCarrier(up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.info.Up == up || d.info.Changed == nil {
		return
	}
	close(d.changed)
	d.changed = make(chan struct{})
	d.info.Up, d.info.Changed = up, d.changed
}

// Info implements [link.Device].
func (d *Device) Info() link.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info
}

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return []link.Queue{d} }

// Close implements [link.Device].
func (d *Device) Close() error {
	d.port.Detach()
	d.setCarrier(false) // whoever is told by another goroutine may not know yet
	d.mu.Lock()
	defer d.mu.Unlock()
	d.info.Changed = nil
	return nil
}

// ReadFrames implements [link.Queue].
func (d *Device) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	if n := d.ring.Get(f); n > 0 {
		return n, nil
	}
	return 0, net.ErrClosed
}

// WriteFrames implements [link.Queue].
func (d *Device) WriteFrames(f []link.Frame) int { return d.port.Write(f) }

// Stats implements [link.StatsReader]: as the station sees them, the port's the other way round. A frame counts as
// read when it is in the station's queue.
func (d *Device) Stats() link.Stats {
	s := d.port.Stats()
	return link.Stats{
		RxFrames: s.TxFrames, RxBytes: s.TxBytes, RxGSO: s.TxGSO, RxDropped: s.TxDropped,
		TxFrames: s.RxFrames, TxBytes: s.RxBytes, TxGSO: s.RxGSO, TxDropped: s.RxDropped,
	}
}

// ringSink puts frames where the station reads them.
type ringSink struct {
	port *Port
	ring *ring.Ring
}

func (r *ringSink) deliver(from int, f []link.Frame) {
	n, s := r.ring.PutFrom(from, f)
	r.port.counters.AddTx(s.Frames, s.Bytes, s.GSO)
	if n < len(f) {
		r.port.dropTx(f[n:], dropFull)
	}
}

func (r *ringSink) queued() int { return r.ring.Len() }

func (r *ringSink) close() { r.ring.Close() }

// SetFilter has the segment leave out, of what goes to many stations, frames that wants is false for. It is given the
// first chunk of a frame, may be called by any goroutine, also by several at a time, and takes no lock.
func (d *Device) SetFilter(wants func(head []byte) bool) { d.port.wants.Store(&wants) }
