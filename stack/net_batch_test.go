package stack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/pipe"
)

// wires are the kinds of cable that batches are sent over.
var wires = []struct {
	name string
	o    link.Offload
}{
	{"all offloads", pipe.AllOffloads},
	{"no uso", link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6},
	{"plain", 0},
}

// numbered gives n octets that say where they are.
func numbered(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*31 ^ byte(seed)*7
	}
	return b
}

// warm has alpha know beta's link address.
func warm(t testing.TB, c *UDPConn, to netip.AddrPort, server *UDPConn) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte("warm"), to); err != nil {
		t.Fatal(err)
	}
	if n, _, err := server.ReadFrom(make([]byte, 10)); n != 4 || err != nil {
		t.Fatal(n, err)
	}
}

// stations are how the two hosts of a pair are reached.
var stations = []struct {
	name, network string
	host, peer    netip.Addr
	isBound       bool // to the address, not to all
}{
	{"IPv4", "udp4", host4, peer4, false},
	{"IPv6", "udp6", host6, peer6, false},
	{"IPv4 on a dual socket", "udp", host4, peer4, false},
	{"IPv6 on a dual socket", "udp", host6, peer6, false},
	{"IPv4 bound", "udp", host4, peer4, true},
	{"IPv6 bound", "udp", host6, peer6, true},
}

// eachWire runs a test on each kind of cable and with each kind of address. The client knows the server's link address.
func eachWire(t *testing.T, run func(t *testing.T, client, server *UDPConn, to netip.AddrPort)) {
	for _, w := range wires {
		for _, s := range stations {
			t.Run(w.name+"/"+s.name, func(t *testing.T) {
				alpha, beta := pair(t, w.o)
				from, at := ":0", ":0"
				if s.isBound {
					from, at = netip.AddrPortFrom(s.host, 0).String(), netip.AddrPortFrom(s.peer, 0).String()
				}
				client, server := udpAt(t, alpha, s.network, from), udpAt(t, beta, s.network, at)
				server.SetReadBuffer(4 << 20)
				to := netip.AddrPortFrom(s.peer, portOf(server))
				warm(t, client, to, server)
				run(t, client, server, to)
			})
		}
	}
}

// TestWriteBatch sends batches of all shapes and reads them one by one.
func TestWriteBatch(t *testing.T) {
	tests := []struct {
		name  string
		sizes []int  // of the datagrams in the batch
		cut   int    // SegmentSize of each
		super uint64 // super-frames that hold them
	}{
		{"one", []int{100}, 0, 0},
		{"empty", []int{0, 0, 5}, 0, 0},
		{"equal sizes", []int{1000, 1000, 1000, 1000}, 0, 1},
		{"a shorter one ends the run", []int{1000, 1000, 7, 1000, 1000}, 0, 2},
		{"growing", []int{1, 2, 3}, 0, 0},
		{"a segmented one", []int{10_500}, 1000, 1},
		{"several segmented ones", []int{5000, 5000, 300, 300}, 1000, 1},
		{"as many segments as there can be", []int{128}, 1, 2},
		{"a segment size that is not reached", []int{100}, 100, 0},
		{"largest", []int{65_507}, 1400, 1},
		{"one needs fragments", []int{100, 4000, 100}, 0, 0},
		{"segments need fragments", []int{100, 6000, 100}, 2000, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachWire(t, func(t *testing.T, client, server *UDPConn, to netip.AddrPort) {
				var ms []Datagram
				var want [][]byte
				for i, n := range tt.sizes {
					m := Datagram{Data: numbered(n, i), Addr: to, SegmentSize: tt.cut}
					ms = append(ms, m)
					want = append(want, pieces(m.Data, tt.cut)...)
				}
				before := batchCounts(t, client)
				if n, err := client.WriteBatch(ms); n != len(ms) || err != nil {
					t.Fatalf("WriteBatch = %d, %v, want %d", n, err, len(ms))
				}
				for i := range ms {
					if ms[i].N != len(ms[i].Data) {
						t.Errorf("N of %d = %d, want %d", i, ms[i].N, len(ms[i].Data))
					}
				}
				got := batchCounts(t, client)
				if n := got.datagrams - before.datagrams; n != uint64(len(want)) {
					t.Errorf("udpOutDatagrams grew by %d, want %d", n, len(want))
				}
				if n := got.packets - before.packets; n < uint64(len(want)) {
					t.Errorf("ipOutRequests grew by %d, want %d", n, len(want))
				}
				if n := got.super - before.super; isWhole(client) && n != tt.super {
					t.Errorf("%d super-frames, want %d", n, tt.super)
				}
				buf := make([]byte, 1<<16)
				for i, w := range want {
					n, m, err := server.ReadMsg(buf)
					if err != nil || !bytes.Equal(buf[:n], w) || m.TTL != 64 || m.To != to {
						t.Fatalf("datagram %d: %d octets, %+v, %v, want %d", i, n, m, err, len(w))
					}
				}
			})
		})
	}
}

