package dump_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/impair"
	"tapestry/link/pcap"
	"tapestry/link/pipe"
	"tapestry/stack"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/diag"
	"tapestry/stack/ipx/netbios"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
	"tapestry/stack/spx"
)

// exchange is three hosts of ours on two wires, whose frames are captured where the router in the middle has them:
//
//	beta ── cafe ── alpha, the router ── beef ── gamma, which knows no SPX II
type exchange struct {
	t                  *testing.T
	left, right        ethernet.Kind
	wire               impair.Config // of both wires, in both directions
	auto               bool          // hosts but the router find the frame type out
	alpha, beta, gamma *stack.Host
	files              []string
	errors             chan ipx.ErrorMessage // that beta hears of
	stop               func()
}

const (
	exchangeLeft, exchangeRight, exchangeInternal ipx.Network      = 0xcafe, 0xbeef, 0xf00d
	exchangeSocket                                ipx.SocketNumber = 0x5000
)

func newExchange(t *testing.T, left, right ethernet.Kind, wire impair.Config) *exchange {
	x := &exchange{t: t, left: left, right: right, wire: wire, errors: make(chan ipx.ErrorMessage, 1)}
	const ms = time.Millisecond
	plain := spx.Config{Window: 8, Idle: 50 * ms, Probe: 20 * ms, Probes: 255, MinTimeout: 10 * ms}
	old := plain
	old.NoSPX2 = true
	x.alpha = x.host("alpha", ipx.Config{Router: true, SendErrors: true, DiagnosticDelay: time.Millisecond}, plain)
	x.beta = x.host("beta", ipx.Config{OnError: func(_ time.Time, _ ipx.Header, e ipx.ErrorMessage) {
		e.Packet = nil // it is borrowed
		x.errors <- e
	}}, plain)
	x.gamma = x.host("gamma", ipx.Config{}, old)
	x.must(x.alpha.AddIPXNetwork(exchangeInternal))
	x.alpha.IPX().Do(x.serve)
	x.join(left, x.alpha, exchangeLeft, x.beta, 1)
	x.join(right, x.alpha, exchangeRight, x.gamma, 3)
	x.stop = func() {
		x.alpha.Close() // which says farewell to both wires
		x.beta.Close()
		x.gamma.Close()
	}
	t.Cleanup(func() { x.stop() })
	return x
}

// What the router tells: more than goes into one packet.
const exchangeServices, exchangeRoutes = sap.MaxEntries + 1, rip.MaxEntries + 1

func (x *exchange) serve(now time.Time, n *ipx.Node) {
	for i := range exchangeServices {
		x.must(n.SAP().AddStatic(now, sap.Service{
			Type: sap.FileServer, Name: fmt.Sprintf("ALPHA%d", i), Port: sap.Local,
			Addr: ipx.Addr{Net: exchangeInternal, Node: ipx.InternalNode, Socket: ipxwire.SocketNCP},
		}))
	}
	for i := range exchangeRoutes {
		x.must(n.RIP().AddStatic(now, rip.Route{Network: ipx.Network(0x1000 + i), Hops: 2, Port: rip.Local}))
	}
}

func (x *exchange) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *exchange) host(name string, c ipx.Config, s spx.Config) *stack.Host {
	x.t.Helper()
	h, err := stack.New(stack.Config{Name: name, IPX: c, SPX: s})
	x.must(err)
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		for _, socket := range []ipx.SocketNumber{0x4001, 0x4003} { // what comes from there, Wireshark takes for messages
			_, err := n.Bind(socket, nobody{})
			x.must(err)
		}
	})
	return h
}

// nobody keeps a socket from being given out.
type nobody struct{}

func (nobody) Receive(time.Time, ipx.PortID, ipx.Header) {}

