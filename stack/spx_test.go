package stack

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// spxPair gives the two ends of a connection over the network of a frame type.
func spxPair(t testing.TB, client, server *Host, k ethernet.Kind) (c, s *spx.Conn) {
	t.Helper()
	l, err := server.Listen("spx", "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() { // ends with the listener
		s, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- s
	}()
	to := ipx.Addr{Net: ipxNetworks[k], Node: server.ipxNode(t), Socket: l.Addr().(ipx.NetAddr).Socket}
	conn, err := client.Dial("spx", to.String())
	if err != nil {
		t.Fatal(err)
	}
	if s, _ = (<-accepted).(*spx.Conn); s == nil {
		t.FailNow()
	}
	return conn.(*spx.Conn), s
}

func TestSPXConn(t *testing.T) {
	for k := range ipxNetworks {
		kind := ethernet.Kind(k)
		t.Run(kind.String(), func(t *testing.T) {
			alpha, beta := ipxPair(t)
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				c, s := spxPair(t, alpha, beta, kind)
				return c, s, func() { c.Close(); s.Close() }, nil
			})
		})
	}
}

// TestSPXStream moves data both ways at once, in all frame types at once.
func TestSPXStream(t *testing.T) {
	alpha, beta := ipxPair(t)
	want := noise(1 << 20)
	results := make(chan error)
	for k := range ipxNetworks {
		c, s := spxPair(t, alpha, beta, ethernet.Kind(k))
		for _, x := range []*spx.Conn{c, s} {
			x.SetDeadline(time.Now().Add(testTimeout))
			go func() { // ends with the data
				_, err := x.Write(want)
				results <- err
			}()
			go func() { // ends with the data
				got := make([]byte, len(want))
				_, err := io.ReadFull(x, got)
				if err == nil && !bytes.Equal(got, want) {
					err = errors.New("what arrived is not what was sent")
				}
				results <- err
			}()
		}
		defer c.Close()
		defer s.Close()
	}
	for range 4 * len(ipxNetworks) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestIPXErrors(t *testing.T) {
	alpha, _ := ipxPair(t)
	for _, tt := range []struct {
		name, network, address string
		call                   string
		text                   string
		is                     error
	}{
		{"no address", "ipx", "", "dial", "dial ipx: missing address", nil},
		{"no node", "ipx", "0000cafe:4001", "dial",
			`dial ipx: ipx: address "0000cafe:4001": want network:node:socket in hexadecimal, like 0000cafe:020000000001:4001`, nil},
		{"name", "spx", "beta:echo", "dial",
			`dial spx: ipx: address "beta:echo": want network:node:socket in hexadecimal, like 0000cafe:020000000001:4001`, nil},
		{"streams of ipx", "ipx", ":4001", "listen", "listen ipx 00000000:000000000000:4001: address :4001: unexpected address type", nil},
		{"datagrams of spx", "spx", ":4001", "listenPacket", "listen spx 00000000:000000000000:4001: address :4001: unexpected address type", nil},
		{"another's address", "spx", "0000cafe:020000000099:4001", "listen",
			"listen spx 0000cafe:020000000099:4001: bind: cannot assign requested address", syscall.EADDRNOTAVAIL},
		{"taken", "ipx", ":0453", "listenPacket", "listen ipx 00000000:000000000000:0453: bind: address already in use", syscall.EADDRINUSE},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := callIPX(alpha, tt.call, tt.network, tt.address)
			var op *net.OpError
			if !errors.As(err, &op) || err.Error() != tt.text || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got  %v\nwant %v", err, tt.text)
			}
		})
	}
}

// TestIPXOff: where no interface has IPX, an error says what to do.
func TestIPXOff(t *testing.T) {
	h := newTestHost(t, newKeeper(1, 0), InterfaceConfig{})
	for _, call := range []string{"dial", "listen", "listenPacket"} {
		for _, network := range []string{"ipx", "spx"} {
			err := callIPX(h, call, network, ":4001")
			var unknown net.UnknownNetworkError
			if !errors.As(err, &unknown) {
				t.Errorf("%s %s: %v", call, network, err)
			}
		}
	}
	if s := h.IPXSockets(); s != nil {
		t.Errorf("sockets %v", s)
	}
}

func callIPX(h *Host, call, network, address string) error {
	var c io.Closer
	var err error
	switch call {
	case "dial":
		c, err = h.Dial(network, address)
	case "listen":
		c, err = h.Listen(network, address)
	default:
		c, err = h.ListenPacket(network, address)
	}
	if err == nil {
		c.Close()
	}
	return err
}

// TestIPXClose: sockets end with the host.
func TestIPXClose(t *testing.T) {
	alpha, beta := ipxPair(t)
	c, s := spxPair(t, alpha, beta, ethernet.KindII)
	l, err := alpha.Listen("spx", ":4001")
	if err != nil {
		t.Fatal(err)
	}
	p, err := alpha.ListenPacket("ipx", ":4002")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
	go func() { _, err := l.Accept(); ended <- err }()
	go func() { _, _, err := p.ReadFrom(make([]byte, 1)); ended <- err }()
	time.Sleep(10 * time.Millisecond) // likely that they wait; the result is the same if not
	alpha.Close()
	for range 3 {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	s.Close() // it may not have heard of it: the cable went, too
	for _, call := range []string{"dial", "listen", "listenPacket"} {
		network := map[string]string{"dial": "spx", "listen": "spx", "listenPacket": "ipx"}[call]
		if err := callIPX(alpha, call, network, "0000cafe:020000000002:4009"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s on a closed host: %v", call, err)
		}
	}
}

// TestSPXDoesNotAllocate: once a connection is underway, its packets cost no allocation at either end.
func TestSPXDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted under the race detector")
	}
	alpha, beta := ipxPair(t)
	c, s := spxPair(t, alpha, beta, ethernet.KindII)
	defer c.Close()
	defer s.Close()
	block, got := make([]byte, 64<<10), make([]byte, 64<<10) // 45 packets, which the window holds
	n := testing.AllocsPerRun(200, func() {
		if _, err := c.Write(block); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s, got); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for %d octets", n, len(block))
	}
}
