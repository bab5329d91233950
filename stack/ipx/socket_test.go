package ipx

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/sap"
)

const (
	cafe Network = 0xcafe
	beef Network = 0xbeef
	food Network = 0xf00d
)

func node(last byte) NodeAddr { return NodeAddr{2, 0, 0, 0, 0, last} }

// end is one end of the wire of pairOf.
type end struct {
	*Stack
	sent chan []byte
}

// pairOf joins two stacks by a wire that delivers when the sender's entry has ended.
func pairOf(t testing.TB) (a, b *Stack) {
	t.Helper()
	x, y := newEnd(t, 1), newEnd(t, 2)
	pump(t, x, y.Stack)
	pump(t, y, x.Stack)
	return x.Stack, y.Stack
}

func newEnd(t testing.TB, last byte) *end {
	t.Helper()
	e := &end{sent: make(chan []byte, 4096)}
	var out [][]byte
	s, err := NewStack(StackConfig{
		Node: Config{
			Output: func(_ PortID, _ NodeAddr, p []byte) { out = append(out, append([]byte(nil), p...)) },
			Random: func() uint32 { return 7 },
		},
		Flush: func() {
			for _, p := range out {
				select {
				case e.sent <- p:
				default:
				}
			}
			out = out[:0]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Stack = s
	s.Do(func(now time.Time, n *Node) {
		if _, err := n.AddPort(now, PortConfig{Name: "eth0", Network: cafe, Node: node(last)}); err != nil {
			t.Fatal(err)
		}
	})
	return e
}

// pump carries what an end sent to the other, until the test is over.
func pump(t testing.TB, from *end, to *Stack) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case p := <-from.sent:
				to.Deliver(0, Header(p).Source().Node, p)
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		_ = from.Close()
	})
}

func TestDatagrams(t *testing.T) {
	a, b := pairOf(t)
	l, err := b.ListenPacket(Addr{Socket: 0x5000}, ipxwire.TypePEP)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Dial(Addr{}, Addr{Net: cafe, Node: node(2), Socket: 0x5000})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, from, err := l.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "question" || from != c.LocalAddr() {
		t.Fatalf("read %q from %v, %v; want the question from %v", buf[:n], from, err, c.LocalAddr())
	}
	if _, err := l.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "answer" {
		t.Fatalf("read %q, %v; want the answer", buf[:n], err)
	}
}

func TestPing(t *testing.T) {
	a, _ := pairOf(t)
	r, err := a.Ping(context.Background(), Addr{Net: cafe, Node: node(2)}, PingOptions{})
	if err != nil || r.From.Node != node(2) {
		t.Fatalf("got %+v, %v", r, err)
	}
	_, err = a.Ping(context.Background(), Addr{Net: cafe, Node: node(3)}, PingOptions{Timeout: time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("an absent node: %v, want a timeout", err)
	}
}

func TestErrors(t *testing.T) {
	a, _ := pairOf(t)
	l, err := a.ListenPacket(Addr{Socket: 0x5000}, ipxwire.TypePEP)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.ListenPacket(Addr{Socket: 0x5000}, 4); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second listener: %v", err)
	}
	if _, err := l.WriteToAddr(make([]byte, 547), Addr{Net: cafe, Node: node(2), Socket: 1}); !errors.Is(err,
		syscall.EMSGSIZE) {
		t.Errorf("547 octets: %v", err)
	}
	if err := l.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past deadline: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestCloseOfAStack: who waits returns, and nothing comes in or leaves afterwards.
func TestCloseOfAStack(t *testing.T) {
	e := newEnd(t, 1)
	calls := 0
	if _, err := e.Inline(0x4007, func(reply, request []byte, _, _ Addr) []byte {
		calls++
		return append(reply, request...)
	}); err != nil {
		t.Fatal(err)
	}
	waits := make(chan error)
	go func() { // ends by Close
		_, err := e.Ping(context.Background(), addr(cafe, 9, 0), PingOptions{Timeout: time.Hour})
		waits <- err
	}()
	for asks := false; !asks; {
		asks = Header(<-e.sent).Destination().Socket == ipxwire.SocketEcho
	}
	_ = e.Close()
	if err := <-waits; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a ping underway: %v", err)
	}
	for len(e.sent) > 0 {
		<-e.sent
	}
	e.Deliver(0, node(9), packet(Fields{Type: 4, Destination: addr(cafe, 1, 0x4007), Source: peer}, "x"))
	e.Do(func(now time.Time, n *Node) {
		n.SetPortUp(now, 0, true)
		if _, err := n.AddPort(now, PortConfig{Network: beef, Node: node(1)}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a port: %v", err)
		}
	})
	_, inline := e.Inline(0x4008, nil)
	_, ping := e.Ping(context.Background(), addr(cafe, 9, 0), PingOptions{})
	_, listen := e.ListenPacket(Addr{}, ipxwire.TypePEP)
	for _, err := range []error{inline, ping, listen} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("opened after Close: %v", err)
		}
	}
	if calls != 0 || len(e.sent) != 0 {
		t.Errorf("%d calls and %d packets after Close", calls, len(e.sent))
	}
}

