package stack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapestry/link/pipe"
)

// room makes a batch of k elements with room for n octets each.
func room(k, n int) []Datagram {
	ms := make([]Datagram, k)
	for i := range ms {
		ms[i].Data = make([]byte, n)
	}
	return ms
}

// collectBatches reads batches until want datagrams are there, taken apart where they came together.
func collectBatches(t testing.TB, c *UDPConn, ms []Datagram, want int) (got [][]byte) {
	t.Helper()
	for len(got) < want {
		n, err := c.ReadBatch(ms)
		if err != nil || n < 1 || n > len(ms) {
			t.Fatalf("ReadBatch = %d, %v, with %d of %d datagrams", n, err, len(got), want)
		}
		for _, m := range ms[:n] {
			got = append(got, pieces(bytes.Clone(m.Data[:m.N]), m.SegmentSize)...)
		}
	}
	return got
}

func compare(t testing.TB, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d datagrams, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("datagram %d of %d octets, want %d, or they differ", i, len(got[i]), len(want[i]))
		}
	}
}

// TestReadBatch reads what was sent in a batch in batches, apart and together.
func TestReadBatch(t *testing.T) {
	for _, several := range []bool{false, true} {
		t.Run(fmt.Sprint("coalescing ", several), func(t *testing.T) {
			eachWire(t, func(t *testing.T, client, server *UDPConn, to netip.AddrPort) {
				server.SetCoalescing(several)
				client.WriteBatch([]Datagram{{Data: []byte("first"), Addr: to}})
				ms := room(8, 1<<16)
				compare(t, collectBatches(t, server, ms, 1), [][]byte{[]byte("first")})
				openNow(t, client, server, to)
				if from := ms[0].Addr; from.Port() != portOf(client) || from.Addr() == to.Addr() {
					t.Errorf("from %v", from)
				}
				before := statOf(t, server.host, "shortcut.in")
				out := []Datagram{
					{Data: numbered(20_500, 1), Addr: to, SegmentSize: 1000}, {Data: nil, Addr: to}, {Data: numbered(100, 2), Addr: to},
				}
				var want [][]byte
				for _, m := range out {
					want = append(want, pieces(m.Data, m.SegmentSize)...)
				}
				if n, err := client.WriteBatch(out); n != len(out) || err != nil {
					t.Fatal(n, err)
				}
				compare(t, collectBatches(t, server, ms, len(want)), want)
				settleStat(t, server.host, "shortcut.in", before+uint64(len(want)))
			})
		})
	}
}

// settleStat waits until a counter has reached a value. The shortcut tells what it counted at the end of a batch of frames.
func settleStat(t testing.TB, h *Host, name string, want uint64) {
	t.Helper()
	for end := time.Now().Add(testTimeout); statOf(t, h, name) < want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s = %d, want %d", name, statOf(t, h, name), want)
		}
	}
}

// TestReadBatchCoalesces: a super-frame comes in one piece where there is room, else in whole datagrams, else cut.
func TestReadBatchCoalesces(t *testing.T) {
	tests := []struct {
		name     string
		room     int
		several  bool
		n, sizes []int // what each element holds, and the size of each of several
	}{
		{"whole", 65536, true, []int{2500}, []int{1000}},
		{"just whole", 2600, true, []int{2500}, []int{1000}},
		{"not asked for", 65536, false, []int{1000, 1000, 500}, []int{0, 0, 0}},
		{"room for two", 2100, true, []int{2000, 500}, []int{1000, 0}},
		{"room for one", 1499, true, []int{1000, 1000, 500}, []int{0, 0, 0}},
		{"cut", 900, true, []int{900, 900, 500}, []int{0, 0, 0}},
		{"no room", 0, true, []int{0, 0, 0}, []int{0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			client, server := udpAt(t, alpha, "udp", ":0"), udpAt(t, beta, "udp", ":0")
			to := netip.AddrPortFrom(peer4, portOf(server))
			warm(t, client, to, server)
			server.SetCoalescing(tt.several)
			openNow(t, client, server, to)
			data := numbered(2500, 3)
			client.WriteBatch([]Datagram{{Data: data, Addr: to, SegmentSize: 1000}})
			ms := room(1, tt.room)
			off := 0
			for i := range tt.n {
				n, err := server.ReadBatch(ms)
				if n != 1 || err != nil || ms[0].N != tt.n[i] || ms[0].SegmentSize != tt.sizes[i] {
					t.Fatalf("%d: %d, %v, %d octets in datagrams of %d, want %d of %d", i, n, err, ms[0].N, ms[0].SegmentSize, tt.n[i], tt.sizes[i])
				}
				if !bytes.Equal(ms[0].Data[:ms[0].N], data[off:off+ms[0].N]) {
					t.Errorf("%d: other octets", i)
				}
				off += max(ms[0].N, min(1000, 2500-off))
			}
		})
	}
}

