package impair

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestRate: each frame comes when its last bit does.
func TestRate(t *testing.T) {
	tests := []struct {
		name, text string
		size       int
		want       []time.Duration // of frames written at once
	}{
		{"1 ms each", "rate=8mbit", 1000, []time.Duration{ms, 2 * ms, 3 * ms}},
		{"with a delay behind", "rate=8mbit,delay=5ms", 1000, []time.Duration{6 * ms, 7 * ms, 8 * ms}},
		{"Ethernet's own octets", "rate=1gbit,overhead=24", 1514, []time.Duration{12304, 24608, 36912}},
		{"fractions are carried", "rate=3bit", 18, []time.Duration{48 * time.Second, 96 * time.Second, 144 * time.Second}},
		{"a third of a nanosecond over", "rate=3gbit", 125, []time.Duration{333, 666, 1000}},
		{"less than a nanosecond", "rate=1tbit", 60, []time.Duration{0, 0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.text)
			for id := range tt.want {
				b.send(id, tt.size)
			}
			b.clock.advance(time.Hour)
			var want []arrival
			for id, at := range tt.want {
				want = append(want, arrival{id, at})
			}
			b.want(want...)
		})
	}
}

// TestRateIsExact: over a long busy time, as many bits cross as the rate says, to the nanosecond.
func TestRateIsExact(t *testing.T) {
	b := newBench(t, "rate=7mbit,queue=10000")
	r := rand.New(rand.NewPCG(1, 2))
	bits := uint64(0)
	for id := range 10000 {
		size := 60 + r.IntN(1455)
		bits += uint64(size) * 8
		b.send(id, size)
	}
	b.clock.advance(time.Hour)
	want := time.Duration(bits * 1e9 / 7e6)
	if got := b.got[len(b.got)-1].at; len(b.got) != 10000 || got != want {
		t.Errorf("%d frames, the last after %v, want %v", len(b.got), got, want)
	}
}

// TestIdle: a line that had nothing to send has saved no time.
func TestIdle(t *testing.T) {
	b := newBench(t, "rate=3gbit")
	for id := range 3 {
		b.send(id, 125) // a third of a nanosecond more than 333
		b.clock.advance(time.Minute)
	}
	b.want(arrival{0, 333}, arrival{1, time.Minute + 333}, arrival{2, 2*time.Minute + 333})
}

// TestAtOnce: what takes less than a nanosecond needs no timer.
func TestAtOnce(t *testing.T) {
	b := newBench(t, "rate=1tbit")
	b.send(1, 60)
	b.want(arrival{1, 0})
}

func TestQueue(t *testing.T) {
	tests := []struct {
		name, text string
		want       uint64 // of ten frames; one is being sent
	}{
		{"frames", "rate=8mbit,queue=3", 4},
		{"octets", "rate=8mbit,queue_bytes=2500", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.text)
			for id := range 10 {
				b.send(id, 1000)
			}
			b.clock.advance(time.Second)
			if s := b.Stats(); s.Passed != tt.want || s.Drops.Queue != 10-tt.want {
				t.Errorf("Stats = %+v, want %d passed", s, tt.want)
			}
		})
	}
}

func TestChangeRate(t *testing.T) {
	b := newBench(t, "rate=8kbit")
	for id := range 4 {
		b.send(id, 1000) // 1 s each
	}
	b.clock.advance(500 * ms)
	b.set("rate=8mbit") // the rest is written anew: 1 ms each
	b.clock.advance(ms)
	b.want(arrival{0, 501 * ms})
	b.set("rate=4kbit") // what is being sent stays as it is
	b.clock.advance(ms)
	b.want(arrival{0, 501 * ms}, arrival{1, 502 * ms})
	b.set("rate=0")
	b.want(arrival{0, 501 * ms}, arrival{1, 502 * ms}, arrival{2, 502 * ms}, arrival{3, 502 * ms})
}

