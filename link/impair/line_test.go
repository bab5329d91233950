package impair

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"tapestry/link"
)

const ms = time.Millisecond

func TestPerfect(t *testing.T) {
	b := newBench(t, "off")
	b.send(1, 60)
	b.send(2, 1514)
	b.want(arrival{1, 0}, arrival{2, 0})
	if s := b.Stats(); s.Frames != 2 || s.Bytes != 1574 || s.Passed != 2 || s.PassedBytes != 1574 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestDelay(t *testing.T) {
	b := newBench(t, "delay=10ms")
	b.send(1, 60)
	b.clock.advance(3*ms + 1)
	b.send(2, 60)
	b.send(3, 60)
	if s := b.Stats(); s.Held != 3 || s.HeldBytes != 180 {
		t.Errorf("on its way: %+v, want 3 frames of 180 octets", s)
	}
	b.clock.advance(7*ms - 2)
	b.want()
	b.clock.advance(1)
	b.want(arrival{1, 10 * ms})
	b.clock.advance(time.Second)
	b.want(arrival{1, 10 * ms}, arrival{2, 13*ms + 1}, arrival{3, 13*ms + 1})
}

// TestLateTimer: when the clock calls late, frames come late, but in order, and later ones at their times.
func TestLateTimer(t *testing.T) {
	b := newBench(t, "delay=10ms,rate=8mbit")
	for id := range 4 {
		b.send(id, 1000) // 1 ms each
	}
	b.clock.now = b.clock.now.Add(13*ms + 500*time.Microsecond) // as if the process had not run
	b.clock.advance(0)
	b.want(arrival{0, 13*ms + 500000}, arrival{1, 13*ms + 500000}, arrival{2, 13*ms + 500000})
	b.clock.advance(ms)
	if got := b.got[3]; got != (arrival{3, 14 * ms}) {
		t.Errorf("the last frame came as %v, want at 14ms", got)
	}
}

// TestEarlyTimer: a call before its time is not the last.
func TestEarlyTimer(t *testing.T) {
	b := newBench(t, "delay=10ms")
	b.send(1, 60)
	early := b.clock.timers[0]
	early.Stop()
	early.call()
	b.clock.advance(time.Second)
	b.want(arrival{1, 10 * ms})
}

// TestOrder: jitter changes when frames come, never in which order.
func TestOrder(t *testing.T) {
	for _, d := range distributions {
		b := newBench(t, "delay=10ms,jitter=20ms,distribution="+d)
		for id := range 1000 {
			b.send(id, 60)
			b.clock.advance(100 * time.Microsecond)
		}
		b.clock.advance(time.Minute)
		if len(b.got) != 1000 || !slices.IsSorted(b.ids()) {
			t.Errorf("%s: %d of 1000 frames, or out of order", d, len(b.got))
		}
	}
}

// TestReorder: a frame that jumps comes out at once.
func TestReorder(t *testing.T) {
	b := newBench(t, "delay=10ms,reorder=25%")
	const n = 10000
	for id := range n {
		b.send(id, 60)
		b.clock.advance(ms)
	}
	b.clock.advance(time.Second)
	jumped := 0
	for _, a := range b.got {
		switch d := a.at - time.Duration(a.id)*ms; d {
		case 0:
			jumped++
		case 10 * ms:
		default:
			t.Fatalf("frame %d took %v, want nothing or 10ms", a.id, d)
		}
	}
	if uint64(jumped) != b.Stats().Reordered || jumped < n*23/100 || jumped > n*27/100 {
		t.Errorf("%d of %d frames jumped, %d counted, want a quarter", jumped, n, b.Stats().Reordered)
	}
}

func TestDuplicate(t *testing.T) {
	b := newBench(t, "duplicate=100%,delay=1ms")
	b.send(1, 60)
	b.send(2, 60)
	b.clock.advance(ms)
	b.want(arrival{1, ms}, arrival{1, ms}, arrival{2, ms}, arrival{2, ms})
	if s := b.Stats(); s.Duplicated != 2 || s.Frames != 2 || s.Passed != 4 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestMTU(t *testing.T) {
	tests := []struct {
		name    string
		size    int
		tags    int
		passes  bool
		invalid bool
	}{
		{"as long as may be", 1014, 0, true, false},
		{"one more", 1015, 0, false, false},
		{"tagged", 1018, 1, true, false},
		{"tagged, one more", 1019, 1, false, false},
		{"no header", 10, 0, true, false}, // for others to judge
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, "mtu=1000")
			p := make([]byte, tt.size)
			if tt.tags > 0 {
				p[12] = 0x81
			}
			b.Write([]link.Frame{link.NewFrame(p)})
			if got := len(b.got) == 1; got != tt.passes {
				t.Errorf("%d octets with %d tags passed: %v, want %v", tt.size, tt.tags, got, tt.passes)
			}
			if s := b.Stats(); !tt.passes && s.Drops.MTU != 1 {
				t.Errorf("Stats = %+v", s)
			}
		})
	}
}

