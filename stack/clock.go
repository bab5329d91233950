package stack

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
)

// engineClock is a link.Clock as the engine takes one.
//
// No two readings of it are equal: where the clock stands still, each is a nanosecond after the one before, as on a real
// machine. The engine needs that. Its RACK takes of two segments that were sent at one instant the later for the older
// one (RFC 8985 §6.2 has it the other way round), and so declares the rest of a burst lost when its start is
// acknowledged. What a timer waits is counted from the latest reading, so none is early.
type engineClock struct {
	clock link.Clock
	base  time.Time

	mu   sync.Mutex // a leaf
	last time.Duration
}

// newEngineClock gives nil for the system's clock: the engine has its own way to it. Monotonic time begins at a second,
// because here and there the engine takes zero for never.
func newEngineClock(c link.Clock) tcpip.Clock {
	if isSystem(c) {
		return nil
	}
	return &engineClock{clock: c, base: c.Now().Add(-time.Second)}
}

func isSystem(c link.Clock) bool { return c == nil || c == (link.SystemClock{}) }

// Now implements [tcpip.Clock].
func (c *engineClock) Now() time.Time { return c.clock.Now() }

// NowMonotonic implements [tcpip.Clock].
func (c *engineClock) NowMonotonic() tcpip.MonotonicTime {
	now := c.clock.Now().Sub(c.base)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(now, c.last+1)
	return tcpip.MonotonicTime{}.Add(c.last)
}

// wait is how long to wait until d after the latest reading; what is due is due at once.
func (c *engineClock) wait(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	now := c.clock.Now().Sub(c.base)
	c.mu.Lock()
	defer c.mu.Unlock()
	return d + max(0, c.last-now)
}

// AfterFunc implements [tcpip.Clock].
func (c *engineClock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	return engineTimer{c, c.clock.AfterFunc(c.wait(d), f)}
}

type engineTimer struct {
	c *engineClock
	t link.Timer
}

// Stop implements [tcpip.Timer].
func (t engineTimer) Stop() bool { return t.t.Stop() }

// Reset implements [tcpip.Timer].
func (t engineTimer) Reset(d time.Duration) { t.t.Reset(t.c.wait(d)) }

// waker gives what wakes those who wait for a socket: a call of the clock if one was injected, else nil, which is at
// once. A rig's clock makes one call after the other, so the one who is woken does not run beside the one who wakes:
// what the two send is in the same order in each run.
func (c Config) waker() func(f func()) {
	if isSystem(c.Clock) {
		return nil
	}
	return func(f func()) { c.Clock.AfterFunc(0, f) }
}
