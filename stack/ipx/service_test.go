package ipx

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/diag"
	"tapestry/stack/ipx/rip"
)

func TestEcho(t *testing.T) {
	echo := addr(cafe, 1, ipxwire.SocketEcho)
	for _, c := range []struct {
		name string
		f    Fields
		want string // the answer
	}{
		{"asked", Fields{Type: ipxwire.TypeEcho, Destination: echo, Source: peer},
			"0 020000000009 0000cafe:020000000001:0002 > 0000cafe:020000000009:4009, echo, 0 hops, 34 octets"},
		{"all were asked",
			Fields{Type: ipxwire.TypeEcho, Destination: Addr{Node: ipxwire.Broadcast, Socket: 2}, Source: peer},
			"0 020000000009 0000cafe:020000000001:0002 > 0000cafe:020000000009:4009, echo, 0 hops, 34 octets"},
		{"by a router", Fields{Type: ipxwire.TypeEcho, Hops: 1, Destination: echo, Source: addr(food, 5, 0x4000)},
			"0 020000000009 0000cafe:020000000001:0002 > 0000f00d:020000000005:4000, echo, 0 hops, 34 octets"},
		{"by an echo socket",
			Fields{Type: ipxwire.TypeEcho, Destination: echo, Source: addr(cafe, 9, ipxwire.SocketEcho)}, ""},
		{"by a packet of another type", Fields{Type: ipxwire.TypePEP, Destination: echo, Source: peer}, ""},
		{"by socket 0", Fields{Type: ipxwire.TypeEcho, Destination: echo, Source: addr(cafe, 9, 0)}, ""},
		{"by nobody", Fields{Type: ipxwire.TypeEcho, Destination: echo, Source: Addr{Net: cafe, Socket: 9}}, ""},
	} {
		r := newRig(t, Config{})
		r.deliver(0, c.f, "ping")
		got := ""
		for _, s := range r.sent {
			got += fmt.Sprintf("%d %v %v", s.port, s.to, s.h)
		}
		if got != c.want || len(r.sent) == 1 && string(r.sent[0].h.Data()) != "ping" {
			t.Errorf("%s: got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestErrorProtocol(t *testing.T) {
	tooBig := strings.Repeat("x", 600)
	ports := []PortConfig{{Network: cafe, Node: node(1), MaxPacket: 1500}, {Network: beef, Node: node(2)}}
	for _, c := range []struct {
		name string
		f    Fields
		data string
		want string
	}{
		{"no socket", Fields{Destination: addr(cafe, 1, 0x5001), Source: peer}, "x", "no such socket 0"},
		{"unreachable", Fields{Destination: addr(food, 1, 0x5001), Source: peer}, "x", "unreachable 0"},
		{"too old", Fields{Hops: 15, Destination: addr(beef, 9, 0x5001), Source: peer}, "x", "too many hops 0"},
		{"too big", Fields{Destination: addr(beef, 9, 0x5001), Source: peer}, tooBig, "too big 576"},
		{"an error", Fields{Type: ipxwire.TypeError, Destination: addr(cafe, 1, 0x5001), Source: peer}, "x", ""},
		{"a broadcast", Fields{Destination: Addr{Net: cafe, Node: ipxwire.Broadcast, Socket: 0x5001}, Source: peer},
			"x", ""},
		{"from nobody", Fields{Destination: addr(cafe, 1, 0x5001), Source: Addr{Net: cafe}}, "x", ""},
	} {
		r := newRig(t, Config{Router: true, SendErrors: true}, ports...)
		r.deliver(0, c.f, c.data)
		got := ""
		for _, s := range r.sent {
			e, err := ParseErrorMessage(s.h.Data())
			if err != nil {
				t.Fatalf("%s: sent %v: %v", c.name, s.h, err)
			}
			got += fmt.Sprintf("%v %d", e.Number, e.Param)
			if q := Header(e.Packet); len(q) > errorQuote || q.Destination() != c.f.Destination || s.h.Type() != ipxwire.TypeError ||
				s.h.Destination() != addr(cafe, 9, ipxwire.SocketError) || s.h.Source().Socket != ipxwire.SocketError {
				t.Errorf("%s: sent %v with %x", c.name, s.h, e.Packet)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		quiet := newRig(t, Config{Router: true}, ports...)
		if quiet.deliver(0, c.f, c.data); len(quiet.sent) != 0 {
			t.Errorf("%s: sent %v without being told to", c.name, quiet.sent)
		}
	}
}

func TestErrorsAreFew(t *testing.T) {
	r := newRig(t, Config{SendErrors: true})
	flood := func() int {
		r.sent = nil
		for range 100 {
			r.deliver(0, Fields{Destination: addr(cafe, 1, 0x5001), Source: peer}, "x")
		}
		return len(r.sent)
	}
	if n := flood(); n != defaultErrorRate {
		t.Errorf("%d errors at once, want %d", n, defaultErrorRate)
	}
	if r.now = r.now.Add(500 * time.Millisecond); r.stat("ipx.drop.errorrate") != 90 {
		t.Errorf("%d were held back, want 90", r.stat("ipx.drop.errorrate"))
	}
	if n := flood(); n != defaultErrorRate/2 {
		t.Errorf("%d errors half a second later, want %d", n, defaultErrorRate/2)
	}
}

func TestErrorsOfOthers(t *testing.T) {
	var got []string
	r := newRig(t, Config{OnError: func(_ time.Time, h Header, e ErrorMessage) {
		got = append(got, fmt.Sprintf("%v: %v %d %x", h.Source().Node, e.Number, e.Param, e.Packet[:2]))
	}})
	to := Fields{Type: ipxwire.TypeError, Destination: addr(cafe, 1, ipxwire.SocketError), Source: peer}
	quoted := packet(Fields{Destination: addr(beef, 7, 1), Source: addr(cafe, 1, 2)}, "")
	b := ErrorMessage{Number: ErrorTooBig, Param: 576, Packet: quoted}.AppendTo(nil)
	r.deliver(0, to, string(b))
	want := "020000000009: too big 576 ffff"
	if len(got) != 1 || got[0] != want || r.stat("ipx.error.in") != 1 {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range b {
		r.deliver(0, to, string(b[:i]))
	}
	to.Type = ipxwire.TypePEP
	r.deliver(0, to, string(b))
	if n := r.stat("ipx.drop.error"); n != uint64(len(b)+1) || len(got) != 1 {
		t.Errorf("%d were dropped, want every truncation and one of another type", n)
	}
}

func FuzzErrorMessage(f *testing.F) {
	f.Add(ErrorMessage{Number: ErrorTooBig, Param: 576, Packet: make([]byte, 42)}.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseErrorMessage(b)
		if err != nil {
			return
		}
		if out := e.AppendTo(nil); !bytes.Equal(out, b) || e.Number.String() == "" {
			t.Errorf("%x gives %+v, which gives %x", b, e, out)
		}
	})
}

func TestErrorNumbers(t *testing.T) {
	for _, c := range []struct {
		n    ErrorNumber
		want string
	}{
		{ErrorUnspecified, "unspecified error"}, {ErrorChecksum, "bad checksum"}, {ErrorNoSocket, "no such socket"},
		{ErrorResources, "no room"}, {ErrorUnspecifiedOnRoute, "unspecified error on the way"},
		{ErrorChecksumOnRoute, "bad checksum on the way"}, {ErrorUnreachable, "unreachable"},
		{ErrorTooOld, "too many hops"}, {ErrorTooBig, "too big"}, {0x300, "error 0300"},
	} {
		if got := c.n.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestDiagnostic(t *testing.T) {
	asked := addr(cafe, 1, ipxwire.SocketDiagnostic)
	all := Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketDiagnostic}
	exclude := func(n ...NodeAddr) string {
		b, err := diag.AppendRequest(nil, n...)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range []struct {
		name   string
		router bool
		f      Fields
		data   string
		delay  bool
		want   string
	}{
		{"a host", false, Fields{Type: 4, Destination: asked, Source: peer}, exclude(), false, "010100000200" + "02"},
		{"a router", true, Fields{Type: 4, Destination: asked, Source: peer}, exclude(node(2)), false,
			"010000000300" + "02" + "0502" + "000000cafe020000000001" + "000000beef020000000002"},
		{"all", false, Fields{Type: 4, Destination: all, Source: peer}, exclude(), true, "010100000200" + "02"},
		{"all but this", false, Fields{Type: 4, Destination: all, Source: peer}, exclude(node(7), node(1)), true, ""},
		{"no list", false, Fields{Type: 4, Destination: asked, Source: peer}, "", false, ""},
		{"short list", false, Fields{Type: 4, Destination: asked, Source: peer}, exclude(node(7))[:6], false, ""},
		{"an answer", false, Fields{Type: 4, Destination: asked, Source: addr(cafe, 9, ipxwire.SocketDiagnostic)},
			exclude(), false, ""},
	} {
		r := newRig(t, Config{Router: c.router, DiagnosticDelay: 100 * time.Microsecond})
		r.deliver(0, c.f, c.data)
		if c.delay {
			if len(r.sent) != 0 {
				t.Errorf("%s: answered at once", c.name)
			}
			r.wait(100 * time.Microsecond)
		}
		got := ""
		for _, s := range r.sent {
			got += hex.EncodeToString(s.h.Data())
			if s.h.Destination() != peer || s.h.Source() != asked {
				t.Errorf("%s: sent %v", c.name, s.h)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestDiagnosticsThatWaitAreBounded(t *testing.T) {
	r := newRig(t, Config{})
	all := Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketDiagnostic}
	for range 100 {
		r.deliver(0, Fields{Type: 4, Destination: all, Source: peer}, "\x00")
	}
	r.wait(time.Second)
	defer func() {
		for range 100 {
			r.deliver(0, Fields{Type: 4, Destination: addr(cafe, 1, ipxwire.SocketDiagnostic), Source: peer}, "\x00")
		}
		if n := r.stat("ipx.diagnostic"); n != maxDiagnostics+diagnosticRate {
			t.Errorf("%d answers in all, want %d at once", n, diagnosticRate)
		}
	}()
	if n := r.stat("ipx.diagnostic"); n != maxDiagnostics || len(r.sent) != maxDiagnostics {
		t.Errorf("%d answers, %d sent; want %d", n, len(r.sent), maxDiagnostics)
	}
}

func TestInline(t *testing.T) {
	r := newRig(t, Config{})
	h := &inline{n: r.Node, h: func(reply, request []byte, from, to Addr) []byte {
		switch string(request) {
		case "silent":
			return nil
		case "own":
			return []byte("memory of the handler's own")
		case "long":
			return append(reply, make([]byte, 600)...)
		}
		return fmt.Appendf(reply, "%v asked %v: %s", from, to, request)
	}}
	if _, err := r.Bind(0x5000, h); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Bind(0x5001, h); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, data string
		from, to   Addr
		want       string
	}{
		{"in place", "x", peer, addr(cafe, 1, 0x5000),
			"0000cafe:020000000009:4009 asked 0000cafe:020000000001:5000: x"},
		{"from this network", "x", addr(0, 9, 0x4009), addr(0, 1, 0x5000),
			"0000cafe:020000000009:4009 asked 0000cafe:020000000001:5000: x"},
		{"all were asked", "x", peer, Addr{Node: ipxwire.Broadcast, Socket: 0x5000},
			"0000cafe:020000000009:4009 asked 0000cafe:ffffffffffff:5000: x"},
		{"own memory", "own", peer, addr(cafe, 1, 0x5000), "memory of the handler's own"},
		{"to SPX", "x", Addr{}, addr(cafe, 1, 0x5000), ""},
		{"silent", "silent", peer, addr(cafe, 1, 0x5000), ""},
		{"too long", "long", peer, addr(cafe, 1, 0x5000), ""},
	} {
		r.sent = nil
		f := Fields{Type: 4, Destination: c.to, Source: c.from}
		if c.from == (Addr{}) {
			f.Type, f.Source = ipxwire.TypeSPX, peer
		}
		r.deliver(0, f, c.data)
		got := ""
		for _, s := range r.sent {
			got += string(s.h.Data())
			if s.h.Source() != addr(cafe, 1, 0x5000) || s.h.Destination() != peer || s.h.Type() != 4 {
				t.Errorf("%s: sent %v", c.name, s.h)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	// Two handlers of one node would answer each other for ever.
	if err := r.Send(r.now, Fields{Destination: addr(cafe, 1, 0x5000), Source: addr(cafe, 1, 0x5001)},
		[]byte("x")); err != nil {
		t.Fatal(err)
	}
	r.Tick(r.now)
	if n := r.stat("ipx.drop.answer"); n != 1 {
		t.Errorf("%d packets between handlers were dropped, want 1", n)
	}
}

// TestServicesDoNotAnswerEachOther: what says that it comes from one service is sent to another, by this node itself and
// by a stranger.
func TestServicesDoNotAnswerEachOther(t *testing.T) {
	services := []SocketNumber{ipxwire.SocketEcho, ipxwire.SocketDiagnostic, 0x5000, 0x5001}
	for _, from := range services {
		for _, to := range services {
			r := newRig(t, Config{Router: true, SendErrors: true})
			parrot := func(reply, request []byte, _, _ Addr) []byte { return append(reply, request...) }
			for _, s := range services[2:] {
				if _, err := r.Bind(s, &inline{n: r.Node, h: parrot}); err != nil {
					t.Fatal(err)
				}
			}
			for _, typ := range []PacketType{ipxwire.TypeEcho, ipxwire.TypePEP} {
				f := Fields{Type: typ, Destination: addr(cafe, 1, to), Source: addr(beef, 2, from)}
				r.deliver(0, f, "\x00")
				if err := r.Send(r.now, f, []byte{0}); err != nil {
					t.Fatal(err)
				}
				before := r.stat("ipxBasicSysOutPackets")
				for range 3 {
					r.Tick(r.now)
				}
				if n := r.stat("ipxBasicSysOutPackets") - before; n > 2 || r.local.len() != 0 {
					t.Errorf("%v to %v, %v: %d packets, %d octets wait", from, to, typ, n, r.local.len())
				}
			}
			if n := r.stat("ipx.drop.source"); n < 2 {
				t.Errorf("%v to %v: %d packets of strangers in the node's name were dropped, want 2", from, to, n)
			}
		}
	}
}

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
