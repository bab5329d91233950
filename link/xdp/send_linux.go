package xdp

import (
	"time"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/internal/wire"
)

// WriteFrames implements [link.Queue].
func (q *queue) WriteFrames(f []link.Frame) int {
	if len(f) == 0 {
		return 0
	}
	if q.via != nil {
		return q.via.WriteFrames(f)
	}
	q.sendMu.Lock()
	q.out, q.lost, q.wrote, q.octets, q.super = f, 0, 0, 0, 0
	if err := q.raw.Control(q.sendFn); err != nil {
		q.lost = len(f)
	}
	lost := min(q.lost, len(f))
	q.counters.AddTx(q.wrote, q.octets, q.super)
	q.txFrames.Add(q.wrote)
	q.out = nil
	q.sendMu.Unlock()
	q.counters.DropTx(lost)
	link.ReleaseAll(f)
	return len(f) - lost
}

// send puts the caller's frames into the ring and starts transmission. sendMu is held.
func (q *queue) send(fd uintptr) {
	if q.closed.Load() || q.down && !q.kick(fd) {
		q.lost = len(q.out)
		return
	}
	for i := range q.out {
		if !q.one(fd, &q.out[i]) {
			q.lost++
		}
	}
	q.kick(fd)
}

// one puts f into the ring, finished in software first. It is left to the caller to release.
func (q *queue) one(fd uintptr, f *link.Frame) bool {
	if !wire.Carries(q.mtu, f) {
		return false
	}
	if wire.IsReady(f, 0) {
		return q.put(fd, f)
	}
	var err error
	if q.scratch, err = link.Fit(q.scratch[:0], f.Clone(), 0); err != nil {
		return false
	}
	ok := true
	for i := range q.scratch {
		g := &q.scratch[i]
		ok = ok && wire.Carries(q.mtu, g) && q.put(fd, g)
		g.Release()
	}
	return ok
}

// put copies f into chunks. A ring that is full after a try to empty it drops f: there is nobody to wait.
func (q *queue) put(fd uintptr, f *link.Frame) bool {
	n := f.Len()
	need := (n + q.chunk - 1) / q.chunk
	if len(q.free) < need {
		q.reclaim()
	}
	if len(q.free) < need {
		q.kick(fd)
		q.reclaim()
	}
	if len(q.free) < need {
		return false
	}
	for off := 0; off < n; off += q.chunk {
		q.putChunk(f, off, min(q.chunk, n-off), n)
	}
	q.wrote++
	q.octets += uint64(n)
	return true
}

// putChunk copies size octets of f, of n, from off on.
func (q *queue) putChunk(f *link.Frame, off, size, n int) {
	last := len(q.free) - 1
	d := unix.XDPDesc{Addr: q.free[last], Len: uint32(size)}
	q.free = q.free[:last]
	if off+size < n {
		d.Options = unix.XDP_PKT_CONTD
	}
	f.Data.ReadAt(q.umem[d.Addr:d.Addr+uint64(size)], int64(off))
	q.tx.push(d)
}

// reclaim takes back the chunks that have been sent.
func (q *queue) reclaim() {
	n := q.done.ready()
	for i := range n {
		q.free = append(q.free, *q.done.at(i))
	}
	if n > 0 {
		q.done.release(n)
	}
}

// kickPause is how long a device that is busy is left alone.
const kickPause = time.Millisecond

// kick has the kernel send what is in the ring: all of it, unless the device is busy, when a timer tries again. It
// reports whether the interface is up.
func (q *queue) kick(fd uintptr) bool {
	q.tx.publish()
	q.down = false
	for range q.tx.pending()/q.batch + 2 {
		if q.tx.pending() == 0 || q.zeroCopy && !q.tx.needsWakeup() {
			return true
		}
		q.kicks.Add(1)
		_, _, errno := unix.Syscall6(unix.SYS_SENDTO, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EBUSY: // the device dropped one
			q.lost++
		case unix.ENETDOWN, unix.ENXIO:
			q.down = true
			return false
		}
	}
	if q.tx.pending() > 0 && !q.zeroCopy {
		q.retry.Reset(kickPause)
	}
	return true
}

// kickAgain runs on the timer's goroutine.
func (q *queue) kickAgain() {
	q.sendMu.Lock()
	defer q.sendMu.Unlock()
	q.raw.Control(func(fd uintptr) {
		if !q.closed.Load() && q.tx.pending() > 0 {
			q.lost = 0
			q.kick(fd)
			q.counters.DropTx(q.lost)
		}
	})
}
