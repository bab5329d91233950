package xdp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
	"tapestry/link"
)

// TestOneKick holds that what is written at once leaves by one system call, where the kernel can be told so.
func TestOneKick(t *testing.T) {
	from, to := pair(t, 1500, Config{})
	kept := link.NewFrame(experiment(others, 1))
	defer kept.Release()
	const n = 256
	pass(t, from.Queues()[0], to.Queues()[0], &kept, make([]link.Frame, n))
	most := uint64(1)
	if from.queues[0].batch == defaultBatch {
		most = n/defaultBatch + 2
	}
	if got := from.QueueStats()[0].Kicks; got > most {
		t.Errorf("%d system calls for %d frames, want at most %d", got, n, most)
	}
}

// window is how many datagrams the benchmark of echoes has in flight.
const window = 64

// BenchmarkEcho has the machine's kernel send datagrams of 64 octets and get them back; one operation is a window of them.
// "raw" is the limit of AF_XDP in copy mode: a thread that swaps the addresses where the frame lies, and puts its chunk
// into the transmit ring. "device" is the same with ReadFrames and WriteFrames, "host" a stack that answers inline.
func BenchmarkEcho(b *testing.B) {
	for _, tt := range []struct {
		name  string
		start func(*testing.B, string)
	}{{"raw", startRaw}, {"device", startDevice}, {"host", startHost}} {
		b.Run(tt.name, func(b *testing.B) {
			one, two := veth(b, 1500, 1)
			f := newFar(b, two, "198.51.100.1/24")
			tt.start(b, one)
			l, err := net.InterfaceByName(one)
			if err != nil {
				b.Fatal(err)
			}
			f.command(b, "ip", "neigh", "replace", "198.51.100.2", "lladdr", l.HardwareAddr.String(), "dev", two)
			exchange64(b, f)
		})
	}
}

// exchange64 sends windows of datagrams and counts what comes back.
func exchange64(b *testing.B, f *far) {
	var c net.Conn
	var err error
	f.do(func() { c, err = net.Dial("udp", "198.51.100.2:7") })
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p := ipv4.NewPacketConn(c.(*net.UDPConn))
	out, in := make([]ipv4.Message, window), make([]ipv4.Message, window)
	for i := range out {
		out[i].Buffers, in[i].Buffers = [][]byte{make([]byte, 64)}, [][]byte{make([]byte, 128)}
	}
	for b.Loop() {
		p.SetDeadline(time.Now().Add(10 * time.Second))
		for sent := 0; sent < window; {
			n, err := p.WriteBatch(out[sent:], 0)
			if err != nil {
				b.Fatal(err)
			}
			sent += n
		}
		for got := 0; got < window; {
			n, err := p.ReadBatch(in, 0)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
	}
	b.ReportMetric(float64(window*b.N)/b.Elapsed().Seconds(), "datagrams/s")
}

func startHost(b *testing.B, name string) {
	h := newHost(b, open(b, Config{Interface: name}))
	c, err := h.Inline("udp", "198.51.100.2:7", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		return append(reply, request...)
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
}

// startDevice answers each frame by a new one.
func startDevice(b *testing.B, name string) {
	d := open(b, Config{Interface: name})
	q := d.Queues()[0]
	go func() {
		f, octets := make([]link.Frame, window), make([]byte, 2048)
		for {
			n, err := q.ReadFrames(f)
			if err != nil {
				return
			}
			for i := range f[:n] {
				octets = f[i].AppendTo(octets[:0])
				turn(octets)
				f[i].Release()
				f[i] = link.NewFrame(octets)
			}
			q.WriteFrames(f[:n])
		}
	}()
}

// turn has a datagram go back. It reports whether it is one; no checksum changes.
func turn(b []byte) bool {
	if len(b) < 42 || b[12] != 8 || b[13] != 0 || b[23] != 17 {
		return false
	}
	for _, s := range []struct{ one, other, n int }{{0, 6, 6}, {26, 30, 4}, {34, 36, 2}} {
		var kept [6]byte
		copy(kept[:], b[s.one:s.one+s.n])
		copy(b[s.one:], b[s.other:s.other+s.n])
		copy(b[s.other:], kept[:s.n])
	}
	return true
}

// startRaw answers on a thread of its own, until the test closes the socket's device.
func startRaw(b *testing.B, name string) {
	d := open(b, Config{Interface: name})
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		d.queues[0].raw.Control(func(fd uintptr) { rawLoop(d.queues[0].socket, int(fd), stop) })
	}()
	b.Cleanup(func() { close(stop); <-done })
}

func rawLoop(s *socket, fd int, stop <-chan struct{}) {
	wait := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n := s.rx.ready()
		if n == 0 {
			select {
			case <-stop:
				return
			default:
			}
			unix.Poll(wait, 50)
			continue
		}
		for i := range n {
			d := *s.rx.at(i)
			if turn(s.umem[d.Addr : d.Addr+uint64(d.Len)]) {
				s.tx.push(unix.XDPDesc{Addr: d.Addr, Len: d.Len})
			} else {
				s.fill.push(d.Addr &^ uint64(s.chunk-1))
			}
		}
		s.rx.release(n)
		s.tx.publish()
		for s.tx.pending() > 0 {
			unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
		}
		n = s.done.ready()
		for i := range n {
			s.fill.push(*s.done.at(i) &^ uint64(s.chunk-1))
		}
		s.done.release(n)
		s.fill.publish()
	}
}