// join puts the router, which knows the network, and another host, which does not, on a wire.
// The right one has checksums if it can.
func (x *exchange) join(k ethernet.Kind, router *stack.Host, network ipx.Network, other *stack.Host, node byte) {
	x.t.Helper()
	name := network.String()
	file := filepath.Join(x.t.TempDir(), name+".pcapng")
	x.files = append(x.files, file)
	addrs := [2]ethernet.Addr{{2, 0, 0, 0, 0, node}, {2, 0, 0, 0, 0, node + 1}}
	a, b := pipe.New(pipe.Config{Names: [2]string{name, name}, Addrs: addrs})
	impaired, err := impair.New(a, impair.DeviceConfig{Tx: x.wire, Rx: x.wire, Seed: 1})
	x.must(err)
	tapped, err := pcap.New(impaired, pcap.Config{Path: file})
	x.must(err)
	ends := []struct {
		h       *stack.Host
		dev     link.Device
		network ipx.Network
	}{{router, tapped, network}, {other, b, 0}}
	for _, e := range ends {
		i, err := e.h.AddInterface(e.dev, stack.InterfaceConfig{NoIPv6: true})
		x.must(err)
		sums := network == exchangeRight && k != ethernet.KindRaw
		x.must(i.AddIPX(stack.IPXConfig{
			Auto: x.auto && e.h != router, Frame: k, Network: e.network, MaxPacket: 65535, Checksum: sums,
		}))
	}
}

// TestWiresharkReadsOurs has Wireshark read what our nodes and connections say to each other.
func TestWiresharkReadsOurs(t *testing.T) {
	nstest.Tool(t, "tshark")
	for _, k := range [][2]ethernet.Kind{
		{ethernet.KindII, ethernet.KindII}, {ethernet.KindRaw, ethernet.KindRaw},
		{ethernet.KindLLC, ethernet.KindLLC}, {ethernet.KindSNAP, ethernet.KindSNAP},
		{ethernet.KindRaw, ethernet.KindLLC}, // where checksums end at the router
	} {
		t.Run(k[0].String()+" and "+k[1].String(), func(t *testing.T) {
			x := newExchange(t, k[0], k[1], impair.Config{})
			x.talk()
			x.stop()
			x.judge(allKinds)
		})
	}
}

// TestWiresharkReadsRepairs has Wireshark read what connections say to each other on a bad wire.
func TestWiresharkReadsRepairs(t *testing.T) {
	nstest.Tool(t, "tshark")
	bad := impair.Config{Loss: 0.05, Duplicate: 0.05, Delay: time.Millisecond, Reorder: 0.05}
	x := newExchange(t, ethernet.KindLLC, ethernet.KindLLC, bad)
	x.until("both know the networks", func() bool {
		return x.beta.IPXPorts()[0].Network == exchangeLeft && x.gamma.IPXPorts()[0].Network == exchangeRight
	})
	x.messages()
	x.until("Wireshark has a negative acknowledgement to read", func() bool {
		x.stream()
		return value(x.alpha.SPX().Stats(), "spx.naks.out")+value(x.beta.SPX().Stats(), "spx.naks.out") > 0
	})
	x.stop()
	x.judge([]string{"spx data", "spx probe", "spx ii data", "spx ii acknowledgement"})
}

// TestWiresharkReadsDetection has Wireshark read what a host says that looks for the frame type of its wire.
func TestWiresharkReadsDetection(t *testing.T) {
	nstest.Tool(t, "tshark")
	x := &exchange{t: t, left: ethernet.KindRaw, auto: true}
	x.alpha = x.host("alpha", ipx.Config{Router: true}, spx.Config{})
	x.beta = x.host("beta", ipx.Config{}, spx.Config{})
	x.join(x.left, x.alpha, exchangeLeft, x.beta, 1)
	x.until("the frame type is found", func() bool {
		p := x.beta.IPXPorts()
		return len(p) == 1 && p[0].Network == exchangeLeft && p[0].Frame == x.left
	})
	x.must(x.alpha.Close())
	x.must(x.beta.Close())
	x.judge([]string{"rip request", "802.3", "802.2", "snap", "ethernet-ii"})
}

