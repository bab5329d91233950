package segment

import (
	"fmt"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// addr is the address of station n of the tests.
func addr(n int) ethernet.Addr {
	return ethernet.Addr{0x02, 0, 0x5e, byte(n >> 16), byte(n >> 8), byte(n)}
}

// octets is a frame of length octets.
func octets(to, from ethernet.Addr, length int) []byte {
	b, err := ethernet.Fields{Destination: to, Source: from, Type: 0x88b5}.AppendTo(nil, 0)
	if err != nil {
		panic(err)
	}
	return append(b, make([]byte, max(0, length-len(b)))...)
}

// bed is a switch with devices, two of which know each other.
func bed(t testing.TB, ports int, c PortConfig) (a, b *Device) {
	s := newSegment(t, Config{})
	d := make([]*Device, ports)
	for i := range d {
		var err error
		if d[i], err = s.NewDevice(c); err != nil {
			t.Fatal(err)
		}
	}
	a, b = d[0], d[ports-1]
	for i, from := range []*Device{a, b} {
		to := []*Device{b, a}[i]
		from.WriteFrames([]link.Frame{link.NewFrame(octets(addr(1-i), addr(i), 60))})
		f := make([]link.Frame, 1)
		if n, err := to.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
		f[0].Release()
	}
	return a, b
}

// BenchmarkUnicast is one frame at a time from one station to another, with quiet ones beside.
func BenchmarkUnicast(b *testing.B) {
	for _, ports := range []int{2, 1000} {
		for _, size := range []int{64, 1514} {
			b.Run(fmt.Sprintf("ports=%d/octets=%d", ports, size), func(b *testing.B) {
				from, to := bed(b, ports, PortConfig{})
				f := []link.Frame{link.NewFrame(octets(addr(1), addr(0), size))}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					from.WriteFrames(f)
					if _, err := to.ReadFrames(f); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mframes/s")
			})
		}
	}
}

// BenchmarkStream has a writer and a reader at work at a time, in batches, as two hosts are: on a switch, and on a
// cable to compare with.
func BenchmarkStream(b *testing.B) {
	for _, tt := range []struct {
		name  string
		frame func() link.Frame
	}{
		{"octets=64", func() link.Frame { return link.NewFrame(octets(addr(1), addr(0), 64)) }},
		{"octets=1514", func() link.Frame { return link.NewFrame(octets(addr(1), addr(0), 1514)) }},
		{"super-frame", func() link.Frame { return superFrame(addr(1), addr(0), 44*1448, 1448) }},
	} {
		b.Run(tt.name+"/switch", func(b *testing.B) {
			from, to := bed(b, 2, PortConfig{Offload: AllOffloads})
			stream(b, from, to, tt.frame())
		})
		b.Run(tt.name+"/pipe", func(b *testing.B) {
			from, to := pipe.New(pipe.Config{Offload: AllOffloads})
			defer from.Close()
			defer to.Close()
			stream(b, from, to, tt.frame())
		})
	}
}

// BenchmarkFlood is a broadcast to many ports, by the port.
func BenchmarkFlood(b *testing.B) {
	const ports = 100
	s := newSegment(b, Config{})
	from := listen(b, s, PortConfig{})
	for range ports {
		if _, err := s.Attach(PortConfig{Out: link.ReleaseAll}); err != nil {
			b.Fatal(err)
		}
	}
	f := link.NewFrame(octets(ethernet.Broadcast, addr(0), 64))
	defer f.Release()
	b.ReportAllocs()
	for b.Loop() {
		from.Write([]link.Frame{f.Clone()})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ports, "ns/port")
}

// stream moves b.N frames like f.
func stream(b *testing.B, from, to endpoint, f link.Frame) {
	const batch = 32
	defer f.Release()
	free := make(chan struct{}, 128) // a window, so that nothing is dropped
	done := make(chan int)
	defer time.AfterFunc(time.Minute, func() { b.Error("frames were dropped"); to.Close() }).Stop()
	b.SetBytes(int64(f.Len()))
	n := b.N
	go func() {
		in, got := make([]link.Frame, batch), 0
		for got < n {
			k, err := to.ReadFrames(in)
			if err != nil {
				for range n - got {
					<-free
				}
				break
			}
			link.ReleaseAll(in[:k])
			got += k
			for range k {
				<-free
			}
		}
		done <- got
	}()
	out := make([]link.Frame, 0, batch)
	b.ResetTimer()
	for i := range n {
		free <- struct{}{}
		out = append(out, f.Clone())
		if len(out) == batch || i == n-1 {
			from.WriteFrames(out)
			out = out[:0]
		}
	}
	if got := <-done; got != n {
		b.Fatalf("%d frames came of %d", got, n)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mframes/s")
}

// superFrame is a TCP super-frame over IPv4 as a stack makes it.
func superFrame(to, from ethernet.Addr, payload, size int) link.Frame {
	b := octets(to, from, ethernet.HeaderLen+40+payload)
	b[12], b[13] = 0x08, 0x00
	ip := b[ethernet.HeaderLen:]
	ip[0], ip[2], ip[3], ip[8], ip[9] = 0x45, byte((40+payload)>>8), byte(40+payload), 64, 6
	copy(ip[12:], []byte{198, 51, 100, 1, 198, 51, 100, 2})
	ip[20+12], ip[20+13] = 5<<4, 0x10
	for i := range ip[40:] {
		ip[40+i] = byte(i * 7)
	}
	f := link.NewFrame(b)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset, f.GSO, f.GSOSize = true, 34, 16, link.GSOTCPv4, uint16(size)
	return f
}

// endpoint is a device that is its own queue.
type endpoint interface {
	link.Queue
	Close() error
}
