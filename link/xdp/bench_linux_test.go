package xdp

import (
	"fmt"
	"io"
	"net"
	"testing"

	"tapestry/link"
	"tapestry/link/packet"
	"tapestry/stack"
)

// pair opens devices on both ends of a wire, each of which takes every frame.
func pair(t testing.TB, mtu int, c Config) (from, to *Device) {
	a, b := veth(t, mtu, 1)
	c.All = true
	c.Interface = a
	from = open(t, c)
	c.Interface = b
	return from, open(t, c)
}

// pass writes clones of kept and reads them at the far end.
func pass(t testing.TB, from, to link.Queue, kept *link.Frame, f []link.Frame) {
	for i := range f {
		f[i] = kept.Clone()
	}
	if n := from.WriteFrames(f); n != len(f) {
		t.Fatalf("%d of %d left", n, len(f))
	}
	for got := 0; got < len(f); {
		n, err := to.ReadFrames(f)
		if err != nil {
			t.Fatal(err)
		}
		link.ReleaseAll(f[:n])
		got += n
	}
}

// TestNoAllocation holds that the data path makes no garbage.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	from, to := pair(t, 1500, Config{})
	kept := link.NewFrame(experiment(others, 1))
	defer kept.Release()
	f, out, in := make([]link.Frame, 16), from.Queues()[0], to.Queues()[0]
	if n := testing.AllocsPerRun(200, func() { pass(t, out, in, &kept, f) }); n > 0.5 {
		t.Errorf("%v allocations for 16 frames there and read, want none", n)
	}
}

// BenchmarkPass sends bursts of frames through a veth pair, both ends AF_XDP.
func BenchmarkPass(b *testing.B) {
	for _, n := range []int{60, 1514} {
		for _, burst := range []int{1, 32} {
			b.Run(fmt.Sprintf("%d/burst=%d", n, burst), func(b *testing.B) {
				from, to := pair(b, 1500, Config{})
				bench(b, from, to, n, burst)
			})
		}
	}
	b.Run("9014/burst=32", func(b *testing.B) {
		from, to := pair(b, 9000, Config{})
		bench(b, from, to, 9014, 32)
	})
}

// BenchmarkPacket is the same with AF_PACKET, whose frames have no virtio-net header.
func BenchmarkPacket(b *testing.B) {
	for _, n := range []int{60, 1514} {
		b.Run(fmt.Sprintf("%d/burst=32", n), func(b *testing.B) {
			one, two := veth(b, 1500, 1)
			from, err := packet.Open(packet.Config{Interface: one, NoVnetHdr: true})
			if err != nil {
				b.Fatal(err)
			}
			defer from.Close()
			to, err := packet.Open(packet.Config{Interface: two, NoVnetHdr: true})
			if err != nil {
				b.Fatal(err)
			}
			defer to.Close()
			bench(b, from, to, n, 32)
		})
	}
}

func bench(b *testing.B, from, to link.Device, n, burst int) {
	f, out, in := make([]link.Frame, burst), from.Queues()[0], to.Queues()[0]
	octets := make([]byte, n)
	copy(octets, experiment(others, 1))
	kept := link.NewFrame(octets)
	defer kept.Release()
	b.SetBytes(int64(n * burst))
	b.ReportAllocs()
	for b.Loop() {
		pass(b, out, in, &kept, f)
	}
	b.ReportMetric(float64(burst*b.N)/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkBulk moves octets between a host and the machine's kernel, whose segmentation offload is off: one operation is
// 256 KiB.
func BenchmarkBulk(b *testing.B) {
	for _, c := range []struct {
		name string
		mtu  int
		c    Config
		out  bool
	}{
		{"out/mtu=1500", 1500, Config{}, true},
		{"out/mtu=1500/nosuper", 1500, Config{NoSuper: true}, true},
		{"out/mtu=9000", 9000, Config{}, true},
		{"in/mtu=1500", 1500, Config{}, false},
		{"in/mtu=9000", 9000, Config{}, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			one, two := veth(b, c.mtu, 1)
			f := newFar(b, two, "198.51.100.1/24")
			c.c.Interface = one
			kernel, ours := connect(b, f, newHost(b, open(b, c.c)))
			if c.out {
				bulk(b, ours, kernel)
			} else {
				bulk(b, kernel, ours)
			}
		})
	}
}

// connect makes a TCP connection from the host to the kernel.
func connect(b *testing.B, f *far, h *stack.Host) (kernel, ours net.Conn) {
	var l net.Listener
	var err error
	f.do(func() { l, err = net.Listen("tcp", "198.51.100.1:7000") })
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if ours, err = h.DialContext(b.Context(), "tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if kernel, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ours.Close(); kernel.Close() })
	return kernel, ours
}

func bulk(b *testing.B, from, to net.Conn) {
	chunk, in := make([]byte, 256<<10), make([]byte, 256<<10)
	b.SetBytes(int64(len(chunk)))
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := from.Write(chunk); err != nil {
				return
			}
		}
	}()
	for b.Loop() {
		if _, err := io.ReadFull(to, in); err != nil {
			b.Fatal(err)
		}
	}
	close(stop)
	from.Close()
	to.Close()
	<-done
}
