package ipxtunnel

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Emulators, and the nodes that they get.
var (
	addrA = netip.MustParseAddrPort("198.51.100.7:40000")
	addrB = netip.MustParseAddrPort("203.0.113.8:40001")
	nodeA = ipxwire.Node{0xc6, 0x33, 0x64, 0x07, 0x9c, 0x40}
	nodeB = ipxwire.Node{0xca, 0x00, 0x71, 0x08, 0x9c, 0x41} // 203 has the group bit
)

// What DOSBox 0.74 sends to register; the packet type is what its stack held.
var dosboxRegisters = unhex("ffff 001e 00 9c 00000000 000000000000 0002 00000000 000000000000 0002")

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// bench is a server whose datagrams and time are the test's.
type bench struct {
	*Server
	conn  *fakeConn
	clock *fakeClock
	f     *framer
}

func newBench(t testing.TB, c ServerConfig) *bench {
	t.Helper()
	b := &bench{conn: newConn(), clock: newClock()}
	c.Conn, c.Clock = b.conn, b.clock
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b.Server, b.f = s, s.newFramer()
	return b
}

// from has the server receive a datagram, and gives what it wrote then.
func (b *bench) from(a netip.AddrPort, data []byte) []mail {
	b.datagram(b.f, make([]link.Frame, 1), slices.Clone(data), a)
	return b.conn.all(b.out)
}

// join registers a client and has it answer the first ping.
func (b *bench) join(t testing.TB, a netip.AddrPort) ipxwire.Node {
	t.Helper()
	m := b.from(a, dosboxRegisters)
	if len(m) != 1 {
		t.Fatalf("%d answers to a registration, want 1", len(m))
	}
	h, err := ipxwire.ParseHeader(m[0].data)
	if err != nil {
		t.Fatal(err)
	}
	node := h.Destination().Node
	b.clock.advance(firstPing)
	m = b.conn.all(b.out)
	if len(m) != 1 || m[0].to != a {
		t.Fatalf("%v after the registration of %v, want one ping", m, a)
	}
	h, err = ipxwire.ParseHeader(m[0].data)
	if err != nil || !isKeepAlive(h) {
		t.Fatalf("%v, %v: want a ping", h, err)
	}
	b.from(a, pong(nil, h.Source().Node, node))
	return node
}

// frames are what the segment got.
func (b *bench) frames() (out [][]byte) {
	f := make([]link.Frame, 1)
	for b.in.Len() > 0 {
		b.ReadFrames(f)
		out = append(out, f[0].AppendTo(nil))
		f[0].Release()
	}
	return out
}

func at(n ipxwire.Node) ipxwire.Addr { return ipxwire.Addr{Node: n, Socket: 0x4001} }

func (m mail) String() string { return fmt.Sprintf("%v: %x", m.to, m.data) }

func wantMail(t *testing.T, got []mail, want ...mail) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b mail) bool { return a.to == b.to && bytes.Equal(a.data, b.data) }) {
		t.Errorf("sent\n got %v\nwant %v", got, want)
	}
}

func TestRegistration(t *testing.T) {
	b := newBench(t, ServerConfig{})
	want := unhex("ffff 001e 00 00 00000000 c63364079c40 0002 00000001 c633640200d5 0002")
	wantMail(t, b.from(addrA, dosboxRegisters), mail{addrA, want})
	wantMail(t, b.from(addrA, dosboxRegisters), mail{addrA, want}) // the answer was lost
	if got := b.Clients(); len(got) != 1 || got[0].Node != nodeA || got[0].Remote != addrA || got[0].Confirmed {
		t.Errorf("clients %+v", got)
	}
	wantMail(t, b.from(addrB, packet(at(ipxwire.Broadcast), at(nodeB), nil))) // nobody knows him
	for i := range dosboxRegisters {
		wantMail(t, b.from(addrB, dosboxRegisters[:i]))
	}
	if d := b.Drops(); d != (Drops{Registers: 2, Stranger: 1, Short: 30}) {
		t.Errorf("drops %+v", d)
	}
}

