package procs

import (
	"testing"
	"time"
)

// step is a stretch of one kind of load: busy is the share of one core, and so many goroutines wait for a P.
type step struct {
	wall     time.Duration
	busy     float64
	runnable int
}

// run gives the policy one sample for each tick of processor time of the steps.
func run(p *policy, n int, steps ...step) int {
	for _, s := range steps {
		for left := s.wall; left > 0; {
			wall := left
			if s.busy > 0 {
				wall = min(left, time.Duration(float64(tick)/s.busy))
			}
			n = p.next(n, sample{cpu: time.Duration(float64(wall) * s.busy), wall: wall, runnable: s.runnable})
			left -= wall
		}
	}
	return n
}

func TestPolicy(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		max   int
		n     int
		steps []step
		want  int
	}{
		{name: "idle", max: 8, n: 1, steps: []step{{time.Hour, 0, 0}}, want: 1},
		{name: "round trips", max: 8, n: 1, steps: []step{{10 * time.Second, 0.8, 1}}, want: 1},
		{name: "one that computes", max: 8, n: 1, steps: []step{{10 * time.Second, 1, 0}}, want: 1},
		{name: "a reader that spins", max: 8, n: 1, steps: []step{{10 * time.Second, 1, 1}}, want: 1},
		{name: "crowded for one tick", max: 8, n: 1, steps: []step{{50 * ms, 1, 2}}, want: 2},
		{name: "crowded", max: 8, n: 1, steps: []step{{50 * ms, 1, 5}, {50 * ms, 2, 5}, {50 * ms, 4, 5}}, want: 8},
		{name: "crowded for long", max: 3, n: 1, steps: []step{{50 * ms, 1, 5}, {50 * ms, 2, 5}, {time.Second, 3, 5}}, want: 3},
		{name: "crowded, but a core for itself is not to be had", max: 8, n: 1, steps: []step{{time.Second, 0.5, 9}}, want: 1},
		{name: "two are used", max: 8, n: 2, steps: []step{{time.Minute, 1.3, 0}}, want: 2},
		{name: "calm, not for long", max: 8, n: 2, steps: []step{{900 * ms, 0.9, 0}}, want: 2},
		{name: "calm", max: 8, n: 2, steps: []step{{1100 * ms, 0.9, 0}}, want: 1},
		{name: "calm after idling", max: 8, n: 2, steps: []step{{time.Hour, 0, 0}}, want: 1},
		{name: "down to one", max: 8, n: 8, steps: []step{{10 * time.Second, 0.3, 0}}, want: 1},
		{name: "down to what is used", max: 8, n: 8, steps: []step{{10 * time.Second, 3.5, 0}}, want: 4},
		{name: "calm that is interrupted", max: 8, n: 2, steps: []step{{900 * ms, 0.9, 0}, {50 * ms, 1.5, 0}, {900 * ms, 0.9, 0}}, want: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := run(newPolicy(tt.max), tt.n, tt.steps...); got != tt.want {
				t.Errorf("%d Ps, want %d", got, tt.want)
			}
		})
	}
}

// TestPatience: a load that goes up and down makes the number change less and less often, and after a long calm it is
// as at the beginning.
func TestPatience(t *testing.T) {
	p, n, changes := newPolicy(2), 1, 0
	for range 600 { // ten minutes
		for _, s := range []step{{50 * time.Millisecond, 1, 4}, {950 * time.Millisecond, 0.5, 0}} {
			before := n
			if n = run(p, n, s); n != before {
				changes++
			}
		}
		n = run(p, n, step{100 * time.Millisecond, 0.5, 0})
	}
	if changes > 40 {
		t.Errorf("%d changes in ten minutes, want at most 40", changes)
	}
	run(p, n, step{20 * maxPatience, 0.1, 0})
	if p.patience != minPatience {
		t.Errorf("patience %v after a long calm, want %v", p.patience, minPatience)
	}
}

// TestNoTime: two samples at one moment say nothing.
func TestNoTime(t *testing.T) {
	if n := newPolicy(8).next(3, sample{cpu: tick, runnable: 9}); n != 3 {
		t.Errorf("%d Ps, want 3", n)
	}
}
