package rip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

var (
	start = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	alpha = ipxwire.Node{2, 0, 0, 0, 0, 0xa}
	beta  = ipxwire.Node{2, 0, 0, 0, 0, 0xb}
)

const gap = 55 * time.Millisecond

// rig is a router, the time, and what it sent.
type rig struct {
	t       testing.TB
	r       *Router
	now     time.Time
	sent    []string
	changed int
	learned []string
}

func newRig(t testing.TB, c Config) *rig {
	g := &rig{t: t, now: start}
	c.Send = func(port int, to ipxwire.Addr, msg []byte) {
		m, err := Parse(msg)
		if err != nil || m.Len() == 0 || m.Len() > MaxEntries {
			t.Errorf("sends %x: %v", msg, err)
		}
		g.sent = append(g.sent, fmt.Sprintf("%d > %v: %v", port, to, m))
	}
	c.Changed = func() { g.changed++ }
	c.Learned = func(port int, n ipxwire.Network) {
		g.learned = append(g.learned, fmt.Sprintf("%d %v", port, n))
		g.r.SetNetwork(g.now, port, n)
	}
	g.r = New(c)
	return g
}

// newRouter is a router between networks 0000cafe on port 0 and 0000beef on port 1, that said hello.
func newRouter(t testing.TB, c Config) *rig {
	c.Routing = true
	g := newRig(t, c)
	g.r.AddPort(g.now, 0, 0xcafe, 1)
	g.r.AddPort(g.now, 1, 0xbeef, 1)
	g.run(time.Second)
	g.sent, g.changed = nil, 0
	return g
}

// run lets time pass, and ticks when the router asked for it.
func (g *rig) run(d time.Duration) {
	end := g.now.Add(d)
	for n := 0; ; n++ {
		at := g.r.Next()
		if at.IsZero() || at.After(end) {
			break
		}
		if n > 10000 {
			g.t.Fatalf("Next stays at %v", at)
		}
		g.now = at
		g.r.Tick(g.now)
	}
	g.now = end
}

func (g *rig) deliver(port int, from ipxwire.Addr, op Operation, e ...Entry) {
	g.r.Deliver(g.now, port, from, Append(nil, op, e...))
}

// hear delivers the response of a router on the port's network.
func (g *rig) hear(port int, node ipxwire.Node, e ...Entry) {
	p, _ := g.r.t.Port(port)
	g.deliver(port, ipxwire.Addr{Net: p.Network, Node: node, Socket: ipxwire.SocketRIP}, Response, e...)
}

