package impair

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapestry/link"
)

// randomText is a configuration that changes some keys.
func randomText(r *rand.Rand) string {
	all := []string{
		"loss=20%", "loss=0", "burst=4", "burst=0", "duplicate=30%", "duplicate=0", "delay=5ms", "delay=50ms",
		"jitter=20ms", "jitter=0", "distribution=pareto", "correlation=90%", "rate=1mbit", "rate=0", "rate=1gbit", "queue=5",
		"discipline=codel", "discipline=tail", "mtu=500", "mtu=0", "limit=10", "limit_bytes=3000", "cut=5ms@5ms/20ms", "cut=0", "off",
	}
	return all[r.IntN(len(all))]
}

// TestRandom does all kinds of things in any order. Each frame is accounted for, order is kept without reordering, none
// comes out twice more than it was doubled, and in the end the line is as good as new.
func TestRandom(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := newSeeded(t, "off", int64(seed))
		for id := range 500 {
			switch r.IntN(20) {
			case 0, 1:
				b.set(randomText(r))
			case 2:
				b.SetUp(r.IntN(2) == 0)
			case 3:
				b.Cut(time.Duration(r.IntN(10)) * ms)
			case 4, 5, 6:
				b.clock.advance(time.Duration(r.IntN(20_000)) * time.Microsecond)
			default:
				b.send(id, 18+r.IntN(1500))
			}
			b.conserves()
		}
		b.set("off")
		b.SetUp(true)
		if s := b.Stats(); s.Held != 0 || !b.plain.Load() || len(b.clock.timers) != 0 {
			t.Errorf("seed %d: after off: %+v, %d timers", seed, s, len(b.clock.timers))
		}
		if !slices.IsSorted(b.ids()) {
			t.Errorf("seed %d: frames came out of order: %v", seed, b.ids())
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// TestTogether writes, changes, reads and closes at the same time on the system's clock: for the race detector. Out is
// alone, and each writer's frames are in order.
func TestTogether(t *testing.T) {
	var inside atomic.Int32
	var last [4]int
	out := func(f []link.Frame) {
		if inside.Add(1) != 1 {
			t.Error("Out was called twice at the same time")
		}
		for i := range f {
			var id [4]byte
			f[i].Data.ReadAt(id[:], 14)
			writer, seq := int(id[0]), int(id[2])<<8|int(id[3])
			if seq < last[writer] {
				t.Errorf("writer %d: frame %d came after %d", writer, seq, last[writer])
			}
			last[writer] = seq
		}
		link.ReleaseAll(f)
		inside.Add(-1)
	}
	l, err := NewLine(Config{}, LineConfig{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for seq := range 2000 {
				l.Write([]link.Frame{marked(w<<24|seq, 60), marked(w<<24|seq, 60)})
			}
		})
	}
	wg.Go(func() {
		for _, text := range []string{"delay=100us", "loss=1%,rate=1gbit", "off", "delay=50us,jitter=50us,duplicate=10%", "off", "cut=1us@1us/10us"} {
			for range 20 {
				c, err := Parse(text)
				if err != nil || l.Set(c) != nil {
					t.Errorf("%s: %v", text, err)
				}
				_ = fmt.Sprint(l.Stats(), l.Config(), l.IsUp())
			}
		}
	})
	wg.Wait()
	l.Close()
	if s := l.Stats(); s.Frames != 16000 || s.Frames+s.Duplicated != s.Passed+s.Drops.Total() {
		t.Errorf("Stats = %+v", s)
	}
}
