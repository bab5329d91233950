package rip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip/wiretest"
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

func TestStart(t *testing.T) {
	g := newRig(t, Config{Routing: true})
	g.r.AddPort(g.now, 0, 0xcafe, 1)
	g.want("0 > 0000cafe:ffffffffffff:0453: Request, ffffffff")
	g.r.AddPort(g.now, 1, 0xbeef, 6)
	g.want("1 > 0000beef:ffffffffffff:0453: Request, ffffffff")
	g.table("beef 6/0 1", "cafe 1/0 0")
	g.run(gap - 1)
	g.want()
	g.run(1)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 0000beef 1 hops 7 ticks",
		"1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 1 hops 7 ticks",
	)
	g.run(60*time.Second - gap - 1)
	g.want()
	g.run(1)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 0000beef 1 hops 7 ticks",
		"1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 1 hops 7 ticks",
	)
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

func TestRequest(t *testing.T) {
	client := ipxwire.Addr{Node: beta, Socket: 0x4003}
	for _, tt := range []struct {
		name string
		ask  []Entry
		want string
	}{
		{name: "one", ask: []Entry{{0xf00d, 0xffff, 0xffff}}, want: "0000f00d 2 hops 3 ticks"},
		{name: "of the other port", ask: []Entry{{0xcafe, 0, 0}}, want: "0000cafe 1 hops 2 ticks"},
		{name: "its own", ask: []Entry{{0xbeef, 0, 0}}, want: "0000beef 1 hops 1 ticks"},
		{name: "two and none", ask: []Entry{{0xf00d, 0, 0}, {0xdead, 0, 0}, {0, 0, 0}, {0xcafe, 0, 0}}, want: "0000f00d 2 hops 3 ticks, 0000cafe 1 hops 2 ticks"},
		{name: "unknown", ask: []Entry{{0xdead, 0, 0}}},
		{name: "behind the asker's port", ask: []Entry{{0xb0b0, 0, 0}}},
		{name: "too far", ask: []Entry{{0xfa7, 0, 0}}},
		{name: "all", ask: []Entry{{All, 16, 0}}, want: "00000fa7 16 hops 21 ticks, 0000cafe 1 hops 2 ticks, 0000f00d 2 hops 3 ticks"},
		{name: "nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRouter(t, Config{})
			g.hear(0, alpha, Entry{0xf00d, 1, 2}, Entry{0xfa7, 15, 20})
			g.hear(1, alpha, Entry{0xb0b0, 1, 2})
			g.run(time.Second)
			g.sent = nil
			g.deliver(1, client, Request, tt.ask...)
			if tt.want == "" {
				g.want()
				return
			}
			g.want("1 > 0000beef:02000000000b:4003: Response, " + tt.want)
		})
	}
}

