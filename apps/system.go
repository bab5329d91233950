package apps

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// System is the machine's own sockets, as package net gives them. They know neither SPX nor IPX.
type System struct{}

var _ Network = System{}

// Listen is [net.Listen].
func (System) Listen(network, address string) (net.Listener, error) {
	if needsIPX(network) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errNoIPX}
	}
	return net.Listen(network, address)
}

// ListenPacket is [net.ListenPacket].
func (System) ListenPacket(network, address string) (net.PacketConn, error) {
	if needsIPX(network) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errNoIPX}
	}
	return net.ListenPacket(network, address)
}

// DialContext is the method of a zero [net.Dialer].
func (System) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if needsIPX(network) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errNoIPX}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Resolver is [net.DefaultResolver].
func (System) Resolver() *net.Resolver { return net.DefaultResolver }

// Inline calls h from one goroutine that reads a socket. The result has a method LocalAddr.
func (System) Inline(network, address string, h InlineHandler) (io.Closer, error) {
	a, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	c, err := net.ListenUDP(network, a)
	if err != nil {
		return nil, err
	}
	s := &inlineSocket{conn: c, handle: h, local: c.LocalAddr().(*net.UDPAddr).AddrPort()}
	s.askDestination()
	s.done.Add(1)
	go s.run() // ends when Close closes the socket
	return s, nil
}

// maxDatagram is the largest UDP payload, rounded up.
const maxDatagram = 64 << 10

// inlineSocket answers the datagrams of one socket. Only run touches the fields below done.
type inlineSocket struct {
	conn   *net.UDPConn
	handle InlineHandler
	local  netip.AddrPort
	done   sync.WaitGroup

	pktinfo  bool   // the socket is bound to no address, so that an answer must say where it comes from
	v4       bool   // a socket of the IPv4 family
	from     []byte // the control message of answers
	fromAt   int    // where the address stands in it
	oob      [128]byte
	request  [maxDatagram]byte
	response [maxDatagram]byte
}

func (s *inlineSocket) LocalAddr() net.Addr { return s.conn.LocalAddr() }

func (s *inlineSocket) Close() error {
	err := s.conn.Close()
	s.done.Wait()
	return err
}

// askDestination makes the kernel tell where a datagram was sent to, and lets the answer come from there:
// RFC 1122 §4.1.3.5. Where the kernel cannot, it chooses the source itself.
func (s *inlineSocket) askDestination() {
	if !s.local.Addr().IsUnspecified() {
		return
	}
	var err error
	if s.v4 = s.local.Addr().Is4(); s.v4 {
		err = ipv4.NewPacketConn(s.conn).SetControlMessage(ipv4.FlagDst, true)
	} else {
		err = ipv6.NewPacketConn(s.conn).SetControlMessage(ipv6.FlagDst, true)
	}
	s.from, s.fromAt = fromTemplate(s.v4)
	s.pktinfo = err == nil && s.fromAt >= 0
}

func (s *inlineSocket) run() {
	defer s.done.Done()
	for {
		n, oobn, _, from, err := s.conn.ReadMsgUDPAddrPort(s.request[:], s.oob[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(5 * time.Millisecond) // an error that stays must not take a core
			continue
		}
		s.answer(s.request[:n], s.oob[:oobn], from)
	}
}

// answer calls the handler; one that panics loses this datagram only.
func (s *inlineSocket) answer(request, oob []byte, from netip.AddrPort) {
	defer func() { _ = recover() }() // [NewEnv] wraps handlers in one that reports it
	to := s.local
	if s.pktinfo {
		to = netip.AddrPortFrom(s.destination(oob), s.local.Port())
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	reply := s.handle(s.response[:0], request, from, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	if len(reply) == 0 {
		return
	}
	_, _, _ = s.conn.WriteMsgUDPAddrPort(reply, s.source(to.Addr()), s.family(from)) // datagrams can be lost
}

// family gives the address in the form that the socket's family takes.
func (s *inlineSocket) family(a netip.AddrPort) netip.AddrPort {
	if s.local.Addr().Is6() && a.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	}
	return a
}

func (s *inlineSocket) destination(oob []byte) netip.Addr {
	var dst net.IP
	if s.v4 {
		var m ipv4.ControlMessage
		if m.Parse(oob) == nil {
			dst = m.Dst
		}
	} else {
		var m ipv6.ControlMessage
		if m.Parse(oob) == nil {
			dst = m.Dst
		}
	}
	if a, ok := netip.AddrFromSlice(dst); ok {
		return a
	}
	return s.local.Addr()
}

// source gives the control message that sends from a. Nothing is sent from a group or from no address.
func (s *inlineSocket) source(a netip.Addr) []byte {
	if !s.pktinfo || a.IsUnspecified() || a.IsMulticast() || a.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return nil
	}
	if s.v4 {
		b := a.As4()
		copy(s.from[s.fromAt:], b[:])
	} else {
		b := a.As16()
		copy(s.from[s.fromAt:], b[:])
	}
	return s.from
}

// fromTemplate makes a control message whose address is filled in later, with its place. ControlMessage.Marshal would
// leave out an IPv4-mapped address, which a socket of both families needs.
func fromTemplate(v4 bool) (message []byte, at int) {
	if v4 {
		a := net.IPv4(203, 0, 113, 1).To4()
		message = (&ipv4.ControlMessage{Src: a}).Marshal()
		return message, bytes.LastIndex(message, a)
	}
	a := net.ParseIP("2001:db8::1")
	message = (&ipv6.ControlMessage{Src: a}).Marshal()
	return message, bytes.Index(message, a)
}