// isWhole says whether a socket's host sends UDP super-frames.
func isWhole(c *UDPConn) bool { return c.host.Interfaces()[0].Tx.Has(link.OffloadUSO) }

// pieces cuts b as SegmentSize says.
func pieces(b []byte, size int) (p [][]byte) {
	for size > 0 && len(b) > size {
		p, b = append(p, b[:size]), b[size:]
	}
	return append(p, b)
}

type sent struct{ datagrams, packets, super uint64 }

func batchCounts(t testing.TB, c *UDPConn) sent {
	t.Helper()
	return sent{statOf(t, c.host, "udpOutDatagrams"), statOf(t, c.host, "ipOutRequests"), c.host.Interfaces()[0].Device.TxGSO}
}

// TestWriteBatchRandom holds batches of random shape to what single datagrams do.
func TestWriteBatchRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	eachWire(t, func(t *testing.T, client, server *UDPConn, to netip.AddrPort) {
		r := rand.New(rand.NewPCG(seed, 0))
		buf := make([]byte, 1<<16)
		for range 30 {
			var ms []Datagram
			var want [][]byte
			for i := range 1 + r.IntN(20) {
				m := Datagram{Data: numbered([]int{0, 1, 100, 100, 1000, 1472, 1473, 3000}[r.IntN(8)], i), Addr: to}
				if r.IntN(3) == 0 {
					m.SegmentSize = 1 + len(m.Data)/(1+r.IntN(100))
				}
				ms, want = append(ms, m), append(want, pieces(m.Data, m.SegmentSize)...)
			}
			if n, err := client.WriteBatch(ms); n != len(ms) || err != nil {
				t.Fatalf("WriteBatch = %d, %v, want %d", n, err, len(ms))
			}
			for i, w := range want {
				n, from, err := server.ReadFromUDPAddrPort(buf)
				if err != nil || !bytes.Equal(buf[:n], w) || from.Port() != portOf(client) {
					t.Fatalf("datagram %d: %d octets from %v, %v, want %d", i, n, from, err, len(w))
				}
			}
		}
	})
}

// TestWriteBatchUnresolved: the first datagrams to a station wait for its link address as single ones do.
func TestWriteBatchUnresolved(t *testing.T) {
	for _, s := range stations {
		t.Run(s.name, func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			client, server := udpAt(t, alpha, s.network, ":0"), udpAt(t, beta, s.network, ":0")
			to := netip.AddrPortFrom(s.peer, portOf(server))
			if n, err := client.WriteBatch([]Datagram{{Data: []byte("one"), Addr: to}, {Data: []byte("two"), Addr: to}}); n != 2 || err != nil {
				t.Fatal(n, err)
			}
			buf := make([]byte, 10)
			got := map[string]bool{} // the engine sends those that waited beside those that need not
			for range 2 {
				n, _, err := server.ReadFrom(buf)
				if err != nil {
					t.Fatal(err)
				}
				got[string(buf[:n])] = true
			}
			if !got["one"] || !got["two"] {
				t.Errorf("got %v, want one and two", got)
			}
		})
	}
}

