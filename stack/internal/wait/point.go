package wait

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link"
)

// Point is where the callers of one direction of one socket wait: one at a time, the others behind Lock, as package
// net's own sockets do. Whoever changes something that a waiter could be waiting for (the protocol, an expired deadline,
// Close) leaves one token. The holder of the lock takes it and looks at everything again. A token too many costs one more
// look and can do no harm. Init comes before all else.
type Point struct {
	mu    sync.Mutex // held by the one that reads, or writes, or waits to
	wake  chan struct{}
	clock link.Clock
	waker func(f func()) // nil: wake at once

	waiting atomic.Bool // somebody is in Wait, or about to be

	closed  atomic.Bool
	expired atomic.Bool // the deadline has passed

	timerMu  sync.Mutex
	deadline time.Time
	timer    link.Timer
}

// Init makes the point ready. Somebody who waits is woken by waker, which calls its argument soon; nil is at once.
func (p *Point) Init(c link.Clock, waker func(f func())) {
	p.wake = make(chan struct{}, 1)
	p.clock, p.waker = c, waker
}

// Lock begins an operation of this direction.
func (p *Point) Lock() { p.mu.Lock() }

// TryLock begins an operation if none is underway.
func (p *Point) TryLock() bool { return p.mu.TryLock() }

// Unlock ends it.
func (p *Point) Unlock() { p.mu.Unlock() }

// Signal leaves a token.
func (p *Point) Signal() {
	if p.waker != nil && p.waiting.Load() {
		p.waker(p.leave)
		return
	}
	p.leave()
}

func (p *Point) leave() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Wait takes a token. The caller holds the lock.
func (p *Point) Wait() {
	p.waiting.Store(true)
	<-p.wake
	p.waiting.Store(false)
}

// WaitUntil is Wait until done is closed; it reports whether there was a token first.
func (p *Point) WaitUntil(done <-chan struct{}) bool {
	p.waiting.Store(true)
	defer p.waiting.Store(false)
	select {
	case <-done:
		return false
	case <-p.wake:
		return true
	}
}

// Close has Check fail for good, and wakes.
func (p *Point) Close() {
	p.closed.Store(true)
	p.SetDeadline(time.Time{})
	p.Signal()
}

// IsClosed reports whether Close was called.
func (p *Point) IsClosed() bool { return p.closed.Load() }

// Check gives the error that ends an operation, closing before deadline.
func (p *Point) Check() error {
	if p.closed.Load() {
		return net.ErrClosed
	}
	if p.expired.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// SetDeadline sets or, with the zero time, clears the deadline.
func (p *Point) SetDeadline(t time.Time) {
	p.timerMu.Lock()
	defer p.timerMu.Unlock()
	p.deadline = t
	if p.timer != nil {
		p.timer.Stop()
	}
	left := t.Sub(p.clock.Now())
	p.expired.Store(!t.IsZero() && left <= 0)
	switch {
	case t.IsZero():
	case left <= 0:
		p.Signal()
	case p.timer == nil:
		p.timer = p.clock.AfterFunc(left, p.expire)
	default:
		p.timer.Reset(left)
	}
}

// expire runs when the timer fires. A timer that fires while it is being reset finds a later deadline, and waits on.
func (p *Point) expire() {
	p.timerMu.Lock()
	defer p.timerMu.Unlock()
	if p.deadline.IsZero() {
		return
	}
	if left := p.deadline.Sub(p.clock.Now()); left > 0 {
		p.timer.Reset(left)
		return
	}
	p.expired.Store(true)
	p.Signal()
}