// openNow has the server read batches until it takes its datagrams by itself.
func openNow(t testing.TB, client, server *UDPConn, to netip.AddrPort) {
	t.Helper()
	for end := time.Now().Add(testTimeout); ; time.Sleep(time.Millisecond) {
		before := statOf(t, server.host, "shortcut.in")
		client.WriteBatch([]Datagram{{Data: []byte("open"), Addr: to}})
		compare(t, collectBatches(t, server, room(2, 10), 1), [][]byte{[]byte("open")})
		if statOf(t, server.host, "shortcut.in") > before {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the engine gets all datagrams")
		}
	}
}

// TestReadBatchOrder mixes what takes the shortcut with fragments, which the engine reassembles, and all ways of reading.
func TestReadBatchOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	eachWire(t, func(t *testing.T, client, server *UDPConn, to netip.AddrPort) {
		r := rand.New(rand.NewPCG(seed, 1))
		ms, buf := room(5, 1<<16), make([]byte, 1<<16)
		server.SetCoalescing(true)
		for round := range 40 {
			var out []Datagram
			var want [][]byte
			for i := range 1 + r.IntN(12) {
				m := Datagram{Data: numbered([]int{0, 1, 1000, 1000, 3000, 5000}[r.IntN(6)], round*16+i), Addr: to}
				if r.IntN(3) > 0 {
					m.SegmentSize = 1000
				}
				out, want = append(out, m), append(want, pieces(m.Data, m.SegmentSize)...)
			}
			client.WriteBatch(out)
			var got [][]byte
			for len(got) < len(want) {
				if r.IntN(2) == 0 {
					got = append(got, collectBatches(t, server, ms[:1+r.IntN(5)], 1)...)
					continue
				}
				n, m, err := server.ReadMsg(buf)
				if err != nil || m.Interface != "eth0" || m.To != to || m.TTL != 64 || m.From.Port() != portOf(client) {
					t.Fatalf("%d, %+v, %v", n, m, err)
				}
				got = append(got, bytes.Clone(buf[:n]))
			}
			compare(t, got, want)
		}
	})
}

// TestReadBatchConnected: a connected socket gets what its peer sends, and learns that the peer is gone.
func TestReadBatchConnected(t *testing.T) {
	for _, s := range stations[:2] {
		t.Run(s.name, func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			server, other := udpAt(t, beta, s.network, ":0"), udpAt(t, beta, s.network, ":0")
			d, err := alpha.Dial(s.network, netip.AddrPortFrom(s.peer, portOf(server)).String())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			c := d.(*UDPConn)
			c.SetReadDeadline(time.Now().Add(testTimeout))
			c.Write([]byte("ask"))
			from := udpFrom(t, server)
			ms := room(4, 100)
			for range 3 {
				other.WriteToUDPAddrPort([]byte("not asked"), from)
				server.WriteToUDPAddrPort([]byte("answer"), from)
				compare(t, collectBatches(t, c, ms, 1), [][]byte{[]byte("answer")})
			}
			server.Close()
			c.Write([]byte("anybody?"))
			if _, err := c.ReadBatch(ms); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("ReadBatch: %v, want ECONNREFUSED", err)
			}
		})
	}
}

