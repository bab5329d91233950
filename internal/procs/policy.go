package procs

import "time"

// Constants of the policy.
const (
	tick        = 50 * time.Millisecond // processor time between two samples
	minPatience = time.Second
	maxPatience = time.Minute
	proof       = 10 // times the patience: a number that lasted so long was right
	crowd       = 2  // goroutines that wait for a P; one may be a reader that spins
)

// sample is what one look finds.
type sample struct {
	cpu, wall time.Duration // used by the process, and passed, since the sample before
	runnable  int           // goroutines that are ready and have no P
}

// policy decides how many Ps there are. It has no clock of its own.
type policy struct {
	max      int
	patience time.Duration // how long it must have been calm before a P is taken away
	calm     time.Duration // how long it has been
	lowered  time.Duration // since a P was taken away; negative: that was right, or never happened
}

func newPolicy(most int) *policy {
	return &policy{max: max(1, most), patience: minPatience, lowered: -1}
}

// next gives the number of Ps that shall follow n.
func (p *policy) next(n int, s sample) int {
	if s.wall <= 0 {
		return n
	}
	p.age(s.wall)
	if n < p.max && s.saturates(n) && s.runnable >= crowd {
		return p.raise(n)
	}
	if n == 1 || !s.fits(n-1) {
		p.calm = 0
		return n
	}
	if p.calm += s.wall; p.calm < p.patience {
		return n
	}
	p.calm, p.lowered = 0, 0
	return n - 1
}

// age notes that time has passed since a P was taken away.
func (p *policy) age(d time.Duration) {
	if p.lowered < 0 {
		return
	}
	if p.lowered += d; p.lowered > proof*p.patience {
		p.lowered, p.patience = -1, minPatience
	}
}

// raise doubles n. If a P was taken away shortly before, that was too early.
func (p *policy) raise(n int) int {
	if p.lowered >= 0 {
		p.patience = min(2*p.patience, maxPatience)
	}
	p.calm, p.lowered = 0, -1
	return min(2*n, p.max)
}

// saturates reports whether n Ps were busy for at least nine tenths of the time.
func (s sample) saturates(n int) bool { return 10*s.cpu >= 9*time.Duration(n)*s.wall }

// fits reports whether n Ps would have had the time for it.
func (s sample) fits(n int) bool { return s.cpu <= time.Duration(n)*s.wall }
