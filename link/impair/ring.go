package impair

import (
	"net"
	"sync"

	"tapestry/link"
)

// ring is a bounded queue of frames with one reader.
type ring struct {
	depth  int // frames at the most
	mu     sync.Mutex
	filled sync.Cond // its L is &mu
	frames fifo
	err    error // why no more frames come
}

func newRing(depth int) *ring {
	r := &ring{depth: depth}
	r.filled.L = &r.mu
	return r
}

// put takes as many frames as fit and returns how many.
func (r *ring) put(f []link.Frame) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0
	}
	n := 0
	for n < len(f) && r.frames.count < r.depth && r.frames.bytes+f[n].Len() <= defaultLimitBytes {
		r.frames.push(held{frame: f[n], size: f[n].Len()})
		f[n] = link.Frame{}
		n++
	}
	if n > 0 {
		r.filled.Signal()
	}
	return n
}

// get blocks for at least one frame; an error comes after the last.
func (r *ring) get(f []link.Frame) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.frames.count == 0 && r.err == nil {
		r.filled.Wait()
	}
	n := min(len(f), r.frames.count)
	if n == 0 {
		return 0, r.err
	}
	for i := range f[:n] {
		f[i] = r.frames.pop().frame
	}
	return n, nil
}

// end refuses further frames and has the reader find err behind those that came.
func (r *ring) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	r.filled.Broadcast()
}

// close ends the ring and releases what is in it.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = net.ErrClosed
	r.frames.clear()
	r.filled.Broadcast()
}
