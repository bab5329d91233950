package tap

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tapestry/link"
)

// eachQueues runs a benchmark with one queue, two that the program steers, and two that the kernel does.
func eachQueues(b *testing.B, run func(b *testing.B, c Config)) {
	for _, bb := range []struct {
		name   string
		config Config
	}{
		{"queues=1", Config{}},
		{"queues=2", Config{Queues: 2}},
		{"queues=2-builtin", Config{Queues: 2, NoSteering: true}},
		{"queues=1-filter", Config{Accept: &Accept{}}},
	} {
		b.Run(bb.name, func(b *testing.B) { run(b, bb.config) })
	}
}

// serve has a goroutine for each queue hand its frames to f, until the device is closed.
func serve(b *testing.B, d *Device, f func(q link.Queue, frames []link.Frame)) {
	var readers sync.WaitGroup
	for _, q := range d.Queues() {
		readers.Go(func() {
			frames := make([]link.Frame, 64)
			for {
				n, err := q.ReadFrames(frames)
				if err != nil {
					return
				}
				f(q, frames[:n])
			}
		})
	}
	b.Cleanup(func() {
		d.Close()
		readers.Wait()
	})
}

// checkSpread holds that all queues worked, if we are who spreads.
func checkSpread(b *testing.B, d *Device) {
	if b.N < 1000 || d.Help().Steering.By != Program {
		return
	}
	for q, s := range d.QueueStats() {
		if s.RxFrames < uint64(b.N/20) {
			b.Errorf("queue %d received %d frames of %d", q, s.RxFrames, b.N)
		}
	}
}

// flowsOnAll opens n sockets of the kernel's whose flows have all queues in turn.
func flowsOnAll(b *testing.B, d *Device, n int) []*net.UDPConn {
	var conns []*net.UDPConn
	for len(conns) < n {
		c := kernelUDP(b, station4, 9)
		c.SetDeadline(time.Time{})
		f := udp{src: c.LocalAddr().(*net.UDPAddr).AddrPort(), dst: netip.AddrPortFrom(station4, 9)}.frame(0)
		if d.QueueOf(&f) == len(conns)%len(d.queues) {
			conns = append(conns, c)
		}
	}
	return conns
}

// cpuTime is what the process has used, with what the kernel did for it on both sides of the device. On a machine that
// has other work to do it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkReceive has two threads of the kernel's side send datagrams as fast as the readers take them.
func BenchmarkReceive(b *testing.B) {
	for _, bb := range []struct{ payload, segment int }{{64, 0}, {1400, 0}, {44 * 1452, 1452}} {
		b.Run(fmt.Sprint("payload=", bb.payload), func(b *testing.B) {
			eachQueues(b, func(b *testing.B, c Config) {
				d := withKernel(b, c)
				serve(b, d, func(_ link.Queue, f []link.Frame) { link.ReleaseAll(f) })
				conns := flowsOnAll(b, d, 2)
				before, cpu := d.Stats(), cpuTime(b)
				b.ResetTimer()
				var senders sync.WaitGroup
				for i, c := range conns {
					if bb.segment > 0 {
						setsockopt(b, c, unix.UDP_SEGMENT, bb.segment)
					}
					senders.Go(func() {
						for msg := make([]byte, bb.payload); i < b.N; i += len(conns) {
							c.Write(msg) // a full queue drops; only what arrives counts
						}
					})
				}
				senders.Wait()
				b.StopTimer()
				frames := float64(d.Stats().RxFrames - before.RxFrames)
				b.ReportMetric(frames/b.Elapsed().Seconds(), "frames/s")
				b.ReportMetric(float64(cpuTime(b)-cpu)/frames, "cpu-ns/frame")
				b.ReportMetric(0, "ns/op") // counts what a full queue dropped
				checkSpread(b, d)
			})
		})
	}
}

