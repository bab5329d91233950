package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
	"tapestry/link"
	"tapestry/link/pipe"
)

const testTimeout = 10 * time.Second // after which a test that hangs fails

// offloads are the two kinds of cable that everything is tried on.
var offloads = []struct {
	name string
	o    link.Offload
}{
	{"offload", pipe.AllOffloads},
	{"plain", 0},
}

// testNames are what both hosts of a pair know.
var testNames = map[string][]netip.Addr{
	"alpha":               {host4, host6},
	"beta":                {peer4, peer6},
	"beta4.lab.example":   {peer4},
	"nobody6.lab.example": {netip.MustParseAddr("2001:db8:51::99"), peer4},
}

// pair makes two hosts on a cable: alpha at host4 and host6, beta at peer4 and peer6. When the test ends they are
// closed, and no goroutine may be left.
func pair(t testing.TB, o link.Offload) (alpha, beta *Host) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	a, b := pipe.New(pipe.Config{Offload: o, Depth: 8192, Names: [2]string{"eth0", "eth0"}})
	make1 := func(name string, dev link.Device, as ...netip.Addr) *Host {
		h, err := New(Config{Name: name, Names: testNames})
		if err != nil {
			t.Fatal(err)
		}
		ps := []netip.Prefix{netip.PrefixFrom(as[0], 24), netip.PrefixFrom(as[1], 64)}
		if _, err := h.AddInterface(dev, InterfaceConfig{Addresses: ps}); err != nil {
			t.Fatal(err)
		}
		return h
	}
	alpha, beta = make1("alpha", a, host4, host6), make1("beta", b, peer4, peer6)
	t.Cleanup(func() {
		alpha.Close()
		beta.Close()
		goleak.VerifyNone(t, ignore)
	})
	return alpha, beta
}

// accepted gives the two ends of a connection from client to address at server.
func accepted(t testing.TB, client, server *Host, network, address string) (c, s net.Conn) {
	t.Helper()
	l, err := server.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ch := make(chan net.Conn, 1)
	go func() {
		s, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		ch <- s
	}()
	if c, err = client.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if s = <-ch; s == nil {
		t.FailNow()
	}
	return c, s
}

func TestTCPConn(t *testing.T) {
	for _, o := range offloads {
		for _, a := range []netip.Addr{peer4, peer6} {
			t.Run(o.name+"/"+a.String(), func(t *testing.T) {
				alpha, beta := pair(t, o.o)
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					c1, c2 = accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(a, 0).String())
					return c1, c2, func() { c1.Close(); c2.Close() }, nil
				})
			})
		}
	}
}

func TestTCPConnToItself(t *testing.T) {
	alpha, _ := pair(t, pipe.AllOffloads)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = accepted(t, alpha, alpha, "tcp", "127.0.0.1:0")
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

// sockets is what the machine and a host have in common.
type sockets interface {
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

type machine struct{ net.Dialer }

func (machine) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}

func (machine) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

// kind describes an error without addresses: its types from the outside to the inside, operations, and errors that
// programs ask for.
func kind(err error) string {
	if err == nil {
		return "no error"
	}
	var parts []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch e := e.(type) {
		case *net.OpError:
			parts = append(parts, fmt.Sprintf("op %s %s", e.Op, e.Net))
			if e.Source != nil {
				parts = append(parts, "source "+e.Source.Network())
			}
			if e.Addr != nil {
				parts = append(parts, "addr "+e.Addr.Network())
			}
		case *os.SyscallError:
			parts = append(parts, "call "+e.Syscall)
		case syscall.Errno:
			parts = append(parts, "errno "+e.Error())
		case *net.AddrError:
			parts = append(parts, "address "+e.Error())
		case *net.DNSError:
			parts = append(parts, fmt.Sprintf("dns notfound=%v", e.IsNotFound))
		default:
			parts = append(parts, fmt.Sprintf("text %q", e))
		}
	}
	var ne net.Error
	if errors.As(err, &ne) {
		parts = append(parts, fmt.Sprintf("timeout=%v", ne.Timeout()))
	}
	for _, is := range []error{net.ErrClosed, os.ErrDeadlineExceeded, context.Canceled, io.EOF} {
		if errors.Is(err, is) {
			parts = append(parts, fmt.Sprintf("is %q", is))
		}
	}
	return strings.Join(parts, ", ")
}

func past() time.Time { return time.Unix(1, 0) }