// udpFrom reads a datagram and gives its sender.
func udpFrom(t testing.TB, c *UDPConn) netip.AddrPort {
	t.Helper()
	_, from, err := c.ReadFromUDPAddrPort(make([]byte, 100))
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// TestReadBatchPending: what the engine had before the first ReadBatch comes first.
func TestReadBatchPending(t *testing.T) {
	eachWire(t, func(t *testing.T, client, server *UDPConn, to netip.AddrPort) {
		var want [][]byte
		in := statOf(t, server.host, "udpInDatagrams")
		for i := range 40 {
			want = append(want, []byte{byte(i)})
			client.WriteBatch([]Datagram{{Data: want[i], Addr: to}})
			if i == 19 {
				settleStat(t, server.host, "udpInDatagrams", in+20)
				ms := room(1, 10)
				compare(t, collectBatches(t, server, ms, 1), want[:1])
			}
		}
		compare(t, collectBatches(t, server, room(7, 10), 39), want[1:])
	})
}

func TestReadBatchDeadlineAndClose(t *testing.T) {
	alpha, _ := pair(t, pipe.AllOffloads)
	c := udpAt(t, alpha, "udp", ":0")
	ms := room(2, 10)
	c.SetReadDeadline(time.Unix(1, 0))
	if n, err := c.ReadBatch(ms); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %d, %v", n, err)
	}
	c.SetReadDeadline(time.Time{})
	ends := make(chan error)
	for range 2 {
		go func() {
			_, err := c.ReadBatch(ms)
			ends <- err
		}()
	}
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	for range 2 {
		if err := <-ends; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a reader that waits: %v, want a deadline", err)
		}
	}
	c.SetReadDeadline(time.Time{})
	if n, err := c.ReadBatch(nil); n != 0 || err != nil {
		t.Errorf("room for nothing: %d, %v", n, err)
	}
	go func() {
		_, err := c.ReadBatch(ms)
		ends <- err
	}()
	c.Close()
	if err := <-ends; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a reader that waits: %v, want net.ErrClosed", err)
	}
	for _, ms := range [][]Datagram{ms, nil} {
		if n, err := c.ReadBatch(ms); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %d, %v", n, err)
		}
	}
	if c.SetCoalescing(true) == nil {
		t.Error("SetCoalescing after Close")
	}
}

// TestReadBatchBound: a reader that is slow costs no more than its buffer; what is too much is counted.
func TestReadBatchBound(t *testing.T) {
	for _, size := range []int{0, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			client, server := udpAt(t, alpha, "udp", ":0"), udpAt(t, beta, "udp", ":0")
			to := netip.AddrPortFrom(peer4, portOf(server))
			warm(t, client, to, server)
			openNow(t, client, server, to)
			server.SetReadBuffer(10_000)
			const count = 1000
			ms := make([]Datagram, count)
			for i := range ms {
				ms[i] = Datagram{Data: make([]byte, size+i%2), Addr: to} // two at most go together
			}
			in := statOf(t, beta, "udpInDatagrams")
			client.WriteBatch(ms)
			settleStat(t, beta, "udpInDatagrams", in+count)
			dropped := int(statOf(t, beta, "udp.drop.buffer"))
			held := int(server.batch().queue.octets.Load())
			if limit := int(server.ep.SocketOptions().GetReceiveBufferSize()); held > limit+max(2*size+1, smallest) || dropped == 0 {
				t.Errorf("%d octets held, %d dropped, with room for %d", held, dropped, limit)
			}
			collectBatches(t, server, room(100, 2000), count-dropped)
			if left := server.batch().queue.octets.Load(); left != 0 {
				t.Errorf("%d octets are held when all was read", left)
			}
			openNow(t, client, server, to)
		})
	}
}