// TestCuts: what is written or due while the line is cut is lost, what is on its way for longer is not.
func TestCuts(t *testing.T) {
	b := newBench(t, "delay=10ms,cut=5ms@20ms/50ms")
	for id := range 100 { // one each millisecond, at id milliseconds
		b.send(id, 60)
		b.clock.advance(ms)
	}
	b.clock.advance(time.Second)
	isCut := func(at int) bool { return at >= 20 && (at-20)%50 < 5 }
	var want []int
	for id := range 100 {
		if !isCut(id) && !isCut(id+10) {
			want = append(want, id)
		}
	}
	if !slices.Equal(b.ids(), want) {
		t.Errorf("came out: %v\n    want: %v", b.ids(), want)
	}
	if s := b.Stats(); s.Drops.Cut != uint64(100-len(want)) {
		t.Errorf("%d drops, want %d", s.Drops.Cut, 100-len(want))
	}
}

// TestCutAtRunTime: by hand, for a time and until further notice; schedules count from when they were set.
func TestCutAtRunTime(t *testing.T) {
	b := newBench(t, "off")
	crosses := func(id int, want bool) {
		t.Helper()
		n := len(b.got)
		b.send(id, 60)
		if got := len(b.got) > n; got != want || b.IsUp() != want {
			t.Errorf("frame %d crossed: %v, IsUp %v, want %v", id, got, b.IsUp(), want)
		}
	}
	crosses(1, true)
	b.SetUp(false)
	crosses(2, false)
	b.SetUp(true)
	crosses(3, true)
	b.Cut(5 * ms)
	crosses(4, false)
	b.clock.advance(5*ms - 1)
	crosses(5, false)
	b.clock.advance(1)
	crosses(6, true)
	if !b.plain.Load() {
		t.Error("a line whose cut is over is not plain")
	}
	b.Cut(time.Hour)
	b.SetUp(true)
	crosses(7, true)
	b.set("cut=10ms@10ms")
	b.clock.advance(9 * ms)
	crosses(8, true)
	b.clock.advance(ms)
	crosses(9, false)
	b.set("loss=0") // another key does not begin the schedule anew
	crosses(10, false)
	b.clock.advance(10 * ms)
	crosses(11, true)
	b.set("off")
	crosses(12, true)
	if !b.plain.Load() {
		t.Error("a line that was healed is not plain")
	}
}

// TestSetHastens: frames on their way arrive no later than a frame written now would.
func TestSetHastens(t *testing.T) {
	b := newBench(t, "delay=10s")
	b.send(1, 60)
	b.clock.advance(time.Second)
	b.send(2, 60)
	b.set("delay=2s")
	b.send(3, 60)
	b.clock.advance(1500 * ms)
	b.want()
	b.set("off")
	b.want(arrival{1, 2500 * ms}, arrival{2, 2500 * ms}, arrival{3, 2500 * ms})
	b.send(4, 60)
	if b.got[3].id != 4 {
		t.Errorf("after off: %v", b.got)
	}
}