// loopTCP makes a connection within n, over loopback.
func loopTCP(t *testing.T, n sockets) (c, s net.Conn) {
	t.Helper()
	l, err := n.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err = n.DialContext(context.Background(), "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if s, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c, s
}

func loopUDP(t *testing.T, n sockets, network, address string) net.PacketConn {
	t.Helper()
	c, err := n.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// errorCases each make one error; it must be the same on the machine's own sockets and on a host's.
var errorCases = []struct {
	name string
	make func(t *testing.T, n sockets) error
}{
	{"read after close", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"empty read after close", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		_, err := c.Read(nil)
		return err
	}},
	{"write after close", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		_, err := c.Write([]byte("x"))
		return err
	}},
	{"close twice", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		return c.Close()
	}},
	{"deadline after close", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		return c.SetDeadline(time.Now())
	}},
	{"option after close", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		return c.(interface{ SetNoDelay(bool) error }).SetNoDelay(true)
	}},
	{"close write after close", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.Close()
		return c.(interface{ CloseWrite() error }).CloseWrite()
	}},
	{"write after close write", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.(interface{ CloseWrite() error }).CloseWrite()
		_, err := c.Write([]byte("x"))
		return err
	}},
	{"read of a peer that closed", func(t *testing.T, n sockets) error {
		c, s := loopTCP(t, n)
		s.Close()
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"read of a peer that reset", func(t *testing.T, n sockets) error {
		c, s := loopTCP(t, n)
		s.(interface{ SetLinger(int) error }).SetLinger(0)
		s.Close()
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"second read of a peer that reset", func(t *testing.T, n sockets) error {
		c, s := loopTCP(t, n)
		s.(interface{ SetLinger(int) error }).SetLinger(0)
		s.Close()
		c.Read(make([]byte, 1))
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"write to a peer that reset", func(t *testing.T, n sockets) error {
		c, s := loopTCP(t, n)
		s.(interface{ SetLinger(int) error }).SetLinger(0)
		s.Close()
		c.Read(make([]byte, 1))
		_, err := c.Write([]byte("x"))
		return err
	}},
	{"read deadline", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.SetReadDeadline(past())
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"read deadline while blocked", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"write deadline", func(t *testing.T, n sockets) error {
		c, _ := loopTCP(t, n)
		c.SetWriteDeadline(past())
		_, err := c.Write([]byte("x"))
		return err
	}},
	{"accept after close", func(t *testing.T, n sockets) error {
		l, err := n.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, err = l.Accept()
		return err
	}},
	{"close listener twice", func(t *testing.T, n sockets) error {
		l, err := n.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		return l.Close()
	}},
	{"accept deadline", func(t *testing.T, n sockets) error {
		l, err := n.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		l.(interface{ SetDeadline(time.Time) error }).SetDeadline(past())
		_, err = l.Accept()
		return err
	}},
	{"close while accepting", func(t *testing.T, n sockets) error {
		l, err := n.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ch := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			ch <- err
		}()
		time.AfterFunc(5*time.Millisecond, func() { l.Close() })
		return <-ch
	}},
	{"refused", func(t *testing.T, n sockets) error {
		l, err := n.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		return dialError(t, n, context.Background(), "tcp", l.Addr().String())
	}},
	{"dial with a cancelled context", func(t *testing.T, n sockets) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return dialError(t, n, ctx, "tcp", "127.0.0.1:9")
	}},
	{"dial too late", func(t *testing.T, n sockets) error {
		ctx, cancel := context.WithDeadline(context.Background(), past())
		defer cancel()
		return dialError(t, n, ctx, "tcp", "127.0.0.1:9")
	}},
	{"address in use, TCP", func(t *testing.T, n sockets) error {
		l, err := n.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return listenError(t, n, "tcp", l.Addr().String())
	}},
	{"address in use, UDP", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		return listenPacketError(t, n, "udp", c.LocalAddr().String())
	}},
	{"address of another host", func(t *testing.T, n sockets) error {
		return listenError(t, n, "tcp", "203.0.113.99:0")
	}},
	{"address of another host, UDP", func(t *testing.T, n sockets) error {
		return listenPacketError(t, n, "udp", "203.0.113.99:0")
	}},
	{"dial unknown network", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp5", "127.0.0.1:9")
	}},
	{"listen unknown network", func(t *testing.T, n sockets) error { return listenError(t, n, "tcp5", "127.0.0.1:0") }},
	{"listen on UDP", func(t *testing.T, n sockets) error { return listenError(t, n, "udp", "127.0.0.1:0") }},
	{"listen for packets on TCP", func(t *testing.T, n sockets) error {
		return listenPacketError(t, n, "tcp", "127.0.0.1:0")
	}},
	{"unknown IP protocol", func(t *testing.T, n sockets) error {
		return listenPacketError(t, n, "ip4:nosuchprotocol", "127.0.0.1")
	}},
	{"dial nothing", func(t *testing.T, n sockets) error { return dialError(t, n, context.Background(), "tcp", "") }},
	{"dial without port", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp", "127.0.0.1")
	}},
	{"dial with too many colons", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp", "1:2:3")
	}},
	{"dial bad port", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp", "127.0.0.1:65536")
	}},
	{"dial unknown service", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp", "127.0.0.1:nosuchservice")
	}},
	{"dial IPv6 with tcp4", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp4", "[::1]:9")
	}},
	{"dial IPv4 with tcp6", func(t *testing.T, n sockets) error {
		return dialError(t, n, context.Background(), "tcp6", "127.0.0.1:9")
	}},
	{"UDP read after close", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		c.Close()
		_, _, err := c.ReadFrom(make([]byte, 1))
		return err
	}},
	{"UDP write after close", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		c.Close()
		_, err := c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		return err
	}},
	{"UDP read deadline", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		c.SetReadDeadline(past())
		_, _, err := c.ReadFrom(make([]byte, 1))
		return err
	}},
	{"UDP write deadline", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		c.SetWriteDeadline(past())
		_, err := c.WriteTo([]byte("x"), c.LocalAddr())
		return err
	}},
	{"UDP write to another kind of address", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		_, err := c.WriteTo([]byte("x"), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		return err
	}},
	{"UDP write to no address", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		_, err := c.WriteTo([]byte("x"), (*net.UDPAddr)(nil))
		return err
	}},
	{"UDP write to IPv6 on an IPv4 socket", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp4", "127.0.0.1:0")
		_, err := c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv6loopback, Port: 9})
		return err
	}},
	{"UDP write to port 0", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp4", "127.0.0.1:0")
		_, err := c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		return err
	}},
	{"UDP write of too much", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		_, err := c.WriteTo(make([]byte, 65508), c.LocalAddr())
		return err
	}},
	{"UDP write without peer", func(t *testing.T, n sockets) error {
		c := loopUDP(t, n, "udp", "127.0.0.1:0")
		_, err := c.(net.Conn).Write([]byte("x"))
		return err
	}},
	{"UDP write to an address on a connected socket", func(t *testing.T, n sockets) error {
		c := dialOK(t, n, "udp", "127.0.0.1:9")
		_, err := c.(net.PacketConn).WriteTo([]byte("x"), c.RemoteAddr())
		return err
	}},
	{"connected UDP refused on read", func(t *testing.T, n sockets) error {
		c := refusedUDP(t, n)
		c.Write([]byte("x"))
		c.SetReadDeadline(time.Now().Add(testTimeout))
		_, err := c.Read(make([]byte, 1))
		return err
	}},
	{"UDP empty read after close", func(t *testing.T, n sockets) error {
		c := dialOK(t, n, "udp", "127.0.0.1:9")
		c.Close()
		_, err := c.Read(nil)
		return err
	}},
	{"UDP close twice", func(t *testing.T, n sockets) error {
		c := dialOK(t, n, "udp", "127.0.0.1:9")
		c.Close()
		return c.Close()
	}},
}

