package ipx

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/internal/wait"
)

// recvOctets is how much may wait for a reader by default.
const recvOctets = 64 << 10

// Message is what ReadMessage tells of a datagram.
type Message struct {
	From, To Addr // with the number of the network, where it is known
	Type     PacketType
	Port     PortID // through which it came
}

// Conn is a socket for datagrams: a net.PacketConn, and a net.Conn if it was dialled.
type Conn struct {
	s      *Stack
	local  Addr
	remote Addr // zero: anybody
	typ    PacketType
	recv   wait.Point
	send   wait.Point

	queue queue
}

var (
	_ net.PacketConn = (*Conn)(nil)
	_ net.Conn       = (*Conn)(nil)
)

// ListenPacket opens a socket whose packets have the type: by custom 0 or 4, and never 5, which is SPX. A zero socket
// is a free one, a zero network and node stand for all of this node.
func (s *Stack) ListenPacket(local Addr, typ PacketType) (*Conn, error) {
	s.Begin()
	defer s.End()
	c, err := s.open(local, typ)
	if err != nil {
		return nil, opError("listen", local, err)
	}
	return c, nil
}

// Dial opens a socket that sends to one address, of which node and socket are needed, and hears nobody else. The
// packets have type PEP; see WriteTyped. Where no router knows the network, a later Read or Write fails once with
// ENETUNREACH.
func (s *Stack) Dial(local, remote Addr) (*Conn, error) {
	s.Begin()
	defer s.End()
	switch {
	case remote.Node.IsZero():
		return nil, opError("dial", remote, ErrNobody)
	case remote.Socket == 0:
		return nil, opError("dial", remote, syscall.EADDRNOTAVAIL)
	}
	if w, ok := s.node.way(Fields{Source: local, Destination: remote}); ok {
		if local.Net == 0 && local.Node.IsZero() {
			local.Net, local.Node = w.p.Network, w.p.Node
		}
		if remote.Net == 0 {
			remote.Net = w.p.Network
		}
	}
	c, err := s.open(local, ipxwire.TypePEP)
	if err != nil {
		return nil, opError("dial", remote, err)
	}
	c.remote = remote
	return c, nil
}

// open binds a new socket.
func (s *Stack) open(local Addr, typ PacketType) (*Conn, error) {
	switch {
	case s.closed:
		return nil, net.ErrClosed
	case typ == ipxwire.TypeSPX:
		return nil, syscall.EPROTONOSUPPORT
	case !s.node.mayBind(local):
		return nil, syscall.EADDRNOTAVAIL
	}
	c := &Conn{s: s, local: local, typ: typ}
	c.recv.Init(s.cfg.Clock, s.cfg.Waker)
	c.send.Init(s.cfg.Clock, s.cfg.Waker)
	c.queue.setMax(recvOctets)
	sock, err := s.node.Bind(local.Socket, c)
	if err != nil {
		return nil, err
	}
	c.local.Socket = sock
	s.conns[c] = struct{}{}
	return c, nil
}

// mayBind reports whether network and node are zero or this node's.
func (n *Node) mayBind(a Addr) bool {
	return n.isOwn(a) || a.Node.IsZero() && (a.Net == 0 || n.portOf(a.Net) != nil)
}

// Describe tells the state of the socket.
func (c *Conn) Describe() SocketInfo {
	queued, drops := c.queue.load()
	return SocketInfo{Owner: "datagram", Remote: c.remote, Queued: queued, Drops: drops}
}

// Receive queues a packet for the reader.
func (c *Conn) Receive(_ time.Time, id PortID, h ipxwire.Header) {
	n := c.s.node
	from, to := n.Source(id, h), n.Destination(id, h)
	if !c.isFor(from, to) {
		n.stats.drop.noSocket++
		return
	}
	first, ok := c.queue.push(id, h, to.Net, from.Net)
	if !ok {
		n.stats.drop.queue++
		return
	}
	if first {
		c.recv.Signal()
	}
}

// Unreachable has the next Read or Write of a socket that was dialled fail once, as UDP's does after an ICMP error. Who
// sends to many hears nothing: the error would not tell which of them it is about.
func (c *Conn) Unreachable(_ time.Time, h ipxwire.Header) {
	if h.Destination() != c.remote {
		return
	}
	c.queue.noRoute.Store(true)
	c.recv.Signal()
}

// isFor reports whether the socket wants what comes from an address to another. A peer that was dialled before its
// network had a number is known by node and socket.
func (c *Conn) isFor(from, to Addr) bool {
	if c.local.Net != 0 && to.Net != c.local.Net {
		return false
	}
	if c.remote.Net == 0 {
		from.Net = 0
	}
	return c.remote == (Addr{}) || from == c.remote || c.remote.Node == ipxwire.Broadcast
}