// node gives a host's address on a wire; socket is to be filled in.
func (x *exchange) node(h *stack.Host, network ipx.Network) ipx.Addr {
	x.t.Helper()
	for _, p := range h.IPXPorts() {
		if p.Network == network {
			return ipx.Addr{Net: p.Network, Node: p.Node}
		}
	}
	x.t.Fatalf("no port in network %v among %v", network, h.IPXPorts())
	return ipx.Addr{}
}

// until waits for something that the hosts do by themselves.
func (x *exchange) until(what string, is func() bool) {
	x.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// talk has the hosts send packets of each kind.
func (x *exchange) talk() {
	x.until("both learn their networks from the router", func() bool {
		return x.beta.IPXPorts()[0].Network == exchangeLeft && x.gamma.IPXPorts()[0].Network == exchangeRight
	})
	x.ping()
	x.query()
	x.datagrams()
	x.broadcast()
	x.messages()
	x.stream()
	c, s := x.connect(x.gamma, x.alpha, exchangeRight) // which knows SPX II, but is asked for plain SPX
	x.must(s.Close())
	x.must(c.Close())
}

func (x *exchange) ping() {
	for _, p := range []struct {
		to ipx.Addr
		o  ipx.PingOptions
	}{
		{x.node(x.gamma, exchangeRight), ipx.PingOptions{Data: []byte("odd")}},
		{x.node(x.alpha, exchangeLeft), ipx.PingOptions{Kind: ipx.PingDiagnostic}},
	} {
		p.o.Timeout = 20 * time.Second
		_, err := x.beta.IPX().Ping(x.t.Context(), p.to, p.o)
		x.must(err)
	}
}

func (x *exchange) query() {
	x.beta.IPX().Do(func(now time.Time, n *ipx.Node) {
		n.SAP().Query(now, sap.AllPorts, sap.GeneralQuery, sap.AnyType)
		n.SAP().Query(now, sap.AllPorts, sap.NearestQuery, sap.FileServer)
	})
	x.until("all services are found", func() (is bool) {
		x.beta.IPX().Do(func(_ time.Time, n *ipx.Node) { is = len(n.Services()) == exchangeServices })
		return is
	})
}

func (x *exchange) datagrams() {
	c, err := x.beta.IPX().ListenPacket(ipx.Addr{Socket: exchangeSocket}, ipxwire.TypePEP)
	x.must(err)
	defer c.Close()
	to := x.node(x.alpha, exchangeLeft)
	server, err := x.alpha.IPX().ListenPacket(ipx.Addr{Socket: exchangeSocket}, ipxwire.TypePEP)
	x.must(err)
	defer server.Close()
	to.Socket = exchangeSocket
	largest := x.beta.IPXPorts()[0].MaxPacket
	for _, size := range []int{30, 31, 575, 576, largest - 1, largest} {
		_, err := c.WriteToAddr(make([]byte, size-ipxwire.HeaderLen), to)
		x.must(err)
		_, _, err = server.ReadFromAddr(make([]byte, size))
		x.must(err)
	}
	to.Socket = 0x7777 // where nobody listens
	_, err = c.WriteToAddr([]byte("hello"), to)
	x.must(err)
	if e := <-x.errors; e.Number != ipx.ErrorNoSocket {
		x.t.Errorf("the router says %v, want %v", e.Number, ipx.ErrorNoSocket)
	}
}

func (x *exchange) broadcast() {
	c, err := x.beta.IPX().ListenPacket(ipx.Addr{Socket: exchangeSocket}, ipxwire.TypePEP)
	x.must(err)
	defer c.Close()
	request, err := diag.AppendRequest(nil, x.node(x.gamma, exchangeRight).Node)
	x.must(err)
	_, err = c.WriteToAddr(request, ipx.Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketDiagnostic})
	x.must(err)
	b := make([]byte, 576)
	n, _, err := c.ReadFromAddr(b)
	x.must(err)
	if r, err := diag.ParseResponse(b[:n]); err != nil || len(r.Components) == 0 {
		x.t.Errorf("diagnostic response %v, %v", r, err)
	}
	heard, err := x.gamma.IPX().ListenPacket(ipx.Addr{Socket: ipxwire.SocketNetBIOS}, ipxwire.TypePEP)
	x.must(err)
	defer heard.Close()
	name, err := netbios.MakeName("gamma", 0x20)
	x.must(err)
	m := netbios.Message{HasNetworks: true, Flags: uint8(netbios.NameGroup), Type: netbios.FindName, Name: name}
	to := ipx.Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketNetBIOS}
	_, err = c.WriteTyped(m.AppendTo(nil), to, ipxwire.TypeNetBIOS)
	x.must(err)
	_, _, err = heard.ReadFromAddr(b)
	x.must(err)
}