func dialOK(t *testing.T, n sockets, network, address string) net.Conn {
	t.Helper()
	c, err := n.DialContext(context.Background(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func refusedUDP(t *testing.T, n sockets) net.Conn {
	t.Helper()
	gone := loopUDP(t, n, "udp", "127.0.0.1:0")
	gone.Close()
	return dialOK(t, n, "udp", gone.LocalAddr().String())
}

// The following check what package net checks too: with an error there is no value, not even a typed nil.

func dialError(t *testing.T, n sockets, ctx context.Context, network, address string) error {
	t.Helper()
	c, err := n.DialContext(ctx, network, address)
	if (c == nil) == (err == nil) {
		t.Fatalf("Dial(%q, %q) = %v, %v", network, address, c, err)
	}
	return err
}

func listenError(t *testing.T, n sockets, network, address string) error {
	t.Helper()
	l, err := n.Listen(network, address)
	if (l == nil) == (err == nil) {
		t.Fatalf("Listen(%q, %q) = %v, %v", network, address, l, err)
	}
	return err
}

func listenPacketError(t *testing.T, n sockets, network, address string) error {
	t.Helper()
	c, err := n.ListenPacket(network, address)
	if (c == nil) == (err == nil) {
		t.Fatalf("ListenPacket(%q, %q) = %v, %v", network, address, c, err)
	}
	return err
}

func TestErrorsAreThoseOfPackageNet(t *testing.T) {
	alpha, _ := pair(t, pipe.AllOffloads)
	for _, c := range errorCases {
		t.Run(c.name, func(t *testing.T) {
			theirs, ours := c.make(t, &machine{}), c.make(t, alpha)
			if want, got := kind(theirs), kind(ours); got != want {
				t.Errorf("got  %s\n     %v\nwant %s\n     %v", got, ours, want, theirs)
			}
		})
	}
}

// TestErrorsOverTheWire are errors that loopback cannot have, or where only the number matters.
func TestErrorsOverTheWire(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	t.Run("refused", func(t *testing.T) {
		for _, a := range []netip.Addr{peer4, peer6} {
			_, err := alpha.Dial("tcp", netip.AddrPortFrom(a, 9).String())
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%v: got %v, want ECONNREFUSED", a, err)
			}
		}
	})
	t.Run("no route", func(t *testing.T) {
		for _, network := range []string{"tcp", "udp"} {
			_, err := alpha.Dial(network, "203.0.113.1:9")
			if !errors.Is(err, syscall.ENETUNREACH) {
				t.Errorf("%s: got %v, want ENETUNREACH", network, err)
			}
		}
	})
	t.Run("no neighbour", func(t *testing.T) {
		_, err := alpha.Dial("tcp", "198.51.100.77:9")
		if !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("got %v, want EHOSTUNREACH", err)
		}
	})
	t.Run("deadline while dialing", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := alpha.DialContext(ctx, "tcp", "198.51.100.78:9")
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
	t.Run("cancelled while dialing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := alpha.DialContext(ctx, "tcp", "198.51.100.79:9")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("write to a closed peer", func(t *testing.T) {
		c, s := accepted(t, alpha, beta, "tcp", "198.51.100.1:0")
		defer c.Close()
		s.Close()
		var err error
		for end := time.Now().Add(testTimeout); err == nil && time.Now().Before(end); {
			_, err = c.Write(make([]byte, 100)) // the first is answered with a RST
		}
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want EPIPE or ECONNRESET", err)
		}
	})
	t.Run("connected UDP refused on write", func(t *testing.T) {
		c, err := alpha.Dial("udp", "198.51.100.1:9")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for end := time.Now().Add(testTimeout); err == nil && time.Now().Before(end); {
			_, err = c.Write([]byte("x"))
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, want ECONNREFUSED", err)
		}
	})
	t.Run("names", func(t *testing.T) {
		_, err := alpha.Dial("tcp", "nosuch.lab.example:9")
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("got %v, want a *net.DNSError", err)
		}
	})
}