// More than one packet of an answer, or of an advertisement, has a gap between; askers take turns.
func TestGap(t *testing.T) {
	g := newRouter(t, Config{})
	for i := range 2 {
		var all []Entry
		for j := range MaxEntries {
			all = append(all, Entry{ipxwire.Network(0x10000 + i*MaxEntries + j), 1, 2})
		}
		g.hear(0, alpha, all...)
	}
	g.run(time.Second)
	g.sent = nil
	for _, node := range []ipxwire.Node{alpha, beta, alpha} {
		g.deliver(1, ipxwire.Addr{Node: node, Socket: ipxwire.SocketRIP}, Request, Entry{All, 16, 0})
	}
	var got []string
	for i := range 8 {
		for _, line := range g.sent {
			got = append(got, fmt.Sprintf("gap %d: to %s, %d", i, line[23:25], strings.Count(line, "hops")))
		}
		g.sent = nil
		g.run(gap)
	}
	want := []string{
		"gap 0: to 0a, 50", "gap 1: to 0a, 50", "gap 2: to 0b, 50", "gap 3: to 0a, 1", "gap 4: to 0b, 50", "gap 5: to 0b, 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// No more than eight answers wait on a port, and what changed does not wait behind them.
func TestManyAskers(t *testing.T) {
	g := newRouter(t, Config{})
	for i := range 20 {
		from := ipxwire.Addr{Node: ipxwire.Node{2, 0, 0, 0, 1, byte(i)}, Socket: 0x4000}
		g.deliver(1, from, Request, Entry{All, 16, 0})
	}
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	if len(g.sent) != 1 {
		t.Errorf("%d packets without a gap", len(g.sent))
	}
	g.run(gap)
	if line := g.sent[1]; line != "1 > 0000beef:ffffffffffff:0453: Response, 0000f00d 2 hops 3 ticks" {
		t.Errorf("after the gap comes %q, want what changed", line)
	}
	g.run(time.Second)
	if s := g.r.Stats(); s.Refused != 11 || len(g.sent) != 10 {
		t.Errorf("%d answers refused and %d packets sent, want 11 and 10", s.Refused, len(g.sent))
	}
}

func TestUnnumbered(t *testing.T) {
	g := newRig(t, Config{Routing: true})
	g.r.AddPort(g.now, 0, 0, 1)
	g.run(10 * time.Second)
	ask := "0 > 00000000:ffffffffffff:0453: Request, ffffffff"
	g.want(ask, ask, ask, ask) // at 0, 1, 3 and 7 s
	g.deliver(0, ipxwire.Addr{Node: beta, Socket: 0x4000}, Request, Entry{All, 16, 0})
	g.want()
	g.deliver(0, ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: 0x4000}, Response, Entry{0xf00d, 1, 2})
	if g.table(); len(g.learned) > 0 {
		t.Errorf("learned %q from another socket", g.learned)
	}
	g.deliver(0, ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: ipxwire.SocketRIP}, Response, Entry{0xf00d, 1, 2})
	if !slices.Equal(g.learned, []string{"0 0000cafe"}) {
		t.Errorf("learned %q, want the network of port 0", g.learned)
	}
	g.table("cafe 1/0 0", "f00d 2/1 0 a")
	g.want("0 > 0000cafe:ffffffffffff:0453: Request, ffffffff")
	g.run(time.Minute - 1)
	g.want()
}

// The questions about an unknown network slow down to one for each Update.
func TestAskSlowly(t *testing.T) {
	g := newRig(t, Config{})
	g.r.AddPort(g.now, 0, 0, 1)
	g.run(time.Hour)
	if n := len(g.sent); n < 60 || n > 70 {
		t.Errorf("%d questions in an hour, want about one a minute", n)
	}
}

func TestRemovePort(t *testing.T) {
	g := newRouter(t, Config{})
	g.r.AddPort(g.now, 2, 0xb0b0, 1)
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.hear(1, beta, Entry{0xf00e, 1, 2})
	g.run(time.Second)
	g.sent = nil
	g.r.RemovePort(g.now, 0)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 0000b0b0 16 hops 2 ticks, 0000beef 16 hops 2 ticks, 0000f00e 16 hops 3 ticks",
		"1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 16 hops 2 ticks, 0000f00d 16 hops 3 ticks",
		"2 > 0000b0b0:ffffffffffff:0453: Response, 0000cafe 16 hops 2 ticks, 0000f00d 16 hops 3 ticks",
	)
	g.table("b0b0 1/0 2", "beef 1/0 1", "f00e 2/1 1 b")
	g.r.RemovePort(g.now, 7)
	g.r.Close(g.now)
	g.table()
	g.run(time.Hour)
	if len(g.r.t.Entries()) != 0 || !g.r.Next().IsZero() {
		t.Errorf("%d entries are left, and Next is %v", len(g.r.t.Entries()), g.r.Next())
	}
}

func TestRenumber(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.run(time.Second)
	g.sent = nil
	g.r.SetNetwork(g.now, 0, 0xcafe)
	g.r.SetNetwork(g.now, 9, 0xcafe)
	g.want()
	g.r.SetNetwork(g.now, 0, 0xd00d)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 0000beef 16 hops 2 ticks",
		"0 > 0000d00d:ffffffffffff:0453: Request, ffffffff",
		"1 > 0000beef:ffffffffffff:0453: Response, 0000cafe 16 hops 2 ticks, 0000d00d 1 hops 2 ticks, 0000f00d 16 hops 3 ticks",
	)
	g.table("beef 1/0 1", "d00d 1/0 0")
}

