package stack

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestGate has callers come in while the gate is closed: none is inside afterwards.
func TestGate(t *testing.T) {
	var g gate
	var inside, after atomic.Int64
	var users sync.WaitGroup
	var closed atomic.Bool
	for range 8 {
		users.Go(func() {
			for g.enter() {
				inside.Add(1)
				if closed.Load() {
					after.Add(1)
				}
				inside.Add(-1)
				g.leave()
			}
		})
	}
	time.Sleep(time.Millisecond)
	g.close()
	if n := inside.Load(); n != 0 {
		t.Errorf("%d inside after close", n)
	}
	closed.Store(true)
	users.Wait()
	if after.Load() != 0 || g.enter() {
		t.Error("entered after close")
	}
	(&gate{}).close() // nobody was ever inside
}
