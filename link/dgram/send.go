package dgram

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"tapestry/link"
	"tapestry/link/internal/wire"
)

// outbox is what waits for the peer.
type outbox struct {
	dev  *Device
	done sync.WaitGroup

	mu     sync.RWMutex // held for reading while the queue may be filled
	queue  chan link.Frame
	closed bool
}

func (o *outbox) start(d *Device, depth int) {
	o.dev, o.queue = d, make(chan link.Frame, depth)
	o.done.Go(o.run)
}

// put queues a frame and reports whether there was room.
func (o *outbox) put(f link.Frame) bool {
	size := uint64(f.Len())
	o.mu.RLock()
	defer o.mu.RUnlock()
	if !o.closed {
		select {
		case o.queue <- f:
			o.dev.AddTx(1, size, 0)
			return true
		default:
		}
	}
	f.Release()
	return false
}

// close has the goroutine empty the queue, and waits for it. The socket was closed before.
func (o *outbox) close() {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.queue)
	}
	o.mu.Unlock()
	o.done.Wait()
}

// run sends until close. It is what waits for a peer that does not read.
func (o *outbox) run() {
	if _, unix := o.dev.conn.LocalAddr().(*net.UnixAddr); unix {
		o.dev.conn.SetWriteDeadline(time.Now())
	}
	var b []byte
	for f := range o.queue {
		b = f.AppendTo(b[:0])
		f.Release()
		if !o.dev.transmit(b) {
			o.dev.DropTx(1)
		}
	}
}

// recheck is how often a full peer is tried again. The kernel wakes a sender when the peer reads one of its own
// datagrams, but not when it reads another's.
const recheck = 3 * time.Millisecond

// transmit sends one frame to the peer of the moment.
func (d *Device) transmit(b []byte) bool {
	for !d.isClosed.Load() {
		to := d.Peer()
		if to == nil {
			return false
		}
		_, err := d.conn.WriteTo(b, to)
		if err == nil {
			return true
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			d.lost(to, err)
			return false
		}
		d.conn.SetWriteDeadline(time.Now().Add(recheck)) // for this frame and those that follow
	}
	return false
}

// isGone reports whether nobody is at the address any more.
func isGone(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}

// WriteFrames implements [link.Queue].
func (d *Device) WriteFrames(f []link.Frame) int {
	left := 0
	for i := range f {
		if d.send(f[i]) {
			left++
		} else {
			d.DropTx(1)
		}
		f[i] = link.Frame{}
	}
	return left
}

// send queues a frame, or its segments, and reports whether all of it found room. Without a peer there is nobody to
// wait for.
func (d *Device) send(f link.Frame) bool {
	if d.isClosed.Load() || !wire.Carries(d.info.MTU, &f) || d.Peer() == nil {
		f.Release()
		return false
	}
	if wire.IsReady(&f, 0) {
		return d.out.put(f)
	}
	parts, err := link.Fit(nil, f, 0)
	ok := err == nil
	for i := range parts {
		if !wire.Carries(d.info.MTU, &parts[i]) {
			parts[i].Release()
			ok = false
			continue
		}
		ok = d.out.put(parts[i]) && ok
	}
	return ok
}