// TestWriteBatchElsewhere: what the engine has to send goes in its place among the others.
func TestWriteBatchElsewhere(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	client, server, own := udpAt(t, alpha, "udp4", ":0"), udpAt(t, beta, "udp4", ":0"), udpAt(t, alpha, "udp4", ":0")
	to := netip.AddrPortFrom(peer4, portOf(server))
	warm(t, client, to, server)
	if err := client.SetOutgoingInterface("eth0"); err != nil {
		t.Fatal(err)
	}
	ms := []Datagram{
		{Data: []byte("plain"), Addr: to},
		{Data: []byte("broadcast"), Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.255"), to.Port())},
		{Data: []byte("everybody"), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), to.Port())},
		{Data: []byte("last"), Addr: to},
	}
	if n, err := client.WriteBatch(ms); n != len(ms) || err != nil {
		t.Fatal(n, err)
	}
	buf := make([]byte, 20)
	for _, m := range ms {
		if n, _, err := server.ReadFrom(buf); err != nil || !bytes.Equal(buf[:n], m.Data) {
			t.Errorf("%q, %v, want %q", buf[:n], err, m.Data)
		}
	}
	client.SetOutgoingInterface("")
	self := []Datagram{
		{Data: []byte("loopback"), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), portOf(own))},
		{Data: []byte("own address"), Addr: netip.AddrPortFrom(host4, portOf(own)), SegmentSize: 4},
	}
	if n, err := client.WriteBatch(self); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for _, want := range []string{"loopback", "own ", "addr", "ess"} {
		if n, _, err := own.ReadFrom(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("%q, %v, want %q", buf[:n], err, want)
		}
	}
}

// TestWriteBatchTTL: a batch has the hop limit that the socket was given.
func TestWriteBatchTTL(t *testing.T) {
	for _, s := range stations {
		t.Run(s.name, func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			client, server := udpAt(t, alpha, s.network, ":0"), udpAt(t, beta, s.network, ":0")
			to := netip.AddrPortFrom(s.peer, portOf(server))
			warm(t, client, to, server)
			for _, ttl := range []uint8{7, 0} {
				client.SetTTL(ttl)
				client.WriteBatch([]Datagram{{Data: []byte("a"), Addr: to}, {Data: []byte("b"), Addr: to}})
				for range 2 {
					_, m, err := server.ReadMsg(make([]byte, 10))
					if want := map[uint8]uint8{7: 7, 0: 64}[ttl]; err != nil || m.TTL != want {
						t.Errorf("%+v, %v, want TTL %d", m, err, want)
					}
				}
			}
		})
	}
}

// TestWriteBatchRoutes: what changes at the host is seen by the next batch.
func TestWriteBatchRoutes(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	client, server := udpAt(t, alpha, "udp4", ":0"), udpAt(t, beta, "udp4", ":0")
	to := netip.AddrPortFrom(peer4, portOf(server))
	warm(t, client, to, server)
	second := netip.MustParsePrefix("198.51.100.22/24")
	if err := alpha.AddAddress("eth0", second); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		_, err := client.WriteBatch([]Datagram{{Data: []byte("x"), Addr: to}})
		return err
	}
	for _, remove := range []netip.Addr{host4, second.Addr()} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if from := udpFrom(t, server); from.Addr() != remove {
			t.Errorf("from %v, want %v", from, remove)
		}
		if err := alpha.RemoveAddress("eth0", netip.PrefixFrom(remove, 24)); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(); err == nil {
		t.Error("sent without an address")
	}
}

func TestWriteBatchErrors(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	client, server := udpAt(t, alpha, "udp4", ":0"), udpAt(t, beta, "udp4", ":0")
	to := netip.AddrPortFrom(peer4, portOf(server))
	warm(t, client, to, server)
	tests := []struct {
		name string
		m    Datagram
		want error
	}{
		{"no address", Datagram{}, errMissingAddress},
		{"too many segments", Datagram{Data: make([]byte, 129), SegmentSize: 1, Addr: to}, syscall.EINVAL},
		{"negative size", Datagram{Data: make([]byte, 129), SegmentSize: -1, Addr: to}, syscall.EINVAL},
		{"too long", Datagram{Data: make([]byte, 65_508), Addr: to}, syscall.EMSGSIZE},
		{"too long in segments", Datagram{Data: make([]byte, 65_508), SegmentSize: 1000, Addr: to}, syscall.EMSGSIZE},
		{"no route", Datagram{Addr: netip.MustParseAddrPort("203.0.113.1:9")}, syscall.ENETUNREACH},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := client.WriteBatch([]Datagram{{Data: []byte("ok"), Addr: to}, tt.m, {Data: []byte("not sent"), Addr: to}})
			if n != 1 || !errors.Is(err, tt.want) {
				t.Errorf("WriteBatch = %d, %v, want 1, %v", n, err, tt.want)
			}
			if op, ok := err.(*net.OpError); !ok || op.Op != "write" {
				t.Errorf("error %#v", err)
			}
			b := make([]byte, 20)
			if n, _, err := server.ReadFrom(b); err != nil || string(b[:n]) != "ok" {
				t.Errorf("%q, %v, want what came before the error", b[:n], err)
			}
		})
	}
	if n, err := client.WriteBatch(nil); n != 0 || err != nil {
		t.Errorf("an empty batch = %d, %v", n, err)
	}
	client.Close()
	if n, err := client.WriteBatch([]Datagram{{Addr: to}}); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %d, %v", n, err)
	}
}