// want compares what was sent since the last call.
func (g *rig) want(lines ...string) {
	g.t.Helper()
	if got := g.sent; !slices.Equal(got, lines) {
		g.t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
	g.sent = nil
}

// table compares the routes, each as "network ticks/hops port next hop".
func (g *rig) table(lines ...string) {
	g.t.Helper()
	var got []string
	for _, v := range g.r.Routes() {
		s := fmt.Sprintf("%x %d/%d %d", uint32(v.Network), v.Ticks, v.Hops, v.Port)
		if !v.NextHop.IsZero() {
			s += fmt.Sprintf(" %x", v.NextHop[5])
		}
		if v.Static {
			s += " static"
		}
		got = append(got, s)
	}
	if !slices.Equal(got, lines) {
		g.t.Errorf("table\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func TestLearn(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.want("1 > 0000beef:ffffffffffff:0453: Response, 0000f00d 2 hops 3 ticks")
	g.table("beef 1/0 1", "cafe 1/0 0", "f00d 2/1 0 a")
	if g.changed != 1 {
		t.Errorf("Changed was called %d times, want 1", g.changed)
	}
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	if g.changed != 1 {
		t.Error("Changed was called although nothing changed")
	}
	g.run(time.Minute)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 0000beef 1 hops 2 ticks",
		"1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 1 hops 2 ticks, 0000f00d 2 hops 3 ticks",
	)
	v, ok := g.r.Lookup(0xf00d)
	want := Route{Network: 0xf00d, Hops: 1, Ticks: 2, NextHop: alpha, Expires: start.Add(241 * time.Second)}
	if !ok || v != want {
		t.Errorf("Lookup gives %+v, want %+v", v, want)
	}
}

// Whose word holds: each step is what a neighbour tells of f00d, and the route after it.
func TestPreference(t *testing.T) {
	g := newRouter(t, Config{})
	for _, tt := range []struct {
		name  string
		port  int
		node  ipxwire.Node
		entry Entry
		wait  time.Duration
		want  string
	}{
		{name: "first", port: 0, node: alpha, entry: Entry{0xf00d, 3, 9}, want: "f00d 9/3 0 a"},
		{name: "fewer ticks, more hops", port: 1, node: beta, entry: Entry{0xf00d, 5, 8}, want: "f00d 8/5 1 b"},
		{name: "more ticks, fewer hops", port: 0, node: alpha, entry: Entry{0xf00d, 1, 9}, want: "f00d 8/5 1 b"},
		{name: "equal ticks, fewer hops", port: 0, node: alpha, entry: Entry{0xf00d, 4, 8}, want: "f00d 8/4 0 a"},
		{name: "equal", port: 1, node: beta, entry: Entry{0xf00d, 4, 8}, want: "f00d 8/4 0 a"},
		{name: "equal when the owner is silent", port: 1, node: beta, entry: Entry{0xf00d, 4, 8}, wait: 161 * time.Second, want: "f00d 8/4 1 b"},
		{name: "the owner's is worse", port: 1, node: beta, entry: Entry{0xf00d, 6, 20}, want: "f00d 20/6 1 b"},
		{name: "no hops are one, no ticks too", port: 1, node: beta, entry: Entry{0xf00d, 0, 0}, want: "f00d 1/1 1 b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.t = t
			g.run(tt.wait)
			g.hear(tt.port, tt.node, tt.entry)
			g.table("beef 1/0 1", "cafe 1/0 0", tt.want)
		})
	}
}

func TestDown(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.run(time.Second)
	g.sent = nil
	g.hear(0, beta, Entry{0xf00d, 16, 2})
	g.want()
	g.hear(0, alpha, Entry{0xf00d, 16, 2})
	g.want("1 > 0000beef:ffffffffffff:0453: Response, 0000f00d 16 hops 3 ticks")
	g.table("beef 1/0 1", "cafe 1/0 0")
	if v, ok := g.r.Lookup(0xf00d); ok {
		t.Errorf("Lookup gives %+v of what is down", v)
	}
	down := g.now
	g.run(time.Minute)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 0000beef 1 hops 2 ticks",
		"1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 1 hops 2 ticks, 0000f00d 16 hops 3 ticks",
	)
	g.run(down.Add(90 * time.Second).Sub(g.now))
	if len(g.r.t.Entries()) != 2 {
		t.Error("what is down is not forgotten after one and a half updates")
	}
}

// What is down comes back by anybody's word.
func TestDownAndBack(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.hear(0, alpha, Entry{0xf00d, 16, 2})
	g.hear(1, beta, Entry{0xf00d, 7, 30})
	g.table("beef 1/0 1", "cafe 1/0 0", "f00d 30/7 1 b")
	g.hear(1, beta, Entry{0xf00d, 99, 30})
	g.hear(1, beta, Entry{0xf00d, 15, 40})
	g.table("beef 1/0 1", "cafe 1/0 0", "f00d 40/15 1 b")
	g.run(time.Second)
	if last := g.sent[len(g.sent)-1]; last != "0 > 0000cafe:ffffffffffff:0453: Response, 0000f00d 16 hops 41 ticks" {
		t.Errorf("15 hops are told as %q", last)
	}
}

