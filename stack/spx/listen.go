package spx

import (
	"slices"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// listener is a socket that is called. Who calls is answered at once: SPX has no way to refuse. What waits for Accept
// is bounded, half-open connections of SPX II included. Beyond that the one that has been half open for longest makes
// room: a flood of requests that nobody goes on with keeps no caller out that is quick. Where none is, a request is
// dropped, and will be repeated.
type listener struct {
	m       *mux
	sock    ipxwire.Socket
	opening []*session // half open, the oldest first
	queue   []*session // established
	ready   func()     // a connection waits, or the listener was closed
}

// listen binds a socket, zero is a free one, for connections.
func (m *mux) listen(sock ipxwire.Socket, ready func()) (*listener, error) {
	if p := m.sockets[sock]; p != nil && p.listener != nil {
		return nil, ipx.ErrInUse
	}
	sock, err := m.use(sock)
	if err != nil {
		return nil, err
	}
	l := &listener{m: m, sock: sock, ready: ready}
	m.sockets[sock].listener = l
	return l, nil
}

// close ends listening. Connections that nobody accepted are ended, half-open ones included: nobody ever will.
func (l *listener) close() {
	p := l.m.sockets[l.sock]
	if p == nil || p.listener != l {
		return
	}
	p.listener = nil
	for _, s := range slices.Concat(l.queue, l.opening) {
		s.abort()
	}
	l.m.release(l.sock)
	l.ready()
}

// makeRoom reports whether one more connection can wait, for which a half-open one may have to go.
func (l *listener) makeRoom() bool {
	if len(l.opening)+len(l.queue) < l.m.c.Backlog {
		return true
	}
	l.m.stats.dropBacklog++
	if len(l.opening) == 0 {
		return false
	}
	l.opening[0].forget()
	return true
}

// accept gives the connection that has waited for longest, or nil.
func (l *listener) accept() *session {
	if len(l.queue) == 0 {
		return nil
	}
	s := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	s.listener = nil
	return s
}

// push has an established connection wait.
func (l *listener) push(s *session) {
	l.opening = without(l.opening, s)
	l.queue = append(l.queue, s)
	l.ready()
}

// drop forgets a connection that ended before anybody accepted it.
func (l *listener) drop(s *session) {
	s.listener = nil
	l.queue, l.opening = without(l.queue, s), without(l.opening, s)
}

// without takes a connection out of a list that may have it.
func without(list []*session, s *session) []*session {
	if i := slices.Index(list, s); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// recvRequest answers a connection request.
func (m *mux) recvRequest(port ipx.PortID, h Header, from, to ipxwire.Addr) {
	const want = ControlSystem | ControlAck
	if h.Control()&want != want || h.Stream() != 0 || h.Sequence() != 0 || h.Acknowledge() != 0 {
		m.stats.dropState++ // the watchdog of Linux's SPX asks with this destination, but with its numbers
		return
	}
	if s := m.byPeer[peer{from, h.SourceID(), to.Socket}]; s != nil {
		if s.state != stateOver {
			s.repeatAnswer()
			return
		}
		m.remove(s)
	}
	p := m.sockets[to.Socket]
	switch {
	case p == nil || p.listener == nil:
		m.stats.dropListener++
	case p.listener.makeRoom():
		m.accept(p.listener, port, h, from, to)
	}
}

// accept makes a connection for a request.
func (m *mux) accept(l *listener, port ipx.PortID, h Header, from, to ipxwire.Addr) {
	s := m.add(to, from)
	if s == nil {
		return
	}
	m.sockets[to.Socket].users++
	s.peerID = h.SourceID()
	s.listener = l
	l.opening = append(l.opening, s)
	m.byPeer[s.peer()] = s
	s.prepare(h.Allocation())
	s.setLimit(port)
	switch c := h.Control(); {
	case c&ControlSPX2 == 0 || m.c.NoSPX2:
		s.answer(0)
		s.accepted()
	case c&ControlNegotiate == 0:
		s.spx2 = true
		s.answer(0)
		s.setup()
	default:
		s.spx2, s.sized = true, true
		s.size = s.limit
		s.answer(ControlNegotiate)
		s.await(stateAnswered)
	}
	s.arm()
}

// answer acknowledges a request.
func (s *session) answer(c Control) { s.emitSystem(s.fields(ControlSystem|c, 0)) }

// repeatAnswer is for a request that was repeated because the first answer was lost or late. Once data has come, it
// cannot have been lost. The first request decides between SPX and SPX II: which of the answers arrives does not matter
// then.
func (s *session) repeatAnswer() {
	s.m.stats.repeatedRequests++
	switch {
	case s.recv.nxt != 0 || s.ended:
	case s.sized:
		s.answer(ControlNegotiate)
	default:
		s.answer(0)
	}
}

// accepted begins the called side of the connection.
func (s *session) accepted() {
	s.begin()
	if s.listener != nil {
		s.listener.push(s)
	}
}

// recvAnswered waits for the caller's size request.
func (s *session) recvAnswered(h Header) {
	const want = ControlSystem | ControlAck | ControlNegotiate
	if h.Control()&want != want {
		s.m.stats.dropState++
		return
	}
	s.ackSize(h)
	s.setup()
}

// setup sends the session setup.
func (s *session) setup() {
	s.setState(stateSetup)
	s.tries = 0
	s.sendSetup()
}

func (s *session) sendSetup() {
	c := ControlSystem | ControlAck
	if s.sized {
		c |= ControlNegotiate
	}
	s.propose(c)
}

// recvSetupAck waits for the acknowledgement of the session setup, in whose place any packet of the caller's next state
// does.
func (s *session) recvSetupAck(h Header) {
	switch c := h.Control(); {
	case c&(ControlSystem|ControlAck|ControlNegotiate) == ControlSystem|ControlAck|ControlNegotiate:
		s.ackSize(h) // a repeated size request
	case c&(ControlSystem|ControlAck) == ControlSystem:
		s.agree(s.size, h.Size())
		s.send.open(h.Allocation())
		s.accepted()
	default:
		s.accepted()
		s.recvEstablished(h)
	}
}