func TestLimit(t *testing.T) {
	tests := []struct {
		name, text string
		want       int
	}{
		{"frames", "delay=1s,limit=3", 3},
		{"octets", "delay=1s,limit_bytes=250", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.text)
			for id := range 5 {
				b.send(id, 100)
			}
			if s := b.Stats(); s.Held != tt.want || s.Drops.Limit != uint64(5-tt.want) {
				t.Errorf("Stats = %+v, want %d held", s, tt.want)
			}
		})
	}
}

// TestLimitWhileOut: what comes while Out is at work waits within the same bounds.
func TestLimitWhileOut(t *testing.T) {
	tests := []struct {
		name string
		c    Config
		want uint64
	}{
		{"frames", Config{Limit: 3}, 3},
		{"octets", Config{LimitBytes: 250}, 2},
		{"octets, delayed", Config{Delay: 1, LimitBytes: 250}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, "off")
			if err := b.Set(tt.c); err != nil {
				t.Fatal(err)
			}
			b.check = func(*link.Frame) { // the first frame is in Out
				b.check = nil
				for id := range 5 {
					b.send(id, 100)
					b.clock.advance(1)
				}
			}
			b.send(9, 100)
			b.clock.advance(1)
			if s := b.Stats(); s.Passed != 1+tt.want || s.Drops.Limit != 5-tt.want {
				t.Errorf("Stats = %+v, want %d passed", s, 1+tt.want)
			}
			b.send(10, 100) // there is room again
			b.clock.advance(1)
			if s := b.Stats(); s.Passed != 2+tt.want {
				t.Errorf("afterwards: Stats = %+v, want %d passed", s, 2+tt.want)
			}
		})
	}
}

func TestClose(t *testing.T) {
	b := newBench(t, "delay=1s,rate=8kbit")
	for id := range 5 {
		b.send(id, 1000)
		b.clock.advance(1100 * ms)
	}
	n := len(b.got)
	b.Close()
	if got := b.Write([]link.Frame{marked(9, 60)}); got != 0 {
		t.Errorf("Write after Close = %d", got)
	}
	b.clock.advance(time.Minute)
	if len(b.got) != n {
		t.Error("frames came out after Close")
	}
	if err := b.Set(Config{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Set after Close = %v", err)
	}
	if s := b.Stats(); s.Held != 0 || s.Drops.Closed != uint64(6-n) {
		t.Errorf("Stats = %+v", s)
	}
}

func TestNewLineErrors(t *testing.T) {
	if _, err := NewLine(Config{}, LineConfig{}); err == nil {
		t.Error("a line without Out was made")
	}
	if _, err := NewLine(Config{Loss: 2}, LineConfig{Out: func([]link.Frame) {}}); err == nil {
		t.Error("a line that loses 200% was made")
	}
	b := newBench(t, "loss=1%")
	if err := b.Set(Config{Delay: -1}); err == nil || b.Config().Loss != 0.01 {
		t.Errorf("Set of a bad configuration = %v, leaves %v", err, b.Config())
	}
}

// TestLoop: a line whose output writes to it again is a storm with bounds, not a deadlock.
func TestLoop(t *testing.T) {
	for _, text := range []string{"off", "loss=1%", "delay=1ms", "limit=10,duplicate=100%"} {
		var l *Line
		calls, inside := 0, false
		clock := newClock()
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		l, err = NewLine(c, LineConfig{Clock: clock, Out: func(f []link.Frame) {
			if inside {
				t.Error("Out was called inside of Out")
			}
			inside = true
			if calls++; calls < 100 {
				l.Write(f)
			} else {
				link.ReleaseAll(f)
			}
			inside = false
		}})
		if err != nil {
			t.Fatal(err)
		}
		l.Write([]link.Frame{marked(1, 60)})
		clock.advance(time.Second)
		l.Close()
		if calls < 100 {
			t.Errorf("%s: %d calls", text, calls)
		}
		if s := l.Stats(); s.Frames+s.Duplicated != s.Passed+s.Drops.Total() {
			t.Errorf("%s: %+v", text, s)
		}
	}
}
