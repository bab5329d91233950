package stacktest

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/sleep"
)

// engineIsDurable reports whether the engine's goroutines park with a reason that synctest takes as blocked. It has one
// park and reads the reason from its stack's first line: "goroutine 7 [select (durable)]:".
var engineIsDurable = sync.OnceValue(func() bool {
	stop := parkLikeEngine()
	defer stop()
	for range 1000 { // a second at the most
		if reason := parkReason(); reason != "" && reason != "runnable" && reason != "running" {
			return strings.Contains(reason, "(durable)")
		}
		time.Sleep(time.Millisecond)
	}
	return false
})

// parkLikeEngine starts a goroutine that waits as the engine's TCP does, until stop is called.
func parkLikeEngine() (stop func()) {
	var s sleep.Sleeper
	var w sleep.Waker
	s.AddWaker(&w)
	var done sync.WaitGroup
	done.Go(func() { parked(&s) }) // ends with stop
	return func() {
		w.Assert()
		done.Wait()
		s.Done()
	}
}

// parked has a name of its own for parkReason to find.
//
//go:noinline
func parked(s *sleep.Sleeper) { s.Fetch(true) }

// parkReason reads why the goroutine in parked waits.
func parkReason() string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	for g := range bytes.SplitSeq(b, []byte("\n\n")) {
		if !bytes.Contains(g, []byte("stacktest.parked(")) {
			continue
		}
		_, rest, _ := bytes.Cut(g, []byte("["))
		reason, _, _ := bytes.Cut(rest, []byte("]"))
		return string(reason)
	}
	return ""
}
