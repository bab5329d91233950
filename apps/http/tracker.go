package http

import (
	"context"
	"net"
	nethttp "net/http"
	"sync"
)

// tracker knows the goroutines of net/http: one for each connection, and one for each request of HTTP/2. The zero value
// knows none.
type tracker struct {
	mu       sync.Mutex
	states   map[net.Conn]nethttp.ConnState
	requests int
	changed  chan struct{} // closed at the next change, if somebody waits
}

// set is called by net/http at each transition: New, then Active and Idle in turn, and Closed at the end of the
// goroutine.
func (t *tracker) set(c net.Conn, state nethttp.ConnState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case state == nethttp.StateClosed:
		delete(t.states, c)
	case t.states == nil:
		t.states = map[net.Conn]nethttp.ConnState{c: state}
	default:
		t.states[c] = state
	}
	t.wake()
}

// add counts requests that are being answered.
func (t *tracker) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests += n
	t.wake()
}

func (t *tracker) wake() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// isQuiet tells if no connection has a request.
func (t *tracker) isQuiet() bool {
	for _, state := range t.states {
		if state == nethttp.StateActive {
			return false
		}
	}
	return t.requests == 0
}

func (t *tracker) isEmpty() bool { return len(t.states) == 0 && t.requests == 0 }

// wait returns when holds says so, which it is asked under the lock, or when the context ends.
func (t *tracker) wait(ctx context.Context, holds func(*tracker) bool) {
	for {
		changed := t.next(holds)
		if changed == nil {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// next gives nil if the condition holds, else what is closed at the next change.
func (t *tracker) next(holds func(*tracker) bool) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if holds(t) {
		return nil
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.changed
}
