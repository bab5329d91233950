//go:build linux

package bench

import (
	"encoding/binary"
	"errors"
	"runtime"
	"time"

	"tapestry/bench/internal/lean"

	"golang.org/x/sys/unix"
)

// inFlight are the datagrams that windowEcho has under way, and the most that cross in one system call.
const inFlight = 64

// socketBuffer is room for what a socket of the kernel has waiting, so that a reader who is late loses nothing.
const socketBuffer = 4 << 20

var errNotKernel = errors.New("takes a socket of the kernel at the near end")

// datagrams gives the kernel's socket of a call that sends many, and what stands before each datagram of the call's
// size.
func (c *call) datagrams() (s lean.Socket, head []byte, err error) {
	way, err := c.net.dial(c.network, c.to)
	if err != nil {
		return 0, nil, err
	}
	switch w := way.(type) {
	case lean.Socket:
		s = w
	case *frameSocket:
		s, head = w.Socket, w.headFor(c.size)
	default:
		way.Close()
		return 0, nil, errNotKernel
	}
	s.SetBuffers(socketBuffer)
	return s, head, nil
}

// batchOf makes room for datagrams of size octets behind what stands before each.
func batchOf(head []byte, size int) *lean.Batch {
	b := lean.NewBatch(inFlight, len(head)+size)
	for _, d := range b.Data {
		copy(d, head)
	}
	return b
}

// windowEcho keeps some datagrams in flight and counts the answers. When none comes for a while, all count as lost.
func windowEcho(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, head, err := c.datagrams()
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := s.SetPatience(patience / 10); err != nil {
		return r, err
	}
	questions, answers, size := batchOf(head, c.size), batchOf(head, c.size), len(head)+c.size
	owed := inFlight // answers that came, whose successors are to be sent
	start := time.Now()
	for time.Since(start) < c.duration {
		sent, err := questions.Write(s, owed, size)
		if err != nil && !isTimeout(err) {
			return r, err
		}
		owed -= sent
		n, err := answers.Read(s, false)
		switch {
		case err == nil:
			owed = min(owed+n, inFlight)
			r.Count += uint64(n)
		case isTimeout(err):
			r.Lost += uint64(inFlight - owed)
			owed = inFlight
		default:
			return r, err
		}
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

// blast sends as fast as it can. The far end counts.
func blast(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, head, err := c.datagrams()
	if err != nil {
		return r, err
	}
	defer s.Close()
	b := batchOf(head, c.size)
	start := time.Now()
	for time.Since(start) < c.duration {
		n, err := b.Write(s, inFlight, len(head)+c.size)
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !isTimeout(err) {
			return r, err
		}
		r.Count += uint64(n)
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

// wish asks a source for datagrams of a size for a time.
func wish(size int, d time.Duration) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	return binary.BigEndian.AppendUint64(b, uint64(d))
}

// wished reads a wish, within bounds.
func wished(b []byte) (size int, d time.Duration, ok bool) {
	if len(b) < 12 {
		return 0, 0, false
	}
	size, d = int(binary.BigEndian.Uint32(b)), time.Duration(binary.BigEndian.Uint64(b[4:]))
	return size, d, size > 0 && size <= 1<<16 && d >= 0 && d <= time.Hour
}

// collect has the far end send as fast as it can, and counts what comes.
func collect(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, _, err := c.datagrams()
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := s.SetPatience(2 * patience); err != nil {
		return r, err
	}
	if _, err := s.Write(wish(c.size, c.duration)); err != nil {
		return r, err
	}
	b := lean.NewBatch(inFlight, c.size)
	start := time.Now()
	for end := start; ; end = time.Now() {
		n, err := b.Read(s, false)
		if isTimeout(err) && r.Count > 0 { // the source is through
			r.Elapsed = end.Sub(start)
			return r, nil
		}
		if err != nil {
			return r, err
		}
		r.Count += uint64(n)
	}
}
