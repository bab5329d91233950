package vnet

import "time"

// Constants of the policy of spinning.
const (
	defaultSpin = 50 * time.Microsecond
	quiet       = time.Millisecond // a longer wait is no round trip: nobody spins for the next
	block       = 16               // waits of one kind in a trial; and else, waits of which one parks
	blocks      = 16               // in a trial, in turn parking and spinning
	won         = 8192             // waits until what has paid is tried again
	minLost     = 1024             // waits until what has not paid is tried again,
	maxLost     = 1 << 16          // and when trial after trial is lost
)

// spinner decides how each wait of a reader begins: by parking at once, or by trying again for a while. It learns which
// is better by trying both. It has no clock of its own.
type spinner struct {
	bound time.Duration // of spinning in one wait; not positive: never

	state  spinState
	n      int           // waits in this state
	lost   int           // waits until the next trial, after one that was lost
	began  time.Duration // of this wait
	frames int           // read since the last wait of a trial
	last   time.Duration // the end of that
	spent  [2]time.Duration
	got    [2]int
	spins  int // of the trial, or of the last block when settled
	hits   int
}

// spinState is what a reader does about spinning. A device that was quiet starts over in stateTrial.
//
//	              lost                      won
//	parks ◄───────────────────── trial ─────────────────────► spins
//	  └─ after minLost to maxLost ─►  ◄─ won, misses, quiet ───┘
type spinState uint8

const (
	stateTrial spinState = iota // parks and spins in turn, and compares
	stateParks
	stateSpins
)

func (s spinState) String() string { return [...]string{"trial", "parks", "spins"}[s] }

func (s *spinner) enter(st spinState) {
	s.state, s.n, s.spins, s.hits = st, 0, 0, 0
	s.spent, s.got, s.last, s.frames = [2]time.Duration{}, [2]int{}, 0, 0
}

// needsTime reports whether begin and end want to know what time it is. While they do not, a wait costs next to nothing.
func (s *spinner) needsTime() bool { return s.bound > 0 && s.state != stateParks }

// begin tells how long to spin in the wait that begins at now, a time since any fixed one.
func (s *spinner) begin(now time.Duration) time.Duration {
	if s.bound <= 0 {
		return 0
	}
	s.began = now
	switch s.state {
	case stateParks:
		if s.n++; s.n >= s.lost {
			s.enter(stateTrial)
		}
		return 0
	case stateTrial:
		if s.n/block%2 == 0 {
			return 0
		}
	case stateSpins:
		if s.n%block == block-1 {
			return 0
		}
	}
	s.spins++
	return s.bound
}

// read notes that n frames came, after a wait or without.
func (s *spinner) read(n int) { s.frames += n }

// end notes that the wait is over; hit: a frame came while spinning.
func (s *spinner) end(now time.Duration, hit bool) {
	if s.state == stateParks || s.bound <= 0 {
		return
	}
	if hit {
		s.hits++
	}
	if now-s.began > quiet {
		s.enter(stateTrial)
		return
	}
	s.n++
	if s.state == stateTrial {
		s.compare(now)
		return
	}
	if s.spins == block {
		if 2*s.hits < s.spins {
			s.enter(stateTrial)
			return
		}
		s.spins, s.hits = 0, 0
	}
	if s.n >= won {
		s.enter(stateTrial)
	}
}

// compare counts frames and the time that passed, by how the waits began, and settles when the trial is over or cannot be
// won any more. It is won with nine tenths of the time for a frame.
func (s *spinner) compare(now time.Duration) {
	kind := (s.n - 1) / block % 2
	if (s.n-1)%block > 0 { // the first of a block stands under the influence of the one before
		s.spent[kind] += now - s.last
		s.got[kind] += s.frames
	}
	s.last, s.frames = now, 0
	switch {
	case s.n%(2*block) == 0 && 2*s.hits < s.spins:
		s.lose()
	case s.n < blocks*block:
	case 10*s.spent[1]*time.Duration(s.got[0]) > 9*s.spent[0]*time.Duration(s.got[1]):
		s.lose()
	default:
		s.lost = 0
		s.enter(stateSpins)
	}
}

// lose parks for twice as long as the last time that a trial was lost.
func (s *spinner) lose() {
	s.lost = min(max(2*s.lost, minLost), maxLost)
	s.enter(stateParks)
}
