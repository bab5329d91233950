package impair

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// lostRuns sends n frames and gives the lengths of the runs of losses.
func lostRuns(b *bench, n int) (runs []int, lost int) {
	for id := range n {
		b.send(id, 18)
	}
	last := -1
	for _, a := range append(b.got, arrival{id: n}) {
		if gap := a.id - last - 1; gap > 0 {
			runs = append(runs, gap)
			lost += gap
		}
		last = a.id
	}
	return runs, lost
}

func TestLoss(t *testing.T) {
	const n = 100_000
	tests := []struct {
		text      string
		loss, run float64 // that are to be expected
	}{
		{"loss=0%", 0, 0},
		{"loss=1%", 0.01, 1 / 0.99},
		{"loss=30%", 0.3, 1 / 0.7},
		{"loss=100%", 1, n},
		{"loss=5%,burst=3", 0.05, 3},
		{"loss=1%,burst=10", 0.01, 10},
		{"loss=50%,burst=1", 0.5, 1}, // every other frame
		{"loss=80%,burst=8", 0.8, 8},
		{"loss=100%,burst=3", 1, n},
		{"gilbert=1%/25%", 0.01 / 0.26, 4},
		{"gilbert=2%/20%/50%/1%", (0.02*0.5 + 0.2*0.01) / 0.22, 0},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			b := newBench(t, tt.text)
			runs, lost := lostRuns(b, n)
			if d := b.Stats().Drops.Loss; d != uint64(lost) {
				t.Errorf("%d lost, %d counted", lost, d)
			}
			// Five standard deviations of a count whose runs stay together.
			bound := 5 * math.Sqrt(n*tt.loss*(1-tt.loss)*max(1, 2*tt.run)) / n
			if got := float64(lost) / n; math.Abs(got-tt.loss) > bound {
				t.Errorf("%.4f of all were lost, want %.4f ± %.4f", got, tt.loss, bound)
			}
			if mean := float64(lost) / max(1, float64(len(runs))); tt.run > 0 && math.Abs(mean/tt.run-1) > 0.05 {
				t.Errorf("runs of %.3f frames, want %.3f", mean, tt.run)
			}
		})
	}
}

// TestFirstFrame: bursts begin as they go on, so that short runs are as lossy as long ones.
func TestFirstFrame(t *testing.T) {
	lost := 0
	for seed := range 2000 {
		b := newSeeded(t, "loss=20%,burst=5", int64(seed))
		b.send(1, 60)
		lost += 1 - len(b.got)
	}
	if lost < 330 || lost > 470 {
		t.Errorf("%d of 2000 first frames were lost, want 400", lost)
	}
}

// TestNewModel: other parameters begin in a state of their own.
func TestNewModel(t *testing.T) {
	b := newBench(t, "gilbert=100%/0%")
	b.send(1, 60)
	b.send(2, 60)
	b.set("gilbert=0%/0.0001%")
	b.send(3, 60)
	b.want(arrival{3, 0})
}

// drawDelays draws n delays of a configuration.
func drawDelays(t *testing.T, text string, n int) []float64 {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, d, all := chances{seed: 7}, delays{}, make([]float64, n)
	for i := range all {
		all[i] = float64(d.draw(&s, &c))
	}
	return all
}

func moments(all []float64) (mean, deviation, correlation float64) {
	for _, x := range all {
		mean += x / float64(len(all))
	}
	product := 0.0
	for i, x := range all {
		deviation += (x - mean) * (x - mean) / float64(len(all))
		if i > 0 {
			product += (x - mean) * (all[i-1] - mean) / float64(len(all))
		}
	}
	return mean, math.Sqrt(deviation), product / deviation
}

