package stack

import (
	"net"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
	"tapestry/stack/internal/wait"
)

// waitPoint is a wait.Point that the engine's events of one direction signal.
type waitPoint struct {
	wait.Point
	entry waiter.Entry
}

// init registers for the events of mask at q.
func (p *waitPoint) init(h *Host, q *waiter.Queue, mask waiter.EventMask) {
	p.Init(h.cfg.Clock, h.wake)
	p.entry.Init(p, mask)
	q.EventRegister(&p.entry)
}

// NotifyEvent implements [waiter.EventListener].
func (p *waitPoint) NotifyEvent(waiter.EventMask) { p.Signal() }

func (p *waitPoint) close(q *waiter.Queue) {
	q.EventUnregister(&p.entry)
	p.Close()
}

// do calls op until it does something else than block, the deadline passes, or the socket is closed. The caller holds
// the lock. call names the system call that package net would have made.
func (p *waitPoint) do(call string, op func() tcpip.Error) error {
	for {
		if err := p.Check(); err != nil {
			return err
		}
		e := op()
		if _, blocks := e.(*tcpip.ErrWouldBlock); !blocks {
			return p.result(call, e)
		}
		p.Wait()
	}
}

// result maps an error of op. An operation that failed because Close came meanwhile says so.
func (p *waitPoint) result(call string, e tcpip.Error) error {
	if e != nil && p.IsClosed() {
		return net.ErrClosed
	}
	return syscallError(call, e)
}