// TestReadBatchShared: sockets for one group share a port, and each gets a copy.
func TestReadBatchShared(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	group := netip.MustParseAddrPort("239.1.2.3:5000")
	var socks []*UDPConn
	for range 2 {
		s := udpAt(t, beta, "udp4", group.String())
		if err := s.JoinGroup("eth0", group.Addr()); err != nil {
			t.Fatal(err)
		}
		socks = append(socks, s)
	}
	client := udpAt(t, alpha, "udp4", ":0")
	client.SetMulticastInterface("eth0")
	for _, data := range []string{"one", "two"} {
		if n, err := client.WriteBatch([]Datagram{{Data: []byte(data), Addr: group}}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for _, s := range socks {
			compare(t, collectBatches(t, s, room(3, 10), 1), [][]byte{[]byte(data)})
		}
	}
}

// TestBatchesAtOnce has several goroutines write, read and change one socket while it is closed.
func TestBatchesAtOnce(t *testing.T) {
	eachWire(t, func(t *testing.T, client, server *UDPConn, to netip.AddrPort) {
		var readers, writers sync.WaitGroup
		server.SetReadBuffer(64 << 10)
		for i := range 3 {
			writers.Go(func() {
				ms := []Datagram{{Data: numbered(9000, 1), Addr: to, SegmentSize: 1000}, {Data: numbered(3000, 2), Addr: to}, {Addr: to}}
				for range 50 {
					if n, err := client.WriteBatch(ms); n != len(ms) || err != nil {
						t.Errorf("WriteBatch = %d, %v", n, err)
					}
					client.WriteToUDPAddrPort([]byte("one"), to)
				}
			})
			readers.Go(func() {
				ms, buf := room(16, 1<<16), make([]byte, 1<<16)
				for {
					_, err := server.ReadBatch(ms)
					if err == nil && i == 0 {
						server.SetCoalescing(true)
						_, _, err = server.ReadFrom(buf)
					}
					if err != nil {
						if !errors.Is(err, net.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		writers.Wait()
		server.Close()
		readers.Wait()
		if n := server.batch().queue.octets.Load(); n != 0 {
			t.Errorf("%d octets are held after Close", n)
		}
		if es := server.host.shortcuts.takers.Load(); es != nil {
			t.Errorf("takers are left: %v", es)
		}
	})
}

func TestReadBatchAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has sync.Pool drop what it is given")
	}
	for _, several := range []bool{false, true} {
		for _, w := range wires {
			t.Run(fmt.Sprint(w.name, " coalescing ", several), func(t *testing.T) {
				alpha, beta := pair(t, w.o)
				client, server := udpAt(t, alpha, "udp", ":0"), udpAt(t, beta, "udp", ":0")
				server.SetReadDeadline(time.Time{})
				server.SetReadBuffer(1 << 20)
				server.SetCoalescing(several)
				to := netip.AddrPortFrom(peer4, portOf(server))
				warm(t, client, to, server)
				out := []Datagram{{Data: numbered(32_000, 1), Addr: to, SegmentSize: 1000}}
				ms := room(40, 65536)
				round := func() {
					client.WriteBatch(out)
					for octets := 0; octets < 32_000; {
						n, err := server.ReadBatch(ms)
						if err != nil {
							t.Fatal(err)
						}
						for _, m := range ms[:n] {
							octets += m.N
						}
					}
				}
				for range 10 {
					round()
				}
				if n := testing.AllocsPerRun(200, round); n >= 1 {
					t.Errorf("%v allocations for 32 datagrams, want none", n)
				}
			})
		}
	}
}

// TestReadBatchNextOwner: who opens the port while the one before is still closing has its datagrams.
func TestReadBatchNextOwner(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	first := udpAt(t, s.host, "udp4", ":9000")
	first.SetReadDeadline(time.Now().Add(-time.Second))
	first.ReadBatch(room(1, 100))
	if s.host.shortcuts.find(false, &[16]byte{}, 9000) != first {
		t.Fatal("the socket takes nothing")
	}
	first.read.Lock() // Close gives up its port, and waits for a reader
	closed := make(chan struct{})
	go func() { // ends with the test
		defer close(closed)
		first.Close()
	}()
	var pc net.PacketConn
	var err error
	for end := time.Now().Add(testTimeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if pc, err = s.host.ListenPacket("udp4", ":9000"); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	next := pc.(*UDPConn)
	defer next.Close()
	next.SetReadDeadline(time.Now().Add(-time.Second))
	next.ReadBatch(room(1, 100))
	first.read.Unlock()
	<-closed
	if s.host.shortcuts.find(false, &[16]byte{}, 9000) != next {
		t.Error("the new socket does not take its datagrams")
	}
}
