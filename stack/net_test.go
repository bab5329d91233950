package stack

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
	"gvisor.dev/gvisor/pkg/tcpip"
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

// TestTCPOptions sets every option of a connection that is open, and finds the host's defaults on both its ends.
func TestTCPOptions(t *testing.T) {
	alpha, beta := pair(t, 0)
	c1, c2 := accepted(t, alpha, beta, "tcp", "198.51.100.1:0")
	defer c1.Close()
	defer c2.Close()
	for _, c := range []net.Conn{c1, c2} {
		ep := c.(*TCPConn).ep
		var idle tcpip.KeepaliveIdleOption
		if e := ep.GetSockOpt(&idle); e != nil || time.Duration(idle) != 2*time.Hour || !ep.SocketOptions().GetKeepAlive() {
			t.Errorf("keepalive after %v, %v; want 2h", time.Duration(idle), e)
		}
		if ep.SocketOptions().GetDelayOption() {
			t.Error("small segments are delayed")
		}
	}
	c := c1.(*TCPConn)
	for name, err := range map[string]error{
		"SetNoDelay":         c.SetNoDelay(false),
		"SetKeepAlive":       c.SetKeepAlive(false),
		"SetKeepAlivePeriod": c.SetKeepAlivePeriod(time.Minute),
		"SetKeepAliveConfig": c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Count: 3}),
		"SetLinger":          c.SetLinger(5),
		"SetReadBuffer":      c.SetReadBuffer(1 << 16),
		"SetWriteBuffer":     c.SetWriteBuffer(1 << 16),
		"SetDeadline":        c.SetDeadline(time.Now().Add(time.Hour)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var idle tcpip.KeepaliveIdleOption
	if e := c.ep.GetSockOpt(&idle); e != nil || time.Duration(idle) != time.Second {
		t.Errorf("keepalive after %v, %v; want 1s", time.Duration(idle), e)
	}
}

// TestTCPCopy sends and receives through io.Copy, which uses ReadFrom and WriteTo.
func TestTCPCopy(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	c, s := accepted(t, alpha, beta, "tcp", "198.51.100.1:0")
	want := strings.Repeat("tapestry ", 50_000)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, strings.NewReader(want))
		sent <- errors.Join(err, c.Close())
	}()
	var got strings.Builder
	if _, err := io.Copy(&got, s); err != nil || got.String() != want {
		t.Errorf("got %d octets, %v; want %d", got.Len(), err, len(want))
	}
	if err := errors.Join(<-sent, s.Close()); err != nil {
		t.Error(err)
	}
}
