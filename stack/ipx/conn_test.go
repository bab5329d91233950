package ipx

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/stack/ipx/diag"
)

// listen opens a socket that is closed with the test.
func listen(t testing.TB, s *Stack, sock SocketNumber) *Conn {
	t.Helper()
	c, err := s.ListenPacket(Addr{Socket: sock}, ipxwire.TypePEP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestNetAddr(t *testing.T) {
	a := NetAddr{Addr: addr(cafe, 1, 0x4001)}
	m := map[net.Addr]bool{a: true}
	if !m[NetAddr{Addr: addr(cafe, 1, 0x4001)}] || m[NetAddr{Addr: a.Addr, SPX: true}] {
		t.Error("addresses do not compare by value")
	}
	if a.Network() != "ipx" || (NetAddr{SPX: true}).Network() != "spx" || a.String() != "0000cafe:020000000001:4001" {
		t.Errorf("got %s %s", a.Network(), a)
	}
	if b, err := ParseAddr(a.String()); err != nil || b != a.Addr {
		t.Errorf("got %v, %v", b, err)
	}
}

func TestListenErrors(t *testing.T) {
	s, _, _ := socketPair(t)
	for _, c := range []struct {
		name  string
		local Addr
		typ   PacketType
		want  error
	}{
		{"SPX's type", Addr{}, ipxwire.TypeSPX, syscall.EPROTONOSUPPORT},
		{"another's network", Addr{Net: beef}, 4, syscall.EADDRNOTAVAIL},
		{"another's node", Addr{Net: cafe, Node: node(7)}, 4, syscall.EADDRNOTAVAIL},
		{"no network, another's node", Addr{Node: node(7)}, 4, syscall.EADDRNOTAVAIL},
		{"socket in use", Addr{Socket: 0x4001}, 4, syscall.EADDRINUSE},
		{"a service's socket", Addr{Socket: ipxwire.SocketRIP}, 4, syscall.EADDRINUSE},
	} {
		l, err := s.ListenPacket(c.local, c.typ)
		var op *net.OpError
		if !errors.Is(err, c.want) || !errors.As(err, &op) || op.Op != "listen" || op.Net != "ipx" || l != nil {
			t.Errorf("%s: got %v, %v; want %v", c.name, l, err, c.want)
		}
	}
	for _, local := range []Addr{{}, {Net: cafe}, {Net: cafe, Node: node(1)}, {Socket: 0x8104}} {
		l, err := s.ListenPacket(local, ipxwire.TypeUnknown)
		if err != nil {
			t.Fatalf("%v: %v", local, err)
		}
		got, ok := l.LocalAddr().(NetAddr)
		if !ok || got.Net != local.Net || got.Node != local.Node || got.Socket == 0 || l.RemoteAddr() != nil {
			t.Errorf("%v: local %v, remote %v", local, l.LocalAddr(), l.RemoteAddr())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDialErrors(t *testing.T) {
	s, c, _ := socketPair(t)
	for _, x := range []struct {
		name string
		to   Addr
		want error
	}{
		{"nothing", Addr{}, syscall.EDESTADDRREQ},
		{"no node", Addr{Net: cafe, Socket: 1}, syscall.EDESTADDRREQ},
		{"no socket", Addr{Net: cafe, Node: node(9)}, syscall.EADDRNOTAVAIL},
	} {
		if _, err := s.Dial(Addr{}, x.to); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
	}
	if c.LocalAddr() != (NetAddr{Addr: addr(cafe, 1, 0x4001)}) || c.RemoteAddr() != (NetAddr{Addr: peer}) {
		t.Errorf("dialled from %v to %v", c.LocalAddr(), c.RemoteAddr())
	}
}

func TestWriteErrors(t *testing.T) {
	s, c, _ := socketPair(t)
	l := listen(t, s, 0)
	write := func(_ int, err error) error { return err }
	var addrErr *net.AddrError
	for _, x := range []struct {
		name string
		err  error
		want error
	}{
		{"connected", write(c.WriteTo(nil, NetAddr{Addr: peer})), net.ErrWriteToConnected},
		{"not connected", write(l.Write(nil)), syscall.EDESTADDRREQ},
		{"to nobody", write(l.WriteTo(nil, NetAddr{Addr: Addr{Net: cafe, Socket: 1}})), syscall.EDESTADDRREQ},
		{"SPX's type", write(l.WriteTyped(nil, peer, ipxwire.TypeSPX)), syscall.EPROTONOSUPPORT},
		{"too long", write(c.Write(make([]byte, 1471))), syscall.EMSGSIZE},
	} {
		var op *net.OpError
		if !errors.Is(x.err, x.want) || !errors.As(x.err, &op) || op.Op != "write" {
			t.Errorf("%s: %v, want %v", x.name, x.err, x.want)
		}
	}
	for _, a := range []net.Addr{&net.UDPAddr{}, NetAddr{Addr: peer, SPX: true}, nil} {
		if err := write(l.WriteTo(nil, a)); !errors.As(err, &addrErr) {
			t.Errorf("to %v: %v", a, err)
		}
	}
	for _, typ := range []PacketType{ipxwire.TypeUnknown, ipxwire.TypePEP, ipxwire.TypeNCP, ipxwire.TypeNetBIOS} {
		if err := write(l.WriteTyped(nil, peer, typ)); err != nil {
			t.Errorf("type %v: %v", typ, err)
		}
	}
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := write(c.Write(nil)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	_ = c.Close()
	for name, err := range map[string]error{"write": write(c.Write(nil)), "deadline": c.SetReadDeadline(time.Time{}), "close": c.Close()} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s of a closed socket: %v", name, err)
		}
	}
}

func TestConnHearsOnlyItsPeer(t *testing.T) {
	s, c, answer := socketPair(t)
	s.Deliver(0, node(8),
		packet(Fields{Type: 4, Destination: addr(cafe, 1, 0x4001), Source: addr(cafe, 8, 0x4009)}, "stranger"))
	answer()
	buf := make([]byte, 10)
	n, m, err := c.ReadMessage(buf)
	want := Message{From: peer, To: addr(cafe, 1, 0x4001), Type: ipxwire.TypePEP}
	if err != nil || n != 10 || m != want {
		t.Errorf("read %d of %+v, %v; want what has room, of %+v", n, m, err, want)
	}
	s.Do(func(_ time.Time, n *Node) {
		if got := statOf(t, n, "ipx.drop.nosocket"); got != 1 {
			t.Errorf("%d packets of strangers were counted, want 1", got)
		}
	})
}

func TestQueueOfAConnIsBounded(t *testing.T) {
	s, c, answer := socketPair(t)
	if err := c.SetReadBuffer(3 * (recordHead + ipxwire.HeaderLen + 512)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadBuffer(0); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a buffer of no octets: %v", err)
	}
	for range 5 {
		answer()
	}
	s.Do(func(_ time.Time, n *Node) {
		for _, i := range n.Sockets() {
			if i.Socket == 0x4001 && (i.Drops != 2 || i.Queued != 3*544 || i.Remote != peer || i.Owner != "datagram") {
				t.Errorf("socket is %+v", i)
			}
		}
		if got := statOf(t, n, "ipx.drop.queue"); got != 2 {
			t.Errorf("%d drops were counted, want 2", got)
		}
	})
}

func TestCloseWakesTheReader(t *testing.T) {
	s, c, _ := socketPair(t)
	l := listen(t, s, 0)
	for name, end := range map[string]func(){"socket": func() { _ = l.Close() }, "stack": func() { _ = s.Close() }} {
		conn := l
		if name == "stack" {
			conn = c
		}
		done := make(chan error)
		go func() {
			_, _, err := conn.ReadFrom(nil)
			done <- err
		}()
		end()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s closed: %v", name, err)
		}
	}
	if _, err := s.ListenPacket(Addr{}, 4); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a socket of a closed stack: %v", err)
	}
	if _, err := s.Ping(context.Background(), peer, PingOptions{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a ping of a closed stack: %v", err)
	}
}

func TestInlineOfAStack(t *testing.T) {
	a, b := pairOf(t)
	h := func(reply, request []byte, _, _ Addr) []byte {
		if string(request) == "panic" {
			panic("a bug of the handler")
		}
		return append(append(reply, "re: "...), request...)
	}
	i, err := b.Inline(0x5000, h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Inline(0x5000, h); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("twice: %v", err)
	}
	c, err := a.Dial(Addr{}, addr(cafe, 2, 0x5000))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"panic", "hello"} {
		if _, err := c.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "re: hello" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
	if err := i.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	listen(t, b, 0x5000)
}

func TestPingDiagnostic(t *testing.T) {
	a, _ := pairOf(t)
	r, err := a.Ping(context.Background(), addr(cafe, 2, 0), PingOptions{Kind: PingDiagnostic})
	if err != nil || r.From != addr(cafe, 2, ipxwire.SocketDiagnostic) {
		t.Fatalf("got %+v, %v", r, err)
	}
	if d, err := diag.ParseResponse(r.Data); err != nil || len(d.Components) != 2 {
		t.Errorf("got %v, %v", d, err)
	}
	if r, err = a.Ping(context.Background(), addr(cafe, 1, 0), PingOptions{}); err != nil || r.From.Node != node(1) {
		t.Errorf("this node itself: %+v, %v", r, err)
	}
}

func TestPingAll(t *testing.T) {
	a, _ := pairOf(t)
	for _, k := range []PingKind{PingEcho, PingDiagnostic} {
		to := Addr{Net: cafe, Node: ipxwire.Broadcast}
		r, err := a.Ping(context.Background(), to, PingOptions{Kind: k, Timeout: time.Minute})
		if err != nil || r.From.Node != node(2) {
			t.Errorf("%v: got %+v, %v; want the other node's answer", k, r, err)
		}
	}
}

// TestTogether has everything used at once, for the race detector.
func TestTogether(t *testing.T) {
	a, b := pairOf(t)
	l := listen(t, b, 0x5000)
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := l.ReadFromAddr(buf)
			if err != nil {
				return
			}
			_, _ = l.WriteToAddr(buf[:n], from)
		}
	}()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			c, err := a.Dial(Addr{}, addr(cafe, 2, 0x5000))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			buf := make([]byte, 100)
			for range 50 {
				if _, err := c.Write([]byte("x")); err != nil {
					t.Error(err)
				}
				_ = c.SetReadDeadline(time.Now().Add(time.Minute))
				if _, err := c.Read(buf); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 20 {
				if _, err := a.Ping(context.Background(), addr(cafe, 2, 0),
					PingOptions{Timeout: time.Minute}); err != nil {
					t.Error(err)
				}
				a.Do(func(_ time.Time, n *Node) { _, _, _ = n.Sockets(), n.Stats(), n.Ports() })
			}
		})
	}
	all.Wait()
}

