package rip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

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

// A router with one network tells its number to who does not know it, and has nothing for who does.
func TestLoneRouter(t *testing.T) {
	for _, from := range []ipxwire.Network{0, 0xbeef} {
		g := newRouter(t, Config{})
		g.r.RemovePort(g.now, 0)
		g.run(time.Hour)
		g.sent = nil
		asker := ipxwire.Addr{Node: beta, Socket: 0x4003}
		asker.Net = from
		if g.deliver(1, asker, Request, Entry{All, 16, 0}); from != 0 {
			g.want()
			continue
		}
		g.want("1 > 0000beef:02000000000b:4003: Response, 0000beef 1 hops 1 ticks")
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