func TestClosedHost(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	c, _ := accepted(t, alpha, beta, "tcp", "198.51.100.1:0")
	l, err := alpha.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	ends := make(chan error, 2)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ends <- err
	}()
	go func() {
		_, err := l.Accept()
		ends <- err
	}()
	alpha.Close()
	for range 2 {
		if err := <-ends; !errors.Is(err, net.ErrClosed) {
			t.Errorf("blocked call on a host that is closed: %v, want net.ErrClosed", err)
		}
	}
	if _, err := alpha.Dial("tcp", "198.51.100.1:9"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial: %v, want net.ErrClosed", err)
	}
	if _, err := alpha.Listen("tcp", ":0"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen: %v, want net.ErrClosed", err)
	}
	if _, err := alpha.ListenPacket("udp", ":0"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ListenPacket: %v, want net.ErrClosed", err)
	}
	if _, err := alpha.ListenPacket("ip4:icmp", ""); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ListenPacket: %v, want net.ErrClosed", err)
	}
	if _, err := alpha.Inline("udp", ":0", nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Inline: %v, want net.ErrClosed", err)
	}
	if _, err := alpha.Ping(context.Background(), peer4, PingOptions{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ping: %v, want net.ErrClosed", err)
	}
}

// TestWildcardAddresses compares what listeners show as their address.
func TestWildcardAddresses(t *testing.T) {
	alpha, _ := pair(t, 0)
	host := func(a net.Addr) string {
		h, _, err := net.SplitHostPort(a.String())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, c := range []struct{ network, address string }{
		{"tcp", ":0"}, {"tcp", "0.0.0.0:0"}, {"tcp", "[::]:0"}, {"tcp4", ":0"}, {"tcp6", ":0"}, {"tcp", ""},
		{"udp", ":0"}, {"udp", "0.0.0.0:0"}, {"udp", "[::]:0"}, {"udp4", ":0"}, {"udp6", ":0"},
		{"tcp", "127.0.0.1:0"}, {"udp", "[::1]:0"}, {"tcp", "localhost:0"}, {"udp", "224.0.0.251:0"},
	} {
		t.Run(c.network+" "+c.address, func(t *testing.T) {
			show := func(n sockets) string {
				if strings.HasPrefix(c.network, "tcp") {
					l, err := n.Listen(c.network, c.address)
					if err != nil {
						return kind(err)
					}
					defer l.Close()
					return host(l.Addr())
				}
				l, err := n.ListenPacket(c.network, c.address)
				if err != nil {
					return kind(err)
				}
				defer l.Close()
				return host(l.LocalAddr())
			}
			if got, want := show(alpha), show(&machine{}); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestDualStackListener(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	for _, c := range []struct {
		name, network, dial string
		refused             bool
	}{
		{"IPv4 to a dual listener", "tcp", "198.51.100.1", false},
		{"IPv6 to a dual listener", "tcp", "2001:db8:51::1", false},
		{"mapped to a dual listener", "tcp", "::ffff:198.51.100.1", false},
		{"IPv4 to an IPv6 listener", "tcp6", "198.51.100.1", true},
		{"IPv6 to an IPv4 listener", "tcp4", "2001:db8:51::1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := beta.Listen(c.network, ":0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			conn, err := alpha.Dial("tcp", net.JoinHostPort(c.dial, port))
			if c.refused {
				if !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("got %v, want ECONNREFUSED", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.LocalAddr().String() != conn.RemoteAddr().String() || s.RemoteAddr().String() != conn.LocalAddr().String() {
				t.Errorf("client %v to %v, server %v to %v", conn.LocalAddr(), conn.RemoteAddr(), s.RemoteAddr(), s.LocalAddr())
			}
			if a := s.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); a.Is4In6() {
				t.Errorf("mapped address %v", a)
			}
		})
	}
}

func TestZones(t *testing.T) {
	alpha, beta := pair(t, 0)
	to := linkLocal(t, beta)
	linkLocal(t, alpha)
	l, err := beta.Listen("tcp", netip.AddrPortFrom(to, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := alpha.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, a := range []net.Addr{l.Addr(), c.LocalAddr(), c.RemoteAddr(), s.LocalAddr(), s.RemoteAddr()} {
		if a.(*net.TCPAddr).Zone != "eth0" {
			t.Errorf("%v: zone %q, want eth0", a, a.(*net.TCPAddr).Zone)
		}
	}
}

func TestNamesAndFallback(t *testing.T) {
	alpha, beta := pair(t, 0)
	l, err := beta.Listen("tcp4", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, address := range []string{"beta4.lab.example:http", "BETA4.lab.example.:80", "beta:80", "nobody6.lab.example:80"} {
		c, err := alpha.Dial("tcp", address) // beta's IPv6 refuses, nobody6's does not answer
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := c.RemoteAddr().String(); got != "198.51.100.1:80" {
			t.Errorf("%s: connected to %s", address, got)
		}
		c.Close()
	}
}

func TestHTTP(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	l, err := beta.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	tr := &http.Transport{DialContext: alpha.DialContext}
	body := strings.Repeat("tapestry ", 100_000)
	resp, err := (&http.Client{Transport: tr}).Post("http://beta/", "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(got) != body {
		t.Errorf("got %d octets, %v; want %d", len(got), err, len(body))
	}
	tr.CloseIdleConnections()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != http.ErrServerClosed {
		t.Errorf("Serve: %v, want http.ErrServerClosed", err)
	}
}

func TestHalfClose(t *testing.T) {
	alpha, beta := pair(t, 0)
	c, s := accepted(t, alpha, beta, "tcp", "198.51.100.1:0")
	defer c.Close()
	defer s.Close()
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if err := c.(*TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	q, err := io.ReadAll(s)
	if err != nil || string(q) != "question" {
		t.Fatalf("got %q, %v", q, err)
	}
	s.Write([]byte("answer"))
	s.Close()
	a, err := io.ReadAll(c)
	if err != nil || string(a) != "answer" {
		t.Errorf("got %q, %v", a, err)
	}
}

// linkLocal waits until the host's link-local address has been found unique, and gives it with its zone.
func linkLocal(t *testing.T, h *Host) netip.Addr {
	t.Helper()
	for end := time.Now().Add(testTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, p := range h.Interfaces()[0].Addresses {
			if !p.Addr().IsLinkLocalUnicast() {
				continue
			}
			a := p.Addr().WithZone("eth0")
			if c, err := h.ListenPacket("udp", netip.AddrPortFrom(a, 0).String()); err == nil {
				c.Close()
				return a
			}
		}
	}
	t.Fatal("no link-local address")
	return netip.Addr{}
}