func TestPingEnds(t *testing.T) {
	a, _ := pairOf(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Ping(ctx, addr(cafe, 3, 0), PingOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := a.Ping(context.Background(), Addr{}, PingOptions{}); !errors.Is(err, syscall.EDESTADDRREQ) {
		t.Errorf("nobody: %v", err)
	}
	long := PingOptions{Data: []byte(strings.Repeat("x", 600))}
	if _, err := a.Ping(context.Background(), addr(cafe, 2, 0), long); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too long: %v", err)
	}
	a.Do(func(_ time.Time, n *Node) {
		for _, s := range n.Sockets() {
			if s.Owner == "ping" {
				t.Errorf("%+v is left", s)
			}
		}
	})
}

// armClock tells what a stack arms.
type armClock struct {
	handClock
	t     testing.TB
	f     func()
	armed []time.Duration
}

func (c *armClock) AfterFunc(d time.Duration, f func()) link.Timer {
	c.f = f
	c.armed = append(c.armed, d)
	return c
}
func (c *armClock) Stop() bool                 { return true }
func (c *armClock) Reset(d time.Duration) bool { c.armed = append(c.armed, d); return true }

// alarm is a Ticker with one deadline.
type alarm struct {
	at    time.Time
	rings int
}

func (a *alarm) Next() time.Time    { return a.at }
func (a *alarm) Tick(now time.Time) { a.rings++; a.at = time.Time{} }

func TestTickers(t *testing.T) {
	c := &armClock{t: t, handClock: handClock{now: t0}}
	s, err := NewStack(StackConfig{Clock: c,
		Node: Config{Output: func(PortID, NodeAddr, []byte) {}, Random: func() uint32 { return 0 }}})
	if err != nil {
		t.Fatal(err)
	}
	a := &alarm{at: t0.Add(time.Second)}
	s.AddTicker(a)
	nothing := func(time.Time, *Node) {}
	a.at = t0.Add(2 * time.Second) // later: the timer stays
	s.Do(nothing)
	a.at = t0.Add(500 * time.Millisecond)
	s.Do(nothing)
	c.now = t0.Add(400 * time.Millisecond)
	a.at = t0.Add(700 * time.Millisecond)
	c.f() // too early
	c.now = a.at
	c.f()
	s.Do(nothing)
	want := []time.Duration{time.Second, 500 * time.Millisecond, 300 * time.Millisecond}
	if a.rings != 1 || len(c.armed) != len(want) {
		t.Fatalf("rang %d times, armed %v; want once, %v", a.rings, c.armed, want)
	}
	for i := range want {
		if c.armed[i] != want[i] {
			t.Errorf("armed %v, want %v", c.armed, want)
		}
	}
	_ = s.Close()
	_ = s.Close()
	a.at = c.now
	c.f()
	if a.rings != 1 {
		t.Error("rang after Close")
	}
}

// TestDialBeforeTheNumberIsKnown: a peer that was dialled on a network without a number is heard when it has one.
func TestDialBeforeTheNumberIsKnown(t *testing.T) {
	s, err := NewStack(StackConfig{Clock: &handClock{now: t0},
		Node: Config{Output: func(PortID, NodeAddr, []byte) {}, Random: func() uint32 { return 0 }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.Do(func(now time.Time, n *Node) {
		if _, err := n.AddPort(now, PortConfig{Node: node(1)}); err != nil {
			t.Fatal(err)
		}
	})
	c, err := s.Dial(Addr{Socket: 0x4005}, Addr{Node: node(9), Socket: 0x4009})
	if err != nil {
		t.Fatal(err)
	}
	from := func(net Network, n byte) {
		f := Fields{Type: 4, Destination: addr(net, 1, 0x4005), Source: addr(net, n, 0x4009)}
		s.Deliver(0, node(n), packet(f, net.String()))
	}
	from(0, 9)
	from(cafe, 8) // another, who tells the number
	from(cafe, 9)
	b := make([]byte, 10)
	for _, want := range []string{"00000000", "0000cafe"} {
		if queued, _ := c.queue.load(); queued == 0 {
			t.Fatalf("%s was not heard", want)
		}
		if n, err := c.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("got %q, %v; want %q", b[:n], err, want)
		}
	}
	if queued, _ := c.queue.load(); queued != 0 {
		t.Error("somebody else was heard")
	}
}

func TestReadFromTo(t *testing.T) {
	s, _, _ := socketPair(t)
	l := listen(t, s, 0x4010)
	for _, to := range []Addr{addr(cafe, 1, 0x4010), {Net: cafe, Node: ipxwire.Broadcast, Socket: 0x4010}} {
		f := Fields{Type: 4, Destination: to, Source: peer}
		f.Destination.Net = 0
		s.Deliver(0, node(9), packet(f, "x"))
		n, from, got, err := l.ReadFromTo(make([]byte, 10))
		if n != 1 || from != (NetAddr{Addr: peer}) || got != (NetAddr{Addr: to}) || err != nil {
			t.Errorf("got %d octets from %v to %v, %v; want to %v", n, from, got, err, to)
		}
	}
	_ = l.Close()
	if _, from, to, err := l.ReadFromTo(nil); from != nil || to != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: got %v, %v, %v", from, to, err)
	}
}