func TestStatic(t *testing.T) {
	g := newRouter(t, Config{})
	add := func(v Route) {
		t.Helper()
		if err := g.r.AddStatic(g.now, v); err != nil {
			t.Error(err)
		}
	}
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	add(Route{Network: 0xf00d, Hops: 4, Ticks: 10, Port: 1, NextHop: beta})
	add(Route{Network: 0x1111, Port: Local})
	add(Route{Network: 0xcafe, Hops: 1, Port: 1, NextHop: beta})
	add(Route{Network: 0x7777, Hops: 1, Port: 7, NextHop: beta})
	g.hear(0, alpha, Entry{0xf00d, 1, 2}, Entry{0xf00d, 16, 2})
	g.table("1111 1/0 -1 static", "beef 1/0 1", "cafe 1/0 0", "f00d 10/4 1 b static")
	g.run(time.Second)
	g.sent = nil
	g.run(time.Minute)
	g.want(
		"0 > 0000cafe:ffffffffffff:0453: Response, 00001111 1 hops 2 ticks, 0000beef 1 hops 2 ticks, 0000f00d 5 hops 11 ticks",
		"1 > 0000beef:ffffffffffff:0453: Response, 00001111 1 hops 2 ticks, 0000cafe 1 hops 2 ticks",
	)
	g.r.AddPort(g.now, 7, 0x7007, 1)
	g.r.RemovePort(g.now, 0)
	g.table("1111 1/0 -1 static", "7007 1/0 7", "7777 2/1 7 b static", "beef 1/0 1", "cafe 2/1 1 b static", "f00d 10/4 1 b static")
	for _, n := range []ipxwire.Network{0xf00d, 0x1111, 0x7777} {
		if !g.r.RemoveStatic(g.now, n) || g.r.RemoveStatic(g.now, n) {
			t.Errorf("removing the route to %v does not work just once", n)
		}
	}
	g.table("7007 1/0 7", "beef 1/0 1", "cafe 2/1 1 b static")
	g.hear(1, alpha, Entry{0xf00d, 1, 2})
	g.table("7007 1/0 7", "beef 1/0 1", "cafe 2/1 1 b static", "f00d 2/1 1 a")
}

func TestStaticRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		route Route
	}{
		{"no network", Route{NextHop: alpha}},
		{"all networks", Route{Network: All, NextHop: alpha}},
		{"no next hop", Route{Network: 1}},
		{"a group", Route{Network: 1, NextHop: ipxwire.Broadcast}},
		{"too far", Route{Network: 1, NextHop: alpha, Hops: 16}},
	} {
		if err := New(Config{}).AddStatic(start, tt.route); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}

func TestDefaultRoute(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{Default, 3, 4})
	g.run(time.Second)
	g.sent = nil
	if v, ok := g.r.Lookup(0xdead); !ok || v.NextHop != alpha || v.Network != Default {
		t.Errorf("Lookup gives %+v, %v, want the default route", v, ok)
	}
	for _, n := range []ipxwire.Network{0, All} {
		if v, ok := g.r.Lookup(n); ok {
			t.Errorf("network %v has the route %+v", n, v)
		}
	}
	g.deliver(1, ipxwire.Addr{Node: beta, Socket: 0x4000}, Request, Entry{0xdead, 0, 0})
	g.want("1 > 0000beef:02000000000b:4000: Response, 0000dead 4 hops 5 ticks")
}