// ReadMessage reads one datagram and all that is known about it. What b has no room for is lost.
func (c *Conn) ReadMessage(b []byte) (int, Message, error) {
	c.recv.Lock()
	defer c.recv.Unlock()
	for {
		if err := c.recv.Check(); err != nil {
			return 0, Message{}, c.error("read", err)
		}
		if n, m, ok := c.queue.pop(b); ok {
			return n, m, nil
		}
		if c.queue.takeNoRoute() {
			return 0, Message{}, c.error("read", ErrNoRoute)
		}
		c.recv.Wait()
	}
}

// ReadFromAddr is ReadFrom without an allocation.
func (c *Conn) ReadFromAddr(b []byte) (int, Addr, error) {
	n, m, err := c.ReadMessage(b)
	return n, m.From, err
}

// ReadFrom implements net.PacketConn.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, m, err := c.ReadMessage(b)
	if err != nil {
		return n, nil, err
	}
	return n, NetAddr{Addr: m.From}, nil
}

// ReadFromTo is ReadFrom that also tells where the datagram was sent to: who answers strangers can refuse what was sent
// to everybody, without knowing this package.
func (c *Conn) ReadFromTo(b []byte) (n int, from, to net.Addr, err error) {
	n, m, err := c.ReadMessage(b)
	if err != nil {
		return n, nil, nil, err
	}
	return n, NetAddr{Addr: m.From}, NetAddr{Addr: m.To}, nil
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	n, _, err := c.ReadMessage(b)
	return n, err
}

// WriteTyped sends one datagram of a packet type, which is not that of SPX.
func (c *Conn) WriteTyped(b []byte, to Addr, typ PacketType) (int, error) {
	err := c.send.Check()
	switch {
	case err != nil:
	case typ == ipxwire.TypeSPX:
		err = syscall.EPROTONOSUPPORT
	case c.queue.takeNoRoute():
		err = ErrNoRoute
	default:
		s := c.s
		s.Begin()
		err = s.node.Send(s.now, Fields{Type: typ, Destination: to, Source: c.local}, b)
		s.End()
	}
	if err != nil {
		return 0, c.errorTo("write", to, err)
	}
	return len(b), nil
}

// WriteToAddr is WriteTo without an allocation.
func (c *Conn) WriteToAddr(b []byte, to Addr) (int, error) { return c.WriteTyped(b, to, c.typ) }

// WriteTo implements net.PacketConn. The address is a NetAddr.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(NetAddr)
	switch {
	case !ok || a.SPX:
		return 0, c.error("write", &net.AddrError{Err: "ipx: want an address of type NetAddr", Addr: fmt.Sprint(to)})
	case c.remote != (Addr{}):
		return 0, c.error("write", net.ErrWriteToConnected)
	}
	return c.WriteToAddr(b, a.Addr)
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	if c.remote == (Addr{}) {
		return 0, c.error("write", syscall.EDESTADDRREQ)
	}
	return c.WriteToAddr(b, c.remote)
}

// Close frees the socket and wakes who waits.
func (c *Conn) Close() error {
	c.s.Begin()
	_, isOpen := c.s.conns[c]
	if isOpen {
		delete(c.s.conns, c)
		c.s.node.Unbind(c.local.Socket)
	}
	c.s.End()
	if !isOpen {
		return c.error("close", net.ErrClosed)
	}
	c.recv.Close()
	c.send.Close()
	c.queue.close()
	return nil
}

// SetReadBuffer bounds what waits for the reader, in octets of packets with their headers.
func (c *Conn) SetReadBuffer(octets int) error {
	if octets <= 0 {
		return c.error("set", syscall.EINVAL)
	}
	c.queue.setMax(octets)
	return nil
}

// LocalAddr implements net.PacketConn: network and node are zero where the socket hears all of this node's.
func (c *Conn) LocalAddr() net.Addr { return NetAddr{Addr: c.local} }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr {
	if c.remote == (Addr{}) {
		return nil
	}
	return NetAddr{Addr: c.remote}
}

// SetDeadline implements net.PacketConn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.PacketConn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.recv, t) }

// SetWriteDeadline implements net.PacketConn. No write waits.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.send, t) }

func (c *Conn) setDeadline(p *wait.Point, t time.Time) error {
	if p.IsClosed() {
		return c.error("set", net.ErrClosed)
	}
	p.SetDeadline(t)
	return nil
}

// error is an error as package net's users expect it.
func (c *Conn) error(op string, err error) error { return c.errorTo(op, c.remote, err) }

func (c *Conn) errorTo(op string, to Addr, err error) error {
	e := &net.OpError{Op: op, Net: "ipx", Source: NetAddr{Addr: c.local}, Err: sysError(op, err)}
	if to != (Addr{}) {
		e.Addr = NetAddr{Addr: to}
	}
	return e
}
