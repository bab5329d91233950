package apptest

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"tapestry/apps"
)

// Epoch is what a new [Clock] shows.
var Epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// Clock stands still until it is wound. The zero value shows [Epoch].
type Clock struct {
	mu     sync.Mutex
	since  time.Duration // Epoch
	timers []*timer      // in the order they fire
}

var _ apps.Clock = (*Clock)(nil)

type timer struct {
	clock *Clock
	at    time.Duration
	f     func()
}

// Now tells the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Epoch.Add(c.since)
}

// AfterFunc calls f from the Advance that reaches its time.
func (c *Clock) AfterFunc(d time.Duration, f func()) apps.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{clock: c, at: c.since + d, f: f}
	c.timers = append(c.timers, t)
	slices.SortStableFunc(c.timers, func(a, b *timer) int { return cmp.Compare(a.at, b.at) })
	return t
}

// Stop is false if the function was called or the timer stopped before.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	i := slices.Index(t.clock.timers, t)
	if i < 0 {
		return false
	}
	t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
	return true
}

// Advance winds the clock, and calls what falls due on the way in its order, each at its time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.since + d
	for len(c.timers) > 0 && c.timers[0].at <= end {
		t := c.timers[0]
		c.timers = c.timers[1:]
		c.since = max(c.since, t.at)
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.since = end
	c.mu.Unlock()
}

// Timers tells how many timers wait.
func (c *Clock) Timers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}
