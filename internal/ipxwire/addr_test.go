package ipxwire

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestParseAddr(t *testing.T) {
	station := Node{2, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		name, in string
		want     Addr
		fails    bool
	}{
		{name: "whole", in: "0000cafe:020000000001:4001", want: Addr{0xcafe, station, 0x4001}},
		{name: "short and in capitals", in: "CAFE:020000000001:2", want: Addr{0xcafe, station, 2}},
		{name: "with 0x", in: "0xcafe:020000000001:0x4001", want: Addr{0xcafe, station, 0x4001}},
		{name: "dots", in: "cafe.020000000001.4001", want: Addr{0xcafe, station, 0x4001}},
		{name: "node in pairs", in: "cafe:02:00:00:00:00:01:4001", want: Addr{0xcafe, station, 0x4001}},
		{name: "node with dashes", in: "cafe:02-00-00-00-00-01:4001", want: Addr{0xcafe, station, 0x4001}},
		{name: "Omninet's node of one octet", in: "cafe:2a:4001", want: Addr{0xcafe, Node{5: 0x2a}, 0x4001}},
		{name: "the longest short node", in: "cafe:123456:4001", want: Addr{0xcafe, Node{3: 0x12, 4: 0x34, 5: 0x56}, 0x4001}},
		{name: "socket", in: ":4001", want: Addr{Socket: 0x4001}},
		{name: "any socket", in: ":", want: Addr{}},
		{name: "node and socket", in: ":020000000001:4001", want: Addr{Node: station, Socket: 0x4001}},
		{name: "no socket", in: "cafe:020000000001:", want: Addr{Net: 0xcafe, Node: station}},
		{name: "nothing", in: "", fails: true},
		{name: "no separator", in: "4001", fails: true},
		{name: "network and socket", in: "cafe:4001", fails: true},
		{name: "long network", in: "00000cafe:2a:4001", fails: true},
		{name: "long node", in: "cafe:0020000000001:4001", fails: true},
		{name: "a digit short of a node", in: "cafe:02000000001:4001", fails: true},
		{name: "neither short nor whole", in: "cafe:1234567:4001", fails: true},
		{name: "long socket", in: "cafe:2a:04001", fails: true},
		{name: "sign", in: "+cafe:2a:4001", fails: true},
		{name: "no digits", in: "cafe:2a:40g1", fails: true},
		{name: "0x alone", in: "0x:2a:4001", fails: true},
		{name: "pairs of different length", in: "cafe:2:00:00:00:00:001:4001", fails: true},
		{name: "an underscore", in: "ca_fe:2a:4001", fails: true},
	} {
		got, err := ParseAddr(c.in)
		if (err != nil) != c.fails || got != c.want {
			t.Errorf("%s: %q gives %v, %v; want %v", c.name, c.in, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "want") {
			t.Errorf("%s: %q does not say what is wanted", c.name, err)
		}
	}
}

func TestAddrText(t *testing.T) {
	type all struct {
		Addr    Addr
		Network Network
		Node    Node
	}
	want := all{Addr{0xcafe, Node{2, 0, 0, 0, 0, 1}, 0x4001}, 0xbeef, Broadcast}
	b, err := json.Marshal(want)
	text := `{"Addr":"0000cafe:020000000001:4001","Network":"0000beef","Node":"ffffffffffff"}`
	if err != nil || string(b) != text {
		t.Fatalf("got %s, %v; want %s", b, err, text)
	}
	var got all
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{`{"Addr":"x"}`, `{"Network":"g"}`, `{"Node":""}`} {
		if json.Unmarshal([]byte(bad), &got) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestParsePartsFail(t *testing.T) {
	if _, err := ParseNetwork(""); err == nil {
		t.Error("an empty network was read")
	}
	if _, err := ParseNode("02:00:00-00:00:01"); err == nil {
		t.Error("a node with mixed separators was read")
	}
	if s, err := ParseSocket("0X452"); err != nil || s != SocketSAP {
		t.Errorf("got %v, %v; want SAP", s, err)
	}
}

func TestShort(t *testing.T) {
	if n, ok := Short([]byte{0x2a}); !ok || n != (Node{5: 0x2a}) {
		t.Errorf("got %v, %v; want 00000000002a", n, ok)
	}
	if n, ok := Short(make([]byte, 7)); ok {
		t.Errorf("seven octets gave %v", n)
	}
}

func TestNodeKinds(t *testing.T) {
	for _, c := range []struct {
		name        string
		n           Node
		zero, group bool
	}{
		{"zero", Node{}, true, false},
		{"station", Node{2, 0, 0, 0, 0, 1}, false, false},
		{"broadcast", Broadcast, false, true},
		{"group", Node{1, 0, 0x5e}, false, true},
	} {
		if c.n.IsZero() != c.zero || c.n.IsGroup() != c.group {
			t.Errorf("%s: zero %v, group %v", c.name, c.n.IsZero(), c.n.IsGroup())
		}
	}
}

func TestCompare(t *testing.T) {
	want := []Addr{{}, {Socket: 1}, {Node: Node{5: 1}}, {Node: Broadcast}, {Net: 1}, {Net: 1, Socket: 2}}
	got := []Addr{want[5], want[3], want[0], want[4], want[2], want[1]}
	if slices.SortFunc(got, Addr.Compare); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{TypeUnknown.String(), "unknown"}, {TypeRIP.String(), "RIP"}, {TypeEcho.String(), "echo"},
		{TypeError.String(), "error"}, {TypePEP.String(), "PEP"}, {TypeSPX.String(), "SPX"},
		{PacketType(16).String(), "type 16"}, {TypeNCP.String(), "NCP"}, {TypeNetBIOS.String(), "NetBIOS"},
		{SocketEcho.String(), "echo"}, {SocketError.String(), "error"}, {SocketNCP.String(), "NCP"},
		{SocketSAP.String(), "SAP"}, {SocketRIP.String(), "RIP"}, {SocketNetBIOS.String(), "NetBIOS"},
		{SocketDiagnostic.String(), "diagnostic"}, {SocketSerial.String(), "serialization"},
		{SocketXeroxRIP.String(), "Xerox RIP"}, {SocketNWLink.String(), "NWLink"}, {Socket(0x4001).String(), "4001"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{
		"0000cafe:020000000001:4001", "cafe.2a.2", "cafe:123456:1", "cafe:1234567:1", ":4001", "cafe:02-00-00-00-00-01:4001", ":", "0x1::",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			return
		}
		if again, err := ParseAddr(a.String()); err != nil || again != a {
			t.Errorf("%q gives %v, which gives %v, %v", s, a, again, err)
		}
		if b := a.AppendTo(nil); len(b) != AddrLen || parseAddr(b) != a {
			t.Errorf("%v is written as %x", a, b)
		}
	})
}
