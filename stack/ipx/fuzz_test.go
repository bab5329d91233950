package ipx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pcap"
	"tapestry/stack/ipx/diag"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
)

// handClock is a clock that is set by hand, and calls nobody.
type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time                             { return c.now }
func (c *handClock) AfterFunc(time.Duration, func()) link.Timer { return noTimer{} }

type noTimer struct{}

func (noTimer) Stop() bool               { return true }
func (noTimer) Reset(time.Duration) bool { return true }

// Limits of the tables under fuzzing: low, so that they are met.
const fuzzTable = 32

// target is a stack with everything open, on four ports.
type target struct {
	*Stack
	clock *handClock
	conn  *Conn
	sent  int
	t     testing.TB
}

func newTarget(t testing.TB) *target {
	t.Helper()
	x := &target{t: t, clock: &handClock{now: t0}}
	seed := uint32(1)
	s, err := NewStack(StackConfig{Clock: x.clock, Node: Config{
		Name: "TARGET", Router: true, SendErrors: true, MaxRoutes: fuzzTable, MaxServices: fuzzTable,
		Output: x.output,
		Random: func() uint32 { seed = seed*1664525 + 1013904223; return seed >> 4 },
	}})
	if err != nil {
		t.Fatal(err)
	}
	x.Stack = s
	s.Do(func(now time.Time, n *Node) {
		for _, p := range []PortConfig{
			{Network: cafe, Node: node(1)}, {Network: beef, Node: node(2), MaxPacket: 1500, Checksum: true},
			{Node: node(3), Raw: true}, {Network: food, Internal: true},
			{Network: 0xfeed, Node: node(4), MaxPacket: 100},
		} {
			if _, err := n.AddPort(now, p); err != nil {
				t.Fatal(err)
			}
		}
	})
	if x.conn, err = s.ListenPacket(Addr{Socket: 0x5000}, ipxwire.TypePEP); err != nil {
		t.Fatal(err)
	}
	answer := func(reply, request []byte, _, _ Addr) []byte { return append(append(reply, request...), request...) }
	for _, sock := range []SocketNumber{0x5001, 0x5002} {
		if _, err := s.Inline(sock, answer); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// output holds what must be true of every packet that leaves. It runs under the stack's lock, so it does not end the
// test.
func (x *target) output(id PortID, to NodeAddr, b []byte) {
	x.sent++
	p, ok := x.node.Port(id)
	h, err := ipxwire.ParseHeader(b)
	switch {
	case !ok || !p.Up || p.Internal:
		x.t.Errorf("sent on port %d, which is %+v", id, p)
	case err != nil || h.Len() != len(b):
		x.t.Errorf("sent %x: %v", b, err)
	case len(b) > p.MaxPacket:
		x.t.Errorf("sent %d octets on a port that takes %d", len(b), p.MaxPacket)
	case int(h.Hops()) >= DefaultMaxHops:
		x.t.Errorf("sent %v", h)
	case !h.IsSummed() || p.Raw && h.Checksum() != ipxwire.NoChecksum:
		x.t.Errorf("sent %v with a wrong checksum", h)
	case to.IsZero() || h.Source().Node.IsGroup():
		x.t.Errorf("sent %v to %v", h, to)
	}
}

// check holds what must be true after every packet.
func (x *target) check() {
	x.Do(func(_ time.Time, n *Node) {
		queued, _ := x.conn.queue.load()
		rings := 0
		for i := range n.pending.nets {
			rings += n.pending.nets[i].packets.len()
		}
		switch {
		case queued > recvOctets || n.local.len() > localOctets:
			x.t.Fatalf("%d octets wait for the reader, %d for the node itself", queued, n.local.len())
		case len(n.pending.nets) > pendingNetworks || rings > pendingNetworks*pendingOctets:
			x.t.Fatalf("%d octets wait for routes to %d networks", rings, len(n.pending.nets))
		case len(n.diagnostic.waiting) > maxDiagnostics:
			x.t.Fatalf("%d diagnostics wait", len(n.diagnostic.waiting))
		case len(n.Routes()) > fuzzTable+MaxPorts || len(n.Services()) > fuzzTable:
			x.t.Fatalf("%d routes, %d services", len(n.Routes()), len(n.Services()))
		}
	})
}

// pass lets time pass: what is due is done, and comes to rest.
func (x *target) pass(d time.Duration) {
	until := x.clock.now.Add(d)
	for range 100_000 {
		next := x.node.Next()
		if next.IsZero() || next.After(until) {
			x.clock.now = until
			return
		}
		x.clock.now = later(x.clock.now, next)
		x.Do(func(now time.Time, n *Node) { n.Tick(now) })
	}
	x.t.Fatalf("never at rest: next is %v, now %v", x.node.Next(), x.clock.now)
}

// What hostile packets choose from, so that they get farther than random ones.
var (
	fuzzNets    = []Network{0, cafe, beef, food, 0xfeed, 0x1111, 0xfffffffe, 0xffffffff}
	fuzzNodes   = []NodeAddr{node(1), node(2), node(3), node(9), InternalNode, ipxwire.Broadcast, {}, {1}}
	fuzzSockets = []SocketNumber{0, 1, 2, 3, 0x451, 0x452, 0x453, 0x455, 0x456, 0x5000, 0x5001, 0x5002, 0x5003}
	fuzzTypes   = []PacketType{0, 1, 2, 3, 4, 5, 17, 20, 31}
)

// fuzzAddr is the address that two octets choose.
func fuzzAddr(c, s byte) Addr {
	return Addr{Net: fuzzNets[c&7], Node: fuzzNodes[c>>3&7], Socket: fuzzSockets[int(s)%len(fuzzSockets)]}
}

// step takes a packet off the front of b: eight octets choose, and the data follows. It gives the rest.
func (x *target) step(b []byte) []byte {
	c, rest := b[:9], b[9:]
	n := min(int(c[8]), len(rest))
	data := rest[:n]
	f := Fields{
		Hops:        c[0] >> 4,
		Type:        fuzzTypes[int(c[0]&15)%len(fuzzTypes)],
		Destination: fuzzAddr(c[1], c[2]),
		Source:      fuzzAddr(c[3], c[4]),
	}
	p := append(f.AppendTo(nil, len(data)), data...)
	switch c[5] & 7 {
	case 1:
		Header(p).SetChecksum(Header(p).Sum())
	case 2:
		p = append(bytes.Repeat(data, int(c[7])), p...) // hardly a header
	case 3:
		p = p[:len(p)-min(len(p), int(c[7]))]
	case 4:
		p = append(p, data...)
	}
	x.Deliver(PortID(c[6]&7), fuzzNodes[c[5]>>3&7], p)
	if c[6] >= 0xf0 {
		x.pass(time.Duration(c[7]) * time.Second)
	}
	return rest[n:]
}

// fuzzStep is what step reads.
func fuzzStep(f Fields, port, flags byte, data []byte) []byte {
	at := func(a Addr) (byte, byte) {
		x, s := byte(0), byte(0)
		for i := range 8 {
			if fuzzNets[i] == a.Net {
				x |= byte(i)
			}
			if fuzzNodes[i] == a.Node {
				x |= byte(i) << 3
			}
		}
		for i, v := range fuzzSockets {
			if v == a.Socket {
				s = byte(i)
			}
		}
		return x, s
	}
	c := make([]byte, 9)
	for i, v := range fuzzTypes {
		if v == f.Type {
			c[0] = f.Hops<<4 | byte(i)
		}
	}
	c[1], c[2] = at(f.Destination)
	c[3], c[4] = at(f.Source)
	c[5], c[6], c[7], c[8] = 3<<3, port|flags, 60, byte(len(data))
	return append(c, data...)
}

func fuzzSeeds(f *testing.F) {
	all := func(s SocketNumber) Addr { return Addr{Net: cafe, Node: ipxwire.Broadcast, Socket: s} }
	from := func(s SocketNumber) Addr { return addr(cafe, 9, s) }
	question, err := diag.AppendRequest(nil, node(3))
	if err != nil {
		f.Fatal(err)
	}
	routes := rip.Append(nil, rip.Response, rip.Entry{Network: 0x1111, Hops: 1, Ticks: 2},
		rip.Entry{Network: 0x2222, Hops: 16, Ticks: 9})
	error3 := ErrorMessage{Number: ErrorTooBig, Packet: make([]byte, 42)}.AppendTo(nil)
	ask := binary.BigEndian.AppendUint16(nil, uint16(sap.GeneralQuery))
	for _, s := range [][]byte{
		fuzzStep(Fields{Type: 4, Destination: addr(cafe, 1, 0x5000), Source: from(0x5001)}, 0, 0, []byte("datagram")),
		fuzzStep(Fields{Type: 4, Destination: addr(cafe, 1, 0x5001), Source: from(0x5000)}, 0, 0, []byte("inline")),
		fuzzStep(Fields{Type: 2, Destination: addr(cafe, 1, 2), Source: from(0x5000)}, 0, 0, []byte("echo")),
		fuzzStep(Fields{Type: 3, Destination: addr(cafe, 1, 3), Source: from(3)}, 0, 0, error3),
		fuzzStep(Fields{Type: 4, Destination: all(0x456), Source: from(0x5000)}, 0, 0xf0, question),
		fuzzStep(Fields{Type: 1, Destination: all(0x453), Source: from(0x453)}, 0, 0xf0, routes),
		fuzzStep(Fields{Type: 1, Destination: all(0x453), Source: from(0x453)}, 0, 0,
			rip.Append(nil, rip.Request, rip.Entry{Network: rip.All})),
		fuzzStep(Fields{Type: 4, Destination: all(0x452), Source: from(0x5000)}, 0, 0xf0, append(ask, 0xff, 0xff)),
		fuzzStep(Fields{Type: 20, Hops: 1, Destination: all(0x455), Source: from(0x455)}, 0, 0, make([]byte, 50)),
		fuzzStep(Fields{Type: 4, Hops: 14, Destination: addr(beef, 9, 1), Source: from(1)}, 0, 0, []byte("forward")),
		fuzzStep(Fields{Type: 4, Destination: addr(0x1111, 9, 1), Source: from(1)}, 1, 0, []byte("far")),
	} {
		f.Add(s)
		f.Add(append(bytes.Clone(s), s...))
	}
	for _, p := range captured(f, "ipx.pcap") {
		h := Header(p)
		f.Add(fuzzStep(Fields{Type: h.Type(), Hops: h.Hops(), Destination: h.Destination(),
			Source: addr(cafe, 9, h.Source().Socket)}, 0, 0xf0, h.Data()))
	}
}

// captured gives the packets of the captures that TAPESTRY_CAPTURES names, padding and all.
func captured(t testing.TB, pattern string) (out [][]byte) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("TAPESTRY_CAPTURES"), pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, packetsOf(t, name, file)...)
	}
	return out
}

// packetsOf gives the packets of IPX in 802.2 frames of a capture.
func packetsOf(t testing.TB, name string, file []byte) (out [][]byte) {
	r, err := pcap.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h, err := ethernet.Parse(p.Data)
		if err == nil && h.Kind() == ethernet.KindLLC && len(h.Payload()) >= ipxwire.HeaderLen {
			out = append(out, bytes.Clone(h.Payload()))
		}
	}
}

// FuzzNode gives a node with sockets, router and all services open hostile packets on all ports.
func FuzzNode(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		x := newTarget(t)
		defer func() { _ = x.Close() }()
		for range 32 {
			if len(b) < 9 {
				break
			}
			x.sent = 0
			b = x.step(b)
			x.check()
		}
		x.pass(10 * time.Minute)
		x.check()
		if got := len(x.node.Routes()); got > len(x.node.Ports()) {
			t.Fatalf("ten minutes later there are %d routes", got)
		}
	})
}
