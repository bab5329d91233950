package ipxtunnel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

var (
	serverAddr = netip.MustParseAddrPort("198.51.100.2:213")
	stationA   = ipxwire.Node{2, 0, 0, 0, 0, 0xa}
	stationB   = ipxwire.Node{2, 0, 0, 0, 0, 0xb}
	far        = ipxwire.Node{0xc6, 0x33, 0x64, 9, 0, 9}
)

// clientBench is a client whose datagrams and time are the test's.
type clientBench struct {
	*Client
	conns []*fakeConn // as they were opened
	clock *fakeClock
	f     *framer
}

func newClientBench(t testing.TB, c ClientConfig) *clientBench {
	t.Helper()
	b := &clientBench{clock: newClock()}
	c.Clock, c.Server = b.clock, serverAddr
	c.Listen = func() (net.PacketConn, error) {
		b.conns = append(b.conns, newConn())
		return b.conns[len(b.conns)-1], nil
	}
	d, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	b.Client, b.f = d, d.newFramer()
	return b
}

// from has the i-th socket receive a datagram of the server.
func (b *clientBench) from(i int, data []byte) { b.fromAddr(i, serverAddr, data) }

func (b *clientBench) fromAddr(i int, a netip.AddrPort, data []byte) {
	b.datagram(b.f, make([]link.Frame, 1), b.sessions[i], slices.Clone(data), a)
}

// sent is what the i-th socket wrote.
func (b *clientBench) sent(i int) []mail { return b.conns[i].all(b.out) }

func (b *clientBench) write(kind ethernet.Kind, to, from ipxwire.Addr, data string) int {
	return b.WriteFrames([]link.Frame{ipxFrame(kind, to, from, []byte(data))})
}

// frames are what the segment got.
func (b *clientBench) frames() (out [][]byte) {
	f := make([]link.Frame, 1)
	for b.in.Len() > 0 {
		b.ReadFrames(f)
		out = append(out, f[0].AppendTo(nil))
		f[0].Release()
	}
	return out
}

// join has a station send, and the server give it a node.
func (b *clientBench) join(t *testing.T, station, node ipxwire.Node) {
	t.Helper()
	i := len(b.sessions)
	b.write(ethernet.KindII, at(ipxwire.Broadcast), at(station), "")
	b.clock.advance(0)
	b.from(i, answer(nil, node, ipxwire.Node{2, 0, 0, 0, 0, 0xff}))
	m := b.sent(i)
	want := packet(at(ipxwire.Broadcast), at(node), nil)
	wantMail(t, m, mail{serverAddr, registration(nil, ipxwire.Node{})}, mail{serverAddr, want})
}

func TestStation(t *testing.T) {
	b := newClientBench(t, ClientConfig{Wire: Wire{Network: testNetwork}})
	here := func(n ipxwire.Node) ipxwire.Addr { return ipxwire.Addr{Net: testNetwork, Node: n, Socket: 0x4001} }
	b.write(ethernet.KindLLC, here(ipxwire.Broadcast), here(stationA), "first") // waits for its registration
	b.clock.advance(0)
	wantMail(t, b.sent(0),
		mail{serverAddr, unhex("ffff 001e 00 00 00000000 000000000000 0002 00000000 000000000000 0002")})
	b.from(0, unhex("ffff 001e 00 00 00000000 c63364079c40 0002 00000001 000000000000 0002"))
	wantMail(t, b.sent(0), mail{serverAddr, packet(at(ipxwire.Broadcast), at(nodeA), []byte("first"))})
	b.write(ethernet.KindSNAP, here(far), here(stationA), "next")
	wantMail(t, b.sent(0), mail{serverAddr, packet(at(far), at(nodeA), []byte("next"))})

	b.from(0, packet(at(nodeA), at(far), []byte("back")))
	b.from(0, packet(at(ipxwire.Broadcast), at(far), []byte("all!")))
	b.from(0, packet(at(stationB), at(far), []byte("lost")))
	want := [][]byte{
		inFrame(ethernet.KindII, ethernet.Addr(stationA), ethernet.Addr(far),
			packet(here(stationA), here(far), []byte("back"))),
		inFrame(ethernet.KindII, ethernet.Broadcast, ethernet.Addr(far),
			packet(here(ipxwire.Broadcast), here(far), []byte("all!"))),
	}
	if got := b.frames(); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the segment got\n%x, want\n%x", got, want)
	}
	if got := b.Sessions(); len(got) != 1 || got[0].Station != stationA || got[0].Node != nodeA || got[0].Local == "" {
		t.Errorf("sessions %+v", got)
	}
	if d := b.Drops(); d != (Drops{Destination: 1}) {
		t.Errorf("drops %+v", d)
	}
}

