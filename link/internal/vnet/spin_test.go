package vnet

import (
	"testing"
	"time"
)

// load is a made-up device: how long a wait takes that parks, and after how long a frame comes to one that spins, how
// many frames a wait brings, and the time between two waits.
type load struct {
	park, spin             time.Duration
	parkFrames, spinFrames int
	between                time.Duration
}

// account is what a run of waits did.
type account struct {
	spins, hits, longestTurn int
	burnt, total             time.Duration // spent with spinning in vain, and in all
}

func run(s *spinner, l load, waits int) (a account) {
	now, unparked := time.Hour, 0
	for range waits {
		began := now
		bound := s.begin(now)
		hit, frames := false, l.parkFrames
		switch {
		case bound <= 0:
			now += l.park
			unparked = -1
		case l.spin <= bound:
			now += l.spin
			hit, frames = true, l.spinFrames
			a.hits++
		default:
			now += max(bound, l.park)
			a.burnt += bound
			unparked = -1
		}
		if bound > 0 {
			a.spins++
		}
		unparked++
		a.longestTurn = max(a.longestTurn, unparked)
		s.read(frames)
		s.end(now, hit)
		now += l.between
		a.total += now - began
	}
	return a
}

const us = time.Microsecond

func TestSpinner(t *testing.T) {
	for _, tt := range []struct {
		name     string
		load     load
		min, max int // spins in 100,000 waits
	}{
		{name: "idle", load: load{park: time.Second, spin: time.Second, parkFrames: 1}},
		{name: "a frame now and then", load: load{park: 2 * time.Millisecond, spin: 2 * time.Millisecond, parkFrames: 1}},
		{name: "it pays", load: load{park: 60 * us, spin: 20 * us, parkFrames: 1, spinFrames: 1, between: 10 * us}, min: 90_000, max: 94_000},
		{name: "frames come soon, but no sooner", load: load{park: 20 * us, spin: 20 * us, parkFrames: 1, spinFrames: 1, between: 10 * us}, max: 1500},
		{name: "frames come too late", load: load{park: 100 * us, spin: 100 * us, parkFrames: 1, between: 10 * us}, max: 400},
		{name: "shorter waits for fewer frames", load: load{park: 60 * us, spin: 20 * us, parkFrames: 4, spinFrames: 1, between: 10 * us}, max: 1500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &spinner{bound: defaultSpin}
			a := run(s, tt.load, 100_000)
			if a.spins < tt.min || a.spins > tt.max {
				t.Errorf("%d spins, want %d to %d", a.spins, tt.min, tt.max)
			}
			if 100*a.burnt > a.total {
				t.Errorf("%v of %v spent in vain, want at most 1 %%", a.burnt, a.total)
			}
			if a.longestTurn > 2*block { // a trial's last, and what it has won
				t.Errorf("%d waits without parking, want at most %d", a.longestTurn, 2*block)
			}
		})
	}
}

// TestSpinnerGivesUp: what paid is given up as soon as it does not.
func TestSpinnerGivesUp(t *testing.T) {
	pays := load{park: 60 * us, spin: 20 * us, parkFrames: 1, spinFrames: 1, between: 10 * us}
	won := func() *spinner {
		s := &spinner{bound: defaultSpin}
		if run(s, pays, blocks*block); s.state != stateSpins {
			t.Fatalf("the spinner %v after a trial that paid, want %v", s.state, stateSpins)
		}
		return s
	}
	s := won()
	if a := run(s, load{park: 100 * us, spin: 100 * us, parkFrames: 1}, 10*block); a.spins > 3*block {
		t.Errorf("%d spins after the frames came too late, want at most %d", a.spins, 3*block)
	}
	s = won()
	if a := run(s, load{park: time.Second, spin: time.Second, parkFrames: 1}, 1000); a.spins > 1 {
		t.Errorf("%d spins while it is quiet, want one at most", a.spins)
	}
}

func TestSpinnerOff(t *testing.T) {
	s := &spinner{bound: -1}
	a := run(s, load{park: 60 * us, spin: 1, parkFrames: 1, spinFrames: 1}, 10_000)
	if a.spins != 0 || s.needsTime() {
		t.Errorf("%d spins, needs time: %v; want none", a.spins, s.needsTime())
	}
}

func TestSpinStateString(t *testing.T) {
	if s := stateSpins.String(); s != "spins" {
		t.Errorf("%q", s)
	}
}