// TestCoDel: a source that sends half as much again as the rate is slowed by drops that follow the control law.
func TestCoDel(t *testing.T) {
	b := newBench(t, "rate=8mbit,discipline=codel,queue=10000")
	type dropped struct {
		at time.Duration
		n  uint64
	}
	var drops []dropped
	for id := range 3000 { // 1 ms to send each, one every 2/3 ms
		b.send(id, 1000)
		b.clock.advance(ms * 2 / 3)
		if n := b.Stats().Drops.CoDel; len(drops) == 0 && n > 0 || len(drops) > 0 && n > drops[len(drops)-1].n {
			drops = append(drops, dropped{b.clock.now.Sub(b.begin), n})
		}
	}
	if len(drops) < 20 {
		t.Fatalf("%d drops in 2 s, want them to go on", len(drops))
	}
	// RFC 8289 §5.5: the first drop comes Interval after the wait exceeded Target: with 1/3 of each frame's time gained, 16
	// frames or so after the start.
	if at := drops[0].at; at < 105*ms || at > 125*ms {
		t.Errorf("the first drop came at %v", at)
	}
	at := drops[0].at
	for i, d := range drops[1:] { // RFC 8289 §5.6: the n-th comes Interval/sqrt(n) after the one before
		at += time.Duration(float64(100*ms) / sqrt(float64(i+1)))
		if late := d.at - at; d.n != uint64(i+2) || late < -2*ms || late > 3*ms {
			t.Fatalf("drop %d came at %v, want %v and at most a frame's time later", i+2, d.at, at)
		}
	}
}

func sqrt(x float64) float64 {
	r := x
	for range 50 {
		r = (r + x/r) / 2
	}
	return r
}

// TestCoDelLeavesBursts: a queue that drains within an Interval is no reason to drop.
func TestCoDelLeavesBursts(t *testing.T) {
	b := newBench(t, "rate=8mbit,discipline=codel")
	for range 20 {
		for id := range 90 {
			b.send(id, 1000)
		}
		b.clock.advance(110 * ms)
	}
	if s := b.Stats(); s.Drops.Total() != 0 {
		t.Errorf("Drops = %+v, want none", s.Drops)
	}
}

// TestCoDelOnePacket: one frame that waits is no queue, however slow the line.
func TestCoDelOnePacket(t *testing.T) {
	b := newBench(t, "rate=160kbit,discipline=codel")
	b.send(0, 1000)
	for id := range 200 {
		b.send(id, 1000) // 50 ms each
		b.clock.advance(50 * ms)
	}
	if s := b.Stats(); s.Drops.Total() != 0 {
		t.Errorf("Drops = %+v, want none", s.Drops)
	}
}

// TestCoDelRemembers: dropping goes on at the rate it had when the queue is too long again soon, and begins anew later.
func TestCoDelRemembers(t *testing.T) {
	tests := []struct {
		name     string
		pause    time.Duration
		min, max time.Duration // from the first to the second drop after the pause
	}{
		{"soon", 300 * ms, 5 * ms, 60 * ms},
		{"later", 3 * time.Second, 95 * ms, 105 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, "rate=8mbit,discipline=codel,queue=10000")
			overload := func(drops uint64) time.Duration {
				for i := 0; b.Stats().Drops.CoDel < drops && i < 10000; i++ {
					b.send(i, 1000)
					b.clock.advance(ms * 2 / 3)
				}
				return b.clock.now.Sub(b.begin)
			}
			overload(20)
			for b.Stats().Held > 0 {
				b.clock.advance(ms)
			}
			n := b.Stats().Drops.CoDel
			b.clock.advance(tt.pause)
			first := overload(n + 1)
			if gap := overload(n+2) - first; gap < tt.min || gap > tt.max {
				t.Errorf("the second drop came after %v, want from %v to %v", gap, tt.min, tt.max)
			}
		})
	}
}

// TestCoDelHoldsTarget: a source that sends less after each drop, as TCP does, waits about Target in the end.
func TestCoDelHoldsTarget(t *testing.T) {
	for _, tt := range []struct {
		discipline string
		min, max   time.Duration
	}{{"codel", ms, 20 * ms}, {"tail", 100 * ms, time.Second}} {
		b := newBench(t, "rate=8mbit,queue=500,discipline="+tt.discipline)
		window, inFlight, seen, lost := 10.0, 0, 0, uint64(0)
		for id := range 60000 { // a millisecond each; additive increase, multiplicative decrease
			s := b.Stats()
			if d := s.Drops.Total(); d > lost {
				lost, window = d, max(window*0.7, 2)
			}
			window += float64(len(b.got)-seen) / window
			seen = len(b.got)
			for inFlight = s.Held; inFlight < int(window); inFlight++ {
				b.send(id, 1000)
			}
			b.clock.advance(ms)
		}
		wait, n := time.Duration(0), 0
		for _, a := range b.got[len(b.got)/2:] {
			wait += a.at - time.Duration(a.id)*ms
			n++
		}
		if mean := wait / time.Duration(n); mean < tt.min || mean > tt.max || len(b.got) < 55000 {
			t.Errorf("%s: frames waited %v, %d came, want from %v to %v, nearly 60000", tt.discipline, mean, len(b.got), tt.min, tt.max)
		}
	}
}
