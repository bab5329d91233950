package spx

import (
	"errors"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// Opening a connection. SPX needs two packets: a request, and its acknowledgement. SPX II goes on: the caller's size
// request, its acknowledgement, the session setup of the called, its acknowledgement. The last two are as long as the
// size they propose, so that what arrives is proof that the size does.

// plainAfter is how many requests offer SPX II before one offers SPX alone: an end that takes the bits of SPX II for
// nonsense (Linux's does) answers that.
const plainAfter = 3

// dial sends a connection request.
func (m *mux) dial(remote ipxwire.Addr) (*session, error) {
	switch {
	case remote.Node.IsZero():
		return nil, ipx.ErrNobody
	case remote.Node.IsGroup():
		return nil, ErrBroadcast
	case remote.Socket == 0:
		return nil, syscall.EADDRNOTAVAIL
	}
	sock, err := m.use(0)
	if err != nil {
		return nil, err
	}
	s := m.add(ipxwire.Addr{Socket: sock}, remote)
	if s == nil {
		m.release(sock)
		return nil, syscall.ENOBUFS
	}
	s.setState(stateRequesting)
	s.prepare(0)
	if err := s.sendRequest(); errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENETDOWN) {
		s.fail(err)
		return nil, err
	}
	s.startTimer()
	s.arm()
	return s, nil
}

// prepare sets the window that is offered, and the one that the other end offered.
func (s *session) prepare(allocation uint16) {
	s.recv.init(s.m.c.Window)
	s.send.init(s.m.c.SendQueue, allocation)
	s.size = MaxPacket
}

// sendRequest asks for a connection. A request has no number of the other end, and its own start at zero.
func (s *session) sendRequest() error {
	f := s.fields(ControlSystem|ControlAck, 0)
	f.Destination = UnknownID
	if !s.m.c.NoSPX2 && (s.tries < plainAfter || s.tries%2 == 0) {
		f.Control |= ControlSPX2 | ControlNegotiate
	}
	s.m.scratch = f.AppendTo(s.m.scratch[:0])
	return s.emit(s.m.scratch)
}

func (s *session) retryRequest() {
	if !s.again() {
		return
	}
	if err := s.sendRequest(); err != nil && s.tries >= plainAfter {
		s.fail(err) // no route was found meanwhile
	}
}

// recvRequesting waits for the acknowledgement of the request, which tells the other end's identifier. It may come from
// another socket than the one that was called (SCO's servers do that), but from the same node.
func (s *session) recvRequesting(port ipx.PortID, h Header, from, to ipxwire.Addr) {
	switch {
	case from.Node != s.remote.Node, s.remote.Net != 0 && from.Net != s.remote.Net, to.Socket != s.local.Socket:
		s.m.stats.dropConn++
		return
	case h.Stream() == StreamEnd:
		s.fail(syscall.ECONNREFUSED)
		return
	case h.Control()&(ControlSystem|ControlAck) != ControlSystem, h.Stream() != 0, h.Acknowledge() != 0:
		s.m.stats.dropState++
		return
	}
	if s.tries == 0 {
		s.rtt.sample(s.m.now.Sub(s.heard)) // heard is when the connection was made: nobody else can have been
	}
	s.heard = s.m.now
	s.local, s.remote, s.peerID = to, from, h.SourceID()
	s.send.open(h.Allocation())
	s.answered(port, h)
}

// answered goes on after the acknowledgement of the request.
func (s *session) answered(port ipx.PortID, h Header) {
	s.rtt.progress()
	s.tries = 0
	s.setLimit(port)
	switch c := h.Control(); {
	case c&ControlSPX2 == 0 || s.m.c.NoSPX2:
		s.connected()
	case c&ControlNegotiate == 0:
		s.spx2 = true
		s.await(stateAwaiting) // of 576 octets
	default:
		s.spx2, s.sized = true, true
		s.negotiate(h.Size())
	}
	s.arm()
}

// connected begins the caller's side of the connection.
func (s *session) connected() {
	s.begin()
	if s.client != nil {
		s.client.settled()
	}
}

// setLimit takes the longest packet from the port that the other end is behind.
func (s *session) setLimit(port ipx.PortID) {
	s.limit = max(MaxPacket, min(s.m.c.MaxPacket, s.m.net.Limit(port)))
}

