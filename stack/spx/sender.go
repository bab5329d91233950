package spx

import (
	"syscall"
	"time"
)

// isBefore compares sequence numbers, which count modulo 65,536: a is before b if it takes less than half of them to
// get from a to b.
func isBefore(a, b uint16) bool { return int16(a-b) < 0 }

// outgoing is a packet that was taken from the client and that the other end does not have yet.
type outgoing struct {
	buf     []byte // room for the header behind that of IPX, then data
	control Control
	stream  uint8
	sent    time.Time // zero: never
	again   bool      // sent more than once
}

// sender is the sending half of a connection. Sequence numbers: una is the oldest that is not acknowledged, nxt the
// next to send, top the one above the highest that was ever sent, end the one that the next packet of the client
// gets.
//
//	una <= nxt <= top <= end <= una+len(ring)
type sender struct {
	ring               []outgoing // by sequence number modulo its length, a power of two
	max                int        // packets that are kept
	una, nxt, top, end uint16

	alloc uint16 // the highest number that the other end has room for

	cwnd, ssthresh int    // congestion window and its threshold (RFC 5681 §3.1), in packets
	credit         int    // packets acknowledged toward the next increase of cwnd
	recover        uint16 // una must reach this before another loss halves cwnd
	recovering     bool
	dups           int // acknowledgements that acknowledged nothing
	unasked        int // packets since the last that asked for an acknowledgement

	released bool // the end of this direction is in the ring, or has been sent
}

// firstWindow is how many packets are sent before anything is known of the way (RFC 6928 §2).
const firstWindow = 10

func (t *sender) init(keep int, allocation uint16) {
	t.max, t.alloc = keep, allocation
	t.cwnd, t.ssthresh = firstWindow, maxWindow
}

// open takes the allocation of the other end before there is any data.
func (t *sender) open(allocation uint16) { t.alloc = allocation }

func (t *sender) slot(seq uint16) *outgoing { return &t.ring[int(seq)&(len(t.ring)-1)] }

// queued is how many packets are kept.
func (t *sender) queued() int { return int(t.end - t.una) }

// inFlight is how many packets were sent and not acknowledged.
func (t *sender) inFlight() int { return int(t.nxt - t.una) }

// isOpen reports whether the other end has room for a packet: the allocation number is the last one that it takes.
func (t *sender) isOpen(seq uint16) bool { return !isBefore(t.alloc, seq) }

// room is how many packets the client may add.
func (t *sender) room() int { return t.max - t.queued() }

// grow doubles the ring, up to what is kept.
func (t *sender) grow() {
	n := max(16, 2*len(t.ring))
	ring := make([]outgoing, n)
	for seq := t.una; seq != t.end; seq++ {
		ring[int(seq)&(n-1)] = *t.slot(seq)
	}
	t.ring = ring
}

// add keeps a packet.
func (t *sender) add(o outgoing) {
	if t.queued() == len(t.ring) {
		t.grow()
	}
	*t.slot(t.end) = o
	t.end++
}

// free gives the memory back.
func (t *sender) free(p *pool) {
	for ; t.una != t.end; t.una++ {
		o := t.slot(t.una)
		p.give(o.buf)
		*o = outgoing{}
	}
	t.nxt, t.top = t.end, t.end
}

// write takes as much of a message as there is room for. It reports whether that was all of it.
func (s *session) write(b []byte, m MessageInfo) (n int, all bool, err error) {
	if err := s.canWrite(); err != nil {
		return 0, false, err
	}
	t := &s.send
	for t.room() > 0 && !all {
		k := min(len(b)-n, s.maxData())
		all = n+k == len(b)
		s.push(b[n:n+k], m, all)
		n += k
	}
	s.output()
	s.arm()
	return n, all, nil
}

// push keeps a packet of a message.
func (s *session) push(data []byte, m MessageInfo, last bool) {
	o := outgoing{buf: s.m.pool.take(s.headerLen() + len(data)), stream: m.Type}
	copy(o.buf[s.headerLen():], data)
	if m.Attention {
		o.control |= ControlAttention
	}
	if m.EOM && last {
		o.control |= ControlEOM
	}
	s.send.add(o)
}

// output sends what may be sent.
func (s *session) output() {
	t := &s.send
	for t.nxt != t.end && t.inFlight() < t.cwnd && t.isOpen(t.nxt) {
		seq := t.nxt
		t.nxt++
		s.transmit(seq, s.wantsAck(seq))
	}
	switch {
	case t.inFlight() > 0:
		if s.rtxAt.IsZero() {
			s.startTimer()
		}
	case t.nxt != t.end: // the window is closed
		if s.rtxAt.IsZero() {
			s.startTimer()
		}
	case s.closing:
		s.sendEnd()
	}
}

// ackEvery is how many packets of SPX II go out before one asks for an acknowledgement.
const ackEvery = 4

// wantsAck decides whether a packet asks for an acknowledgement. All of SPX do. In SPX II those do behind which nothing
// else follows for now, since the client, the congestion window or the other end has no more, and every fourth.
func (s *session) wantsAck(seq uint16) bool {
	t := &s.send
	t.unasked++
	if !s.spx2 || t.nxt == t.end || t.unasked >= ackEvery || t.inFlight() >= t.cwnd || !t.isOpen(t.nxt) {
		t.unasked = 0
		return true
	}
	return isBefore(seq, t.top) // it was sent before
}

// transmit sends a packet of the ring.
func (s *session) transmit(seq uint16, ack bool) {
	t := &s.send
	o := t.slot(seq)
	c := o.control
	if ack {
		c |= ControlAck
	}
	f := s.fields(c, seq)
	f.Stream = o.stream
	f.AppendTo(o.buf[:0])
	o.again = !o.sent.IsZero()
	o.sent = s.m.now
	if o.again {
		s.m.stats.retransmits++
	}
	if !isBefore(seq, t.top) {
		t.top = seq + 1
	}
	s.m.stats.dataOut++
	s.m.stats.octetsOut += uint64(len(o.buf) - s.headerLen())
	_ = s.emit(o.buf)
}

// retransmit is what the retransmission timer does: a closed window is probed; else everything from the oldest packet
// on is taken as lost, and sent as slowly as at the start (RFC 5681 §3.1).
func (s *session) retransmit() {
	t := &s.send
	switch {
	case t.queued() == 0:
		return
	case t.inFlight() == 0 && !t.isOpen(t.nxt):
		s.probeWindow()
		return
	}
	if !s.again() {
		return
	}
	t.ssthresh = max(t.inFlight()/2, 2)
	t.cwnd, t.credit, t.unasked, t.dups = 1, 0, 0, 0
	t.recover, t.recovering = t.top, true
	t.nxt = t.una
	s.output()
}

// probeWindow asks whether a closed window has opened: the packet that would have told may be lost. An end that answers
// may keep it closed for as long as it likes.
func (s *session) probeWindow() {
	if s.heard.Before(s.m.now.Add(-s.silence())) {
		s.fail(syscall.ETIMEDOUT)
		return
	}
	s.probe()
	s.rtt.again()
	s.startTimer()
}

// silence is how long the other end may say nothing.
func (s *session) silence() time.Duration {
	return s.m.c.Idle + time.Duration(s.m.c.Probes)*s.m.c.Probe
}
