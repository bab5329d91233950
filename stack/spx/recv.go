package spx

import "errors"

// errAgain: there is nothing yet.
var errAgain = errors.New("spx: nothing yet")

// take takes a packet of this connection: one function a state.
func (s *session) take(h Header) {
	s.heard = s.m.now
	s.probes = 0
	if h.Stream() == StreamEnd && s.isOpening() {
		s.refuse()
		return
	}
	switch s.state {
	case stateNegotiating:
		s.recvNegotiating(h)
	case stateAwaiting:
		s.recvAwaiting(h)
	case stateAnswered:
		s.recvAnswered(h)
	case stateSetup:
		s.recvSetupAck(h)
	case stateEstablished:
		s.recvEstablished(h)
	case stateDisconnecting:
		s.recvDisconnecting(h)
	case stateOver:
		s.recvOver(h)
	}
	s.arm()
}

// isOpening reports whether there can be no data yet.
func (s *session) isOpening() bool {
	return s.state == stateNegotiating || s.state == stateAwaiting || s.state == stateAnswered
}

// isSizeRequest reports whether a packet negotiates the size again, or repeats what did at the start.
func (s *session) isSizeRequest(c Control) bool {
	const want = ControlSystem | ControlAck | ControlNegotiate | ControlSPX2
	return s.spx2 && c&want == want
}

func (s *session) recvEstablished(h Header) {
	c := h.Control()
	if s.isSizeRequest(c) {
		s.recvResize(h)
		return
	}
	s.recvNumbers(h)
	switch {
	case c&ControlSystem == 0:
		s.recvSequenced(h)
	case isSystemEnd(h):
		s.recvSystemEnd(h)
	case c&ControlAck != 0:
		s.ack()
	case s.spx2 && h.Sequence() != 0:
		s.recvNak(h)
	}
	if s.state == stateEstablished {
		s.output()
	}
}

// recvResize takes a smaller size within the connection. The other end then cuts what it has not heard an
// acknowledgement of anew, under the same numbers: what came ahead of a missing packet no longer stands where it
// stood, and a longer packet is one from before.
func (s *session) recvResize(h Header) {
	before := s.size
	s.ackSize(h)
	if s.size < before {
		s.dropHeld()
		s.recv.longest = s.size
	}
}

// recvDisconnecting waits for the acknowledgement of the end.
func (s *session) recvDisconnecting(h Header) {
	switch {
	case h.Stream() == StreamEndAck:
		s.forget()
	case h.Control()&ControlSystem == 0:
		s.recvSequenced(h)
	case isSystemEnd(h):
		s.recvSystemEnd(h)
	default:
		s.ackIf(h)
	}
}

// recvOver answers repetitions of the last packets, and what shows that the answers were lost.
func (s *session) recvOver(h Header) {
	switch {
	case h.Stream() == StreamEndAck:
	case h.Stream() == StreamEnd:
		s.endNumbered = !isSystemEnd(h)
		s.sendEndAck()
	case s.ended && h.Control()&ControlAck != 0:
		s.sendEndAck()
	default:
		s.ackIf(h)
	}
}
