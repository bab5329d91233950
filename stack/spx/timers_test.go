package spx

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTimers compares the heap with a search through everything.
func TestTimers(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	var h timers
	all := make([]*session, 40)
	for i := range all {
		all[i] = &session{at: -1}
	}
	for step := range 20_000 {
		s, at := all[r.IntN(len(all))], epoch.Add(time.Duration(r.IntN(1000)))
		switch r.IntN(5) {
		case 0:
			h.remove(s)
		case 1:
			now := at
			got := h.due(now)
			for _, s := range all {
				if s.at >= 0 && got == nil && !s.due.After(now) || s.at >= 0 && got != nil && s.due.Before(got.due) {
					t.Fatalf("seed %d, step %d: due took %v, but %v is due", seed, step, got, s.due)
				}
			}
		default:
			had, before := s.at >= 0, s.due
			h.set(s, at)
			if want := at; s.at < 0 || had && !s.due.Equal(minTime(before, want)) || !had && !s.due.Equal(want) {
				t.Fatalf("seed %d, step %d: set %v over %v gives %v", seed, step, at, before, s.due)
			}
		}
		var first time.Time
		for i, s := range h.heap {
			if s.at != i {
				t.Fatalf("seed %d, step %d: place %d has at %d", seed, step, i, s.at)
			}
			first = minTime(first, s.due)
		}
		if !h.next().Equal(first) {
			t.Fatalf("seed %d, step %d: next is %v, want %v", seed, step, h.next(), first)
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// TestEstimator has the arithmetic of RFC 6298 §2 and §5.
func TestEstimator(t *testing.T) {
	c := Config{}
	if err := c.fill(); err != nil {
		t.Fatal(err)
	}
	const ms, us = time.Millisecond, time.Microsecond
	e := newEstimator(&c)
	steps := []struct {
		name   string
		do     func()
		want   time.Duration
		srtt   time.Duration
		rttvar time.Duration
	}{
		{"nothing measured", func() {}, 500 * ms, 0, 0},
		{"nothing measured, repeated", e.again, 1000 * ms, 0, 0},
		{"progress", e.progress, 500 * ms, 0, 0},
		{"the first", func() { e.sample(400 * ms) }, 1200 * ms, 400 * ms, 200 * ms},
		{"a shorter one", func() { e.sample(80 * ms) }, 360*ms + 4*230*ms, 360 * ms, 230 * ms},
		{"a longer one", func() { e.sample(760 * ms) }, 410*ms + 4*272500*us, 410 * ms, 272500 * us},
		{"repeated", e.again, 3 * time.Second, 410 * ms, 272500 * us},
		{"repeated again", e.again, 5 * time.Second, 410 * ms, 272500 * us},
	}
	for _, s := range steps {
		s.do()
		if got := e.timeout(); got != s.want || e.srtt != s.srtt || e.rttvar != s.rttvar {
			t.Errorf("%s: %v from %v and %v, want %v from %v and %v", s.name, got, e.srtt, e.rttvar, s.want, s.srtt, s.rttvar)
		}
	}
	for range 100 {
		e.sample(0)
	}
	e.progress()
	if got := e.timeout(); got != c.MinTimeout {
		t.Errorf("the least is %v, want %v", got, c.MinTimeout)
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Config
		ok   bool
	}{
		{"zero", Config{}, true},
		{"a window below one", Config{Window: -1}, false},
		{"a window too large", Config{Window: 4097}, false},
		{"a packet below 576", Config{MaxPacket: 575}, false},
		{"a packet of 576", Config{MaxPacket: 576}, true},
		{"a packet that no length field can tell", Config{MaxPacket: 65536}, false},
		{"bounds crossed", Config{MinTimeout: time.Second, MaxTimeout: time.Millisecond}, false},
		{"a negative time", Config{Idle: -1}, false},
		{"too many connections", Config{MaxConns: 1 << 16}, false},
	} {
		if err := tt.c.fill(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestIdentifiers: no two connections share one, none is 0 or ffff, and the bound holds.
func TestIdentifiers(t *testing.T) {
	for _, random := range []func() uint32{rand.Uint32, func() uint32 { return 0 }, func() uint32 { return 0xffff }} {
		w := newWorld(t, 1, Config{MaxConns: 2000})
		w.cut = true
		m := w.at(0)
		m.c.Random = random
		for i := range 2001 {
			s, err := m.dial(target)
			if (err == nil) != (i < 2000) {
				t.Fatalf("call %d: %v", i, err)
			}
			if err == nil && (!isID(s.id) || m.byID[s.id] != s) {
				t.Fatalf("call %d: identifier %04x", i, s.id)
			}
		}
		if len(w.ends[0].bound) != 2000 {
			t.Errorf("%d sockets are bound", len(w.ends[0].bound))
		}
		m.close(nil)
		if len(m.byID) != 0 || len(w.ends[0].bound) != 0 || len(m.timers.heap) != 0 {
			t.Errorf("left: %d connections, %d sockets", len(m.byID), len(w.ends[0].bound))
		}
	}
}

// TestOverBounded: connections that are over make room for new ones.
func TestOverBounded(t *testing.T) {
	w := newWorld(t, 1, Config{MaxConns: 10, Backlog: 10}, Config{MaxConns: 10, Backlog: 10})
	l := w.listen()
	for i := range 30 {
		a, err := w.at(0).dial(target)
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		w.run(50*time.Millisecond, nil)
		if a.state != stateEstablished {
			t.Fatalf("call %d: %v", i, a.state)
		}
		w.at(1)
		l.accept()
		w.at(0)
		a.close()
		w.run(50*time.Millisecond, nil)
	}
	if n := len(w.ends[1].m.byID); n == 0 || n > 10 {
		t.Errorf("%d connections are over", n)
	}
}
