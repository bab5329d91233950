package dump_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pcap"
	"tapestry/link/pipe"
	"tapestry/stack"
	"tapestry/stack/dump"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/diag"
	"tapestry/stack/ipx/netbios"
	"tapestry/stack/ipx/sap"
	"tapestry/stack/spx"
)

// exchange is three hosts of ours on two wires, whose frames are captured where the router in the middle has them:
//
//	beta ── cafe ── alpha, the router ── beef ── gamma, which knows no SPX II
type exchange struct {
	t                  *testing.T
	kind               ethernet.Kind
	alpha, beta, gamma *stack.Host
	files              []string
	errors             chan ipx.ErrorMessage // that beta hears of
	stop               func()
}

const (
	exchangeLeft, exchangeRight, exchangeInternal ipx.Network      = 0xcafe, 0xbeef, 0xf00d
	exchangeSocket                                ipx.SocketNumber = 0x5000
)

func newExchange(t *testing.T, k ethernet.Kind) *exchange {
	x := &exchange{t: t, kind: k, errors: make(chan ipx.ErrorMessage, 1)}
	plain := spx.Config{Window: 4, Idle: 50 * time.Millisecond, Probe: 20 * time.Millisecond}
	old := plain
	old.NoSPX2 = true
	x.alpha = x.host("alpha", ipx.Config{Router: true, SendErrors: true, DiagnosticDelay: time.Millisecond}, plain)
	x.beta = x.host("beta", ipx.Config{OnError: func(_ time.Time, _ ipx.Header, e ipx.ErrorMessage) {
		e.Packet = nil // it is borrowed
		x.errors <- e
	}}, plain)
	x.gamma = x.host("gamma", ipx.Config{}, old)
	x.must(x.alpha.AddIPXNetwork(exchangeInternal))
	x.alpha.IPX().Do(func(now time.Time, n *ipx.Node) {
		x.must(n.SAP().AddStatic(now, sap.Service{
			Type: sap.FileServer, Name: "ALPHA", Port: sap.Local,
			Addr: ipx.Addr{Net: exchangeInternal, Node: ipx.InternalNode, Socket: ipxwire.SocketNCP},
		}))
	})
	x.join("left", x.alpha, exchangeLeft, x.beta, 1)
	x.join("right", x.alpha, exchangeRight, x.gamma, 3)
	x.stop = func() {
		x.alpha.Close() // which says farewell to both wires
		x.beta.Close()
		x.gamma.Close()
	}
	t.Cleanup(func() { x.stop() })
	return x
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
	return h
}

