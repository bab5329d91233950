package stack

import (
	"sync"
	"sync/atomic"
)

// gate counts calls that run, so that Close can wait for them; a call takes no lock. The zero value is open.
type gate struct {
	state atomic.Int64 // calls that run, and gateClosed
	once  sync.Once
	ended chan struct{}
	ready sync.Once
}

const gateClosed = 1 << 62

// enter lets a call in, which calls leave when it ends. It is false once the gate was closed.
func (g *gate) enter() bool {
	if g.state.Add(1)&gateClosed == 0 {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.state.Add(-1) == gateClosed {
		g.once.Do(func() { close(g.channel()) })
	}
}

// channel is closed when the gate is closed and nobody is inside.
func (g *gate) channel() chan struct{} {
	g.ready.Do(func() { g.ended = make(chan struct{}) })
	return g.ended
}

// close lets nobody in any more and waits for who is inside. It must not be called twice.
func (g *gate) close() {
	g.state.Add(gateClosed + 1) // inside itself: the last to leave ends the wait
	g.leave()
	<-g.channel()
}
