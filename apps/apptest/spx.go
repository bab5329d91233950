package apptest

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"tapestry/apps"
	"tapestry/internal/ipxwire"
)

// On the machine's loopback TCP stands in for SPX and UDP for IPX, with addresses of IPX in place of the real ones: an
// app sees the same kinds of sockets and addresses there as on a host of ours. An address is the machine's own in other
// clothes: the IPv4 address at the right of the node, the port in place of the socket.

// standIns are the networks that stand in for those that the machine does not have.
var standIns = map[string]string{"spx": "tcp", "ipx": "udp"}

// ipxNet is the number of the network on which a test's hosts are.
const ipxNet ipxwire.Network = 0xcafe

// ipxAddr is an address of a socket.
type ipxAddr struct {
	ipxwire.Addr
	network string
}

// Network implements net.Addr; String is that of the address.
func (a ipxAddr) Network() string { return a.network }

func disguise(network string, a net.Addr) net.Addr {
	p := netip.MustParseAddrPort(a.String())
	node, _ := p.Addr().Unmap().MarshalBinary()
	d := ipxAddr{Addr: ipxwire.Addr{Net: ipxNet, Socket: ipxwire.Socket(p.Port())}, network: network}
	d.Node[0] = 2 // not a group, whatever follows
	copy(d.Node[2:], node)
	return d
}

// undress gives the real address of one that is disguised.
func undress(address string) (string, error) {
	a, err := ipxwire.ParseAddr(address)
	if err != nil {
		return "", err
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.Node[2:])), uint16(a.Socket)).String(), nil
}

// listenStandIn is Listen for SPX.
func (l *loopback) listenStandIn(network, address string) (net.Listener, error) {
	real, err := l.standInAddress(network, address)
	if err != nil {
		return nil, err
	}
	in, err := l.System.Listen(standIns[network], real)
	if err != nil {
		return nil, err
	}
	l.note(network, address, disguise(network, in.Addr()))
	return standInListener{in, network}, nil
}

// listenPacketStandIn is ListenPacket for IPX.
func (l *loopback) listenPacketStandIn(network, address string) (net.PacketConn, error) {
	real, err := l.standInAddress(network, address)
	if err != nil {
		return nil, err
	}
	in, err := l.System.ListenPacket(standIns[network], real)
	if err != nil {
		return nil, err
	}
	l.note(network, address, disguise(network, in.LocalAddr()))
	return standInPackets{in, network}, nil
}

// standInAddress gives the real address for one that a server asks for, the same one each time.
func (l *loopback) standInAddress(network, address string) (string, error) {
	if _, err := ipxwire.ParseAddr(address); err != nil {
		return "", err
	}
	if noted, ok := l.noted(network, address); ok {
		return undress(noted)
	}
	return "127.0.0.1:0", nil
}

// loopbackClient is a client on the machine's loopback.
type loopbackClient struct{ apps.System }

func (c loopbackClient) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	in, ok := standIns[network]
	if !ok {
		return c.System.DialContext(ctx, network, address)
	}
	real, err := undress(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", network, err)
	}
	conn, err := c.System.DialContext(ctx, in, real)
	if err != nil {
		return nil, err
	}
	return standInConn{conn, network}, nil
}

type standInListener struct {
	net.Listener
	network string
}

func (l standInListener) Addr() net.Addr { return disguise(l.network, l.Listener.Addr()) }

func (l standInListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return standInConn{c, l.network}, nil
}

type standInConn struct {
	net.Conn
	network string
}

func (c standInConn) LocalAddr() net.Addr  { return disguise(c.network, c.Conn.LocalAddr()) }
func (c standInConn) RemoteAddr() net.Addr { return disguise(c.network, c.Conn.RemoteAddr()) }
func (c standInConn) CloseWrite() error    { return apps.CloseWrite(c.Conn) }

type standInPackets struct {
	net.PacketConn
	network string
}

func (c standInPackets) LocalAddr() net.Addr { return disguise(c.network, c.PacketConn.LocalAddr()) }

func (c standInPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	if err != nil {
		return n, nil, err
	}
	return n, disguise(c.network, from), nil
}

func (c standInPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	real, err := undress(to.String())
	if err != nil {
		return 0, err
	}
	return c.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(real)))
}