// TestDistributions holds mean, deviation and some quantiles, with and without correlation.
func TestDistributions(t *testing.T) {
	type quantile struct{ share, deviations float64 }
	tests := []struct {
		name      string
		deviation float64 // in units of Jitter
		tolerance float64 // of the deviation
		quantiles []quantile
	}{
		{"uniform", 1 / math.Sqrt(3), 0.01, []quantile{{0, -1}, {0.25, -0.5}, {0.5, 0}, {0.9, 0.8}, {1, 1}}},
		{"normal", 1, 0.01, []quantile{{0.1587, -1}, {0.5, 0}, {0.8413, 1}, {0.9772, 2}}},
		// 1-(1.5+0.866 z)^-3 are below z; the fourth moment has no bound, so the deviation is rough.
		{"pareto", 1, 0.15, []quantile{{0, -0.5774}, {0.5, -0.2772}, {0.9, 0.7557}, {0.99, 3.6276}}},
	}
	const mean, jitter, n = 100e6, 4e6, 200_000 // nanoseconds
	for _, tt := range tests {
		for _, correlation := range []string{"0%", "50%"} {
			t.Run(tt.name+" "+correlation, func(t *testing.T) {
				all := drawDelays(t, fmt.Sprintf("delay=100ms,jitter=4ms,distribution=%s,correlation=%s", tt.name, correlation), n)
				m, d, c := moments(all)
				if math.Abs(m-mean) > 0.02*jitter || math.Abs(d/jitter/tt.deviation-1) > tt.tolerance {
					t.Errorf("mean %.0f ± %.0f ns, want %.0f ± %.0f", m, d, mean, tt.deviation*jitter)
				}
				if want := map[string]float64{"0%": 0, "50%": 0.5}[correlation]; math.Abs(c-want) > 0.02 && tt.name != "pareto" {
					t.Errorf("correlation %.3f, want %.1f", c, want)
				}
				slices.Sort(all)
				for _, q := range tt.quantiles {
					got := (all[int(q.share*(n-1))] - mean) / jitter
					if math.Abs(got-q.deviations) > 0.03*max(1, math.Abs(q.deviations)) {
						t.Errorf("%g of all are below %.4f deviations, want %.4f", q.share, got, q.deviations)
					}
				}
			})
		}
	}
}

func TestNoNegativeDelay(t *testing.T) {
	for _, d := range distributions {
		for _, c := range []string{"0%", "100%"} {
			for _, x := range drawDelays(t, "delay=1ms,jitter=1h,correlation="+c+",distribution="+d, 10000) {
				if x < 0 {
					t.Fatalf("%s: a delay of %v", d, time.Duration(x))
				}
			}
		}
	}
	c := Config{Delay: maxDuration, Jitter: maxDuration, Distribution: Pareto}
	s, d := chances{}, delays{}
	for range 10000 {
		if x := d.draw(&s, &c); x < 0 {
			t.Fatalf("the longest delay overflows: %v", x)
		}
	}
}

// TestStreams: one kind of chance does not disturb another, so that runs can be compared.
func TestStreams(t *testing.T) {
	lost := func(text string) []int {
		b := newBench(t, text)
		for id := range 2000 {
			b.send(id, 60)
			b.clock.advance(ms)
		}
		b.clock.advance(time.Hour)
		return slices.Compact(slices.Sorted(slices.Values(b.ids())))
	}
	want := lost("loss=10%")
	for _, text := range []string{"loss=10%,delay=5ms,jitter=3ms", "loss=10%,duplicate=20%", "loss=10%,delay=5ms,reorder=30%"} {
		if got := lost(text); !slices.Equal(got, want) {
			t.Errorf("%s loses other frames than loss=10%% alone", text)
		}
	}
}

// everything sets all kinds of decisions.
const everything = "loss=5%,burst=2,duplicate=3%,corrupt=4%,delay=10ms,jitter=5ms,distribution=pareto,correlation=25%,reorder=10%," +
	"rate=10mbit,queue=50,discipline=codel,target=1ms,interval=20ms,mtu=1000,limit=80,cut=20ms@100ms/300ms"

// TestSameSeed: the same seed gives the same frames at the same times, another seed others.
func TestSameSeed(t *testing.T) {
	run := func(seed int64) []arrival {
		b := newSeeded(t, everything, seed)
		for id := range 5000 {
			b.send(id, 60+id%1000)
			b.clock.advance(time.Duration(id%7) * 100 * time.Microsecond)
		}
		b.clock.advance(time.Minute)
		b.conserves()
		return b.got
	}
	first := run(42)
	for range 3 {
		if !slices.Equal(run(42), first) {
			t.Fatal("two runs of one seed differ")
		}
	}
	for _, seed := range []int64{0, 43, -42} {
		if slices.Equal(run(seed), first) {
			t.Errorf("seeds 42 and %d give the same run", seed)
		}
	}
	if len(first) < 2000 {
		t.Errorf("%d frames came, want a run that shows something", len(first))
	}
}