func TestNodes(t *testing.T) {
	tests := []struct{ name, addr, want string }{
		{"DOSBox's form", "198.51.100.7:40000", "c63364079c40"},
		{"no group", "203.0.113.8:40001", "ca0071089c41"},
		{"loopback", "127.0.0.1:213", "7e00000100d5"},
		{"given out by an administrator", "8.0.0.1:1", "0a0000010001"},
		{"IPv4 in IPv6", "[::ffff:198.51.100.7]:40000", "c63364079c40"},
		{"IPv6", "[2001:db8::1]:40000", "5634341705cf"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := nodeOf(netip.MustParseAddrPort(tt.addr))
			if got.String() != tt.want || got.IsGroup() || got[0]&2 == 0 {
				t.Errorf("nodeOf = %v, want %s, of one station and local", got, tt.want)
			}
		})
	}
}

// TestNodeTaken has two clients whose addresses give one node.
func TestNodeTaken(t *testing.T) {
	b := newBench(t, ServerConfig{})
	a := b.join(t, netip.MustParseAddrPort("202.0.113.8:40001"))
	c := b.join(t, addrB)
	if a != nodeB || c == a || c.IsGroup() {
		t.Errorf("nodes %v and %v, want %v and another", a, c, nodeB)
	}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		name   string
		config ServerConfig
		from   []string
		want   int // of them registered
		drops  Drops
	}{
		{"access list", ServerConfig{Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
			[]string{"198.51.100.7:1", "203.0.113.8:1", "[2001:db8::1]:1"}, 1, Drops{Refused: 2, Registers: 1}},
		{"clients", ServerConfig{MaxClients: 2},
			[]string{"198.51.100.7:1", "203.0.113.8:1", "203.0.113.9:1"}, 2, Drops{Limit: 1, Registers: 2}},
		{"clients of an address", ServerConfig{MaxPerAddress: 2},
			[]string{"198.51.100.7:1", "198.51.100.7:2", "198.51.100.7:3", "198.51.100.8:1"},
			3, Drops{Limit: 1, Registers: 3}},
		{"clients of a network", ServerConfig{MaxPerAddress: 2},
			[]string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8:1::1]:1"},
			3, Drops{Limit: 1, Registers: 3}},
		{"rate", ServerConfig{RegistrationRate: 2},
			[]string{"198.51.100.7:1", "198.51.100.7:2", "198.51.100.7:3"}, 2, Drops{Limit: 1, Registers: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.config)
			for _, a := range tt.from {
				b.from(netip.MustParseAddrPort(a), dosboxRegisters)
			}
			if got := len(b.Clients()); got != tt.want {
				t.Errorf("%d clients, want %d", got, tt.want)
			}
			if d := b.Drops(); d != tt.drops {
				t.Errorf("drops %+v, want %+v", d, tt.drops)
			}
		})
	}
}

// TestRate has registrations come faster than they may.
func TestRate(t *testing.T) {
	p, now, passed := pace{interval: time.Second, burst: 3}, time.Unix(1, 0), 0
	for range 1000 {
		if p.allows(now) {
			passed++
		}
		now = now.Add(100 * time.Millisecond)
	}
	if passed != 3+99 {
		t.Errorf("%d passed in 100 s, want the burst and one a second", passed)
	}
}

