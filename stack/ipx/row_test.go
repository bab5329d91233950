package ipx

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
)

// routes lists the routes of a node: "0000beef 1/2 via 020000000011".
func routes(n *Node) string {
	var out []string
	for _, r := range n.Routes() {
		out = append(out, fmt.Sprintf("%v %d/%d via %v", r.Network, r.Hops, r.Ticks, r.NextHop))
	}
	return strings.Join(out, "\n")
}

const (
	converge = 3 * time.Second
	// A silent neighbour is noticed after four advertisements of a minute, and a last packet of the advertisement.
	aged = 5 * time.Minute
)

func TestRoutesConverge(t *testing.T) {
	for _, learned := range []bool{false, true} {
		x := newRow(t, learned)
		x.run(converge)
		for _, c := range []struct {
			name string
			m    *member
			want string
		}{
			{"R", x.r, "0000beef 0/1 via 000000000000\n0000cafe 0/1 via 000000000000\n0000f00d 1/2 via 020000000021"},
			{"S", x.s, "0000beef 0/1 via 000000000000\n0000cafe 1/2 via 020000000012\n0000f00d 0/1 via 000000000000"},
		} {
			if got := routes(c.m.Node); got != c.want {
				t.Errorf("learned %v: routes of %s:\n%s\nwant\n%s", learned, c.name, got, c.want)
			}
		}
		for _, c := range []struct {
			name string
			m    *member
			want Network
		}{{"a", x.a, cafe}, {"b", x.b, food}} {
			if p, _ := c.m.Port(0); p.Network != c.want || p.Learned != learned {
				t.Errorf("learned %v: port of %s is %+v, want network %v", learned, c.name, p, c.want)
			}
		}
	}
}

func TestAcrossRouters(t *testing.T) {
	x := newRow(t, false)
	x.run(converge)
	x.a.hears(0x5000)
	x.b.hears(0x5000)
	to := Addr{Net: food, Node: node(2), Socket: 0x5000}
	if err := x.a.Send(x.now, Fields{Type: 4, Destination: to, Source: Addr{Socket: 0x5000}},
		[]byte("far")); err != nil {
		t.Fatal(err)
	}
	x.run(time.Second)
	if !slices.Equal(x.b.got, []string{"far"}) {
		t.Fatalf("b got %q", x.b.got)
	}
	last := x.food.taken[len(x.food.taken)-1]
	want := "0000cafe:020000000001:5000 > 0000f00d:020000000002:5000, PEP, 2 hops, 33 octets"
	if last.String() != want {
		t.Errorf("on the last wire: %v\nwant %v", last, want)
	}
	if x.r.stat("ipxAdvSysForwPackets") != 1 || x.s.stat("ipxAdvSysForwPackets") != 1 {
		t.Error("routers did not count one packet each")
	}
}

func TestDirectedBroadcast(t *testing.T) {
	x := newRow(t, false)
	x.run(converge)
	x.b.hears(0x5000)
	x.s.hears(0x5000)
	to := Addr{Net: food, Node: ipxwire.Broadcast, Socket: 0x5000}
	if err := x.a.Send(x.now, Fields{Type: 4, Destination: to, Source: Addr{Socket: 0x5000}},
		[]byte("all")); err != nil {
		t.Fatal(err)
	}
	x.run(time.Second)
	if len(x.b.got) != 1 || len(x.s.got) != 1 {
		t.Errorf("b got %q, the last router %q; want one each", x.b.got, x.s.got)
	}
	to.Net = cafe
	before := len(x.beef.taken)
	if err := x.a.Send(x.now, Fields{Type: 4, Destination: to, Source: Addr{Socket: 0x5000}},
		[]byte("here")); err != nil {
		t.Fatal(err)
	}
	x.run(time.Millisecond)
	if len(x.beef.taken) != before {
		t.Error("a broadcast to its own network was forwarded")
	}
}

func TestServicesConverge(t *testing.T) {
	x := newRow(t, false)
	x.run(converge)
	s := sap.Service{Type: 4, Name: "LIBRARY", Addr: Addr{Net: food, Node: node(2), Socket: ipxwire.SocketNCP},
		Port: sap.Local}
	if err := x.b.SAP().AddStatic(x.now, s); err != nil {
		t.Fatal(err)
	}
	x.run(2 * time.Minute)
	for i, m := range []*member{x.s, x.r, x.a} {
		got := m.SAP().Find(4)
		if len(got) != 1 || got[0].Name != "LIBRARY" || int(got[0].Hops) != i+1 {
			t.Errorf("node %d from the server knows %+v, want LIBRARY at %d hops", i+1, got, i+1)
		}
	}
}

func TestLinkCut(t *testing.T) {
	x := newRow(t, false)
	x.run(converge)
	x.beef.cut = true
	x.run(aged)
	if _, ok := x.r.route(food); ok {
		t.Errorf("the router before the cut still knows\n%s", routes(x.r.Node))
	}
	x.run(time.Second)
	if _, ok := x.a.route(food); ok {
		t.Errorf("the host before the cut still knows\n%s", routes(x.a.Node))
	}
	x.beef.cut = false
	x.run(time.Minute + converge)
	if _, ok := x.a.RIP().Lookup(food); !ok {
		// A host that is told nothing asks.
		if err := x.a.Send(x.now, Fields{Destination: Addr{Net: food, Node: node(2), Socket: 2}, Type: 2},
			nil); err != nil {
			t.Fatal(err)
		}
	}
	x.run(converge)
	if _, ok := x.a.route(food); !ok {
		t.Errorf("after the cut was mended the host knows\n%s", routes(x.a.Node))
	}
}