// BenchmarkSend writes super-frames of UDP, which the kernel's socket reads: whole, cut by the kernel, or cut here.
func BenchmarkSend(b *testing.B) {
	const size, count = 1452, 44
	for _, bb := range []struct {
		name   string
		config Config
		gro    int
	}{{"uso, gro", Config{}, 1}, {"uso", Config{}, 0}, {"software", Config{NoUSO: true}, 0}, {"plain", Config{NoVnetHdr: true}, 0}} {
		b.Run(bb.name, func(b *testing.B) {
			d := withKernel(b, bb.config)
			c := kernelUDP(b, station4, 9)
			setsockopt(b, c, unix.UDP_GRO, bb.gro)
			p := udp{from: d.Info().Addr, to: hardwareAddr(b, d), dst: c.LocalAddr().(*net.UDPAddr).AddrPort(),
				src: netip.AddrPortFrom(station4, 9), payload: pattern(size * count)}
			kept := p.frame(size)
			q, f, buf, cpu := d.Queues()[0], make([]link.Frame, 1), make([]byte, 1<<16), cpuTime(b)
			b.SetBytes(size * count)
			b.ReportAllocs()
			for b.Loop() {
				f[0] = kept.Clone()
				if q.WriteFrames(f) != 1 {
					b.Fatal("dropped")
				}
				for got := 0; got < size*count; {
					n, err := c.Read(buf)
					if err != nil {
						b.Fatal(err)
					}
					got += n
				}
			}
			b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
			kept.Release()
		})
	}
}

// BenchmarkEcho has sockets of the kernel's wait for the echo of each datagram.
func BenchmarkEcho(b *testing.B) {
	for _, flows := range []int{1, 2, 16} {
		b.Run(fmt.Sprint("flows=", flows), func(b *testing.B) {
			eachQueues(b, func(b *testing.B, c Config) {
				d := withKernel(b, c)
				serve(b, d, echo)
				conns, cpu := flowsOnAll(b, d, flows), cpuTime(b)
				b.ResetTimer()
				var clients sync.WaitGroup
				for i, c := range conns {
					clients.Go(func() {
						for msg := make([]byte, 64); i < b.N; i += len(conns) {
							if _, err := c.Write(msg); err != nil {
								b.Error(err)
							}
							if _, err := c.Read(msg); err != nil {
								b.Error(err)
							}
						}
					})
				}
				clients.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rtt/s")
				b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
				if flows > 1 {
					checkSpread(b, d)
				}
			})
		})
	}
}

// echo sends datagrams over IPv4 back on the queue that they came in on. Their checksums hold: addresses and ports change
// places.
func echo(q link.Queue, frames []link.Frame) {
	for i := range frames {
		f := &frames[i]
		head := f.Head()
		if len(head) < 42 || head[12] != 8 || head[13] != 0 || head[23] != protoUDP {
			continue
		}
		var b [42]byte
		copy(b[:], head)
		for _, s := range []struct{ at, n int }{{0, 6}, {26, 4}, {34, 2}} {
			copy(b[s.at:], head[s.at+s.n:][:s.n])
			copy(b[s.at+s.n:], head[s.at:][:s.n])
		}
		f.Overwrite(0, b[:])
	}
	q.WriteFrames(frames)
}

// BenchmarkForward has the kernel talk TCP to itself through two devices, as TestKernelTCP does.
func BenchmarkForward(b *testing.B) {
	for _, streams := range []int{1, 4} {
		b.Run(fmt.Sprint("streams=", streams), func(b *testing.B) {
			eachQueues(b, func(b *testing.B, c Config) {
				if c.Accept != nil {
					b.Skip("frames are for the kernel's own address at the other end")
				}
				l := forwarded(b, c)
				const chunk = 64 << 10
				cpu := cpuTime(b)
				b.SetBytes(chunk)
				b.ResetTimer()
				var ends sync.WaitGroup
				for i := range streams {
					from, to := stream(b, l)
					ends.Go(func() {
						defer from.Close()
						for msg := make([]byte, chunk); i < b.N; i += streams {
							if _, err := from.Write(msg); err != nil {
								b.Error(err)
							}
						}
					})
					ends.Go(func() { io.Copy(io.Discard, struct{ io.Reader }{to}) })
				}
				ends.Wait()
				b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
			})
		})
	}
}

// forwarded makes the two devices and gives a listener at the far end.
func forwarded(b *testing.B, c Config) net.Listener {
	x, y := open(b, c), open(b, c)
	crossover(b, bringUp(b, x.Info().Name), bringUp(b, y.Info().Name), net.IP(kernel4.AsSlice()), net.IP(station4.AsSlice()))
	for _, d := range []struct{ from, to *Device }{{x, y}, {y, x}} {
		serve(b, d.from, func(_ link.Queue, f []link.Frame) {
			for i := range f {
				d.to.Queues()[d.to.QueueOf(&f[i])].WriteFrames(f[i : i+1])
			}
		})
	}
	l, err := net.Listen("tcp", netip.AddrPortFrom(station4, 0).String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// stream makes a connection and gives both ends.
func stream(b *testing.B, l net.Listener) (from, to net.Conn) {
	from, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: kernel4.AsSlice()}, Timeout: patience}).Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	if to, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { to.Close() })
	return from, to
}
