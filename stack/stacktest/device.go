package stacktest

import (
	"net"
	"sync"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// device is what a host of the rig reads and writes. What it writes becomes an event; what it reads the loop puts there,
// one frame at a time.
type device struct {
	link.Counters
	info link.Info
	port *port

	mu     sync.Mutex
	filled sync.Cond // its L is &mu
	frames []link.Frame
	closed bool
}

func newDevice(p *port, info link.Info) *device {
	d := &device{info: info, port: p}
	d.filled.L = &d.mu
	return d
}

// Info implements [link.Device].
func (d *device) Info() link.Info { return d.info }

// Queues implements [link.Device].
func (d *device) Queues() []link.Queue { return []link.Queue{d} }

// Close implements [link.Device].
func (d *device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	link.ReleaseAll(d.frames)
	d.frames = nil
	d.filled.Broadcast()
	return nil
}

// ReadFrames implements [link.Queue].
func (d *device) ReadFrames(f []link.Frame) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.frames) == 0 && !d.closed {
		d.filled.Wait()
	}
	if d.closed {
		return 0, net.ErrClosed
	}
	n := copy(f, d.frames)
	clear(d.frames[:n])
	d.frames = d.frames[:copy(d.frames, d.frames[n:])]
	d.CountRx(f[:n])
	return n, nil
}

// WriteFrames implements [link.Queue].
func (d *device) WriteFrames(f []link.Frame) int {
	left := 0
	out := make([]link.Frame, 0, len(f))
	for i := range f {
		n := len(out)
		out = d.fit(out, f[i])
		f[i] = link.Frame{}
		if len(out) > n {
			left++
		}
	}
	d.CountTx(out)
	d.DropTx(len(f) - left)
	if len(out) > 0 {
		d.port.write(out)
	}
	return left
}

// fit appends f, finished in software as far as the wire does not carry it undone, or nothing.
func (d *device) fit(out []link.Frame, f link.Frame) []link.Frame {
	if f.GSO == link.GSONone && f.Len() > d.info.MTU+ethernet.HeaderLen+ethernet.TagLen {
		f.Release()
		return out
	}
	fitted, err := link.Fit(out, f, d.info.Tx)
	if err != nil {
		return out
	}
	return fitted
}

// deliver gives the reader a frame. It is called by the loop.
func (d *device) deliver(f link.Frame) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		f.Release()
		return
	}
	d.frames = append(d.frames, f)
	d.filled.Signal()
}
