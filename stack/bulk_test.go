package stack

import (
	"bytes"
	"io"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/pipe"
	"tapestry/link/segment"
)

// cabled makes two hosts on a cable and gives its ends too.
func cabled(t testing.TB, o link.Offload) (alpha, beta *Host, a, b *pipe.End) {
	t.Helper()
	a, b = pipe.New(pipe.Config{Offload: o, Names: [2]string{"eth0", "eth0"}})
	return hostOn(t, a, "alpha", host4, host6), hostOn(t, b, "beta", peer4, peer6), a, b
}

// hostOn makes a host on a device; it is closed with the test.
func hostOn(t testing.TB, dev link.Device, name string, as ...netip.Addr) *Host {
	t.Helper()
	h, err := New(Config{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	ps := []netip.Prefix{netip.PrefixFrom(as[0], 24), netip.PrefixFrom(as[1], 64)}
	if _, err := h.AddInterface(dev, InterfaceConfig{Addresses: ps}); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestOffloadGoesAway: connections outlive the offloads that they were made with, and get along without those that
// came later. New ones are made with what there is.
func TestOffloadGoesAway(t *testing.T) {
	steps := []link.Offload{pipe.AllOffloads, 0, link.OffloadChecksum, link.OffloadTSO4 | link.OffloadChecksum, pipe.AllOffloads}
	for _, to := range []netip.Addr{peer4, peer6} {
		alpha, beta, a, _ := cabled(t, steps[0])
		c, s := accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(to, 0).String())
		want := noise(2 << 20)
		for _, next := range steps {
			feedPart(t, c.(*TCPConn), want)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(s, got[:len(got)/2]); err != nil {
				t.Fatalf("%v, before %v: %v", to, next, err)
			}
			a.SetOffload(next) // in the middle of a transfer
			s.SetReadDeadline(time.Now().Add(testTimeout))
			if _, err := io.ReadFull(s, got[len(got)/2:]); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v, after %v: %v; the first %d octets are right", to, next, err, same(got, want))
			}
			c2, s2 := accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(to, 0).String())
			feed(t, c2.(*TCPConn), want, 100_000)
			if got := <-collect(s2.(*TCPConn)); !bytes.Equal(got, want) {
				t.Errorf("%v, new connection under %v: the first %d of %d octets are right", to, next, same(got, want), len(got))
			}
			c2.Close()
			s2.Close()
		}
		c.Close()
		s.Close()
	}
}

// feedPart sends b and leaves the connection open.
func feedPart(t testing.TB, c *TCPConn, b []byte) {
	go func() { // ends with b or with the connection
		if _, err := c.Write(b); err != nil {
			t.Logf("write: %v", err)
		}
	}()
}

// stream is a transfer that goes on for as long as it is stepped, each octet checked.
type stream struct {
	steps  chan struct{} // one for each pattern to send
	octets atomic.Int64
	bad    atomic.Int64 // where the first wrong octet was, plus one
}

// endless starts a stream of a pattern whose length has no factor in common with any segment's.
func endless(t testing.TB, c, s *TCPConn) *stream {
	pattern := noise(65_537)
	x := &stream{steps: make(chan struct{}, 1)}
	go func() { // ends with the connection
		for range x.steps {
			if _, err := c.Write(pattern); err != nil {
				return
			}
		}
	}()
	go func() { // ends with the connection
		b := make([]byte, len(pattern))
		for {
			n, err := io.ReadFull(s, b)
			if i := same(b[:n], pattern); i < n {
				x.bad.CompareAndSwap(0, x.octets.Load()+int64(i)+1)
			}
			if x.octets.Add(int64(n)); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { close(x.steps); c.Close(); s.Close() })
	return x
}

// step has another pattern sent, unless one waits to be.
func (x *stream) step() {
	select {
	case x.steps <- struct{}{}:
	default:
	}
}

// check holds that the stream goes on and that all was right.
func (x *stream) check(t testing.TB) {
	t.Helper()
	before, deadline := x.octets.Load(), time.Now().Add(testTimeout)
	for x.octets.Load() < before+200_000 {
		x.step()
		if time.Now().After(deadline) {
			t.Fatalf("the transfer stopped after %d octets", before)
		}
		time.Sleep(100 * time.Microsecond)
	}
	if at := x.bad.Load(); at != 0 {
		t.Fatalf("octet %d of the transfer is wrong", at-1)
	}
}

// victims are two hosts with a transfer between them and a stranger on the same wire, once over a cable, whose far end
// the stranger shares, and once over a switch.
func victims(t testing.TB) (xs []*stream, strangers []link.Queue) {
	alpha, beta, _, b := cabled(t, pipe.AllOffloads)
	c, s := accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(peer4, 0).String())
	xs = append(xs, endless(t, s.(*TCPConn), c.(*TCPConn)))
	strangers = append(strangers, b)

	wire, err := segment.New(segment.Config{Name: "lan"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wire.Close() })
	var ports [3]link.Device
	for i := range ports {
		if ports[i], err = wire.NewDevice(segment.PortConfig{Offload: segment.AllOffloads}); err != nil {
			t.Fatal(err)
		}
	}
	alpha, beta = hostOn(t, ports[0], "alpha", host4, host6), hostOn(t, ports[1], "beta", peer4, peer6)
	c, s = accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(peer6, 0).String())
	xs = append(xs, endless(t, c.(*TCPConn), s.(*TCPConn)))
	return xs, append(strangers, ports[2].Queues()[0])
}