// connect gives both ends of a connection from one host to another, which is on the network.
func (x *exchange) connect(from, to *stack.Host, network ipx.Network) (c, s *spx.Conn) {
	x.t.Helper()
	l, err := to.SPX().Listen(exchangeSocket)
	x.must(err)
	defer l.Close()
	a := x.node(to, network)
	a.Socket = exchangeSocket
	ctx, cancel := context.WithTimeout(x.t.Context(), 20*time.Second)
	defer cancel()
	c, err = from.SPX().Dial(ctx, a)
	x.must(err)
	s, err = l.AcceptSPX()
	x.must(err)
	for _, c := range []*spx.Conn{c, s} {
		x.must(c.SetDeadline(time.Now().Add(20 * time.Second)))
	}
	return c, s
}

// messages are of plain SPX, through the router, and end by End-of-Connection.
func (x *exchange) messages() {
	c, s := x.connect(x.beta, x.gamma, exchangeRight)
	for _, m := range []struct {
		size int
		info spx.MessageInfo
	}{
		{1, spx.MessageInfo{EOM: true}},
		{1, spx.MessageInfo{Attention: true, Type: 7}},
		{535, spx.MessageInfo{EOM: true, Type: 1}},
		{16 * 534, spx.MessageInfo{EOM: true}}, // twice the window, so that the sender waits for room
	} {
		sent := make(chan error, 1)
		go func() { // ends with the connection's deadline
			_, err := c.WriteMessage(make([]byte, m.size), m.info)
			sent <- err
		}()
		_, err := io.ReadFull(s, make([]byte, m.size))
		x.must(err)
		x.must(<-sent)
	}
	x.until("an idle connection is probed", func() bool { return value(x.beta.SPX().Stats(), "spx.probes") > 0 })
	x.must(c.Close())
	if _, err := s.Read(make([]byte, 1)); err != io.EOF {
		x.t.Errorf("at the end: %v", err)
	}
	x.must(s.Close())
}

// stream is of SPX II, in packets as large as the wire takes, and ends by orderly release.
func (x *exchange) stream() {
	c, s := x.connect(x.beta, x.alpha, exchangeLeft)
	for _, way := range [][2]*spx.Conn{{c, s}, {s, c}} {
		sent := make(chan error, 1)
		go func() { // ends with the connection's deadline
			_, err := way[0].Write(make([]byte, 20001))
			sent <- errors.Join(err, way[0].CloseWrite())
		}()
		n, err := io.Copy(io.Discard, way[1])
		x.must(err)
		x.must(<-sent)
		if n != 20001 {
			x.t.Errorf("%d octets of 20001", n)
		}
	}
	x.must(c.Close())
	x.must(s.Close())
}

func value(stats []ipx.Stat, name string) (n uint64) {
	for _, s := range stats {
		if s.Name == name {
			n = s.Value
		}
	}
	return n
}
