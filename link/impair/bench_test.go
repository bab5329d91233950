package impair

import (
	"testing"

	"tapestry/link"
	"tapestry/link/pipe"
)

// turn is a line whose output stays where it was written from.
func turn(tb testing.TB, text string) (write func(), clock *fakeClock) {
	tb.Helper()
	c, err := Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	f, clock := make([]link.Frame, 1), newClock()
	kept := marked(1, 1514)
	tb.Cleanup(kept.Release)
	l, err := NewLine(c, LineConfig{Clock: clock, Out: link.ReleaseAll})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.Close)
	return func() {
		f[0] = kept.Clone()
		l.Write(f)
	}, clock
}

// TestNoAllocation: neither a perfect line takes memory nor, once it has what it needs, another.
func TestNoAllocation(t *testing.T) {
	for _, text := range []string{"off", "loss=10%", "loss=10%,burst=3", "mtu=1400", "delay=10ms", "delay=10ms,jitter=5ms,distribution=pareto",
		"rate=1gbit", "rate=1gbit,discipline=codel,delay=1ms"} {
		write, clock := turn(t, text)
		step := func() {
			write()
			clock.advance(ms)
		}
		for range 100 {
			step()
		}
		if got := testing.AllocsPerRun(1000, step); got != 0 {
			t.Errorf("%s: %v allocations a frame, want 0", text, got)
		}
	}
}

func BenchmarkLine(b *testing.B) {
	for _, text := range []string{"off", "loss=1%", "loss=1%,burst=3", "corrupt=1%", "mtu=1500", "delay=1ms", "delay=1ms,jitter=100us,distribution=normal",
		"rate=10gbit", "rate=10gbit,discipline=codel,delay=1ms"} {
		b.Run(text, func(b *testing.B) {
			write, clock := turn(b, text)
			b.SetBytes(1514)
			b.ReportAllocs()
			for b.Loop() {
				write()
				clock.advance(2000)
			}
		})
	}
}

// BenchmarkClone is what the other benchmarks do besides.
func BenchmarkClone(b *testing.B) {
	kept, clock := marked(1, 1514), newClock()
	b.ReportAllocs()
	for b.Loop() {
		f := kept.Clone()
		f.Release()
		clock.advance(2000)
	}
}

// BenchmarkDevice is a frame through a cable, bare and with a device around it.
func BenchmarkDevice(b *testing.B) {
	run := func(b *testing.B, d, peer link.Device) {
		f := []link.Frame{marked(1, 1514)}
		from, to := d.Queues()[0], peer.Queues()[0]
		b.SetBytes(1514)
		b.ReportAllocs()
		for b.Loop() {
			from.WriteFrames(f)
			if _, err := to.ReadFrames(f); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		d.Close()
		peer.Close()
	}
	b.Run("bare", func(b *testing.B) {
		d, peer := pipe.New(pipe.Config{})
		run(b, d, peer)
	})
	b.Run("perfect tx", func(b *testing.B) {
		d, peer := wrapped(b, DeviceConfig{}, pipe.Config{})
		run(b, d, peer)
	})
	b.Run("perfect rx", func(b *testing.B) {
		d, peer := wrapped(b, DeviceConfig{}, pipe.Config{})
		run(b, peer, d)
	})
	b.Run("mtu tx", func(b *testing.B) {
		d, peer := wrapped(b, DeviceConfig{Tx: Config{MTU: 1500}}, pipe.Config{})
		run(b, d, peer)
	})
}
