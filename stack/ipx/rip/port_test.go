package rip

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

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