func TestPortDownIsToldAtOnce(t *testing.T) {
	x := newRow(t, false)
	x.run(converge)
	x.s.SetPortUp(x.now, 1, false)
	x.run(converge)
	if _, ok := x.r.route(food); ok {
		t.Errorf("the neighbour still knows\n%s", routes(x.r.Node))
	}
	x.s.SetPortUp(x.now, 1, true)
	x.run(converge)
	if _, ok := x.r.route(food); !ok {
		t.Errorf("the neighbour knows only\n%s", routes(x.r.Node))
	}
}

func TestPropagatedReachesEachNetworkOnce(t *testing.T) {
	x := newRow(t, false)
	x.run(converge)
	x.b.hears(ipxwire.SocketNetBIOS)
	x.s.hears(ipxwire.SocketNetBIOS)
	data := make([]byte, 50)
	to := Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketNetBIOS}
	f := Fields{Type: ipxwire.TypeNetBIOS, Destination: to, Source: Addr{Socket: ipxwire.SocketNetBIOS}}
	if err := x.a.Send(x.now, f, data); err != nil {
		t.Fatal(err)
	}
	x.run(converge)
	for _, l := range []*wire{x.cafe, x.beef, x.food} {
		if n := l.count(ipxwire.TypeNetBIOS); n != 1 {
			t.Errorf("%s carried it %d times", l.name, n)
		}
	}
	if len(x.b.got) != 1 || len(x.s.got) != 1 {
		t.Errorf("b heard it %d times, the router %d times; want once", len(x.b.got), len(x.s.got))
	}
	if h := x.food.taken[len(x.food.taken)-1]; h.Hops() != 2 || fmt.Sprintf("%x",
		h.Data()[:12]) != "0000cafe0000beef00000000" {
		t.Errorf("on the last wire: %v, list %x", h, h.Data()[:12])
	}
	// A router's own goes to all its networks.
	if err := x.r.Send(x.now, f, data); err != nil {
		t.Fatal(err)
	}
	x.run(converge)
	for _, l := range []*wire{x.cafe, x.beef, x.food} {
		if n := l.count(ipxwire.TypeNetBIOS); n != 2 {
			t.Errorf("%s carried the router's %d times", l.name, n-1)
		}
	}
}

// triangle is three routers, each between two of three networks.
func triangle(t *testing.T, c Config) (*world, []*wire, []*member) {
	w := newWorld(t)
	nets := []Network{cafe, beef, food}
	wires := []*wire{{name: "cafe"}, {name: "beef"}, {name: "food"}}
	var ms []*member
	for i := range 3 {
		m := w.add(c)
		m.join(wires[i], nets[i], byte(0x10*i+1))
		m.join(wires[(i+1)%3], nets[(i+1)%3], byte(0x10*i+2))
		ms = append(ms, m)
	}
	w.run(converge)
	return w, wires, ms
}

func TestPropagationInALoopEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Propagation
		most int
	}{{"all", PropagateAll, 5}, {"reverse path", PropagateReversePath, 4}, {"none", PropagateNone, 1}} {
		w, wires, _ := triangle(t, Config{Router: true, Propagation: c.p})
		h := w.add(Config{})
		h.join(wires[0], cafe, 0x77)
		w.run(converge)
		f := Fields{Type: ipxwire.TypeNetBIOS,
			Destination: Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketNetBIOS}}
		if err := h.Send(w.now, f, make([]byte, 50)); err != nil {
			t.Fatal(err)
		}
		w.run(converge)
		n := 0
		for _, l := range wires {
			n += l.count(ipxwire.TypeNetBIOS)
		}
		if n > c.most {
			t.Errorf("%s: %d packets on three wires, want %d at most", c.name, n, c.most)
		}
	}
}

func TestForwardingLoopEnds(t *testing.T) {
	w, wires, ms := triangle(t, Config{Router: true})
	const lost Network = 0xdead
	for i, m := range ms {
		next := ms[(i+1)%3]
		p, _ := next.Port(0)
		addStatic(t, m, lost, 1, p.Node)
	}
	h := w.add(Config{})
	h.join(wires[0], cafe, 0x77)
	p, _ := ms[0].Port(0)
	addStatic(t, h, lost, 0, p.Node)
	f := Fields{Type: ipxwire.TypeNCP, Destination: Addr{Net: lost, Node: node(9), Socket: 0x5000}}
	if err := h.Send(w.now, f, []byte("lost")); err != nil {
		t.Fatal(err)
	}
	w.run(converge)
	n, dropped := 0, uint64(0)
	for i, l := range wires {
		n += l.count(ipxwire.TypeNCP)
		dropped += ms[i].stat("ipxAdvSysInTooManyHops")
	}
	if n != DefaultMaxHops || dropped != 1 {
		t.Errorf("the packet was sent %d times and dropped %d times; want %d and once", n, dropped, DefaultMaxHops)
	}
}

func addStatic(t *testing.T, m *member, net Network, port int, next NodeAddr) {
	t.Helper()
	if err := m.RIP().AddStatic(m.w.now, rip.Route{Network: net, Hops: 1, Port: port, NextHop: next}); err != nil {
		t.Fatal(err)
	}
}