// FuzzMetadata gives hosts frames with any metadata from a stranger on the wire, in one piece and in small ones, while
// they transfer data: nobody crashes, and the transfer goes on, exact to the octet.
func FuzzMetadata(f *testing.F) {
	sizes := []uint16{0, 1, 1448, 65535}
	for i, b := range bogusSeeds() {
		for kind := range uint8(5) {
			f.Add(b, kind, true, uint16(34), uint16(16), sizes[(i+int(kind))%len(sizes)], uint8(0))
		}
		f.Add(b, uint8(1), true, uint16(65535), uint16(65535), uint16(1000), uint8(7))
		f.Add(b, uint8(3), true, uint16(len(b)-1), uint16(0), uint16(1000), uint8(1))
	}
	xs, strangers := victims(f)
	runs := 0
	f.Fuzz(func(t *testing.T, b []byte, kind uint8, needs bool, start, offset, size uint16, chunk uint8) {
		for i, q := range strangers {
			xs[i].step()
			if len(b) >= 12 {
				copy(b, broadcastAddr)
				copy(b[6:], strangerAddr) // no switch may learn the hosts' own
			}
			fr := link.Frame{Data: inPieces(b, int(chunk)).Data, NeedsChecksum: needs, CsumStart: start, CsumOffset: offset,
				GSO: link.GSO(kind), GSOSize: size}
			q.WriteFrames([]link.Frame{fr})
		}
		if runs++; runs%256 == 0 {
			for _, x := range xs {
				x.check(t)
			}
		}
	})
	for _, x := range xs {
		x.check(f)
	}
}

var (
	broadcastAddr = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	strangerAddr  = []byte{0x02, 0, 0, 0, 0, 0x66}
)

// inPieces is a frame in chunks of so many octets, or in one.
func inPieces(b []byte, size int) (f link.Frame) {
	if size == 0 {
		return link.NewFrame(b)
	}
	for len(b) > 0 {
		part := link.NewFrame(b[:min(size, len(b))])
		f.Data.Merge(&part.Data)
		b = b[min(size, len(b)):]
	}
	return f
}

// bogusSeeds are frames of the kinds that super-frames are of, whole, long and cut off everywhere in their headers.
func bogusSeeds() [][]byte {
	p, q := data(1000, 1400), data(1000, 1400)
	q.v6 = true
	udp := ip4(peer4, host4, udpProto, udpDatagram(addrPortOf(peer4, 999), addrPortOf(host4, 7), make([]byte, 1400), 0), 0, false)
	seeds := [][]byte{p.octets(), q.octets(), udp}
	long := data(1000, 4000-1000)
	long.payload = make([]byte, 60_000)
	seeds = append(seeds, long.octets())
	for _, b := range [][]byte{p.octets(), q.octets()} {
		for _, n := range []int{13, 14, 15, 33, 34, 53, 54, 55, 65, 66, 73, 74, 85, 86} {
			seeds = append(seeds, b[:n])
		}
	}
	return seeds
}

// TestBogusMetadata gives every seed once with every kind and size, in chunks of several lengths.
func TestBogusMetadata(t *testing.T) {
	xs, strangers := victims(t)
	frames := 0
	for _, b := range bogusSeeds() {
		for kind := range link.GSO(6) {
			for i, size := range []uint16{0, 1, 7, 1448, 65535} {
				for _, start := range []uint16{34, 65535} {
					for k, q := range strangers {
						if frames++; frames%16 < 2 {
							xs[k].step()
						}
						if len(b) >= 12 {
							b = bytes.Clone(b)
							copy(b, [][]byte{hostMAC[:], broadcastAddr}[k])
							copy(b[6:], strangerAddr)
						}
						f := inPieces(b, []int{0, 1, 20, 0, 500}[i])
						f.NeedsChecksum, f.CsumStart, f.CsumOffset, f.GSO, f.GSOSize = i%2 == 0, start, 16, kind, size
						q.WriteFrames([]link.Frame{f})
					}
				}
			}
		}
	}
	for _, x := range xs {
		x.check(t)
	}
}

// TestSlowReader: what a reader who does not read keeps alive is in proportion to his window, however small the frames
// are that it came in.
func TestSlowReader(t *testing.T) {
	if raceEnabled {
		t.Skip("memory is counted")
	}
	const (
		window = 256 << 10
		record = 256 // what the engine keeps of a segment beside its data
	)
	for o := range offloads {
		for _, piece := range []int{1, 100, 1448, 20_000, 60_000} {
			near, far := connected(t, o)
			if err := far.SetReadBuffer(window); err != nil {
				t.Fatal(err)
			}
			if err := near.SetWriteBuffer(window); err != nil {
				t.Fatal(err)
			}
			before := heap()
			near.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			for b := make([]byte, piece); ; {
				if _, err := near.Write(b); err != nil {
					break
				}
			}
			near.SetLinger(0)
			near.Close() // what the sender kept is let go, the reader's stays
			kept, read := heap()-before, 0
			for b := make([]byte, window); ; {
				n, err := far.Read(b)
				read += n
				if err != nil {
					break
				}
			}
			t.Logf("%s, frames of %d: %d octets are kept for %d unread ones", offloads[o].name, piece, kept, read)
			most := 3*window + window/2/piece*record // half of a buffer is data
			if kept > most || read > window || read == 0 {
				t.Errorf("%s, frames of %d: %d octets are kept for %d in a buffer of %d", offloads[o].name, piece, kept, read, window)
			}
		}
	}
}

// heap is how much is alive; what pools hold is let go.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
