package ipx

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

// quiet is a node that sends into nothing.
func quiet(t testing.TB, c Config) *Node {
	t.Helper()
	c.Random = func() uint32 { return 1 }
	c.Output = func(PortID, NodeAddr, []byte) {}
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, net := range []Network{cafe, beef} {
		p := PortConfig{Network: net, Node: node(byte(i + 1)), MaxPacket: 1500}
		if _, err := n.AddPort(t0, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.RIP().AddStatic(t0, rip.Route{Network: food, Port: 1, NextHop: node(9)}); err != nil {
		t.Fatal(err)
	}
	n.Tick(t0)
	return n
}

// counter counts packets.
type counter struct{ n int }

func (c *counter) Receive(time.Time, PortID, ipxwire.Header) { c.n++ }

// paths are the ways of a packet through a node that are held to make no garbage.
func paths(t testing.TB) []path {
	n, router := quiet(t, Config{}), quiet(t, Config{Router: true})
	got := &counter{}
	if _, err := n.Bind(0x5000, got); err != nil {
		t.Fatal(err)
	}
	h := func(reply, request []byte, _, _ Addr) []byte { return append(reply, request...) }
	if _, err := n.Bind(0x5001, &inline{n: n, h: h}); err != nil {
		t.Fatal(err)
	}
	data := strings.Repeat("x", 512)
	deliver := func(n *Node, f Fields) func() {
		b := packet(f, data)
		return func() { n.Deliver(t0, 0, node(9), b) }
	}
	payload := []byte(data)
	send := func(to Addr) func() {
		f := Fields{Type: 4, Destination: to, Source: Addr{Socket: 0x4000}}
		return func() {
			if err := n.Send(t0, f, payload); err != nil {
				t.Fatal(err)
			}
			n.drain(t0)
		}
	}
	list := Fields{Type: ipxwire.TypeNetBIOS, Source: peer, Destination: Addr{Node: ipxwire.Broadcast, Socket: 0x455}}
	return []path{
		{"receive", deliver(n, Fields{Type: 4, Destination: addr(cafe, 1, 0x5000), Source: peer}),
			"ipxBasicSysInDelivers", n},
		{"inline", deliver(n, Fields{Type: 4, Destination: addr(cafe, 1, 0x5001), Source: peer}),
			"ipx.inline.replies", n},
		{"echo", deliver(n, Fields{Type: 2, Destination: addr(cafe, 1, 2), Source: peer}), "ipx.echo", n},
		{"no socket", deliver(n, Fields{Type: 4, Destination: addr(cafe, 1, 0x5002), Source: peer}),
			"ipx.drop.nosocket", n},
		{"send", send(peer), "ipxBasicSysOutPackets", n},
		{"send by a router", send(addr(food, 5, 1)), "ipxBasicSysOutPackets", n},
		{"send to itself", send(addr(cafe, 1, 0x5000)), "ipxBasicSysInDelivers", n},
		{"forward", deliver(router, Fields{Type: 4, Destination: addr(beef, 7, 1), Source: peer}),
			"ipxAdvSysForwPackets", router},
		{"forward to a router", deliver(router, Fields{Type: 4, Destination: addr(food, 7, 1), Source: peer}),
			"ipxAdvSysForwPackets", router},
		{"propagate", deliver(router, list), "ipx.netbios.propagated", router},
	}
}

// path is one way of a packet, and the counter that tells that it was gone.
type path struct {
	name string
	run  func()
	stat string
	n    *Node
}

func TestNoAllocation(t *testing.T) {
	for _, p := range paths(t) {
		before := statOf(t, p.n, p.stat)
		if allocs := testing.AllocsPerRun(100, p.run); allocs != 0 {
			t.Errorf("%s: %v allocations", p.name, allocs)
		}
		if got := statOf(t, p.n, p.stat) - before; got != 101 {
			t.Errorf("%s: %s counted %d, want 101", p.name, p.stat, got)
		}
	}
}

// socketPair is a stack, a dialled socket of it, and a function that brings an answer to that.
func socketPair(t testing.TB) (s *Stack, c *Conn, answer func()) {
	t.Helper()
	s, err := NewStack(StackConfig{Node: Config{
		Output: func(PortID, NodeAddr, []byte) {},
		Random: func() uint32 { return 1 },
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.Do(func(now time.Time, n *Node) {
		if _, err := n.AddPort(now, PortConfig{Network: cafe, Node: node(1), MaxPacket: 1500}); err != nil {
			t.Fatal(err)
		}
	})
	if c, err = s.Dial(Addr{Socket: 0x4001}, peer); err != nil {
		t.Fatal(err)
	}
	b := packet(Fields{Type: 4, Destination: addr(cafe, 1, 0x4001), Source: peer}, strings.Repeat("x", 512))
	return s, c, func() { s.Deliver(0, node(9), b) }
}

func TestNoAllocationInSockets(t *testing.T) {
	_, c, answer := socketPair(t)
	buf := make([]byte, 1500)
	round := func() {
		if _, err := c.WriteToAddr(buf[:512], peer); err != nil {
			t.Fatal(err)
		}
		answer()
		n, from, err := c.ReadFromAddr(buf)
		if err != nil || n != 512 || from != peer {
			t.Fatalf("read %d from %v, %v", n, from, err)
		}
	}
	round()
	if allocs := testing.AllocsPerRun(1000, round); allocs != 0 {
		t.Errorf("%v allocations for a datagram out and one in", allocs)
	}
}

func TestRing(t *testing.T) {
	r := ring{max: 3000}
	var want [][]byte
	seed := uint32(1)
	next := func(n int) int { seed = seed*1664525 + 1013904223; return int(seed>>8) % n }
	head := new([ipxwire.HeaderLen]byte)
	room := make([]byte, 600)
	for i := range 10000 {
		if b := packet(Fields{Source: addr(Network(i), 1, 1)}, strings.Repeat("x", next(500))); next(2) == 0 {
			if r.push(PortID(i%300), b[:30], b[30:]) {
				want = append(want, b)
			} else if r.len()+len(b)+recordHead <= r.max {
				t.Fatalf("step %d: no room for %d octets after %d of %d", i, len(b), r.len(), r.max)
			}
		} else if len(want) > 0 {
			_, n := r.pop(head, room)
			if got := append(bytes.Clone(head[:]), room[:n]...); !bytes.Equal(got, want[0]) {
				t.Fatalf("step %d: got %x, want %x", i, got, want[0])
			}
			want = want[1:]
		}
		if r.count() != uint64(len(want)) || len(r.buf) > r.max {
			t.Fatalf("step %d: %d packets in %d octets, want %d", i, r.count(), len(r.buf), len(want))
		}
	}
}

func BenchmarkNode(b *testing.B) {
	for _, p := range paths(b) {
		b.Run(strings.ReplaceAll(p.name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(542)
			for b.Loop() {
				p.run()
			}
		})
	}
}

func BenchmarkConn(b *testing.B) {
	_, c, answer := socketPair(b)
	buf := make([]byte, 1500)
	b.ReportAllocs()
	b.SetBytes(2 * 542)
	for b.Loop() {
		_, _ = c.WriteToAddr(buf[:512], peer)
		answer()
		_, _, _ = c.ReadFromAddr(buf)
	}
}
