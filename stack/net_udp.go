package stack

import (
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// UDPConn is a UDP socket of a host. It behaves like [net.UDPConn]: broadcast is allowed, an ICMP "port unreachable"
// makes the next call on a connected socket fail with ECONNREFUSED, and a datagram longer than the reader's slice is
// cut.
type UDPConn struct {
	datagrams
	batched atomic.Pointer[udpBatch] // nil until the socket is used with batches
}

var (
	_ net.Conn       = (*UDPConn)(nil)
	_ net.PacketConn = (*UDPConn)(nil)
)

func (h *Host) newUDP(n network, f family) (*UDPConn, error) {
	c := &UDPConn{}
	if err := c.open(h, n.name, f, udp.ProtocolNumber); err != nil {
		return nil, err
	}
	c.ep.SocketOptions().SetBroadcast(true)
	c.receiveInfo()
	if !c.trackSelf(c) {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (h *Host) dialUDP(n network, a netip.AddrPort) (*UDPConn, error) {
	f := familyOf(n.kind, a.Addr(), false)
	to, err := h.remote(f, a)
	if err != nil {
		return nil, err
	}
	c, err := h.newUDP(n, f)
	if err != nil {
		return nil, err
	}
	if e := c.ep.Connect(to); e != nil {
		c.abandon()
		return nil, syscallError("connect", e)
	}
	c.setLocal()
	c.peer = net.UDPAddrFromAddrPort(h.addrPort(to))
	return c, nil
}

func (h *Host) listenUDP(n network, a netip.AddrPort) (*UDPConn, error) {
	f := familyOf(n.kind, a.Addr(), true)
	c, err := h.newUDP(n, f)
	if err != nil {
		return nil, err
	}
	if a.Addr().IsMulticast() {
		// Several programs may want the datagrams of one group, and a socket for a group can send, too.
		c.ep.SocketOptions().SetReuseAddress(true)
		a = netip.AddrPortFrom(netip.Addr{}, a.Port())
	}
	if e := c.ep.Bind(h.fullAddress(a)); e != nil {
		c.abandon()
		return nil, syscallError("bind", e)
	}
	c.setLocal()
	return c, nil
}

func (c *UDPConn) setLocal() {
	a, e := c.ep.GetLocalAddress()
	if e != nil {
		return
	}
	c.local = net.UDPAddrFromAddrPort(c.family.local(c.host.addrPort(a)))
}

// Close closes the socket and unblocks all who wait for it. What was written is still delivered.
func (c *UDPConn) Close() error {
	c.leaveShortcut()
	err := c.datagrams.Close()
	c.closeBatch()
	return err
}

// Read reads one datagram.
func (c *UDPConn) Read(b []byte) (int, error) {
	if len(b) == 0 && !c.read.IsClosed() {
		return 0, nil
	}
	n, _, err := c.receive("read", b)
	if err != nil {
		return 0, c.opError("read", c.peer, err)
	}
	return n, nil
}

// ReadFrom reads one datagram. The address is a [*net.UDPAddr].
func (c *UDPConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, a, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(a), nil
}

// ReadFromUDP is ReadFrom with the type of the address.
func (c *UDPConn) ReadFromUDP(b []byte) (int, *net.UDPAddr, error) {
	n, a, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(a), nil
}

// ReadFromUDPAddrPort is ReadFrom without allocating. An IPv4 address is one, never mapped into IPv6.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, r, err := c.receive("recvfrom", b)
	if err != nil {
		return 0, netip.AddrPort{}, c.opError("read", c.peer, err)
	}
	if r.own.from.IsValid() {
		return n, r.own.from, nil
	}
	return n, c.host.addrPort(r.engine.RemoteAddr), nil
}

// ReadMsg reads one datagram and tells the interface and the address at which it arrived, and its hop limit.
func (c *UDPConn) ReadMsg(b []byte) (int, Message, error) {
	n, r, err := c.receive("recvmsg", b)
	if err != nil {
		return 0, Message{}, c.opError("read", c.peer, err)
	}
	if a := &r.own; a.from.IsValid() {
		return n, Message{From: a.from, To: a.to, Interface: a.nic.iface.name, TTL: a.ttl}, nil
	}
	m := c.message(&r.engine)
	m.To = netip.AddrPortFrom(m.To.Addr(), uint16(c.port()))
	return n, m, nil
}

func (c *UDPConn) port() int {
	if a, ok := c.local.(*net.UDPAddr); ok {
		return a.Port
	}
	return 0
}

// Write sends one datagram to the peer of a connected socket.
func (c *UDPConn) Write(b []byte) (int, error) {
	err := c.write.Check()
	switch {
	case err != nil:
	case c.peer == nil:
		err = os.NewSyscallError("write", syscall.EDESTADDRREQ)
	default:
		err = c.fits("write", b, c.peer.(*net.UDPAddr).IP.To4() != nil)
	}
	if err == nil && c.batched.Load() != nil {
		err = c.writeError("write")
	}
	if err == nil && !c.writePlain(b, netip.AddrPort{}) {
		err = c.send("write", b, nil)
	}
	if err != nil {
		return 0, c.opError("write", c.peer, err)
	}
	return len(b), nil
}

// fits checks the size: an IPv4 header counts in the 65535 octets of a packet, an IPv6 header does not.
func (c *UDPConn) fits(call string, b []byte, v4 bool) error {
	if v4 && len(b) > 65535-20-8 || len(b) > 65535-8 {
		return os.NewSyscallError(call, syscall.EMSGSIZE)
	}
	return nil
}

// WriteTo sends one datagram to addr, a [*net.UDPAddr].
func (c *UDPConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	a, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", addr, syscall.EINVAL)
	}
	return c.WriteToUDP(b, a)
}

// WriteToUDP is WriteTo with the type of the address.
func (c *UDPConn) WriteToUDP(b []byte, addr *net.UDPAddr) (int, error) {
	if addr == nil {
		err := errMissingAddress
		if c.peer != nil {
			err = net.ErrWriteToConnected
		}
		return 0, c.opError("write", nil, err)
	}
	a, err := udpAddrPort(addr)
	if err == nil {
		err = c.sendTo(b, a, 0)
	}
	if err != nil {
		return 0, c.opError("write", addr, err)
	}
	return len(b), nil
}

// WriteToUDPAddrPort is WriteTo without allocating.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	if err := c.sendTo(b, addr, 0); err != nil {
		return 0, c.opError("write", net.UDPAddrFromAddrPort(addr), err)
	}
	return len(b), nil
}

// WriteMsg sends one datagram to m.To through m.Interface, if that is not empty; what else m says is not used. It is
// how a server answers a broadcast on the interface where it came in.
func (c *UDPConn) WriteMsg(b []byte, m Message) (int, error) {
	id, err := c.interfaceID(m.Interface)
	if err == nil {
		err = c.sendTo(b, m.To, id)
	}
	if err != nil {
		return 0, c.opError("write", net.UDPAddrFromAddrPort(m.To), err)
	}
	return len(b), nil
}

func (c *UDPConn) sendTo(b []byte, addr netip.AddrPort, through tcpip.NICID) error {
	if err := c.write.Check(); err != nil {
		return err
	}
	to, err := c.destination("sendto", addr)
	if err != nil {
		return err
	}
	if err := c.fits("sendto", b, to.Addr.Len() == 4); err != nil {
		return err
	}
	if through == 0 && c.writePlain(b, addr) {
		return nil
	}
	if through != 0 {
		to.NIC = through
	}
	return c.send("sendto", b, &to)
}
