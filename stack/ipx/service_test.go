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
	"tapestry/stack/ipx/sap"
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

// TestEchoesOfAllAreFew: a forged source must not get the answers of a whole network in a flood.
func TestEchoesOfAllAreFew(t *testing.T) {
	r := newRig(t, Config{})
	for _, x := range []struct {
		name string
		to   NodeAddr
		want int
	}{{"all", ipxwire.Broadcast, allRate}, {"this node", node(1), 200}} {
		r.sent = nil
		for range 200 {
			r.deliver(0, Fields{Type: ipxwire.TypeEcho, Source: peer,
				Destination: Addr{Net: cafe, Node: x.to, Socket: ipxwire.SocketEcho}}, "x")
		}
		if len(r.sent) != x.want {
			t.Errorf("asked of %s: %d answers of 200, want %d", x.name, len(r.sent), x.want)
		}
	}
}

// TestServicesFromAfar: SAP is between neighbours, also for a port that does not know its network.
func TestServicesFromAfar(t *testing.T) {
	r := newRig(t, Config{}, PortConfig{Name: "eth0", Node: node(1)})
	e := sap.Entry{Type: sap.FileServer, Name: sap.Name{'F', 'S'}, Addr: addr(beef, 7, ipxwire.SocketNCP), Hops: 1}
	for _, src := range []Network{beef, cafe} {
		f := Fields{Type: 4, Destination: addr(cafe, 1, ipxwire.SocketSAP), Source: addr(src, 7, ipxwire.SocketSAP)}
		r.deliver(0, f, string(sap.AppendResponse(nil, sap.GeneralResponse, e)))
		if n := len(r.Services()); n != map[Network]int{beef: 0, cafe: 1}[src] {
			t.Errorf("from network %v: %d services", src, n)
		}
	}
}
