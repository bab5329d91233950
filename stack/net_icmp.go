package stack

import (
	"net"
	"net/netip"
	"os"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/raw"
	"gvisor.dev/gvisor/pkg/waiter"
)

// IPConn is a raw ICMP socket of a host. It behaves like [net.IPConn]: every ICMP message that the host receives is
// also given to it, without the IP header, and what is written is sent as it is, behind an IP header. The checksum of
// ICMPv6 is made by the host (RFC 3542 §3.1), that of ICMPv4 is the writer's.
//
// Deviates: ICMPv6 messages that came in fragments are not given to it, since the engine reassembles IPv6 later.
type IPConn struct {
	datagrams
}

var (
	_ net.Conn       = (*IPConn)(nil)
	_ net.PacketConn = (*IPConn)(nil)
)

// newIP opens a raw socket. "ip:icmp" is ICMPv4 whatever the address, since ICMPv6 has a number of its own.
func (h *Host) newIP(n network) (*IPConn, error) {
	f := family{proto: header.IPv4ProtocolNumber}
	transport := header.ICMPv4ProtocolNumber
	if n.proto == 58 {
		f = family{proto: header.IPv6ProtocolNumber, v6only: true}
		transport = header.ICMPv6ProtocolNumber
	}
	if n.kind == "ip4" && n.proto == 58 || n.kind == "ip6" && n.proto == 1 {
		return nil, os.NewSyscallError("socket", syscall.EPROTONOSUPPORT)
	}
	wq := &waiter.Queue{}
	ep, e := raw.NewEndpoint(h.ns, f.proto, transport, wq)
	if e != nil {
		return nil, syscallError("socket", e)
	}
	c := &IPConn{}
	c.attach(h, n.name, f, ep, wq)
	c.ep.SocketOptions().SetBroadcast(true)
	c.receiveInfo()
	if !c.trackSelf(c) {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (h *Host) listenIP(n network, a netip.AddrPort) (*IPConn, error) {
	c, err := h.newIP(n)
	if err != nil {
		return nil, err
	}
	if a.Addr().IsValid() && !a.Addr().IsUnspecified() {
		if a.Addr().Unmap().Is4() != (c.family.proto == header.IPv4ProtocolNumber) {
			c.abandon()
			return nil, &net.AddrError{Err: "no suitable address found", Addr: a.Addr().String()}
		}
		if e := c.ep.Bind(h.fullAddress(a)); e != nil {
			c.abandon()
			return nil, syscallError("bind", e)
		}
	}
	c.setLocal()
	return c, nil
}

func (h *Host) dialIP(n network, a netip.AddrPort) (*IPConn, error) {
	c, err := h.newIP(n)
	if err != nil {
		return nil, err
	}
	to, err := h.remote(c.family, a)
	if err != nil {
		c.abandon()
		return nil, err
	}
	if e := c.ep.Connect(to); e != nil {
		c.abandon()
		return nil, syscallError("connect", e)
	}
	c.setLocal()
	c.peer = ipAddr(h.addrPort(to).Addr())
	return c, nil
}

func (c *IPConn) setLocal() {
	if a, e := c.ep.GetLocalAddress(); e == nil {
		c.local = ipAddr(c.family.local(c.host.addrPort(a)).Addr())
	}
}

func ipAddr(a netip.Addr) *net.IPAddr { return &net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()} }

// receiveMessage reads one ICMP message into b and strips the IP header that the engine gives with IPv4.
func (c *IPConn) receiveMessage(call string, b []byte) (int, tcpip.ReadResult, error) {
	n, r, err := c.receive(call, b)
	if err != nil {
		return 0, r, c.opError("read", c.peer, err)
	}
	if c.family.proto == header.IPv4ProtocolNumber {
		n = stripIPv4(b[:n])
	}
	return n, r, nil
}

// stripIPv4 moves the payload of a packet to its front and gives its length; a packet cut within its header has none.
func stripIPv4(b []byte) int {
	if len(b) < header.IPv4MinimumSize {
		return 0
	}
	hdr := int(header.IPv4(b).HeaderLength())
	if hdr < header.IPv4MinimumSize || hdr > len(b) {
		return 0
	}
	return copy(b, b[hdr:])
}

// Read reads one message.
func (c *IPConn) Read(b []byte) (int, error) {
	n, _, err := c.receiveMessage("read", b)
	return n, err
}

// ReadFrom reads one message. The address is a [*net.IPAddr].
func (c *IPConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, r, err := c.receiveMessage("recvfrom", b)
	if err != nil {
		return 0, nil, err
	}
	return n, ipAddr(c.host.addrPort(r.RemoteAddr).Addr()), nil
}

// ReadMsg reads one message and tells the interface and the address at which it arrived, and its hop limit.
func (c *IPConn) ReadMsg(b []byte) (int, Message, error) {
	n, r, err := c.receiveMessage("recvmsg", b)
	if err != nil {
		return 0, Message{}, err
	}
	return n, c.message(&r), nil
}

// Write sends one message to the peer of a connected socket.
func (c *IPConn) Write(b []byte) (int, error) {
	err := c.write.Check()
	if err == nil && c.peer == nil {
		err = os.NewSyscallError("write", syscall.EDESTADDRREQ)
	}
	if err == nil {
		err = c.send("write", b, nil)
	}
	if err != nil {
		return 0, c.opError("write", c.peer, err)
	}
	return len(b), nil
}

// WriteTo sends one message to addr, a [*net.IPAddr].
func (c *IPConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	a, ok := addr.(*net.IPAddr)
	if !ok {
		return 0, c.opError("write", addr, syscall.EINVAL)
	}
	if err := c.sendTo(b, a); err != nil {
		if a == nil {
			return 0, c.opError("write", nil, err)
		}
		return 0, c.opError("write", a, err)
	}
	return len(b), nil
}

func (c *IPConn) sendTo(b []byte, a *net.IPAddr) error {
	if err := c.write.Check(); err != nil {
		return err
	}
	var ap netip.AddrPort
	if a != nil {
		var err error
		if ap, err = udpAddrPort(&net.UDPAddr{IP: a.IP, Zone: a.Zone}); err != nil {
			return err
		}
	}
	to, err := c.destination("sendto", ap)
	if err != nil {
		return err
	}
	return c.send("sendto", b, &to)
}
