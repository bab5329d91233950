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

	isShared bool
	from     []uint16 // of a shared ring: who put the frame at that index
	shares   []share  // by who
}

// share is what one writer has in a ring.
type share struct{ frames, octets int32 }

// maxSources is how many writers a shared ring tells apart.
const maxSources = 1 << 12

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

// NewShared is [New] for a ring that keeps a quarter of its room from each writer, for the others: who floods it fills
// three quarters at the most. Writers use PutFrom.
func NewShared(depth, octets int) *Ring {
	r := New(depth, octets)
	r.isShared = true
	return r
}

// Put takes as many frames from the start of f as fit, clears them in f, and returns how many, with what they hold. The
// rest stays the caller's. A closed ring takes none.
func (r *Ring) Put(f []link.Frame) (n int, s Sums) { return r.PutFrom(0, f) }

// PutFrom is Put by the writer of a number, which is not negative.
func (r *Ring) PutFrom(source int, f []link.Frame) (n int, s Sums) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, s
	}
	r.grow(r.count + min(len(f), r.depth-r.count))
	mine := r.share(source)
	for n < len(f) && r.count < r.depth {
		size := f[n].Len()
		if r.octets+size > r.limit || r.isTooMuch(mine, size) {
			break
		}
		s.Bytes += uint64(size)
		if f[n].GSO != link.GSONone {
			s.GSO++
		}
		r.put(&f[n], size)
		if mine != nil {
			mine.frames++
			mine.octets += int32(size)
			r.from[r.index(r.count-1)] = uint16(source % maxSources)
		}
		n++
	}
	if n > 0 {
		r.filled.Signal()
	}
	s.Frames = uint64(n)
	return n, s
}

// share finds what a writer of a shared ring has in it; r.mu is held.
func (r *Ring) share(source int) *share {
	if !r.isShared {
		return nil
	}
	source %= maxSources
	if source >= len(r.shares) {
		grown := make([]share, max(source+1, min(2*len(r.shares), maxSources)))
		copy(grown, r.shares)
		r.shares = grown
	}
	return &r.shares[source]
}

// isTooMuch reports whether a writer may not have another frame in the ring.
func (r *Ring) isTooMuch(s *share, size int) bool {
	if s == nil || s.frames == 0 {
		return false
	}
	return int(s.frames) >= r.depth-r.depth/4 || int(s.octets)+size > r.limit-r.limit/4
}

// put moves f into the room that there is; r.mu is held.
func (r *Ring) put(f *link.Frame, size int) {
	r.frames[r.index(r.count)] = *f
	*f = link.Frame{}
	r.count++
	r.octets += size
}

// index is where the frame is that waits behind k others.
func (r *Ring) index(k int) int {
	if k += r.first; k >= len(r.frames) {
		k -= len(r.frames)
	}
	return k
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
	if r.isShared {
		from := make([]uint16, len(grown))
		k := copy(from, r.from[r.first:])
		copy(from[k:], r.from[:r.first])
		r.from = from
	}
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
	if r.isShared {
		s := &r.shares[r.from[r.first]]
		s.frames--
		s.octets -= int32(f.Len())
	}
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
	r.frames, r.from = nil, nil
	r.filled.Broadcast()
}