// agree takes a size of the other end: the smaller one counts, and none is below what every router passes on.
func (s *session) agree(mine int, theirs uint16) {
	n := mine
	if theirs != 0 {
		n = min(n, int(theirs))
	}
	s.size = max(n, MaxPacket)
}

// negotiate proposes a packet size.
func (s *session) negotiate(theirs uint16) {
	s.agree(s.limit, theirs)
	s.setState(stateNegotiating)
	s.tries = 0
	s.sendSizeRequest()
}

func (s *session) sendSizeRequest() { s.propose(ControlSystem | ControlAck | ControlNegotiate) }

// propose sends a packet of the size it proposes. A port that does not send it is not asked twice.
func (s *session) propose(c Control) {
	for {
		err := s.emitPadded(c)
		if !errors.Is(err, syscall.EMSGSIZE) || !s.shrink() {
			break
		}
	}
	s.startSizeTimer()
}

// startSizeTimer gives the answer as much time as the first one had: who is slow once need not lose the size for good.
func (s *session) startSizeTimer() {
	s.rtxAt = s.m.now.Add(max(s.rtt.timeout(), s.m.c.FirstTimeout))
}

// emitPadded sends a packet as long as the size that is proposed. The octets behind the header are zero: no further
// option is negotiated.
func (s *session) emitPadded(c Control) error {
	s.proposed = s.size
	f := s.fields(c, 0)
	n := s.size - ipxwire.HeaderLen
	b := s.m.pool.take(n)
	clear(b)
	f.AppendTo(b[:0])
	err := s.emit(b)
	s.m.pool.give(b)
	return err
}

// sizes are what is tried when the size of the port does not arrive.
var sizes = [...]int{4096, 1500, MaxPacket}

// shrink takes the next smaller size, if there is one.
func (s *session) shrink() bool {
	for _, n := range sizes {
		if n < s.size {
			s.size = n
			return true
		}
	}
	return false
}

// sizeTries is how often a size is tried before the next smaller one.
const sizeTries = 2

// againSmaller counts the repetition of a proposal, which takes a smaller size after a few. It reports whether to go on.
func (s *session) againSmaller() bool {
	if !s.again() {
		return false
	}
	if s.tries%sizeTries == 0 && s.shrink() {
		s.rtt.progress()
	}
	return true
}

// recvNegotiating waits for the acknowledgement of the size request. The session setup may overtake it. A second copy
// of the answer looks the same, so that the size request is repeated until the session setup comes.
func (s *session) recvNegotiating(h Header) {
	c := h.Control()
	switch {
	case c&(ControlSystem|ControlNegotiate) != ControlSystem|ControlNegotiate:
		s.m.stats.dropState++
	case c&ControlAck != 0:
		s.recvSetup(h)
	default:
		s.agree(s.proposed, h.Size())
		s.setState(stateAwaiting)
		s.startSizeTimer()
	}
}

// setupTime is how long to wait for a packet that the other end repeats.
const setupTime = 30 * time.Second

// await waits for the other end, which repeats its packet.
func (s *session) await(st state) {
	s.setState(st)
	s.tries = 0
	s.rtt.progress()
	s.rtxAt = s.m.now.Add(setupTime)
}

// recvAwaiting waits for the session setup.
func (s *session) recvAwaiting(h Header) {
	if h.Control()&(ControlSystem|ControlAck) != ControlSystem|ControlAck {
		s.m.stats.dropState++
		return
	}
	s.recvSetup(h)
}

// recvSetup takes the session setup, which ends the caller's part. A probe follows its acknowledgement: NetWare's
// servers send nothing before a packet has come that wants an answer, as the knowledge base on NWLink tells
// (Q163267).
func (s *session) recvSetup(h Header) {
	s.ackSize(h)
	s.send.open(h.Allocation())
	s.connected()
	s.probe()
}

// ackSize takes the size that a size request or a session setup proposes, and acknowledges it. What is acknowledged are
// sizes, not data: the numbers of such packets say nothing.
func (s *session) ackSize(h Header) {
	s.agree(s.size, h.Size())
	f := s.fields(ControlSystem|h.Control()&ControlNegotiate, 0)
	s.emitSystem(f)
}