// TestTwoStations has what one sends come back to the other's socket, and broadcasts by both.
func TestTwoStations(t *testing.T) {
	b := newClientBench(t, ClientConfig{})
	b.join(t, stationA, nodeA)
	b.join(t, stationB, nodeB)
	b.from(1, packet(at(ipxwire.Broadcast), at(nodeA), nil)) // the server relays it to all others
	b.from(0, packet(at(ipxwire.Broadcast), at(far), nil))
	b.from(1, packet(at(ipxwire.Broadcast), at(far), nil))
	if got := b.frames(); len(got) != 1 {
		t.Errorf("the segment got %x, want the broadcast once", got)
	}
	if n := b.write(ethernet.KindII, at(stationB), at(stationA), ""); n != 0 {
		t.Error("a packet between stations of the segment left it")
	}
	if n := b.write(ethernet.KindII, at(ipxwire.Broadcast), at(nodeA), ""); n != 0 {
		t.Error("a packet from a translated address was sent")
	}
	if d := b.Drops(); d != (Drops{Copies: 2, Destination: 1, Spoofed: 1}) {
		t.Errorf("drops %+v", d)
	}
}

func TestStations(t *testing.T) {
	b := newClientBench(t, ClientConfig{Stations: 2, StationTimeout: time.Minute, KeepAlive: time.Hour})
	b.join(t, stationA, nodeA)
	b.join(t, stationB, nodeB)
	third := ipxwire.Node{2, 0, 0, 0, 0, 0xc}
	if b.write(ethernet.KindII, at(far), at(third), "") != 0 || b.Drops().Stations != 1 {
		t.Errorf("a third station: drops %+v", b.Drops())
	}
	b.clock.advance(59 * time.Second)
	b.write(ethernet.KindII, at(far), at(stationB), "")
	b.clock.advance(2 * time.Hour) // the first is idle; the last stays, and listens
	if got := b.Sessions(); len(got) != 1 || got[0].Station != stationB {
		t.Errorf("sessions %+v, want the last one", got)
	}
	select {
	case <-b.conns[0].closed:
	default:
		t.Error("the socket of a station that was given up is open")
	}
}

// TestFixedStation has one station, which hears before it speaks.
func TestFixedStation(t *testing.T) {
	b := newClientBench(t, ClientConfig{Wire: Wire{Addr: ethernet.Addr(stationA)}})
	b.clock.advance(0)
	b.from(0, answer(nil, nodeA, far))
	b.from(0, packet(at(ipxwire.Broadcast), at(far), nil))
	if got := b.frames(); len(got) != 1 || b.Info().Addr != ethernet.Addr(stationA) {
		t.Errorf("the station %v got %x, want a broadcast", b.Info().Addr, got)
	}
	if b.write(ethernet.KindII, at(far), at(stationB), "") != 0 || b.Drops().Stations != 1 {
		t.Errorf("another station: drops %+v", b.Drops())
	}
}