func TestNearest(t *testing.T) {
	a, b := pairOf(t)
	near := sap.Service{Type: sap.FileServer, Name: "FS1", Addr: addr(cafe, 2, ipxwire.SocketNCP), Port: sap.Local}
	b.Do(func(now time.Time, n *Node) {
		if err := n.SAP().AddStatic(now, near); err != nil {
			t.Fatal(err)
		}
	})
	for _, want := range []sap.Type{sap.FileServer, sap.AnyType} {
		s, err := a.Nearest(context.Background(), want, time.Minute)
		if err != nil || s.Name != "FS1" || s.Addr != near.Addr || s.Hops != 1 || s.From != node(2) {
			t.Errorf("type %v: got %+v, %v", want, s, err)
		}
	}
	if _, err := a.Nearest(context.Background(), sap.PrintServer, time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("of a type that nobody has: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Nearest(ctx, sap.PrintServer, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	a.Do(func(now time.Time, n *Node) {
		if len(n.seekers) != 0 {
			t.Errorf("%d questions are left", len(n.seekers))
		}
		n.RemovePort(now, 0)
	})
	if _, err := a.Nearest(context.Background(), sap.FileServer, 0); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("without a port: %v", err)
	} else if want := "nearest ipx 00000000:ffffffffffff:0452: sendto: network is unreachable"; err.Error() != want {
		t.Errorf("without a port: got  %v\nwant %s", err, want)
	}
	_ = a.Close()
	if _, err := a.Nearest(context.Background(), sap.FileServer, 0); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestNearestTakesTheFirst of those that are up and of the type.
func TestNearestTakesTheFirst(t *testing.T) {
	r := newRig(t, Config{})
	k := &seeker{want: sap.FileServer}
	k.point.Init(&handClock{now: r.now}, nil)
	if err := r.seek(r.now, k); err != nil || len(r.sent) != 2 {
		t.Fatalf("asked %d times, %v; want once on each port", len(r.sent), err)
	}
	for i, e := range []sap.Entry{
		{Type: sap.PrintServer, Hops: 1}, {Type: sap.FileServer, Hops: sap.Down}, {Type: sap.FileServer, Hops: 3},
		{Type: sap.FileServer, Hops: 1},
	} {
		e.Name, e.Addr = sap.Name{'F', 'S', '0' + byte(i)}, addr(cafe, 9, ipxwire.SocketNCP)
		f := Fields{Type: 4, Destination: addr(cafe, 1, ipxwire.SocketSAP), Source: addr(cafe, 9, ipxwire.SocketSAP)}
		r.deliver(0, f, string(sap.AppendResponse(nil, sap.NearestResponse, e)))
	}
	if !k.found || k.service.Name != "FS2" {
		t.Errorf("found %v, %+v; want FS2", k.found, k.service)
	}
}
