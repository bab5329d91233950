package pipe

import (
	"sync"

	"tapestry/link"
)

// firstDepth is how many frames a ring has room for before it grows.
const firstDepth = 64

// ring is a bounded queue of frames with one reader and any number of writers. It starts small: most cables are quiet.
type ring struct {
	depth  int // frames at the most
	mu     sync.Mutex
	filled sync.Cond // its L is &mu
	frames []link.Frame
	first  int // index of the oldest frame
	count  int
	closed bool
}

func newRing(depth int) *ring {
	r := &ring{depth: depth, frames: make([]link.Frame, min(depth, firstDepth))}
	r.filled.L = &r.mu
	return r
}

// put takes as many frames as fit and returns how many, with what they hold.
func (r *ring) put(f []link.Frame) (n int, frames, bytes, gso uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, 0, 0, 0
	}
	n = min(len(f), r.depth-r.count)
	r.grow(r.count + n)
	for i := range f[:n] {
		bytes += uint64(f[i].Len())
		if f[i].GSO != link.GSONone {
			gso++
		}
		r.frames[(r.first+r.count)%len(r.frames)] = f[i]
		f[i] = link.Frame{}
		r.count++
	}
	if n > 0 {
		r.filled.Signal()
	}
	return n, uint64(n), bytes, gso
}

// grow makes room for n frames; r.mu is held.
func (r *ring) grow(n int) {
	if n <= len(r.frames) {
		return
	}
	size := len(r.frames)
	for size < n {
		size *= 2
	}
	grown := make([]link.Frame, min(size, r.depth))
	k := copy(grown, r.frames[r.first:])
	copy(grown[k:], r.frames[:r.first])
	r.frames, r.first = grown, 0
}

// get blocks for at least one frame; zero means closed.
func (r *ring) get(f []link.Frame) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.count == 0 && !r.closed {
		r.filled.Wait()
	}
	n := min(len(f), r.count)
	for i := range f[:n] {
		f[i] = r.frames[r.first]
		r.frames[r.first] = link.Frame{}
		r.first = (r.first + 1) % len(r.frames)
		r.count--
	}
	return n
}

// close releases what is held and wakes the reader.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for ; r.count > 0; r.count-- {
		r.frames[r.first].Release()
		r.first = (r.first + 1) % len(r.frames)
	}
	r.filled.Broadcast()
}
