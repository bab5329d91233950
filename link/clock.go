package link

import "time"

// Clock tells the time and calls back. A device that delays or ages takes one, so that a rig can order events that fall
// on the same instant.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, d from now or at once if d is not positive, on a goroutine that is not the caller's.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a call that a [Clock] will make.
type Timer interface {
	// Stop reports whether the call was still to come; it will not.
	Stop() bool
	// Reset has the call made d from now. It reports whether it was still to come.
	Reset(d time.Duration) bool
}

// SystemClock is the clock of package time.
type SystemClock struct{}

// Now implements [Clock].
func (SystemClock) Now() time.Time { return time.Now() }

// AfterFunc implements [Clock].
func (SystemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