// Two ports on one network: the first has it, the other when the first goes.
func TestSameNetwork(t *testing.T) {
	g := newRouter(t, Config{})
	g.r.AddPort(g.now, 2, 0xcafe, 3)
	g.table("beef 1/0 1", "cafe 1/0 0")
	g.r.RemovePort(g.now, 0)
	g.table("beef 1/0 1", "cafe 3/0 2")
	g.run(time.Minute)
	for _, s := range g.sent {
		if strings.HasPrefix(s, "2 >") && strings.Contains(s, "cafe 1 hops") {
			t.Errorf("a network is told to itself: %s", s)
		}
	}
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

func TestStrangers(t *testing.T) {
	e := Append(nil, Response, Entry{0xf00d, 1, 2})
	ask := Append(nil, Request, Entry{All, 16, 0})
	rip := ipxwire.SocketRIP
	for _, tt := range []struct {
		name  string
		from  ipxwire.Addr
		msg   []byte
		count func(Stats) uint64
	}{
		{"another socket", ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: 0x4000}, e, func(s Stats) uint64 { return s.Strangers }},
		{"no node", ipxwire.Addr{Net: 0xcafe, Socket: rip}, e, func(s Stats) uint64 { return s.Strangers }},
		{"a group", ipxwire.Addr{Net: 0xcafe, Node: ipxwire.Broadcast, Socket: rip}, e, func(s Stats) uint64 { return s.Strangers }},
		{"another network", ipxwire.Addr{Net: 0xdead, Node: alpha, Socket: rip}, e, func(s Stats) uint64 { return s.Conflicts }},
		{"a request of another network", ipxwire.Addr{Net: 0xdead, Node: alpha, Socket: rip}, ask, func(s Stats) uint64 { return s.Strangers }},
		{"half an entry", ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: rip}, e[:7], func(s Stats) uint64 { return s.Malformed }},
		{"no operation", ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: rip}, append([]byte{0, 3}, e[2:]...), func(s Stats) uint64 { return s.Malformed }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRouter(t, Config{})
			g.r.Deliver(g.now, 0, tt.from, tt.msg)
			g.r.Deliver(g.now, 5, tt.from, tt.msg)
			g.run(time.Second)
			g.want()
			g.table("beef 1/0 1", "cafe 1/0 0")
			if s := g.r.Stats(); tt.count(s) != 1 || s.In != 1 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// The numbers that mean something else are no routes.
func TestReserved(t *testing.T) {
	g := newRouter(t, Config{})
	g.hear(0, alpha, Entry{0, 1, 2}, Entry{All, 1, 2})
	g.table("beef 1/0 1", "cafe 1/0 0")
}

func TestHost(t *testing.T) {
	g := newRig(t, Config{})
	g.r.AddPort(g.now, 0, 0xcafe, 1)
	g.want("0 > 0000cafe:ffffffffffff:0453: Request, ffffffff")
	g.hear(0, alpha, Entry{0xf00d, 1, 2})
	g.deliver(0, ipxwire.Addr{Node: beta, Socket: 0x4000}, Request, Entry{0xcafe, 0, 0})
	g.run(3 * time.Minute)
	g.want()
	g.table("cafe 1/0 0", "f00d 2/1 0 a")
	g.r.Request(g.now, 0, 0xdead)
	g.want("0 > 0000cafe:ffffffffffff:0453: Request, 0000dead")
	g.r.Request(g.now, AllPorts, All)
	g.want("0 > 0000cafe:ffffffffffff:0453: Request, ffffffff")
	g.r.RemovePort(g.now, 0)
	g.want()
}

// Ports do not advertise at one instant if there is chance.
func TestSpread(t *testing.T) {
	r := New(Config{Routing: true, Send: func(int, ipxwire.Addr, []byte) {}, Random: func() uint32 { return 255 }})
	r.AddPort(start, 0, 0xcafe, 1)
	r.Tick(start.Add(gap))
	if at := r.Next().Sub(start); at <= 44*time.Second || at >= 46*time.Second {
		t.Errorf("the first update is after %v, want a quarter of 60 s earlier", at)
	}
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

// The table that the capture of a network without routers but with a server builds.
func TestCapturedTable(t *testing.T) {
	g := newRig(t, Config{})
	g.r.AddPort(g.now, 0, 0, 1)
	for _, h := range wiretest.Captured(t, "ipx.pcap") {
		if h.Destination().Socket == ipxwire.SocketRIP {
			g.r.Deliver(g.now, 0, h.Source(), h.Data())
		}
	}
	g.table("a8f87967 2/1 0 a8")
	if s := g.r.Stats(); s.In != 10 || s.Malformed+s.Strangers+s.Conflicts != 0 {
		t.Errorf("counted %+v, want 10 packets without fault", s)
	}
}