// TestRetries has a server that says nothing, and then one that falls silent.
func TestRetries(t *testing.T) {
	b := newClientBench(t, ClientConfig{})
	b.write(ethernet.KindII, at(ipxwire.Broadcast), at(stationA), "")
	b.clock.advance(0)
	ask := mail{serverAddr, registration(nil, ipxwire.Node{})}
	wantMail(t, b.sent(0), ask)
	for _, wait := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		b.clock.advance(wait*time.Second - 1)
		wantMail(t, b.sent(0))
		b.clock.advance(1)
		wantMail(t, b.sent(0), ask)
	}
	b.from(0, answer(nil, nodeA, far))
	b.sent(0)
	again := mail{serverAddr, registration(nil, nodeA)}
	b.clock.advance(30 * time.Second)
	wantMail(t, b.sent(0), again)
	b.from(0, answer(nil, nodeA, far))
	b.clock.advance(30*time.Second + 15*time.Second) // asked at 30, 31, 33, 37 and 45 s
	wantMail(t, b.sent(0), again, again, again, again, again)
	b.clock.advance(16 * time.Second)
	wantMail(t, b.sent(0), ask)
	if got := b.Sessions(); !got[0].Node.IsZero() {
		t.Errorf("sessions %+v, want the node given up", got)
	}
	b.from(0, packet(at(nodeA), at(far), nil))
	if d := b.Drops(); d != (Drops{Unregistered: 1}) {
		t.Errorf("drops %+v", d)
	}
}

// TestNewNode has a server that started anew give another node.
func TestNewNode(t *testing.T) {
	b := newClientBench(t, ClientConfig{})
	b.join(t, stationA, nodeA)
	b.from(0, pong(nil, nodeA, far)) // an answer of DOSBox to a ping of the station, none to us
	if got := b.frames(); len(got) != 1 {
		t.Fatalf("the segment got %x, want the pong", got)
	}
	b.clock.advance(30 * time.Second)
	b.from(0, pong(nil, nodeA, far))
	b.from(0, answer(nil, nodeB, far)) // not asked for: we heard
	if got := b.Sessions()[0].Node; got != nodeA {
		t.Errorf("node %v, want %v", got, nodeA)
	}
	b.clock.advance(30 * time.Second)
	b.from(0, answer(nil, nodeB, far))
	b.sent(0)
	b.write(ethernet.KindII, at(far), at(stationA), "")
	wantMail(t, b.sent(0), mail{serverAddr, packet(at(far), at(nodeB), nil)})
}

// TestServerPings holds what ipxbox sends, without length and checksum, and what DOSBox answers.
func TestServerPings(t *testing.T) {
	b := newClientBench(t, ClientConfig{})
	b.join(t, stationA, nodeA)
	b.from(0, unhex("0000 0000 00 00 00000000 ffffffffffff 0002 00000000 02ffffff0000 0000"))
	wantMail(t, b.sent(0),
		mail{serverAddr, unhex("ffff 001e 00 00 00000000 02ffffff0000 0002 00000000 c63364079c40 0002")})
	if got := b.frames(); len(got) != 0 {
		t.Errorf("the segment got %x", got)
	}
	b.from(0, ping(nil, far)[:29])
	b.fromAddr(0, addrB, ping(nil, far))
	b.from(0, packet(at(nodeA), at(far), make([]byte, DefaultMaxPacket)))
	b.from(0, append(unhex("ffffffff"), packet(at(nodeA), at(far), nil)[4:]...))
	if d := b.Drops(); d != (Drops{Short: 1, Stranger: 1, Long: 1, Length: 1}) {
		t.Errorf("drops %+v", d)
	}
}

// TestGroupNode has a server give nodes that no station may have on Ethernet, as DOSBox does to 203.0.113.8.
func TestGroupNode(t *testing.T) {
	group, other := ipxwire.Node{203, 0, 113, 8, 0x9c, 0x41}, ipxwire.Node{203, 0, 113, 9, 0, 9}
	b := newClientBench(t, ClientConfig{})
	b.join(t, stationA, group)
	b.from(0, packet(at(group), at(other), nil))
	here := ipxwire.Node{0xca, 0, 113, 9, 0, 9}
	want := inFrame(ethernet.KindII, ethernet.Addr(stationA), ethernet.Addr(here), packet(at(stationA), at(here), nil))
	if got := b.frames(); len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("the segment got %x, want %x", got, want)
	}
	b.write(ethernet.KindII, at(here), at(stationA), "")
	wantMail(t, b.sent(0), mail{serverAddr, packet(at(other), at(group), nil)})
	for i := range 2 * maxGroups {
		b.from(0, packet(at(group), at(ipxwire.Node{203, 0, 113, 9, byte(i >> 8), byte(i)}), nil))
	}
	if n := len(b.groups); n > maxGroups {
		t.Errorf("%d nodes are remembered, want at most %d", n, maxGroups)
	}
}

