package stack

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
	"tapestry/link"
)

// waitPoint is where the callers of one direction of one socket wait: one at a time, the others behind its lock, as
// package net's own sockets do. Whoever changes something that a waiter could be waiting for (the engine, an expired
// deadline, Close) leaves one token in wake; the holder of the lock takes it and looks at everything again. A token
// too many costs one more look and can do no harm.
type waitPoint struct {
	mu    sync.Mutex // held by the one that reads, or writes, or waits to
	wake  chan struct{}
	entry waiter.Entry
	host  *Host

	waiting atomic.Bool // somebody is in wait, or about to be

	closed  atomic.Bool
	expired atomic.Bool // the deadline has passed

	timerMu  sync.Mutex
	deadline time.Time
	timer    link.Timer
}

// init registers for the events of mask at q.
func (p *waitPoint) init(h *Host, q *waiter.Queue, mask waiter.EventMask) {
	p.host = h
	p.wake = make(chan struct{}, 1)
	p.entry.Init(p, mask)
	q.EventRegister(&p.entry)
}

// NotifyEvent implements [waiter.EventListener].
func (p *waitPoint) NotifyEvent(waiter.EventMask) { p.signal() }

// signal leaves a token. One for somebody who waits goes by the host's waker.
func (p *waitPoint) signal() {
	if p.host.wake != nil && p.waiting.Load() {
		p.host.wake(p.leave)
		return
	}
	p.leave()
}

func (p *waitPoint) leave() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// wait takes a token. The caller holds p.mu.
func (p *waitPoint) wait() {
	p.waiting.Store(true)
	<-p.wake
	p.waiting.Store(false)
}

func (p *waitPoint) close(q *waiter.Queue) {
	q.EventUnregister(&p.entry)
	p.closed.Store(true)
	p.setDeadline(time.Time{})
	p.signal()
}

// check gives the error that ends an operation, closing before deadline.
func (p *waitPoint) check() error {
	if p.closed.Load() {
		return net.ErrClosed
	}
	if p.expired.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// do calls op until it does something else than block, the deadline passes, or the socket is closed. The caller holds
// p.mu. call names the system call that package net would have made.
func (p *waitPoint) do(call string, op func() tcpip.Error) error {
	for {
		if err := p.check(); err != nil {
			return err
		}
		e := op()
		if _, blocks := e.(*tcpip.ErrWouldBlock); !blocks {
			return p.result(call, e)
		}
		p.wait()
	}
}

// result maps an error of op. An operation that failed because Close came meanwhile says so.
func (p *waitPoint) result(call string, e tcpip.Error) error {
	if e != nil && p.closed.Load() {
		return net.ErrClosed
	}
	return syscallError(call, e)
}

// setDeadline sets or, with the zero time, clears the deadline.
func (p *waitPoint) setDeadline(t time.Time) {
	p.timerMu.Lock()
	defer p.timerMu.Unlock()
	p.deadline = t
	if p.timer != nil {
		p.timer.Stop()
	}
	left := t.Sub(p.host.cfg.Clock.Now())
	p.expired.Store(!t.IsZero() && left <= 0)
	switch {
	case t.IsZero():
	case left <= 0:
		p.signal()
	case p.timer == nil:
		p.timer = p.host.cfg.Clock.AfterFunc(left, p.expire)
	default:
		p.timer.Reset(left)
	}
}

// expire runs when the timer fires. A timer that fires while it is being reset finds a later deadline, and waits on.
func (p *waitPoint) expire() {
	p.timerMu.Lock()
	defer p.timerMu.Unlock()
	if p.deadline.IsZero() {
		return
	}
	if left := p.deadline.Sub(p.host.cfg.Clock.Now()); left > 0 {
		p.timer.Reset(left)
		return
	}
	p.expired.Store(true)
	p.signal()
}