func TestRelay(t *testing.T) {
	b := newBench(t, ServerConfig{Wire: Wire{Network: testNetwork}})
	b.join(t, addrA)
	b.join(t, addrB)
	all := packet(at(ipxwire.Broadcast), at(nodeA), []byte("hello"))
	wantMail(t, b.from(addrA, all), mail{addrB, all})
	to := packet(at(nodeB), at(nodeA), []byte("you"))
	wantMail(t, b.from(addrA, to), mail{addrB, to})
	wantMail(t, b.from(addrA, packet(at(nodeA), at(nodeA), nil))) // never back

	station := ipxwire.Node{2, 0, 0, 0, 0, 9}
	wantMail(t, b.from(addrA, packet(at(station), at(nodeA), []byte("even"))))
	here := func(n ipxwire.Node) ipxwire.Addr { return ipxwire.Addr{Net: testNetwork, Node: n, Socket: 0x4001} }
	want := [][]byte{
		append(inFrame(ethernet.KindII, ethernet.Broadcast, ethernet.Addr(nodeA),
			packet(here(ipxwire.Broadcast), here(nodeA), []byte("hello"))), 0),
		inFrame(ethernet.KindII, ethernet.Addr(station), ethernet.Addr(nodeA),
			packet(here(station), here(nodeA), []byte("even"))),
	}
	if got := b.frames(); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("the segment got\n%x, want\n%x", got, want)
	}
	for _, kind := range []ethernet.Kind{ethernet.KindII, ethernet.KindRaw, ethernet.KindLLC, ethernet.KindSNAP} {
		f := ipxFrame(kind, here(nodeB), here(station), []byte("answer"))
		if n := b.WriteFrames([]link.Frame{f}); n != 1 {
			t.Errorf("%v: WriteFrames = %d, want 1", kind, n)
		}
		wantMail(t, b.conn.all(b.out), mail{addrB, packet(at(nodeB), at(station), []byte("answer"))})
	}
	b.WriteFrames([]link.Frame{ipxFrame(ethernet.KindII, here(ipxwire.Broadcast), here(station), nil)})
	hail := packet(at(ipxwire.Broadcast), at(station), nil)
	wantMail(t, b.conn.all(b.out), mail{addrA, hail}, mail{addrB, hail})
	if d := b.Drops(); d != (Drops{Registers: 2}) {
		t.Errorf("drops %+v", d)
	}
}

func TestClientDrops(t *testing.T) {
	station := ipxwire.Node{2, 0, 0, 0, 0, 9}
	foreign := at(nodeA)
	foreign.Net = 0xbeef
	tests := []struct {
		name string
		data []byte
		want Drops
	}{
		{"another's node", packet(at(station), at(nodeB), nil), Drops{Spoofed: 1}},
		{"no node", packet(at(station), at(ipxwire.Node{}), nil), Drops{Spoofed: 1}},
		{"from another network", packet(at(station), foreign, nil), Drops{Spoofed: 1}},
		{"to nobody", packet(at(ipxwire.Node{}), at(nodeA), nil), Drops{Destination: 1}},
		{"too long", packet(at(station), at(nodeA), make([]byte, DefaultMaxPacket-29)), Drops{Long: 1}},
		{"as long as may be", packet(at(station), at(nodeA), make([]byte, DefaultMaxPacket-30)), Drops{}},
		{"length of what is not there", append(unhex("ffff001f"), packet(at(station), at(nodeA), nil)[4:]...),
			Drops{Length: 1}},
		{"length of less than a header", append(unhex("ffff001d"), packet(at(station), at(nodeA), nil)[4:]...),
			Drops{Length: 1}},
		{"without length and checksum", append(unhex("00000000"), packet(at(station), at(nodeA), nil)[4:]...), Drops{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, ServerConfig{Wire: Wire{Network: testNetwork}})
			b.join(t, addrA)
			wantMail(t, b.from(addrA, tt.data))
			tt.want.Registers = 1
			if d := b.Drops(); d != tt.want {
				t.Errorf("drops %+v, want %+v", d, tt.want)
			}
			if got, want := len(b.frames()), 0; (got > want) != (tt.want == Drops{Registers: 1}) {
				t.Errorf("%d frames on the segment", got)
			}
		})
	}
}

