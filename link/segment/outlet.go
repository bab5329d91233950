package segment

import (
	"sync"
	"time"

	"tapestry/link"
)

// A caller of Write that is about to hand on more than outletQuota frames which others left for it, leaves the
// rest to a timer, so that nobody is kept busy with a storm that goes round a loop of segments.
const (
	outletQuota = 1024
	outletRest  = 50 * time.Microsecond
)

// outlet is the sink of a port with PortConfig.Out. One goroutine at a time is in Out; what comes meanwhile, from other
// goroutines or from Out itself round a loop, waits.
type outlet struct {
	port         *Port
	out          func([]link.Frame)
	depth, limit int

	mu      sync.Mutex
	busy    bool // somebody is in Out, or the timer will be
	waiting []link.Frame
	octets  int
	spare   []link.Frame // becomes waiting
	closed  bool
	later   *call // takes what is left over
}

func newOutlet(p *Port, c PortConfig) *outlet {
	return &outlet{port: p, out: c.Out, depth: p.config.Depth, limit: p.config.DepthBytes}
}

func (o *outlet) deliver(_ int, f []link.Frame) {
	o.mu.Lock()
	if o.busy || o.closed {
		n := o.enqueue(f)
		o.mu.Unlock()
		o.port.dropTx(f[n:], dropFull)
		return
	}
	o.busy = true
	o.mu.Unlock()
	o.port.counters.CountTx(f)
	o.out(f)
	o.drain()
}

// enqueue keeps what there is room for; o.mu is held.
func (o *outlet) enqueue(f []link.Frame) (n int) {
	for n < len(f) && !o.closed && len(o.waiting) < o.depth && o.octets+f[n].Len() <= o.limit {
		o.octets += f[n].Len()
		o.waiting = append(o.waiting, f[n])
		f[n] = link.Frame{}
		n++
	}
	return n
}

// drain hands on what waits; the caller has set busy.
func (o *outlet) drain() {
	for done := 0; done < outletQuota; {
		o.mu.Lock()
		if len(o.waiting) == 0 {
			o.busy = false
			o.mu.Unlock()
			return
		}
		f := o.waiting
		o.waiting, o.spare, o.octets = o.spare[:0], nil, 0
		o.mu.Unlock()
		o.port.counters.CountTx(f)
		o.out(f)
		done += len(f)
		o.mu.Lock()
		o.spare = f
		o.mu.Unlock()
	}
	o.rest()
}

// rest has the timer go on.
func (o *outlet) rest() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.later = o.port.segment.after(outletRest, o.drain)
	}
}

func (o *outlet) queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)
}

func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	o.later.stop()
	link.ReleaseAll(o.waiting)
	o.waiting = nil
}
