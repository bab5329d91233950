package segment

import (
	"sync/atomic"
	"time"
)

// rate counts what happens within a second. Two goroutines that find the second over at once may count a little less.
type rate struct {
	since atomic.Int64 // in the segment's time
	count atomic.Int64
}

// add counts n more and gives how many there are in this second.
func (r *rate) add(now time.Duration, n int) int64 {
	if since := r.since.Load(); int64(now)-since >= int64(time.Second) && r.since.CompareAndSwap(since, int64(now)) {
		r.count.Store(0)
	}
	return r.count.Add(int64(n))
}

// meter watches what a port sends.
type meter struct{ frames, floods, bpdus rate }

// babbles counts n frames against a bound and shuts the port if that is exceeded; why says which bound it is.
func (p *Port) babbles(why string, r *rate, bound, n int, now time.Duration) bool {
	if bound == 0 {
		return false
	}
	count := r.add(now, n)
	if count <= int64(bound) {
		return false
	}
	p.shutFor(why, "frames", count, "bound", bound, "for", p.config.Jabber.Shut)
	p.mu.Lock()
	defer p.mu.Unlock()
	if isByRate(p.shut) && !p.detached && p.reopen == nil {
		p.reopen = p.segment.after(p.config.Jabber.Shut, p.reopenAfterJabber)
	}
	return true
}

// isByRate reports whether a port is shut for a while, because it sent too much.
func isByRate(shut string) bool { return shut == shutByJabber || shut == shutByFloods }

// reopenAfterJabber gives the port another chance.
func (p *Port) reopenAfterJabber() {
	p.change(func() {
		if isByRate(p.shut) {
			p.shut = ""
		}
	})
	p.segment.log.Info("port open again", "port", p.Name())
}
