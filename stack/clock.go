package stack

import (
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
)

// engineClock is a link.Clock as the engine takes one.
type engineClock struct {
	link.Clock
	base time.Time
}

// newEngineClock gives nil for the system's clock: the engine has its own way to it. Monotonic time begins at a second,
// because here and there the engine takes zero for never.
func newEngineClock(c link.Clock) tcpip.Clock {
	if c == nil || c == (link.SystemClock{}) {
		return nil
	}
	return &engineClock{Clock: c, base: c.Now().Add(-time.Second)}
}

// NowMonotonic implements [tcpip.Clock].
func (c *engineClock) NowMonotonic() tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(c.Now().Sub(c.base))
}

// AfterFunc implements [tcpip.Clock].
func (c *engineClock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	return engineTimer{c.Clock.AfterFunc(d, f)}
}

type engineTimer struct{ t link.Timer }

// Stop implements [tcpip.Timer].
func (t engineTimer) Stop() bool { return t.t.Stop() }

// Reset implements [tcpip.Timer].
func (t engineTimer) Reset(d time.Duration) { t.t.Reset(d) }

// waker gives what wakes those who wait for a socket: a call of the clock if one was injected, else nil, which is at
// once. A rig's clock makes one call after the other, so the one who is woken does not run beside the one who wakes:
// what the two send is in the same order in each run.
func (c Config) waker() func(f func()) {
	if newEngineClock(c.Clock) == nil {
		return nil
	}
	return func(f func()) { c.Clock.AfterFunc(0, f) }
}
