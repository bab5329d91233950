package vnet

import (
	"runtime"
	"time"
)

// epoch is what the times of all spinners count from.
var epoch = time.Now()

// spin begins a wait. It reports whether something came at once, and was read; else the reader parks.
//
// Other goroutines of the P run first, between two tries. With more than one P there is nobody to let run, and each
// runtime.Gosched would wake the thread of an idle P.
func (q *Queue) spin(fd uintptr) bool {
	q.waited = true
	var now time.Duration
	if q.spinner.needsTime() {
		now = time.Since(epoch)
	}
	bound := q.spinner.begin(now)
	if bound <= 0 || runtime.GOMAXPROCS(0) > 1 {
		return false
	}
	q.spins.Add(1)
	for end := now + bound; !q.closed.Load() && time.Since(epoch) < end; {
		runtime.Gosched()
		if q.try(fd) {
			q.spun = q.got > 0
			return true
		}
	}
	return false
}

// endWait tells the spinner how a wait ended, after a call that had to wait.
func (q *Queue) endWait() {
	if !q.waited || !q.spinner.needsTime() {
		return
	}
	if q.spun {
		q.hits.Add(1)
	}
	q.spinner.end(time.Since(epoch), q.spun)
}

// SpinStats counts how often the reader spun before it parked, and how often a frame came meanwhile.
func (q *Queue) SpinStats() (spins, hits uint64) { return q.spins.Load(), q.hits.Load() }
