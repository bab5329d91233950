package ipx

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sent is a packet that a node gave to Output.
type sent struct {
	port PortID
	to   NodeAddr
	h    Header
}

// rig is one node, and what it sends and its test sockets receive.
type rig struct {
	*Node
	t    testing.TB
	now  time.Time
	sent []sent
	got  []string
}

// newRig makes a node with a port on cafe, and one on beef, after RIP and SAP have said their first words.
func newRig(t testing.TB, c Config, ports ...PortConfig) *rig {
	t.Helper()
	r := &rig{t: t, now: t0}
	c.Random = func() uint32 { return 1000 }
	c.Output = func(p PortID, to NodeAddr, b []byte) {
		r.sent = append(r.sent, sent{p, to, Header(bytes.Clone(b))})
	}
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Node = n
	if ports == nil {
		ports = []PortConfig{{Name: "eth0", Network: cafe, Node: node(1)}, {Name: "eth1", Network: beef, Node: node(2)}}
	}
	for _, p := range ports {
		if _, err := n.AddPort(r.now, p); err != nil {
			t.Fatal(err)
		}
	}
	r.wait(2 * time.Second)
	r.sent = nil
	return r
}

// wait lets time pass.
func (r *rig) wait(d time.Duration) {
	until := r.now.Add(d)
	for next := r.Next(); !next.IsZero() && !next.After(until); next = r.Next() {
		r.now = later(r.now, next)
		r.Tick(r.now)
	}
	r.now = until
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Receive keeps what a test socket hears.
func (r *rig) Receive(_ time.Time, id PortID, h ipxwire.Header) {
	r.got = append(r.got, fmt.Sprintf("%d %v > %v %q", id, r.Source(id, h), r.Destination(id, h), h.Data()))
}

func (r *rig) bind(s SocketNumber) {
	r.t.Helper()
	if _, err := r.Bind(s, r); err != nil {
		r.t.Fatal(err)
	}
}

// packet makes a packet.
func packet(f Fields, data string) []byte { return append(f.AppendTo(nil, len(data)), data...) }

// deliver delivers a packet that node 9 sent on a port.
func (r *rig) deliver(p PortID, f Fields, data string) { r.Deliver(r.now, p, node(9), packet(f, data)) }

func (r *rig) stat(name string) uint64 { return statOf(r.t, r.Node, name) }

// changed gives the counters that differ from before, by name.
func changed(before, after []Stat) string {
	var out []string
	for i, s := range after {
		if d := s.Value - before[i].Value; d != 0 {
			out = append(out, fmt.Sprintf("%s %d", s.Name, d))
		}
	}
	return strings.Join(out, ", ")
}

func addr(net Network, n byte, s SocketNumber) Addr { return Addr{Net: net, Node: node(n), Socket: s} }

// peer is node 9 of cafe.
var peer = addr(cafe, 9, 0x4009)

func TestDeliver(t *testing.T) {
	own := addr(cafe, 1, 0x5000)
	everybody := Addr{Net: cafe, Node: ipxwire.Broadcast, Socket: 0x5000}
	const heard, in = "ipxBasicSysInDelivers 1", "ipxBasicSysInReceives 1, "
	for _, c := range []struct {
		name   string
		f      Fields
		change func(h Header) []byte
		want   string // counters besides those of every packet
		got    bool
	}{
		{name: "for this node", f: Fields{Destination: own, Source: peer}, want: heard, got: true},
		{name: "for all", f: Fields{Destination: everybody, Source: peer}, want: heard, got: true},
		{name: "for this network", f: Fields{Destination: addr(0, 1, 0x5000), Source: peer}, want: heard, got: true},
		{name: "for all of this network",
			f: Fields{Destination: Addr{Node: ipxwire.Broadcast, Socket: 0x5000}, Source: peer}, want: heard,
			got: true},
		{name: "from this network", f: Fields{Destination: own, Source: addr(0, 9, 0x4009)}, want: heard, got: true},
		{name: "for the other port's address", f: Fields{Destination: addr(beef, 2, 0x5000), Source: peer},
			want: heard, got: true},
		{name: "after fifteen routers", f: Fields{Hops: 15, Destination: own, Source: addr(food, 9, 1)}, want: heard,
			got: true},
		{name: "padded", f: Fields{Destination: own, Source: peer},
			change: func(h Header) []byte { return append(h, 0, 0, 0) }, want: heard, got: true},
		{name: "with a checksum", f: Fields{Destination: own, Source: peer},
			change: func(h Header) []byte { h.SetChecksum(h.Sum()); return h }, want: heard, got: true},
		{name: "with a wrong checksum", f: Fields{Destination: own, Source: peer},
			change: func(h Header) []byte { h.SetChecksum(h.Sum() + 1); return h },
			want:   "ipxBasicSysInBadChecksums 1, ipx.drop.checksum 1"},
		{name: "29 octets", f: Fields{Destination: own, Source: peer}, change: func(h Header) []byte { return h[:29] },
			want: "ipxBasicSysInHdrErrors 1, ipx.drop.short 1"},
		{name: "length 29", f: Fields{Destination: own, Source: peer},
			change: func(h Header) []byte { h[3] = 29; return h },
			want:   "ipxBasicSysInHdrErrors 1, ipx.drop.length 1"},
		{name: "longer than what came", f: Fields{Destination: own, Source: peer},
			change: func(h Header) []byte { return h[:len(h)-1] },
			want:   "ipxBasicSysInHdrErrors 1, ipx.drop.length 1"},
		{name: "no socket", f: Fields{Destination: addr(cafe, 1, 0x5001), Source: peer},
			want: "ipxBasicSysInUnknownSockets 1, ipx.drop.nosocket 1"},
		{name: "another node", f: Fields{Destination: addr(cafe, 3, 0x5000), Source: peer}, want: "ipx.drop.notours 1"},
		{name: "another network", f: Fields{Destination: addr(food, 1, 0x5000), Source: peer},
			want: "ipx.drop.notours 1"},
		{name: "a group", f: Fields{Destination: Addr{Net: cafe, Node: NodeAddr{1}, Socket: 0x5000}, Source: peer},
			want: "ipx.drop.notours 1"},
		{name: "all networks",
			f: Fields{Destination: Addr{Net: ipxwire.AllNetworks, Node: ipxwire.Broadcast, Socket: 0x5000},
				Source: peer}, want: "ipx.drop.notours 1"},
		{name: "from all", f: Fields{Destination: own, Source: Addr{Net: cafe, Node: ipxwire.Broadcast}},
			want: "ipx.drop.source 1"},
		{name: "from itself", f: Fields{Destination: everybody, Source: addr(cafe, 1, 0x5001)},
			want: "ipx.drop.source 1"},
		{name: "from itself on this network", f: Fields{Destination: everybody, Source: addr(0, 1, 0x5001)},
			want: "ipx.drop.source 1"},
		{name: "from a reserved network", f: Fields{Destination: own, Source: addr(0xfffffffe, 9, 1)},
			want: "ipx.drop.source 1"},
	} {
		r := newRig(t, Config{})
		r.bind(0x5000)
		b := packet(c.f, "x")
		if c.change != nil {
			b = c.change(Header(b))
		}
		before := r.Stats()
		r.Deliver(r.now, 0, node(9), b)
		if got := changed(before, r.Stats()); got != in+c.want {
			t.Errorf("%s: counted %s\nwant %s", c.name, got, in+c.want)
		}
		if (len(r.got) == 1) != c.got || len(r.sent) != 0 {
			t.Errorf("%s: received %q, sent %v", c.name, r.got, r.sent)
		}
	}
}

func TestLimits(t *testing.T) {
	r := newRig(t, Config{})
	r.bind(0x5000)
	to := addr(cafe, 9, 0x4000)
	if err := r.Send(r.now, Fields{Destination: to}, make([]byte, 546)); err != nil {
		t.Errorf("546 octets of data: %v", err)
	}
	if err := r.Send(r.now, Fields{Destination: to}, make([]byte, 547)); !errors.Is(err, ErrTooLong) {
		t.Errorf("547 octets of data: %v, want %v", err, ErrTooLong)
	}
	if len(r.sent) != 1 || r.sent[0].h.Len() != 576 {
		t.Fatalf("sent %v", r.sent)
	}
	f := Fields{Destination: addr(cafe, 1, 0x5000), Source: peer}
	r.deliver(0, f, strings.Repeat("x", 546))
	r.deliver(0, f, strings.Repeat("x", 547))
	if len(r.got) != 1 || r.stat("ipx.drop.toolong") != 1 {
		t.Errorf("received %d packets, %d too long; want one each", len(r.got), r.stat("ipx.drop.toolong"))
	}
}

func TestSend(t *testing.T) {
	everybody := Addr{Node: ipxwire.Broadcast, Socket: 0x452}
	for _, c := range []struct {
		name string
		f    Fields
		want string
	}{
		{"to a node of a network here", Fields{Destination: addr(beef, 9, 1), Source: Addr{Socket: 0x4000}},
			"1 020000000009 0000beef:020000000002:4000 > 0000beef:020000000009:0001"},
		{"to this network: the first port's", Fields{Destination: everybody},
			"0 ffffffffffff 0000cafe:020000000001:0000 > 0000cafe:ffffffffffff:0452"},
		{"to this network: the source's", Fields{Destination: everybody, Source: Addr{Net: beef}},
			"1 ffffffffffff 0000beef:020000000002:0000 > 0000beef:ffffffffffff:0452"},
		{"by a router", Fields{Destination: addr(food, 9, 1), Source: addr(cafe, 1, 0x4000)},
			"1 020000000077 0000cafe:020000000001:4000 > 0000f00d:020000000009:0001"},
	} {
		r := newRig(t, Config{})
		if err := r.RIP().AddStatic(r.now, rip.Route{Network: food, Port: 1, NextHop: node(0x77)}); err != nil {
			t.Fatal(err)
		}
		r.wait(time.Second)
		r.sent = nil
		if err := r.Send(r.now, c.f, nil); err != nil || len(r.sent) != 1 {
			t.Errorf("%s: %v, sent %v", c.name, err, r.sent)
			continue
		}
		s := r.sent[0]
		if got := fmt.Sprintf("%d %v %v > %v", s.port, s.to, s.h.Source(), s.h.Destination()); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
		if s.h.Checksum() != ipxwire.NoChecksum || s.h.Hops() != 0 {
			t.Errorf("%s: checksum %04x, %d hops", c.name, s.h.Checksum(), s.h.Hops())
		}
	}
}

// The smallest broadcast to the socket of SAP leaves octet by octet as the text has it, from a port that does not
// know its network.
func TestSmallestBroadcast(t *testing.T) {
	r := newRig(t, Config{}, PortConfig{Node: node(1)})
	f := Fields{Destination: Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketSAP}, Source: Addr{Socket: 0x4000}}
	if err := r.Send(r.now, f, nil); err != nil {
		t.Fatal(err)
	}
	want := "ffff001e000000000000ffffffffffff0452000000000200000000014000"
	if got := hex.EncodeToString(r.sent[0].h); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSendErrors(t *testing.T) {
	r := newRig(t, Config{})
	for _, c := range []struct {
		name string
		err  error
		want syscall.Errno
	}{
		{"no port", r.SendVia(r.now, 7, Fields{}, nil), syscall.ENODEV},
		{"nobody", r.Send(r.now, Fields{Destination: Addr{Net: cafe, Socket: 1}}, nil), syscall.EDESTADDRREQ},
		{"nobody on a port", r.SendVia(r.now, 0, Fields{}, nil), syscall.EDESTADDRREQ},
		{"reserved network", r.Send(r.now, Fields{Destination: addr(0xfffffffe, 1, 1)}, nil), syscall.ENETUNREACH},
		{"too long for any port", r.Send(r.now, Fields{Destination: addr(food, 1, 1)}, make([]byte, 600)),
			syscall.EMSGSIZE},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	r.SetPortUp(r.now, 0, false)
	if err := r.Send(r.now, Fields{Destination: addr(cafe, 9, 1)}, nil); !errors.Is(err, syscall.ENETDOWN) {
		t.Errorf("port down: %v", err)
	}
	empty := newRig(t, Config{}, []PortConfig{}...)
	if err := empty.Send(t0, Fields{Destination: addr(cafe, 9, 1)}, nil); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("no ports: %v", err)
	}
}

func TestToItself(t *testing.T) {
	r := newRig(t, Config{})
	r.bind(0x5000)
	f := Fields{Destination: addr(cafe, 1, 0x5000), Source: Addr{Socket: 0x4000}}
	if err := r.Send(r.now, f, []byte("me")); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != 0 {
		t.Error("Send called a Receiver")
	}
	if next := r.Next(); next.After(r.now) {
		t.Errorf("the next deadline is %v, want now", next)
	}
	r.Tick(r.now)
	want := []string{`0 0000cafe:020000000001:4000 > 0000cafe:020000000001:5000 "me"`}
	if !slices.Equal(r.got, want) || len(r.sent) != 0 {
		t.Errorf("got %q, sent %v; want %q", r.got, r.sent, want)
	}
}

func TestOwnBroadcast(t *testing.T) {
	r := newRig(t, Config{})
	r.bind(0x5000)
	all := Addr{Node: ipxwire.Broadcast, Socket: 0x5000}
	for _, from := range []SocketNumber{0x5000, 0x5001} {
		if err := r.Send(r.now, Fields{Destination: all, Source: Addr{Socket: from}}, []byte("all")); err != nil {
			t.Fatal(err)
		}
	}
	r.Tick(r.now)
	want := []string{`0 0000cafe:020000000001:5001 > 0000cafe:ffffffffffff:5000 "all"`}
	if !slices.Equal(r.got, want) || len(r.sent) != 2 {
		t.Errorf("got %q, sent %v; want only another socket's %q", r.got, r.sent, want)
	}
}

func TestLocalQueueIsBounded(t *testing.T) {
	r := newRig(t, Config{})
	r.bind(0x5000)
	for range 2000 {
		if err := r.Send(r.now, Fields{Destination: addr(cafe, 1, 0x5000)}, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
	}
	if r.local.len() > localOctets || r.stat("ipx.drop.loop") == 0 {
		t.Errorf("%d octets wait, %d packets were dropped", r.local.len(), r.stat("ipx.drop.loop"))
	}
	r.Tick(r.now)
	if len(r.got) != localBurst || r.Next().After(r.now) {
		t.Errorf("one call delivered %d, the next is due %v", len(r.got), r.Next())
	}
}

func TestInternalNetwork(t *testing.T) {
	r := newRig(t, Config{Router: true}, PortConfig{Network: cafe, Node: node(1)},
		PortConfig{Network: food, Internal: true})
	r.bind(0x451)
	r.deliver(0, Fields{Destination: Addr{Net: food, Node: InternalNode, Socket: 0x451}, Source: peer}, "ask")
	if want := []string{`0 0000cafe:020000000009:4009 > 0000f00d:000000000001:0451 "ask"`}; !slices.Equal(r.got, want) {
		t.Errorf("got %q, want %q", r.got, want)
	}
	f := Fields{Destination: peer, Source: Addr{Net: food, Node: InternalNode, Socket: 0x451}}
	if err := r.Send(r.now, f, []byte("answer")); err != nil || len(r.sent) != 1 || r.sent[0].h.Source() != f.Source {
		t.Errorf("%v, sent %v; want one from %v", err, r.sent, f.Source)
	}
	if got := routes(r.Node); !strings.Contains(got, "0000f00d") {
		t.Errorf("the internal network is not in the routes:\n%s", got)
	}
	r.Deliver(r.now, 1, node(9), packet(f, ""))
	if r.stat("ipx.drop.port") != 1 {
		t.Error("an internal network has no wire")
	}
}

func TestChecksumOption(t *testing.T) {
	r := newRig(t, Config{Router: true}, PortConfig{Network: cafe, Node: node(1), Checksum: true},
		PortConfig{Network: beef, Node: node(2), Raw: true})
	if err := r.Send(r.now, Fields{Destination: peer}, []byte("odd")); err != nil {
		t.Fatal(err)
	}
	h := r.sent[0].h
	if h.Checksum() == ipxwire.NoChecksum || !h.IsSummed() {
		t.Errorf("sent %v", h)
	}
	// On its way to raw 802.3 a packet loses its checksum: such frames are known by the lack of it.
	b := Header(packet(Fields{Destination: addr(beef, 9, 1), Source: peer}, "x"))
	b.SetChecksum(b.Sum())
	r.Deliver(r.now, 0, node(9), b)
	if h := r.sent[1].h; r.sent[1].port != 1 || h.Checksum() != ipxwire.NoChecksum {
		t.Errorf("forwarded %v", h)
	}
	// A zero is none, and leaves as none.
	b.SetChecksum(0)
	r.Deliver(r.now, 0, node(9), b)
	if h := r.sent[2].h; r.sent[2].port != 1 || h.Checksum() != ipxwire.NoChecksum {
		t.Errorf("forwarded %v", h)
	}
	// Where the router fills in the network, the checksum stays right.
	r2 := newRig(t, Config{Router: true})
	b = Header(packet(Fields{Destination: addr(beef, 9, 1), Source: addr(0, 9, 1)}, "x"))
	b.SetChecksum(b.Sum())
	r2.Deliver(r2.now, 0, node(9), b)
	if h := r2.sent[0].h; h.Source() != addr(cafe, 9, 1) || !h.IsSummed() || h.Checksum() == ipxwire.NoChecksum {
		t.Errorf("forwarded %v", h)
	}
}

func TestPortConfig(t *testing.T) {
	for _, c := range []struct {
		name string
		c    PortConfig
	}{
		{"no node", PortConfig{Network: food}},
		{"group", PortConfig{Network: food, Node: ipxwire.Broadcast}},
		{"checksum on raw 802.3", PortConfig{Network: food, Node: node(1), Raw: true, Checksum: true}},
		{"short packets", PortConfig{Network: food, Node: node(1), MaxPacket: 29}},
		{"long packets", PortConfig{Network: food, Node: node(1), MaxPacket: 65536}},
		{"reserved network", PortConfig{Network: 0xffffffff, Node: node(1)}},
		{"internal network without a number", PortConfig{Internal: true}},
		{"network of another port", PortConfig{Network: beef, Node: node(1)}},
	} {
		r := newRig(t, Config{})
		if id, err := r.AddPort(r.now, c.c); err == nil {
			t.Errorf("%s: got port %v", c.name, id)
		}
	}
	for _, c := range []Config{{}, {Output: func(PortID, NodeAddr, []byte) {}}, {MaxHops: 300}} {
		if c.MaxHops != 0 {
			c.Output, c.Random = func(PortID, NodeAddr, []byte) {}, func() uint32 { return 0 }
		}
		if _, err := New(c); err == nil {
			t.Errorf("%+v made a node", c)
		}
	}
}

func TestPortsComeAndGo(t *testing.T) {
	r := newRig(t, Config{})
	r.RemovePort(r.now, 0)
	r.RemovePort(r.now, 7)
	r.SetPortUp(r.now, 7, true)
	if got := r.Ports(); len(got) != 1 || got[0].Network != beef {
		t.Errorf("ports are %+v, want that on beef", got)
	}
	if id, err := r.AddPort(r.now, PortConfig{Network: food, Node: node(3)}); err != nil || id != 0 {
		t.Errorf("got %v, %v; want port 0 again", id, err)
	}
	for i := range MaxPorts - 2 {
		if _, err := r.AddPort(r.now, PortConfig{Network: Network(i + 1), Node: node(3)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.AddPort(r.now, PortConfig{Network: 0x7777, Node: node(3)}); err == nil {
		t.Error("there is no limit of ports")
	}
}

func TestBind(t *testing.T) {
	r := newRig(t, Config{})
	first, err := r.Bind(0, r)
	if err != nil || first < ipxwire.SocketDynamic || first >= ipxwire.SocketStatic {
		t.Fatalf("got %v, %v; want 4000 to 7fff", first, err)
	}
	r.Unbind(first)
	if s, err := r.Bind(0, r); err != nil || s == first {
		t.Errorf("got %v, %v; want another than the one that was just freed", s, err)
	}
	for _, s := range []SocketNumber{ipxwire.SocketEcho, ipxwire.SocketRIP, ipxwire.SocketSAP, ipxwire.SocketDiagnostic, ipxwire.SocketError} {
		if _, err := r.Bind(s, r); !errors.Is(err, ErrInUse) {
			t.Errorf("%v: %v, want %v", s, err, ErrInUse)
		}
	}
	for _, s := range []SocketNumber{1, 0xbb8, 0x8000, 0xffff} {
		if got, err := r.Bind(s, r); err != nil || got != s {
			t.Errorf("%v: got %v, %v", s, got, err)
		}
	}
	for range int(ipxwire.SocketStatic-ipxwire.SocketDynamic) - 1 - 2 { // two are the clients' of NetWare
		if s, err := r.Bind(0, r); err != nil || s == 0x4001 || s == 0x4003 {
			t.Fatal(s, err)
		}
	}
	if s, err := r.Bind(0, r); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("got %v, %v with all bound", s, err)
	}
	if n := r.stat("ipxBasicSysOpenSocketFails"); n != 6 {
		t.Errorf("%d failed binds were counted, want 6", n)
	}
}

func TestSockets(t *testing.T) {
	r := newRig(t, Config{})
	if _, err := r.Bind(0x8104, &inline{n: r.Node}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range r.Sockets() {
		got = append(got, fmt.Sprintf("%04x %s", uint16(s.Socket), s.Owner))
	}
	want := []string{"0002 echo", "0003 error", "0452 sap", "0453 rip", "0456 diagnostic", "8104 inline"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