// TestWriteBatchConnected: the peer is the destination, and what ICMP says of it is told.
func TestWriteBatchConnected(t *testing.T) {
	for _, s := range stations[:2] {
		t.Run(s.name, func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			server := udpAt(t, beta, s.network, ":0")
			to := netip.AddrPortFrom(s.peer, portOf(server))
			d, err := alpha.Dial(s.network, to.String())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			c := d.(*UDPConn)
			c.Write([]byte("warm")) // while a link address is asked for, the order is not kept
			udpFrom(t, server)
			b := make([]byte, 10)
			for i := range 3 {
				if n, err := c.WriteBatch([]Datagram{{Data: []byte{byte(i)}}, {Data: []byte{9}}}); n != 2 || err != nil {
					t.Fatal(n, err)
				}
				for _, want := range []byte{byte(i), 9} {
					if n, _, err := server.ReadFrom(b); n != 1 || b[0] != want || err != nil {
						t.Errorf("% x, %v, want %x", b[:n], err, want)
					}
				}
			}
			if n, err := c.WriteBatch([]Datagram{{Addr: to}}); n != 0 || !errors.Is(err, net.ErrWriteToConnected) {
				t.Errorf("with an address: %d, %v", n, err)
			}
			server.Close()
			refused(t, func() error {
				_, err := c.WriteBatch([]Datagram{{Data: []byte("x")}})
				return err
			})
		})
	}
}

// refused calls f until an ICMP error has come back.
func refused(t *testing.T, f func() error) {
	t.Helper()
	for i := 0; ; i++ {
		err := f()
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err != nil || i == 1000 {
			t.Fatalf("%v, want ECONNREFUSED", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestWriteBatchDropped: a device that is full drops and counts, and the writer goes on.
func TestWriteBatchDropped(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	c := udpAt(t, s.host, "udp4", ":0")
	to := netip.AddrPortFrom(peer4, 9)
	ms := make([]Datagram, 200)
	for i := range ms {
		ms[i] = Datagram{Data: make([]byte, 1+i%2), Addr: to}
	}
	s.end.Close()
	if n, err := c.WriteBatch(ms); n != len(ms) || err != nil {
		t.Errorf("WriteBatch = %d, %v", n, err)
	}
	if d := s.host.Interfaces()[0].Device; d.TxDropped == 0 {
		t.Errorf("no drops counted: %+v", d)
	}
}

func TestWriteBatchAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has sync.Pool drop what it is given")
	}
	for _, w := range wires {
		for _, to := range []netip.Addr{peer4, peer6} {
			t.Run(fmt.Sprint(w.name, " ", to), func(t *testing.T) {
				c, drain := toSink(t, w.o)
				ms := make([]Datagram, 32)
				for i := range ms {
					ms[i] = Datagram{Data: make([]byte, 1000), Addr: netip.AddrPortFrom(to, 9)}
				}
				if n := testing.AllocsPerRun(200, func() {
					if n, err := c.WriteBatch(ms); n != len(ms) || err != nil {
						t.Fatal(n, err)
					}
					drain()
				}); n >= 1 {
					t.Errorf("%v allocations for %d datagrams, want none", n, len(ms))
				}
			})
		}
	}
}

// toSink makes a socket and a function that empties the other end of its host's cable.
func toSink(t testing.TB, o link.Offload) (*UDPConn, func()) {
	t.Helper()
	a, b := pipe.New(pipe.Config{Offload: o, Names: [2]string{"eth0", "peer"}})
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); b.Close() })
	as := []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)}
	if _, err := h.AddInterface(a, InterfaceConfig{Addresses: as}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []netip.Addr{peer4, peer6} {
		if err := h.AddNeighbor(Neighbor{Addr: p, Link: peerMAC, Interface: "eth0"}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := h.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	frames := make([]link.Frame, 256)
	return c.(*UDPConn), func() {
		for b.Stats().RxFrames < a.Stats().TxFrames {
			n, err := b.ReadFrames(frames)
			if err != nil {
				t.Fatal(err)
			}
			link.ReleaseAll(frames[:n])
		}
	}
}
