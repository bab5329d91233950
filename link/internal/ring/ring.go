package ring

import (
	"sync"

	"tapestry/link"
)

// firstDepth is how many frames a ring has room for after its first.
const firstDepth = 32

// Ring is a bounded queue of frames with one reader and any number of writers. It starts with no memory and grows:
// most devices are quiet.
type Ring struct {
	depth  int // frames at the most
	limit  int // octets at the most
	mu     sync.Mutex
	filled sync.Cond // its L is &mu
	frames []link.Frame
	first  int // index of the oldest frame
	count  int
	octets int
	closed bool
}

// Sums tell what was put into a ring.
type Sums struct{ Frames, Bytes, GSO uint64 }

// New makes a ring for depth frames of octets octets together; octets 0: as many as there are.
func New(depth, octets int) *Ring {
	if octets <= 0 {
		octets = int(^uint(0) >> 1)
	}
	r := &Ring{depth: depth, limit: octets}
	r.filled.L = &r.mu
	return r
}

// Put takes as many frames from the start of f as fit, clears them in f, and returns how many, with what they hold. The
// rest stays the caller's. A closed ring takes none.
func (r *Ring) Put(f []link.Frame) (n int, s Sums) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, s
	}
	r.grow(r.count + min(len(f), r.depth-r.count))
	for n < len(f) && r.count < r.depth {
		size := f[n].Len()
		if r.octets+size > r.limit {
			break
		}
		s.Bytes += uint64(size)
		if f[n].GSO != link.GSONone {
			s.GSO++
		}
		r.put(&f[n], size)
		n++
	}
	if n > 0 {
		r.filled.Signal()
	}
	s.Frames = uint64(n)
	return n, s
}

// put moves f into the room that there is; r.mu is held.
func (r *Ring) put(f *link.Frame, size int) {
	i := r.first + r.count
	if i >= len(r.frames) {
		i -= len(r.frames)
	}
	r.frames[i] = *f
	*f = link.Frame{}
	r.count++
	r.octets += size
}

// grow makes room for n frames; r.mu is held.
func (r *Ring) grow(n int) {
	if n <= len(r.frames) {
		return
	}
	size := max(len(r.frames), firstDepth)
	for size < n {
		size *= 2
	}
	grown := make([]link.Frame, min(size, r.depth))
	k := copy(grown, r.frames[r.first:])
	copy(grown[k:], r.frames[:r.first])
	r.frames, r.first = grown, 0
}

// Get blocks for at least one frame and fills f; zero means closed.
func (r *Ring) Get(f []link.Frame) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.count == 0 && !r.closed {
		r.filled.Wait()
	}
	n := min(len(f), r.count)
	for i := range f[:n] {
		f[i] = r.take()
	}
	return n
}

// take removes the oldest frame; there is one, and r.mu is held.
func (r *Ring) take() link.Frame {
	f := r.frames[r.first]
	r.frames[r.first] = link.Frame{}
	if r.first++; r.first == len(r.frames) {
		r.first = 0
	}
	r.count--
	r.octets -= f.Len()
	return f
}

// Len is how many frames wait.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Close releases what is held and wakes the reader.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for r.count > 0 {
		f := r.take()
		f.Release()
	}
	r.frames = nil
	r.filled.Broadcast()
}
