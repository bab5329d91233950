package ipx

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

// response is an answer of RIP.
func response(e ...rip.Entry) string { return string(rip.Append(nil, rip.Response, e...)) }

func TestNetworkFromTraffic(t *testing.T) {
	all := Addr{Net: cafe, Node: ipxwire.Broadcast, Socket: 0x5000}
	r := newRig(t, Config{}, PortConfig{Name: "eth0", Node: node(1)})
	r.deliver(0, Fields{Destination: addr(cafe, 1, 0x5000), Source: addr(food, 9, 1)}, "") // from afar
	r.deliver(0, Fields{Destination: Addr{Node: ipxwire.Broadcast}, Source: addr(0, 9, 1)}, "")
	if p, _ := r.Port(0); p.Network != 0 {
		t.Fatalf("learned %v from packets that do not tell", p.Network)
	}
	r.deliver(0, Fields{Destination: all, Source: peer}, "")
	if p, _ := r.Port(0); p.Network != cafe || !p.Learned {
		t.Errorf("port is %+v, want network cafe", p)
	}
	// A router is right.
	toRIP := Addr{Net: beef, Node: ipxwire.Broadcast, Socket: ipxwire.SocketRIP}
	f := Fields{Type: ipxwire.TypeRIP, Destination: toRIP, Source: addr(beef, 9, ipxwire.SocketRIP)}
	f.Destination.Net = 0
	r.deliver(0, f, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
	if p, _ := r.Port(0); p.Network != beef {
		t.Errorf("network is %v, want the router's beef", p.Network)
	}
	if _, ok := r.route(food); !ok {
		t.Error("the router's routes were not learned")
	}
	// Another router that says otherwise is not, and its routes are not learned.
	f.Source.Net = 0x1234
	r.deliver(0, f, response(rip.Entry{Network: 0x5555, Hops: 1, Ticks: 2}))
	r.deliver(0, f, response(rip.Entry{Network: 0x5555, Hops: 1, Ticks: 2}))
	if p, _ := r.Port(0); p.Network != beef || r.stat("ipx.network.conflict") != 2 {
		t.Errorf("network is %v, %d conflicts", p.Network, r.stat("ipx.network.conflict"))
	}
	if _, ok := r.route(0x5555); ok {
		t.Error("a router of another network was believed")
	}
	r.SetPortUp(r.now, 0, false)
	r.SetPortUp(r.now, 0, true)
	if p, _ := r.Port(0); p.Network != 0 {
		t.Errorf("after a new start of the link the network is still %v", p.Network)
	}
}

func TestNetworkFromRouter(t *testing.T) {
	r := newRig(t, Config{}, PortConfig{Name: "eth0", Node: node(1)},
		PortConfig{Name: "eth1", Network: beef, Node: node(2)})
	f := Fields{Type: ipxwire.TypeRIP, Destination: addr(cafe, 1, ipxwire.SocketRIP),
		Source: addr(cafe, 9, ipxwire.SocketRIP)}
	r.deliver(0, f, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
	if p, _ := r.Port(0); p.Network != cafe || !p.Learned {
		t.Errorf("port is %+v, want network cafe", p)
	}
	// One number cannot be that of two ports.
	r = newRig(t, Config{}, PortConfig{Name: "eth0", Node: node(1)},
		PortConfig{Name: "eth1", Network: beef, Node: node(2)})
	f.Source.Net, f.Destination.Net = beef, beef
	r.deliver(0, f, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
	if p, _ := r.Port(0); p.Network != 0 || r.stat("ipx.network.conflict") == 0 {
		t.Errorf("port is %+v, want no network", p)
	}
}

// A router that has nothing to tell behind the split horizon still tells the number of the network to who does not know it.
func TestLoneRouterTellsItsNetwork(t *testing.T) {
	r := newRig(t, Config{Router: true}, PortConfig{Network: cafe, Node: node(1)})
	ask := string(rip.Append(nil, rip.Request, rip.Entry{Network: rip.All, Hops: rip.Down}))
	for _, net := range []Network{cafe, 0} {
		r.sent = nil
		r.deliver(0, Fields{Type: ipxwire.TypeRIP, Destination: Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketRIP},
			Source: addr(net, 9, ipxwire.SocketRIP)}, ask)
		if isTold := len(r.sent) > 0; isTold != (net == 0) {
			t.Errorf("asked from network %v: %d packets", net, len(r.sent))
		}
	}
	h := r.sent[0].h
	if h.Source().Net != cafe || string(h.Data()) != response(rip.Entry{Network: cafe, Hops: 1, Ticks: 1}) {
		t.Errorf("told %v: %x", h, h.Data())
	}
}

func TestWaitingForARoute(t *testing.T) {
	r := newRig(t, Config{})
	to := addr(food, 5, 0x5000)
	for _, s := range []string{"one", "two"} {
		if err := r.Send(r.now, Fields{Type: 4, Destination: to, Source: Addr{Socket: 0x4000}}, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	r.wait(100 * time.Millisecond)
	questions := 0
	for _, s := range r.sent {
		if s.h.Destination().Socket != ipxwire.SocketRIP || s.to != ipxwire.Broadcast {
			t.Errorf("sent %v", s.h)
		}
		questions++
	}
	if questions != 2 {
		t.Errorf("%d questions, want one on each port", questions)
	}
	r.sent = nil
	f := Fields{Type: ipxwire.TypeRIP, Destination: addr(beef, 2, ipxwire.SocketRIP),
		Source: addr(beef, 9, ipxwire.SocketRIP)}
	r.deliver(1, f, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
	got := ""
	for _, s := range r.sent {
		got += fmt.Sprintf("%d %v %v %s; ", s.port, s.to, s.h, s.h.Data())
	}
	const head = "1 020000000009 0000beef:020000000002:4000 > 0000f00d:020000000005:5000, PEP, 0 hops, 33 octets "
	if want := head + "one; " + head + "two; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(r.pending.nets) != 0 {
		t.Error("something still waits")
	}
}

func TestWaitingForARouteEnds(t *testing.T) {
	r := newRig(t, Config{})
	for i := range 100 {
		err := r.Send(r.now, Fields{Destination: addr(food, 5, 1)}, make([]byte, 500))
		if full := (i+1)*(recordHead+530) > pendingOctets; full != (err != nil) {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	for i := range pendingNetworks + 5 {
		err := r.Send(r.now, Fields{Destination: addr(Network(i+1), 5, 1)}, nil)
		if full := i >= pendingNetworks-1; full != (err != nil) {
			t.Fatalf("network %d: %v", i, err)
		}
	}
	before := r.stat("ipxBasicSysNoRoutes")
	r.wait(pendingTries * pendingEvery)
	if len(r.pending.nets) != 0 {
		t.Error("something still waits")
	}
	want := uint64(pendingOctets/(recordHead+530) + pendingNetworks - 1)
	if got := r.stat("ipxBasicSysNoRoutes") - before; got != want {
		t.Errorf("%d packets had no route in the end, want %d", got, want)
	}
	asked := 0
	for _, s := range r.sent {
		if s.port == 0 && len(s.h.Data()) == 10 && strings.HasSuffix(hex.EncodeToString(s.h.Data()[:6]), "0000f00d") {
			asked++
		}
	}
	if asked != pendingTries {
		t.Errorf("RIP asked %d times, want %d", asked, pendingTries)
	}
}

func TestForward(t *testing.T) {
	for _, c := range []struct {
		name string
		f    Fields
		data string
		want string // what leaves, or the counter
	}{
		{"to a network here", Fields{Hops: 3, Destination: addr(beef, 7, 1), Source: peer}, "",
			"1 020000000007 0000cafe:020000000009:4009 > 0000beef:020000000007:0001, unknown, 4 hops, 30 octets"},
		{"to all of a network here",
			Fields{Destination: Addr{Net: beef, Node: ipxwire.Broadcast, Socket: 1}, Source: peer}, "",
			"1 ffffffffffff 0000cafe:020000000009:4009 > 0000beef:ffffffffffff:0001, unknown, 1 hops, 30 octets"},
		{"to a network behind a router", Fields{Destination: addr(food, 7, 1), Source: peer}, "",
			"1 020000000077 0000cafe:020000000009:4009 > 0000f00d:020000000007:0001, unknown, 1 hops, 30 octets"},
		{"from this network", Fields{Destination: addr(beef, 7, 1), Source: addr(0, 9, 5)}, "",
			"1 020000000007 0000cafe:020000000009:0005 > 0000beef:020000000007:0001, unknown, 1 hops, 30 octets"},
		{"after fourteen routers", Fields{Hops: 14, Destination: addr(beef, 7, 1), Source: peer}, "",
			"1 020000000007 0000cafe:020000000009:4009 > 0000beef:020000000007:0001, unknown, 15 hops, 30 octets"},
		{"after fifteen routers", Fields{Hops: 15, Destination: addr(beef, 7, 1), Source: peer}, "",
			"ipxAdvSysInTooManyHops 1"},
		{"after 255 routers", Fields{Hops: 255, Destination: addr(beef, 7, 1), Source: peer}, "",
			"ipxAdvSysInTooManyHops 1"},
		{"network 0", Fields{Destination: addr(0, 7, 1), Source: peer}, "", "ipx.drop.notours 1"},
		{"where it came from", Fields{Destination: addr(cafe, 7, 1), Source: peer}, "", "ipx.drop.notours 1"},
		{"nobody", Fields{Destination: Addr{Net: beef, Socket: 1}, Source: peer}, "", "ipx.drop.notours 1"},
		{"a group", Fields{Destination: Addr{Net: beef, Node: NodeAddr{1}, Socket: 1}, Source: peer}, "",
			"ipx.drop.notours 1"},
		{"all networks", Fields{Destination: addr(0xffffffff, 7, 1), Source: peer}, "", "ipx.drop.notours 1"},
		{"no route", Fields{Destination: addr(0xdead, 7, 1), Source: peer}, "", "ipxBasicSysNoRoutes 1"},
		{"back to the router that sent it", Fields{Destination: addr(0x9999, 7, 1), Source: peer}, "",
			"ipx.drop.loop 1"},
		{"from nobody", Fields{Destination: addr(beef, 7, 1), Source: Addr{Net: cafe}}, "", "ipx.drop.source 1"},
		{"from this node's other port", Fields{Destination: addr(beef, 7, 1), Source: addr(beef, 2, 1)}, "",
			"ipx.drop.source 1"},
		{"too long for the port", Fields{Destination: addr(beef, 7, 1), Source: peer}, strings.Repeat("x", 700),
			"ipxBasicSysOutDiscards 1"},
	} {
		r := newRig(t, Config{Router: true}, PortConfig{Network: cafe, Node: node(1), MaxPacket: 1500},
			PortConfig{Network: beef, Node: node(2)})
		for net, next := range map[Network]byte{food: 0x77, 0x9999: 9} {
			port := 1
			if next == 9 {
				port = 0
			}
			if err := r.RIP().AddStatic(r.now, rip.Route{Network: net, Port: port, NextHop: node(next)}); err != nil {
				t.Fatal(err)
			}
		}
		r.wait(2 * time.Second)
		r.sent = nil
		before := r.Stats()
		r.deliver(0, c.f, c.data)
		got := strings.TrimPrefix(changed(before, r.Stats()), "ipxBasicSysInReceives 1, ")
		if len(r.sent) == 1 {
			got = fmt.Sprintf("%d %v %v", r.sent[0].port, r.sent[0].to, r.sent[0].h)
		}
		if got != c.want || len(r.sent) > 1 {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestMaxHops(t *testing.T) {
	r := newRig(t, Config{Router: true, MaxHops: 3})
	for hops := range uint8(5) {
		r.deliver(0, Fields{Hops: hops, Destination: addr(beef, 7, 1), Source: peer}, "")
	}
	if n := r.stat("ipxAdvSysForwPackets"); n != 2 {
		t.Errorf("%d packets passed as the first three routers at most, want 2", n)
	}
}

func TestPropagate(t *testing.T) {
	ports := []PortConfig{{Network: cafe, Node: node(1)}, {Network: beef, Node: node(2)},
		{Network: food, Node: node(3)}, {Node: node(4)}}
	full := "00000001000000020000000300000004000000050000000600000007"
	for _, c := range []struct {
		name   string
		config Config
		hops   uint8
		list   string // of networks
		want   string // port, hops and list of what leaves
		heard  bool
	}{
		{"at first", Config{Router: true}, 0, "", "1 1 0000cafe; 2 1 0000cafe; ", true},
		{"after a router", Config{Router: true}, 1, "0000aaaa", "1 2 0000aaaa0000cafe; 2 2 0000aaaa0000cafe; ", true},
		{"where it was", Config{Router: true}, 1, "0000beef", "2 2 0000beef0000cafe; ", true},
		{"a slot beyond the hops means nothing", Config{Router: true}, 0, "0000beef", "1 1 0000cafe; 2 1 0000cafe; ",
			true},
		{"back again", Config{Router: true}, 2, "0000cafe0000aaaa", "", false},
		{"seven networks", Config{Router: true}, 7, full, "1 8 " + full + "0000cafe; 2 8 " + full + "0000cafe; ", true},
		{"eight networks", Config{Router: true}, 8, full + "00000008", "", true},
		{"nine networks", Config{Router: true}, 9, full + "00000008", "", false},
		{"a host", Config{}, 1, "0000aaaa", "", true},
		{"switched off", Config{Router: true, Propagation: PropagateNone}, 0, "", "", true},
		{"reverse path", Config{Router: true, Propagation: PropagateReversePath}, 0, "",
			"1 1 0000cafe; 2 1 0000cafe; ", true},
	} {
		r := newRig(t, c.config, ports...)
		r.bind(ipxwire.SocketNetBIOS)
		list, err := hex.DecodeString(c.list)
		if err != nil {
			t.Fatal(err)
		}
		data := string(append(append(list, make([]byte, 32-len(list))...), "name"...))
		f := Fields{Hops: c.hops, Type: ipxwire.TypeNetBIOS, Source: addr(0, 9, ipxwire.SocketNetBIOS)}
		f.Destination = Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketNetBIOS}
		r.deliver(0, f, data)
		got := ""
		for _, s := range r.sent {
			used := min(4*int(s.h.Hops()), 32)
			got += fmt.Sprintf("%d %d %x; ", s.port, s.h.Hops(), s.h.Data()[:used])
			if p, _ := r.Port(s.port); s.h.Source() != addr(cafe, 9,
				ipxwire.SocketNetBIOS) || s.h.Destination().Net != p.Network || s.to != ipxwire.Broadcast {
				t.Errorf("%s: sent %v", c.name, s.h)
			}
		}
		if got != c.want || (len(r.got) == 1) != c.heard {
			t.Errorf("%s: got %q, heard %q\nwant %q", c.name, got, r.got, c.want)
		}
	}
	r := newRig(t, Config{Router: true}, ports...)
	f := Fields{Type: ipxwire.TypeNetBIOS, Source: peer,
		Destination: Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketNetBIOS}}
	for i := range 32 {
		r.deliver(0, f, strings.Repeat("x", i))
	}
	if n := r.stat("ipx.drop.netbios"); n != 32 || len(r.sent) != 0 {
		t.Errorf("%d packets without a list were dropped, want 32; sent %v", n, r.sent)
	}
}

// answerer sends from within Receive, as a protocol above does.
type answerer struct{ r *rig }

func (a answerer) Receive(now time.Time, id PortID, h ipxwire.Header) {
	f := Fields{Type: 4, Destination: a.r.Source(id, h), Source: Addr{Socket: h.Destination().Socket}}
	if err := a.r.Send(now, f, []byte("answer")); err != nil {
		a.r.t.Error(err)
	}
}

func TestAnswersFindBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		to, from Addr
		want     string
	}{
		{"from a network without a route", addr(beef, 2, 0x5000), addr(food, 7, 0x4000),
			"1 020000000009 0000beef:020000000002:5000 > 0000f00d:020000000007:4000"},
		{"from a network without a number", addr(0, 3, 0x5000), addr(0, 7, 0x4000),
			"2 020000000007 00000000:020000000003:5000 > 00000000:020000000007:4000"},
	} {
		r := newRig(t, Config{}, PortConfig{Network: cafe, Node: node(1)}, PortConfig{Network: beef, Node: node(2)},
			PortConfig{Node: node(3)})
		if _, err := r.Bind(0x5000, answerer{r}); err != nil {
			t.Fatal(err)
		}
		port := PortID(1)
		if c.to.Net == 0 {
			port = 2
		}
		r.deliver(port, Fields{Type: 4, Destination: c.to, Source: c.from}, "question")
		got := ""
		for _, s := range r.sent {
			got += fmt.Sprintf("%d %v %v > %v", s.port, s.to, s.h.Source(), s.h.Destination())
		}
		if got != c.want || len(r.pending.nets) != 0 {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWayAroundAPortThatIsDown(t *testing.T) {
	r := newRig(t, Config{})
	if err := r.RIP().AddStatic(r.now, rip.Route{Network: cafe, Port: 1, NextHop: node(0x77)}); err != nil {
		t.Fatal(err)
	}
	r.SetPortUp(r.now, 0, false)
	r.sent = nil
	if err := r.Send(r.now, Fields{Destination: addr(cafe, 9, 1)},
		nil); err != nil || len(r.sent) != 1 || r.sent[0].to != node(0x77) {
		t.Errorf("%v, sent %v; want one to the router", err, r.sent)
	}
}

// TestNetworkIsNotFromAfar: what a router passed on tells a port nothing about its own network.
func TestNetworkIsNotFromAfar(t *testing.T) {
	r := newRig(t, Config{}, PortConfig{Name: "eth0", Node: node(1)})
	f := Fields{Type: ipxwire.TypeRIP, Hops: 1, Destination: addr(cafe, 1, ipxwire.SocketRIP),
		Source: addr(beef, 7, ipxwire.SocketRIP)}
	for _, known := range []Network{0, cafe} { // not at all, and from traffic
		r.deliver(0, f, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
		if p, _ := r.Port(0); p.Network != known {
			t.Fatalf("network is %v, want %v", p.Network, known)
		}
		if _, ok := r.route(food); ok {
			t.Fatal("a route from afar was believed")
		}
		r.deliver(0, Fields{Destination: Addr{Net: cafe, Node: ipxwire.Broadcast}, Source: peer}, "")
	}
}

// TestRequestsAreCountedOnce: also those that wait for a route.
func TestRequestsAreCountedOnce(t *testing.T) {
	r := newRig(t, Config{})
	before := r.stat("ipxBasicSysOutRequests")
	f := Fields{Type: 4, Destination: addr(food, 5, 0x5000), Source: Addr{Socket: 0x4000}}
	if err := r.Send(r.now, f, nil); err != nil {
		t.Fatal(err)
	}
	r.deliver(0, Fields{Type: ipxwire.TypeRIP, Destination: addr(cafe, 1, ipxwire.SocketRIP),
		Source: addr(cafe, 9, ipxwire.SocketRIP)}, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
	if last := r.sent[len(r.sent)-1]; last.h.Destination() != f.Destination {
		t.Fatalf("sent %v", last.h)
	}
	if got := r.stat("ipxBasicSysOutRequests") - before; got != 3 { // a question of RIP on each port, and the packet
		t.Errorf("%d requests, want 3", got)
	}
}

// TestNetworkIsConfirmed: a number from traffic that a router repeats is the router's, and another router's is not
// taken any more.
func TestNetworkIsConfirmed(t *testing.T) {
	for _, tt := range []struct {
		name string
		says Network // on the wire: zero tells nothing
		want Network
	}{{"the same number", cafe, cafe}, {"no number", 0, beef}} {
		r := newRig(t, Config{}, PortConfig{Name: "eth0", Node: node(1)})
		r.deliver(0, Fields{Destination: Addr{Net: cafe, Node: ipxwire.Broadcast}, Source: peer}, "")
		for _, net := range []Network{tt.says, beef} {
			f := Fields{Type: ipxwire.TypeRIP, Destination: Addr{Net: net, Node: ipxwire.Broadcast, Socket: ipxwire.SocketRIP},
				Source: addr(net, 9, ipxwire.SocketRIP)}
			r.deliver(0, f, response(rip.Entry{Network: food, Hops: 1, Ticks: 2}))
		}
		if p, _ := r.Port(0); p.Network != tt.want {
			t.Errorf("%s: network is %v, want %v", tt.name, p.Network, tt.want)
		}
	}
}

// TestClaimsAreHeard: a router that broadcasts in another network than the port is on is counted, and not forwarded to
// that network where it is another port's.
func TestClaimsAreHeard(t *testing.T) {
	r := newRig(t, Config{Router: true})
	for i, net := range []Network{food, beef} {
		f := Fields{Type: ipxwire.TypeRIP, Destination: Addr{Net: net, Node: ipxwire.Broadcast, Socket: ipxwire.SocketRIP},
			Source: addr(net, 9, ipxwire.SocketRIP)}
		r.deliver(0, f, response(rip.Entry{Network: 0x5555, Hops: 1, Ticks: 2}))
		if got := r.stat("ipx.network.conflict"); got != uint64(i+1) || len(r.sent) != 0 {
			t.Errorf("network %v: %d conflicts, sent %v", net, got, r.sent)
		}
	}
}
