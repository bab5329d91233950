package stack

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// socket is what all sockets have: the engine's endpoint, a place to wait for either direction, addresses, an end.
// Close sets both wait points closed before it closes the endpoint, so an operation that fails afterwards can tell
// that it was Close.
type socket struct {
	host        *Host
	net         string // the network's name as the user gave it, for errors
	family      family
	ep          tcpip.Endpoint
	wq          *waiter.Queue
	read, write waitPoint
	local, peer net.Addr

	closeOnce sync.Once
	trackMu   sync.Mutex
	untrack   func() // nil while the host does not know the socket
}

// Which events can end a wait of each direction. Errors that ICMP reports end either.
const (
	readEvents  = waiter.ReadableEvents | waiter.EventErr | waiter.EventHUp | waiter.EventRdHUp
	writeEvents = waiter.WritableEvents | waiter.EventErr | waiter.EventHUp
)

// open makes the endpoint.
func (s *socket) open(h *Host, name string, f family, proto tcpip.TransportProtocolNumber) error {
	wq := &waiter.Queue{}
	ep, e := h.ns.NewEndpoint(proto, f.proto, wq)
	if e != nil {
		return syscallError("socket", e)
	}
	s.attach(h, name, f, ep, wq)
	return nil
}

// attach takes over an endpoint that exists.
func (s *socket) attach(h *Host, name string, f family, ep tcpip.Endpoint, wq *waiter.Queue) {
	if f.v6only {
		ep.SocketOptions().SetV6Only(true)
	}
	s.host, s.net, s.family, s.ep, s.wq = h, name, f, ep, wq
	s.read.init(h, wq, readEvents)
	s.write.init(h, wq, writeEvents)
}

// trackSelf has the host close c, which is the socket's user, when it ends. If it has ended, the socket is closed.
func (s *socket) trackSelf(c io.Closer) bool {
	s.trackMu.Lock()
	untrack, ok := s.host.track(c) // takes the host's lock inside of ours
	s.untrack = untrack
	s.trackMu.Unlock()
	if !ok {
		s.abandon()
	}
	return ok
}

// abandon ends a socket that no user has seen.
func (s *socket) abandon() {
	s.closeOnce.Do(s.shut)
}

func (s *socket) shut() {
	s.read.close(s.wq)
	s.write.close(s.wq)
	s.ep.Close()
	s.trackMu.Lock()
	untrack := s.untrack
	s.trackMu.Unlock()
	if untrack != nil {
		untrack()
	}
}

// Close closes the socket and unblocks all who wait for it. What was written is still delivered.
func (s *socket) Close() error {
	err := net.ErrClosed
	s.closeOnce.Do(func() {
		s.shut()
		err = nil
	})
	if err != nil {
		return s.opError("close", s.peer, err)
	}
	return nil
}

// LocalAddr is the socket's own address.
func (s *socket) LocalAddr() net.Addr { return s.local }

// RemoteAddr is the address of the peer, nil for a socket without one.
func (s *socket) RemoteAddr() net.Addr { return s.peer }

// opError wraps err for the user. addr is a true nil if there is none.
func (s *socket) opError(op string, addr net.Addr, err error) error {
	return &net.OpError{Op: op, Net: s.net, Source: s.local, Addr: addr, Err: err}
}

// SetDeadline sets the deadline of reading and writing.
func (s *socket) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

// SetReadDeadline sets the time after which reading fails with [os.ErrDeadlineExceeded], also for those who are
// blocked in it; the zero time means never.
func (s *socket) SetReadDeadline(t time.Time) error { return s.setDeadline(&s.read, t) }

// SetWriteDeadline is SetReadDeadline for writing.
func (s *socket) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.write, t) }

func (s *socket) setDeadline(p *waitPoint, t time.Time) error {
	if p.IsClosed() {
		return &net.OpError{Op: "set", Net: s.net, Addr: s.local, Err: net.ErrClosed}
	}
	p.SetDeadline(t)
	return nil
}

// SetReadBuffer sets how many octets the socket holds for a slow reader.
func (s *socket) SetReadBuffer(octets int) error {
	return s.set(func() tcpip.Error {
		s.ep.SocketOptions().SetReceiveBufferSize(int64(octets), true)
		return nil
	})
}

// SetWriteBuffer sets how many octets the socket holds for a slow path.
func (s *socket) SetWriteBuffer(octets int) error {
	return s.set(func() tcpip.Error {
		s.ep.SocketOptions().SetSendBufferSize(int64(octets), true)
		return nil
	})
}

// set changes an option, with package net's errors.
func (s *socket) set(change func() tcpip.Error) error {
	err := net.ErrClosed
	if !s.read.IsClosed() {
		err = syscallError("setsockopt", change())
	}
	if err != nil {
		return &net.OpError{Op: "set", Net: s.net, Source: s.local, Addr: s.peer, Err: err}
	}
	return nil
}

// socketState is what the host's sockets share.
type socketState struct {
	inline inlineState
	pings  atomic.Uint32 // identifies a request: 16 bits of identifier, 16 of sequence number
	server atomic.Uint32 // counts questions, so that each goes to the next server
}
