package tap

import (
	"fmt"
	"testing"

	"tapestry/link"
	"tapestry/link/packet"
)

// BenchmarkWrite writes to the kernel, which throws the frames away.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{60, 1514} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := open(b, Config{})
			bringUp(b, d.Info().Name)
			q, f := d.Queues()[0], make([]link.Frame, 1)
			kept := link.NewFrame(make([]byte, n))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				f[0] = kept.Clone()
				if q.WriteFrames(f) != 1 {
					b.Fatal("dropped")
				}
			}
		})
	}
}

// BenchmarkRead reads what a packet socket on the kernel's side sends, one frame at a time.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{60, 1514} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := open(b, Config{})
			bringUp(b, d.Info().Name)
			peer, err := packet.Open(packet.Config{Interface: d.Info().Name})
			if err != nil {
				b.Fatal(err)
			}
			defer peer.Close()
			q, f := d.Queues()[0], make([]link.Frame, 1)
			kept := link.NewFrame(make([]byte, n))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				f[0] = kept.Clone()
				if peer.Queues()[0].WriteFrames(f) != 1 {
					b.Fatal("dropped")
				}
				if _, err := q.ReadFrames(f); err != nil {
					b.Fatal(err)
				}
				f[0].Release()
			}
		})
	}
}
