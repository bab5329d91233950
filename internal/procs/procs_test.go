package procs

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	had := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(had)
	adapted := 1
	if runtime.GOOS != "linux" {
		adapted = 4
	}
	for _, tt := range []struct {
		name string
		c    Config
		want int
	}{
		{name: "adapted", want: adapted},
		{name: "fixed", c: Config{Fixed: 3}, want: 3},
		{name: "fixed beats the environment", c: Config{Fixed: 3, Env: "2"}, want: 3},
		{name: "the user's", c: Config{Env: "4"}, want: 4},
		{name: "one core", c: Config{Max: 1}, want: 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stop := Start(tt.c)
			if got := runtime.GOMAXPROCS(0); got != tt.want {
				t.Errorf("%d Ps, want %d", got, tt.want)
			}
			stop()
			if got := runtime.GOMAXPROCS(0); got != 4 {
				t.Errorf("%d Ps after stop, want 4", got)
			}
		})
	}
}

// TestRaises: goroutines that compute side by side get more Ps. How soon depends on what else the machine does.
func TestRaises(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux adapts the number")
	}
	had := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(had)
	defer Start(Config{})()
	var done atomic.Bool
	defer done.Store(true)
	for range 8 {
		go func() {
			for !done.Load() {
			}
		}()
	}
	// A machine that has no core to spare never saturates a P, and the number rightly stays.
	limit := time.Now().Add(20 * time.Second)
	for runtime.GOMAXPROCS(0) == 1 {
		if time.Now().After(limit) {
			t.Skip("this machine gave the process no core of its own for 50 ms")
		}
		time.Sleep(time.Millisecond)
	}
}
