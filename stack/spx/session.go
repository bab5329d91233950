package spx

import (
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
)

// state is where a connection is; doc.go has the drawing.
type state uint8

const (
	stateClosed        state = iota // forgotten, or not begun
	stateRequesting                 // caller: the connection request is out
	stateNegotiating                // caller, SPX II: the size request is out
	stateAwaiting                   // caller, SPX II: the session setup of the other end is to come
	stateAnswered                   // called, SPX II: the size request of the other end is to come
	stateSetup                      // called, SPX II: the session setup is out
	stateEstablished                // data
	stateDisconnecting              // the end of connection is out
	stateOver                       // ended: repetitions of the last packets are answered
)

var stateNames = [...]string{
	"closed", "requesting", "negotiating", "awaiting-setup", "answered", "setup", "established", "disconnecting", "over",
}

// String gives the name.
func (s state) String() string { return stateNames[s] }

// client is who waits for a connection: it is told that something changed, under the stack's lock.
type client interface {
	readable() // data, the end of data, or of the connection
	writable() // room, or the end of the connection
	settled()  // the call succeeded, or failed
}

// session is one connection.
type session struct {
	m        *mux
	client   client    // nil: nobody yet, or no more
	listener *listener // that accepted it, until Accept gives it to a client

	state  state
	id     uint16 // ours
	peerID uint16
	local  ipxwire.Addr
	remote ipxwire.Addr

	spx2     bool
	size     int  // the longest packet that is sent
	limit    int  // what the port sends at most
	proposed int  // of the size request that is out
	sized    bool // sizes are negotiated

	send sender
	recv receiver
	rtt  estimator

	// Timers: rtxAt is the retransmission's, probeAt the watchdog's, lingerAt that of a Close that goes on.
	rtxAt, probeAt, lingerAt time.Time
	tries                    int       // of what rtxAt repeats
	probes                   int       // without an answer
	heard                    time.Time // when the other end last sent something
	at                       int       // place in timers; -1: none
	due                      time.Time // of that place

	closing     bool  // Close was called: the end follows the data
	ended       bool  // the other end ended the connection
	endNumbered bool  // with a packet that took a number
	err         error // why it broke; nil: it did not
}

func (s *session) peer() peer { return peer{s.remote, s.peerID, s.local.Socket} }

// setState is the one place where the state changes.
func (s *session) setState(to state) { s.state = to }

// headerLen is the length of the header behind that of IPX.
func (s *session) headerLen() int {
	if s.spx2 {
		return Header2Len - ipxwire.HeaderLen
	}
	return HeaderLen - ipxwire.HeaderLen
}

// maxData is how much a packet carries.
func (s *session) maxData() int { return s.size - ipxwire.HeaderLen - s.headerLen() }

// begin makes the connection ready for data.
func (s *session) begin() {
	s.setState(stateEstablished)
	s.tries, s.rtxAt = 0, time.Time{}
	s.rtt.progress()
	s.probeAt = s.m.now.Add(s.m.c.Idle)
	s.m.stats.opened++
}

// fields is the header of the next packet, whose numbers tell what was received.
func (s *session) fields(c Control, sequence uint16) Fields {
	if s.spx2 {
		c |= ControlSPX2
	}
	s.recv.told = s.recv.allocation()
	return Fields{
		Control: c, Source: s.id, Destination: s.peerID, Sequence: sequence,
		Acknowledge: s.recv.nxt, Allocation: s.recv.told, Size: uint16(s.size),
	}
}

// emit sends octets behind a header of IPX.
func (s *session) emit(b []byte) error {
	s.m.stats.out++
	err := s.m.net.Send(s.m.now, ipxwire.Fields{Type: ipxwire.TypeSPX, Destination: s.remote, Source: s.local}, b)
	if err != nil {
		s.m.stats.outErrors++
	}
	return err
}

// emitSystem sends a packet without data.
func (s *session) emitSystem(f Fields) {
	s.m.scratch = f.AppendTo(s.m.scratch[:0])
	_ = s.emit(s.m.scratch)
}

// systemSequence is the sequence number of a system packet: the next one of the data in SPX, zero in SPX II, where
// other values mean that packets are missing.
func (s *session) systemSequence() uint16 {
	if s.spx2 {
		return 0
	}
	return s.send.nxt
}

// ack tells the other end what was received.
func (s *session) ack() {
	s.m.stats.acks++
	s.emitSystem(s.fields(ControlSystem, s.systemSequence()))
}

// probe asks the other end for its numbers: the watchdog's packet, and what finds out whether a closed window opened.
func (s *session) probe() {
	s.m.stats.probes++
	s.emitSystem(s.fields(ControlSystem|ControlAck, s.systemSequence()))
}

// fail ends the connection with an error: what was received can still be read.
func (s *session) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	if err == syscall.ETIMEDOUT {
		s.m.stats.timeouts++
	}
	s.forget()
}

// forget ends the connection here. Nothing is sent.
func (s *session) forget() {
	if s.state == stateClosed {
		return
	}
	if s.listener != nil && s.state != stateOver { // else there may be data to read after Accept
		s.listener.drop(s)
	}
	s.setState(stateClosed)
	s.m.stats.closed++
	s.m.remove(s)
	s.notifyAll()
}

// notifyAll wakes everybody.
func (s *session) notifyAll() {
	if s.client != nil {
		s.client.settled()
		s.client.readable()
		s.client.writable()
	}
}

// freeOut gives the memory of packets that nobody needs back.
func (s *session) freeOut() { s.send.free(&s.m.pool) }
