package spx

import (
	"io"
	"testing"
)

// BenchmarkBulk moves data from one stack to another on a cable in memory, in frames of Ethernet.
func BenchmarkBulk(b *testing.B) {
	for _, bb := range []struct {
		name      string
		maxPacket int
		config    Config
		write     int
	}{
		{"SPX2/1500/64K", 1500, Config{}, 64 << 10},
		{"SPX2/1500/packet", 1500, Config{}, 1456},
		{"SPX2/9000/64K", 9000, Config{}, 64 << 10},
		{"SPX/576/64K", 1500, Config{NoSPX2: true}, 64 << 10},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := newRig(b, bb.maxPacket, bb.config)
			from, to := r.pair(b)
			done := make(chan error)
			go func() {
				_, err := io.Copy(io.Discard, &onlyReader{to})
				done <- err
			}()
			buf := make([]byte, bb.write)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := from.Write(buf); err != nil {
					b.Fatal(err)
				}
			}
			if err := from.Close(); err != nil {
				b.Fatal(err)
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

type onlyReader struct{ io.Reader }

// BenchmarkRoundTrip is one message there and one back.
func BenchmarkRoundTrip(b *testing.B) {
	r := newRig(b, 1500, Config{})
	from, to := r.pair(b)
	go func() {
		buf := make([]byte, 1500)
		for {
			n, err := to.Read(buf)
			if err != nil {
				return
			}
			_, _ = to.Write(buf[:n])
		}
	}()
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := from.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(from, buf); err != nil {
			b.Fatal(err)
		}
	}
	_ = from.Close()
}
