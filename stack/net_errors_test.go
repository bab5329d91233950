package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapestry/link/pipe"
)

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