func TestSegmentDrops(t *testing.T) {
	station := ipxwire.Node{2, 0, 0, 0, 0, 9}
	ok := inFrame(ethernet.KindII, ethernet.Addr(nodeA), ethernet.Addr(station), packet(at(nodeA), at(station), nil))
	set := func(off int, v ...byte) []byte {
		b := slices.Clone(ok)
		copy(b[off:], v)
		return b
	}
	tagged := slices.Concat(ok[:12], []byte{0x81, 0, 0, 42}, ok[12:])
	tests := []struct {
		name  string
		frame []byte
		want  Drops
	}{
		{"fine", ok, Drops{}},
		{"padded", append(slices.Clone(ok), make([]byte, 16)...), Drops{}},
		{"IP", set(12, 8, 0), Drops{Other: 1}},
		{"tagged", tagged, Drops{Other: 1}},
		{"half a frame", ok[:10], Drops{Long: 1}},
		{"half a header", ok[:40], Drops{Short: 1}},
		{"length beyond the frame", set(16, 0, 99), Drops{Length: 1}},
		{"for another station", set(14+10, station[:]...), Drops{Destination: 1}},
		{"for a router", set(0, 2, 0, 0, 0, 0, 1), Drops{Destination: 1}},
		{"from a client", set(14+22, nodeA[:]...), Drops{Spoofed: 1}},
		{"long", inFrame(ethernet.KindII, ethernet.Addr(nodeA), ethernet.Addr(station),
			packet(at(nodeA), at(station), make([]byte, DefaultMaxPacket-29))), Drops{Long: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, ServerConfig{})
			b.join(t, addrA)
			sent := b.WriteFrames([]link.Frame{link.NewFrame(tt.frame)})
			if want := len(b.conn.all(b.out)); sent != want || (sent == 1) != (tt.want == Drops{}) {
				t.Errorf("WriteFrames = %d, %d datagrams", sent, want)
			}
			tt.want.Registers = 1
			if d := b.Drops(); d != tt.want {
				t.Errorf("drops %+v, want %+v", d, tt.want)
			}
		})
	}
}

// TestAmplification has somebody register in another's name: what comes there is bounded by what he sends.
func TestAmplification(t *testing.T) {
	b := newBench(t, ServerConfig{})
	b.join(t, addrB)
	octets := 0
	count := func(m []mail) {
		for _, one := range m {
			if one.to == addrA {
				octets += len(one.data)
			}
		}
	}
	count(b.from(addrA, dosboxRegisters))
	if octets != len(dosboxRegisters) {
		t.Errorf("an answer of %d octets to %d", octets, len(dosboxRegisters))
	}
	for range 600 {
		b.clock.advance(100 * time.Millisecond)
		count(b.from(addrB, packet(at(ipxwire.Broadcast), at(nodeB), make([]byte, 500))))
		count(b.from(addrB, packet(at(nodeA), at(nodeB), nil)))
	}
	if limit := amplification * len(dosboxRegisters); octets > limit {
		t.Errorf("%d octets for who never answered, want at most %d", octets, limit)
	}
	if got := b.Clients(); len(got) != 1 {
		t.Errorf("clients %+v, want the one who talks", got)
	}
	if d := b.Drops(); d.Unconfirmed == 0 {
		t.Errorf("drops %+v, want unconfirmed", d)
	}
}

// TestGuess has a client answer a ping that it did not get.
func TestGuess(t *testing.T) {
	b := newBench(t, ServerConfig{})
	b.from(addrA, dosboxRegisters)
	for i := range 256 {
		b.from(addrA, pong(nil, ipxwire.Node{2, 0xff, 0, 0, 0, byte(i)}, nodeA))
	}
	if b.Clients()[0].Confirmed {
		t.Error("confirmed by a guess")
	}
}

func TestKeepAlive(t *testing.T) {
	b := newBench(t, ServerConfig{})
	b.join(t, addrA)
	b.clock.advance(20*time.Second - 1)
	wantMail(t, b.conn.all(b.out))
	b.clock.advance(1)
	nonce := b.clients.order[0].nonce
	wantMail(t, b.conn.all(b.out), mail{addrA, ping(nil, nonce)})
	b.from(addrA, pong(nil, nonce, nodeA))
	for range 120 { // an hour
		b.clock.advance(30 * time.Second)
		if m := b.conn.all(b.out); len(m) != 1 {
			t.Fatalf("%v after 30 s of silence, want a ping", m)
		}
		b.from(addrA, pong(nil, nonce, nodeA))
	}
	b.clock.advance(10*time.Minute - 1)
	if len(b.Clients()) != 1 {
		t.Fatal("forgotten too early")
	}
	b.clock.advance(1)
	if got := b.Clients(); len(got) != 0 || len(b.clients.byNode) != 0 || len(b.clients.subnets) != 0 {
		t.Errorf("clients %+v after the time-out, want none", got)
	}
	b.conn.all(b.out)
	b.clock.advance(time.Hour) // no timer is left
	wantMail(t, b.conn.all(b.out))
}

