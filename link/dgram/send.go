package dgram

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"tapestry/link"
	"tapestry/link/internal/wire"
)

// put queues a frame for the peer and reports whether there was room.
func (d *Device) put(f link.Frame) bool {
	size := uint64(f.Len())
	if taken, _ := d.out.Put(f); !taken {
		f.Release()
		return false
	}
	d.AddTx(1, size, 0)
	return true
}

// write sends until the queue is closed. It is what waits for a peer that does not read.
func (d *Device) write(frames <-chan link.Frame) {
	if _, unix := d.conn.LocalAddr().(*net.UnixAddr); unix {
		d.conn.SetWriteDeadline(time.Now())
	}
	var b []byte
	for f := range frames {
		b = f.AppendTo(b[:0])
		f.Release()
		if !d.transmit(b) {
			d.DropTx(1)
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
		return d.put(f)
	}
	parts, err := link.Fit(nil, f, 0)
	ok := err == nil
	for i := range parts {
		if !wire.Carries(d.info.MTU, &parts[i]) {
			parts[i].Release()
			ok = false
			continue
		}
		ok = d.put(parts[i]) && ok
	}
	return ok
}