// join puts the router, which knows the network, and another host, which does not, on a wire.
func (x *exchange) join(name string, router *stack.Host, network ipx.Network, other *stack.Host, node byte) {
	x.t.Helper()
	file := filepath.Join(x.t.TempDir(), name+".pcapng")
	x.files = append(x.files, file)
	addrs := [2]ethernet.Addr{{2, 0, 0, 0, 0, node}, {2, 0, 0, 0, 0, node + 1}}
	a, b := pipe.New(pipe.Config{Names: [2]string{name, name}, Addrs: addrs})
	tapped, err := pcap.New(a, pcap.Config{Path: file})
	x.must(err)
	ends := []struct {
		h       *stack.Host
		dev     link.Device
		network ipx.Network
	}{{router, tapped, network}, {other, b, 0}}
	for _, e := range ends {
		i, err := e.h.AddInterface(e.dev, stack.InterfaceConfig{NoIPv6: true})
		x.must(err)
		sums := name == "right" && x.kind != ethernet.KindRaw
		x.must(i.AddIPX(stack.IPXConfig{Frame: x.kind, Network: e.network, MaxPacket: 65535, Checksum: sums}))
	}
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
	x.until("a server is found", func() (is bool) {
		x.beta.IPX().Do(func(_ time.Time, n *ipx.Node) { is = len(n.Services()) == 1 })
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
	_, err = c.WriteTyped(m.AppendTo(nil), ipx.Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketNetBIOS}, ipxwire.TypeNetBIOS)
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
		{1, spx.MessageInfo{EOM: true}}, {1, spx.MessageInfo{Attention: true, Type: 7}}, {535, spx.MessageInfo{EOM: true, Type: 1}},
		{8 * 534, spx.MessageInfo{EOM: true}}, // twice the window, so that the sender waits for room
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

// judge has Wireshark read both captures.
func (x *exchange) judge() {
	seen := map[string]int{}
	for _, file := range x.files {
		frames, all := readFrames(x.t, file), tsharkFile(x.t, file)
		if len(frames) != len(all) {
			x.t.Fatalf("%s: tshark reads %d frames of %d", file, len(all), len(frames))
		}
		for i, d := range all {
			if !slices.Contains(d.protos, "ipx") {
				continue // ARP
			}
			if len(d.bad) > 0 {
				x.t.Errorf("Wireshark complains about frame %d: %q\n%s", i+1, d.bad, dump.Frame(frames[i]))
			}
			holdFraming(x.t, x.kind, d)
			holdWireshark(x.t, frames[i], d)
			for _, what := range kindsOf(d) {
				seen[what]++
			}
		}
	}
	for _, what := range allKinds {
		if seen[what] == 0 && !(what == "checksum" && x.kind == ethernet.KindRaw) {
			x.t.Errorf("no %s among what the hosts sent", what)
		}
	}
}

// TestWiresharkReadsOurs has Wireshark read what our nodes and connections say to each other.
func TestWiresharkReadsOurs(t *testing.T) {
	nstest.Tool(t, "tshark")
	for _, k := range []ethernet.Kind{ethernet.KindII, ethernet.KindRaw, ethernet.KindLLC, ethernet.KindSNAP} {
		t.Run(k.String(), func(t *testing.T) {
			x := newExchange(t, k)
			x.talk()
			x.stop()
			x.judge()
		})
	}
}

// allKinds are what hosts of ours are to have sent in an exchange.
var allKinds = []string{
	"echo", "diagnostic request", "diagnostic response", "error", "576 octets", "1500 octets", "forwarded", "checksum",
	"rip request", "rip response", "rip down", "sap general query", "sap general response", "sap nearest query", "sap nearest response",
	"netbios with networks", "spx request", "spx data", "spx end of message", "spx attention", "spx acknowledgement", "spx probe", "spx end",
	"spx end acknowledgement", "spx ii request", "spx ii answer", "spx ii size", "spx ii data", "spx ii acknowledgement",
	"spx ii release",
}

// kindsOf tells which of allKinds a frame is, by what Wireshark found in it.
func kindsOf(d dissected) (all []string) {
	is := func(name string, fields ...string) {
		for _, f := range fields {
			field, want, _ := strings.Cut(f, "=")
			if v := d.values(field); v != want {
				return
			}
		}
		all = append(all, name)
	}
	is("echo", "ipx.packet_type=02", "ipx.dst.socket=0002")
	is("diagnostic request", "ipx.dst.socket=0456")
	is("diagnostic response", "ipx.src.socket=0456")
	is("error", "ipx.packet_type=03", "ipx.dst.socket=0003")
	is("576 octets", "ipx.len=0240")
	if d.values("ipx.checksum") != "ffff" {
		all = append(all, "checksum")
	}
	if d.first("ipx.len").number() >= 1490 {
		all = append(all, "1500 octets")
	}
	is("forwarded", "ipx.hops=01")
	is("rip request", "ipxrip.packet_type=0001")
	is("rip response", "ipxrip.packet_type=0002")
	if strings.Contains(d.values("ipxrip.hops"), "0010") {
		all = append(all, "rip down")
	}
	is("sap general query", "ipxsap.packet_type=0001", "ipxsap.server.type=ffff")
	is("sap general response", "ipxsap.packet_type=0002")
	is("sap nearest query", "ipxsap.packet_type=0003", "ipxsap.server.type=0004")
	is("sap nearest response", "ipxsap.packet_type=0004", "ipxsap.server.type=0004")
	is("netbios with networks", "nmpi.packettype=01", "nmpi.ipx_network=0000cafe", "ipx.hops=01")
	return append(all, kindsOfSPX(d)...)
}

func kindsOfSPX(d dissected) (all []string) {
	if len(d.fields["spx.ctl"]) == 0 {
		return nil
	}
	flags := ""
	for _, name := range []string{"sys", "send_ack", "attn", "eom", "v2", "neg_size"} {
		if d.values("spx.ctl."+name) == "1" {
			flags += name + " "
		}
	}
	type spxKind struct {
		flags, stream string
		isRequest     bool // for whoever listens
		hasData       bool
	}
	hasData := d.values("data.data")+d.values("spx.rexmt_data") != ""
	name, ok := map[spxKind]string{
		{"sys send_ack v2 neg_size ", "00", true, false}: "spx ii request",
		{"sys v2 neg_size ", "00", false, false}:         "spx ii answer",
		{"sys send_ack v2 neg_size ", "00", false, true}: "spx ii size",
		{"v2 ", "00", false, true}:                       "spx ii data",
		{"sys v2 ", "00", false, false}:                  "spx ii acknowledgement",
		{"send_ack eom v2 ", "fd", false, false}:         "spx ii release",
		{"sys send_ack ", "00", true, false}:             "spx request",
		{"sys ", "00", false, false}:                     "spx acknowledgement",
		{"sys send_ack ", "00", false, false}:            "spx probe",
		{"send_ack ", "00", false, true}:                 "spx data",
		{"send_ack eom ", "00", false, true}:             "spx end of message",
		{"send_ack attn ", "07", false, true}:            "spx attention",
		{"send_ack ", "fe", false, false}:                "spx end",
		{"sys ", "ff", false, false}:                     "spx end acknowledgement",
	}[spxKind{flags, d.values("spx.type"), d.values("spx.dst") == "ffff", hasData}]
	if !ok {
		return nil
	}
	return []string{name}
}