// TestQuiet has a client ping: ours would show among the answers.
func TestQuiet(t *testing.T) {
	b := newBench(t, ServerConfig{})
	b.from(addrA, dosboxRegisters)
	b.from(addrA, ping(nil, nodeA))
	b.clock.advance(pingsWait - 1)
	wantMail(t, b.conn.all(b.out))
	b.clock.advance(1)
	if m := b.conn.all(b.out); len(m) != 1 {
		t.Errorf("%v, want a ping", m)
	}
}

func TestChecksum(t *testing.T) {
	for _, kind := range []ethernet.Kind{ethernet.KindII, ethernet.KindRaw, ethernet.KindLLC, ethernet.KindSNAP} {
		b := newBench(t, ServerConfig{Wire: Wire{Network: testNetwork, Frame: kind}})
		b.join(t, addrA)
		p := ipxwire.Header(packet(at(ipxwire.Node{2, 0, 0, 0, 0, 9}), at(nodeA), []byte("odd")))
		p.SetChecksum(p.Sum())
		b.from(addrA, p)
		p.SetChecksum(p.Checksum() + 1)
		b.from(addrA, p)
		got := b.frames()
		want, drops := []bool{true, false}, Drops{Registers: 1}
		if kind == ethernet.KindRaw {
			want, drops.Checksum = []bool{true}, 1
		}
		if len(got) != len(want) || b.Drops() != drops {
			t.Fatalf("%v: %d frames, drops %+v", kind, len(got), b.Drops())
		}
		for i, g := range got {
			e, err := ethernet.Parse(g)
			if err != nil || e.Kind() != kind || e.PayloadLen() != 34 {
				t.Fatalf("%v: %v, %v", kind, e, err)
			}
			h, err := ipxwire.ParseHeader(e.Payload())
			if err != nil || h.IsSummed() != want[i] || h.Source().Net != testNetwork {
				t.Errorf("%v: %v, %v: want a checksum that is %v", kind, h, err, want[i])
			}
			if isReal := h.Checksum() != ipxwire.NoChecksum; isReal != (kind != ethernet.KindRaw) {
				t.Errorf("%v: checksum %04x", kind, h.Checksum())
			}
		}
	}
}

func TestServerConfig(t *testing.T) {
	conn := newConn()
	tests := []struct {
		name   string
		config ServerConfig
		want   string
	}{
		{"no socket", ServerConfig{}, "Conn is nil"},
		{"bad prefix", ServerConfig{Conn: conn, Allow: []netip.Prefix{{}}}, "invalid prefix"},
		{"MTU", ServerConfig{Conn: conn, Wire: Wire{MTU: 70000}}, "an MTU of 70000"},
		{"packet", ServerConfig{Conn: conn, Wire: Wire{MaxPacket: 1495}}, "want 30 to 1491"},
		{"packet in 802.3", ServerConfig{Conn: conn, Wire: Wire{MTU: 9000, MaxPacket: 1495, Frame: ethernet.KindLLC}},
			"at most 1491"},
		{"frame type", ServerConfig{Conn: conn, Wire: Wire{Frame: 9}}, "frame type 9"},
		{"group", ServerConfig{Conn: conn, Wire: Wire{Addr: ethernet.Broadcast}}, "group address"},
		{"all networks", ServerConfig{Conn: conn, Wire: Wire{Network: ipxwire.AllNetworks}}, "all networks"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewServer(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewServer: %v, want %q", err, tt.want)
			}
		})
	}
}
