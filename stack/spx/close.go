package spx

import (
	"syscall"
	"time"
)

// canWrite tells why nothing can be written.
func (s *session) canWrite() error {
	switch {
	case s.err != nil:
		return s.err
	case s.state != stateEstablished, s.closing, s.send.released:
		return syscall.EPIPE
	}
	return nil
}

// closeWrite ends this direction: the orderly release of SPX II, a packet without data that is sent, and
// acknowledged, in its turn.
func (s *session) closeWrite() error {
	t := &s.send
	switch {
	case s.err != nil:
		return s.err
	case t.released:
		return nil
	case !s.spx2:
		return syscall.EOPNOTSUPP
	case s.state != stateEstablished || s.closing:
		return syscall.EPIPE
	}
	t.released = true
	t.add(outgoing{buf: s.m.pool.take(s.headerLen()), control: ControlEOM, stream: StreamRelease})
	s.output()
	s.arm()
	return nil
}

// releaseAcked ends the connection once both directions are: no end of connection follows.
func (s *session) releaseAcked() {
	if s.state == stateEstablished && s.send.released && s.send.queued() == 0 && s.recv.released {
		s.finish()
	}
}

// close ends the connection when the other end has all data. Nobody will read what comes.
func (s *session) close() {
	if s.closing {
		return
	}
	s.closing = true
	s.dropIncoming()
	switch s.state {
	case stateEstablished:
		s.lingerAt = s.m.now.Add(s.m.c.Linger)
		s.output()
		s.arm()
	case stateDisconnecting, stateOver, stateClosed:
	default:
		s.abort()
	}
}

// sendEnd sends the end of connection. Everything before it has been acknowledged, since some ends drop what they have
// when they hear of it. It needs no room at the other end.
func (s *session) sendEnd() {
	s.setState(stateDisconnecting)
	s.tries = 0
	s.emitEnd()
	s.startTimer()
}

func (s *session) emitEnd() {
	f := s.fields(ControlAck, s.send.nxt)
	f.Stream = StreamEnd
	s.emitSystem(f)
}

// endTries is how often the end of connection is sent: nothing is lost if nobody hears it.
const endTries = 6

func (s *session) retryEnd() {
	if s.tries+1 >= endTries {
		s.forget()
		return
	}
	if s.again() {
		s.emitEnd()
	}
}

// recvEnd takes the end of connection, if all that stands before it has come.
func (s *session) recvEnd(h Header) {
	if h.Sequence() != s.recv.nxt {
		s.ackIf(h)
		return
	}
	s.endNumbered = true
	s.end()
}

// isSystemEnd reports whether a packet ends the connection without taking a number. Novell, NWLink and Linux number the
// end as they do data; ipx_wrap sends a system packet.
func isSystemEnd(h Header) bool { return h.Stream() == StreamEnd && h.Control()&ControlSystem != 0 }

// recvSystemEnd takes such an end. Its number is that of the data to come, or, from an end that does not wait for the
// acknowledgement of its last packet, of that one: only a number ahead of ours tells that something is missing. Zero may
// be none in SPX II.
func (s *session) recvSystemEnd(h Header) {
	seq := h.Sequence()
	if isBefore(s.recv.nxt, seq) && !(s.spx2 && seq == 0) {
		s.ackIf(h)
		return
	}
	s.endNumbered = false
	s.end()
}

// end ends the connection as the other end wants it.
func (s *session) end() {
	s.ended = true
	s.sendEndAck()
	s.finish()
}

// refuse takes an end of connection while it is being opened.
func (s *session) refuse() {
	s.sendEndAck()
	s.fail(syscall.ECONNREFUSED)
}

// sendEndAck acknowledges the end of connection, and the number that it took.
func (s *session) sendEndAck() {
	f := s.fields(ControlSystem, s.systemSequence())
	f.Stream = StreamEndAck
	if s.endNumbered {
		f.Acknowledge++
	}
	s.emitSystem(f)
}

// overTime is how long repetitions of an ended connection's last packets are answered.
const overTime = 10 * time.Second

// finish ends the connection in agreement with the other end. What it was not sent yet it will not get.
func (s *session) finish() {
	s.setState(stateOver)
	s.freeOut()
	s.lingerAt, s.probeAt = time.Time{}, time.Time{}
	s.rtxAt = s.m.now.Add(overTime)
	s.m.keep(s)
	s.notifyAll()
}

// abort ends the connection at once. The other end is told if it is known, without a second try.
func (s *session) abort() {
	switch s.state {
	case stateClosed:
		return
	case stateRequesting, stateOver:
	default:
		s.emitEnd()
	}
	s.forget()
}
