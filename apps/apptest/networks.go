package apptest

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/internal/ipxwire"
	"tapestry/link/pipe"
	"tapestry/stack"
	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// network is where a server runs, and where its client is.
type network struct {
	server, client apps.Network
	onStack        bool
	station        ipxwire.Addr                         // of the server; zero: every node's, on the loopback
	hosts          [2]netip.Addr                        // of the server, IPv4 and IPv6
	address        func(network, address string) string // where the server's socket really is
}

// networks makes each network a server is tested on.
var networks = []struct {
	name string
	make func(t *testing.T) network
}{
	{"loopback", newLoopback},
	{"stack", func(t *testing.T) network { return newStack(t, pipe.Config{}, spx.Config{NoSPX2: true}) }},
	{"stack with offloads", func(t *testing.T) network { return newStack(t, pipe.Config{Offload: pipe.AllOffloads}, spx.Config{}) }},
}

// newStack makes two hosts on a cable. What SPX of the client has not, its connections have not.
func newStack(t *testing.T, cable pipe.Config, client spx.Config) network {
	a, b := pipe.New(cable)
	server := newHost(t, stack.Config{Name: "server"}, a, "198.51.100.2/24", "2001:db8:51::2/64")
	clientHost := newHost(t, stack.Config{Name: "client", SPX: client}, b, "198.51.100.1/24", "2001:db8:51::1/64")
	return network{
		server: server, client: clientHost, onStack: true, station: station(server),
		hosts:   [2]netip.Addr{netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("2001:db8:51::2")},
		address: func(_, address string) string { return address },
	}
}

func newHost(t *testing.T, config stack.Config, end *pipe.End, addresses ...string) *stack.Host {
	t.Helper()
	h, err := stack.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("%s: Close: %v", config.Name, err)
		}
	})
	var c stack.InterfaceConfig
	for _, a := range addresses {
		c.Addresses = append(c.Addresses, netip.MustParsePrefix(a))
	}
	i, err := h.AddInterface(end, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.AddIPX(stack.IPXConfig{Network: ipxNet}); err != nil {
		t.Fatal(err)
	}
	return h
}

// station gives the host's address of IPX.
func station(h *stack.Host) (a ipxwire.Addr) {
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		for _, p := range n.Ports() {
			a.Net, a.Node = p.Network, p.Node
		}
	})
	return a
}

func newLoopback(*testing.T) network {
	l := &loopback{real: map[string]string{}}
	return network{
		server: l, client: loopbackClient{},
		hosts:   [2]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()},
		address: l.address,
	}
}

// loopback is the machine's network for servers: a port that is asked for gets a free one of the loopback interface
// instead, and keeps it.
type loopback struct {
	apps.System

	mu   sync.Mutex
	real map[string]string // network and asked address, to the real address
}

func (l *loopback) Listen(network, address string) (net.Listener, error) {
	if network == "spx" {
		return l.listenStandIn(network, address)
	}
	c, err := l.System.Listen(network, l.address(network, address))
	if err == nil {
		l.note(network, address, c.Addr())
	}
	return c, err
}

func (l *loopback) ListenPacket(network, address string) (net.PacketConn, error) {
	if network == "ipx" {
		return l.listenPacketStandIn(network, address)
	}
	c, err := l.System.ListenPacket(network, l.address(network, address))
	if err == nil {
		l.note(network, address, c.LocalAddr())
	}
	return c, err
}

func (l *loopback) Inline(network, address string, h apps.InlineHandler) (io.Closer, error) {
	c, err := l.System.Inline(network, l.address(network, address), h)
	if err == nil {
		l.note(network, address, c.(interface{ LocalAddr() net.Addr }).LocalAddr())
	}
	return c, err
}

func loopbackKey(network, address string) string {
	port := address[strings.LastIndexByte(address, ':')+1:]
	return strings.TrimRight(network, "46") + " " + port
}

func (l *loopback) note(network, address string, real net.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.real[loopbackKey(network, address)] = real.String()
}

// noted gives the real address of one that was asked for before.
func (l *loopback) noted(network, address string) (real string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	real, ok = l.real[loopbackKey(network, address)]
	return real, ok
}

// address gives the real address of one that is asked for; a free one at the first time.
func (l *loopback) address(network, address string) string {
	if real, ok := l.noted(network, address); ok {
		return real
	}
	if host, _, _ := net.SplitHostPort(address); host != "" {
		return net.JoinHostPort(host, "0")
	}
	if strings.HasSuffix(network, "6") {
		return "[::1]:0"
	}
	return "127.0.0.1:0"
}
