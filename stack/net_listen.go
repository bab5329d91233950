package stack

import (
	"net"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// TCPListener accepts TCP connections of a host. It behaves like [net.TCPListener].
type TCPListener struct {
	socket socket
}

func (h *Host) listenTCP(n network, a netip.AddrPort) (*TCPListener, error) {
	f := familyOf(n.kind, a.Addr(), true)
	l := &TCPListener{}
	s := &l.socket
	if err := s.open(h, n.name, f, tcp.ProtocolNumber); err != nil {
		return nil, err
	}
	if !s.trackSelf(l) {
		return nil, net.ErrClosed
	}
	// As package net: a port that old connections in TIME-WAIT still use can be listened on, one that another
	// listener has cannot.
	s.ep.SocketOptions().SetReuseAddress(true)
	if err := l.listen(h.fullAddress(a)); err != nil {
		s.abandon()
		return nil, err
	}
	local, e := s.ep.GetLocalAddress()
	if e != nil {
		s.abandon()
		return nil, syscallError("getsockname", e)
	}
	s.local = net.TCPAddrFromAddrPort(f.local(h.addrPort(local)))
	return l, nil
}

func (l *TCPListener) listen(a tcpip.FullAddress) error {
	s := &l.socket
	if e := s.ep.Bind(a); e != nil {
		return syscallError("bind", e)
	}
	return syscallError("listen", s.ep.Listen(s.host.cfg.TCP.Backlog))
}

// Accept waits for the next connection.
func (l *TCPListener) Accept() (net.Conn, error) { return asConn(l.AcceptTCP()) }

// AcceptTCP is Accept with the type of its result.
func (l *TCPListener) AcceptTCP() (*TCPConn, error) {
	s := &l.socket
	var (
		ep   tcpip.Endpoint
		wq   *waiter.Queue
		peer tcpip.FullAddress
	)
	s.read.Lock()
	err := s.read.do("accept", func() (e tcpip.Error) {
		ep, wq, e = s.ep.Accept(&peer)
		return e
	})
	s.read.Unlock()
	if err != nil {
		return nil, l.opError("accept", err)
	}
	c, err := l.adopt(ep, wq, peer)
	if err != nil {
		return nil, l.opError("accept", err)
	}
	return c, nil
}

// adopt makes a connection of an endpoint that was accepted.
func (l *TCPListener) adopt(ep tcpip.Endpoint, wq *waiter.Queue, peer tcpip.FullAddress) (*TCPConn, error) {
	s := &l.socket
	h := s.host
	c := &TCPConn{}
	c.attach(h, s.net, family{proto: networkOf(fromAddress(peer.Addr))}, ep, wq)
	h.tune(ep)
	c.local, c.peer = c.localAddr(c.family), net.TCPAddrFromAddrPort(h.addrPort(peer))
	if !c.trackSelf(c) {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *TCPListener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: l.socket.net, Addr: l.socket.local, Err: err}
}

// Close stops listening; a blocked Accept fails with [net.ErrClosed]. Connections that nobody accepted are reset.
func (l *TCPListener) Close() error {
	err := net.ErrClosed
	l.socket.closeOnce.Do(func() {
		l.socket.shut()
		err = nil
	})
	if err != nil {
		return l.opError("close", err)
	}
	return nil
}

// Addr is the address that is listened on.
func (l *TCPListener) Addr() net.Addr { return l.socket.local }

// SetDeadline sets the time after which Accept fails with [os.ErrDeadlineExceeded]; the zero time means never.
func (l *TCPListener) SetDeadline(t time.Time) error { return l.socket.setDeadline(&l.socket.read, t) }