func TestAge(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0xf00d, 1, 2}, Entry{0xf00e, 1, 2})
	for range 3 {
		g.run(time.Minute)
		g.hear(0, alpha, Entry{0xf00e, 1, 2})
	}
	g.run(time.Minute - 1)
	g.table("beef 1/0 1", "cafe 1/0 0", "f00d 2/1 0 a", "f00e 2/1 0 a")
	g.sent = nil
	g.run(1)
	g.table("beef 1/0 1", "cafe 1/0 0", "f00e 2/1 0 a")
	g.want("1 > 0000beef:ffffffffffff:0453: Response, 0000f00d 16 hops 3 ticks")
	if s := g.r.Stats(); s.Expired != 1 {
		t.Errorf("%d expired, want 1", s.Expired)
	}
}

// A neighbour that says a network is down is told the way to it, if that is not behind the same port.
func TestContradict(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.run(time.Second)
	g.sent = nil
	g.hear(1, beta, Entry{0xf00d, 16, 5})
	g.want("1 > 0000beef:ffffffffffff:0453: Response, 0000f00d 2 hops 3 ticks")
	g.run(time.Second)
	g.hear(1, beta, Entry{0xcafe, 16, 5})
	g.want("1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 1 hops 2 ticks")
	g.run(time.Second)
	g.hear(1, beta, Entry{0xbeef, 1, 1}, Entry{0xbeef, 16, 1})
	g.want()
	g.table("beef 1/0 1", "cafe 1/0 0", "f00d 2/1 0 a")
}

func TestLimits(t *testing.T) {
	g := newRouter(t, Config{MaxRoutes: 22, MaxPerPort: 10, MaxPerNeighbor: 6})
	gamma := ipxwire.Node{2, 0, 0, 0, 0, 0xc}
	for i := range 20 {
		n := ipxwire.Network(0x1000 + i)
		g.hear(0, alpha, Entry{n, 1, 5})
		g.hear(0, beta, Entry{n + 0x1000, 1, 5})
		g.hear(0, gamma, Entry{n + 0x2000, 1, 5})
	}
	count := func(node ipxwire.Node, port int) (n int) {
		for _, v := range g.r.Routes() {
			if v.NextHop == node && v.Port == port {
				n++
			}
		}
		return n
	}
	if a, b, c := count(alpha, 0), count(beta, 0), count(gamma, 0); a+b+c != 10 || max(a, b, c) > 6 {
		t.Errorf("%d, %d and %d routes of three neighbours, want 10 in all and at most 6 each", a, b, c)
	}
	for i := range 20 {
		g.hear(1, alpha, Entry{ipxwire.Network(0x9000 + i), 1, 5})
	}
	if n := count(alpha, 1); n != 6 {
		t.Errorf("%d routes on the other port, want 6", n)
	}
	full := g.r.Stats().Full
	g.hear(0, alpha, Entry{0x9000, 1, 1}, Entry{0x9001, 1, 1}, Entry{0x9002, 1, 1}, Entry{0x9003, 1, 1})
	if n := count(alpha, 1); n != 6 || g.r.Stats().Full == full {
		t.Errorf("a full port takes %d routes of another", 6-n)
	}
	g.hear(0, alpha, Entry{0x1000, 16, 5})
	g.run(2 * time.Minute)
	g.hear(0, alpha, Entry{0x1fff, 1, 5})
	if _, ok := g.r.Lookup(0x1fff); !ok {
		t.Error("what was forgotten leaves no room")
	}
}

// The numbers that mean something else are no routes.
func TestReserved(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0, 1, 2}, Entry{All, 1, 2})
	g.table("beef 1/0 1", "cafe 1/0 0")
}

// A response that changes nothing, and a look at a route, leave no garbage.
func TestAllocations(t *testing.T) {
	g := newRouter(t, Config{})
	var e []Entry
	for i := range MaxEntries {
		e = append(e, Entry{ipxwire.Network(0x1000 + i), 1, 2})
	}
	from := ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: ipxwire.SocketRIP}
	msg := Append(nil, Response, e...)
	g.r.Deliver(g.now, 0, from, msg)
	g.run(time.Second)
	if n := testing.AllocsPerRun(100, func() { g.r.Deliver(g.now, 0, from, msg); g.r.Tick(g.now); g.r.Next() }); n != 0 {
		t.Errorf("Deliver allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { g.r.Lookup(0x1007); g.r.Lookup(0xdead) }); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}