func TestRouted(t *testing.T) {
	b := newClientBench(t, ClientConfig{})
	f := inFrame(ethernet.KindII, ethernet.Addr(far), ethernet.Addr(stationA), packet(at(far), at(stationB), nil))
	if b.WriteFrames([]link.Frame{link.NewFrame(f)}) != 0 || b.Drops() != (Drops{Routed: 1}) || len(b.Sessions()) != 0 {
		t.Errorf("drops %+v, sessions %+v", b.Drops(), b.Sessions())
	}
}

// TestPending fills what waits for a registration.
func TestPending(t *testing.T) {
	b := newClientBench(t, ClientConfig{})
	sent := 0
	for range maxPending + 3 {
		sent += b.write(ethernet.KindII, at(far), at(stationA), "")
	}
	if sent != maxPending || b.Drops() != (Drops{Unregistered: 3}) {
		t.Errorf("%d of %d wait, drops %+v", sent, maxPending+3, b.Drops())
	}
	b.clock.advance(0)
	b.from(0, answer(nil, nodeA, far))
	if m := b.sent(0); len(m) != 1+maxPending {
		t.Errorf("%d datagrams, want the registration and %d packets", len(m), maxPending)
	}
}

// TestNoSocket has no socket to be had at first.
func TestNoSocket(t *testing.T) {
	clock, conn, calls := newClock(), newConn(), 0
	c, err := NewClient(ClientConfig{Clock: clock, Server: serverAddr, Listen: func() (net.PacketConn, error) {
		if calls++; calls < 3 {
			return nil, errors.New("no sockets left")
		}
		return conn, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.WriteFrames([]link.Frame{ipxFrame(ethernet.KindII, at(far), at(stationA), nil)})
	clock.advance(2*lastRetry - 1)
	wantMail(t, conn.all(c.out))
	clock.advance(1)
	wantMail(t, conn.all(c.out), mail{serverAddr, registration(nil, ipxwire.Node{})})
}

func TestDialTimeout(t *testing.T) {
	conn, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // says nothing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	if _, err := Dial(ctx, ClientConfig{Listen: listenLoopback, Server: at}); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v, want context.Canceled", err)
	}
}

func TestClientConfig(t *testing.T) {
	tests := []struct {
		name   string
		config ClientConfig
		want   string
	}{
		{"no sockets", ClientConfig{Server: serverAddr}, "Listen is nil"},
		{"no server", ClientConfig{Listen: listenLoopback}, "no address of a single machine"},
		{"any server", ClientConfig{Listen: listenLoopback, Server: netip.MustParseAddrPort("0.0.0.0:213")},
			"no address of a single machine"},
		{"a group", ClientConfig{Listen: listenLoopback, Server: netip.MustParseAddrPort("239.1.1.1:213")},
			"no address of a single machine"},
		{"MTU", ClientConfig{Listen: listenLoopback, Server: serverAddr, Wire: Wire{MTU: 70000}}, "an MTU of 70000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewClient(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewClient: %v, want %q", err, tt.want)
			}
		})
	}
	c := ClientConfig{Listen: listenLoopback, Server: serverAddr, Wire: Wire{Addr: testAddr}}
	if _, err := Dial(t.Context(), c); err == nil {
		t.Error("Dial with an address: no error")
	}
	c = ClientConfig{Listen: listenLoopback, Server: netip.MustParseAddrPort("198.51.100.2:0")}
	if c, err := c.withDefaults(); err != nil || c.Server != serverAddr {
		t.Errorf("server %v, %v: want port 213", c.Server, err)
	}
}
