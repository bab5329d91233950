package spx

import (
	"io"
)

// MessageInfo is what SPX tells of a message beside its data.
type MessageInfo struct {
	Type      uint8 // datastream type: the client's own. SPX takes fe and ff for itself, SPX II fc and fd, too
	EOM       bool  // the end of the message
	Attention bool  // passed on, and nothing else
}

// incoming is a packet that the client has not read.
type incoming struct {
	buf     []byte
	control Control
	stream  uint8
	present bool
	release bool // the end of the other's direction
}

// receiver is the receiving half of a connection: the packets from read on, of which those below nxt are complete, and
// those above came before one that is missing.
//
//	read <= nxt <= allocation+1 = read+window
type receiver struct {
	ring      []incoming // by sequence number modulo its length, a power of two
	window    int        // packets that are offered
	read, nxt uint16
	off       int    // octets of the packet at read that were read
	told      uint16 // the allocation that the other end was last told
	held      int    // packets above nxt
	naked     bool   // nakFor is valid
	nakFor    uint16 // nxt at the last negative acknowledgement
	discard   bool   // nobody will read
	longest   int    // packets longer than this are from before the other end took a smaller size; zero: none are
	released  bool   // the end of the other's direction is below nxt
}

func (r *receiver) init(window int) { r.window = window }

// allocation is the highest number for which there is room.
func (r *receiver) allocation() uint16 { return r.read + uint16(r.window) - 1 }

func (r *receiver) slot(seq uint16) *incoming { return &r.ring[int(seq)&(len(r.ring)-1)] }

// has reports whether a packet within the window is there.
func (r *receiver) has(seq uint16) bool {
	return int(seq-r.read) < len(r.ring) && r.slot(seq).present
}

// grow makes the ring long enough for a packet within the window.
func (r *receiver) grow(seq uint16) {
	n := max(16, len(r.ring))
	for n <= int(seq-r.read) {
		n *= 2
	}
	if n == len(r.ring) {
		return
	}
	ring := make([]incoming, n)
	for i := range len(r.ring) {
		at := r.read + uint16(i)
		ring[int(at)&(n-1)] = *r.slot(at)
	}
	r.ring = ring
}

// isRelease reports whether a packet is the end of a direction. In SPX, and with data, these types are the client's.
func (s *session) isRelease(h Header) bool {
	return s.spx2 && (h.Stream() == StreamRelease || h.Stream() == StreamReleaseRequest) && len(h.Data()) == 0
}

// recvSequenced takes a packet with a number: data, or an end.
func (s *session) recvSequenced(h Header) {
	r, seq := &s.recv, h.Sequence()
	switch {
	case h.Stream() == StreamEnd:
		s.recvEnd(h)
	case h.Stream() == StreamEndAck: // of nothing: it is no client's
		s.m.stats.dropState++
	case isBefore(seq, r.nxt):
		s.m.stats.duplicates++
		s.ack() // the acknowledgement was lost
	case r.longest > 0 && len(h) > r.longest:
		s.m.stats.dropSize++
	case isBefore(r.allocation(), seq) || r.released:
		s.m.stats.dropWindow++
		s.ackIf(h)
	case r.discard:
		s.discardData(h)
	case r.has(seq):
		s.m.stats.duplicates++
		s.ackIf(h)
	default:
		s.keepData(h)
	}
}

// ackIf acknowledges what asks for it.
func (s *session) ackIf(h Header) {
	if h.Control()&ControlAck != 0 {
		s.ack()
	}
}

// discardData takes data that nobody will read.
func (s *session) discardData(h Header) {
	r := &s.recv
	if h.Sequence() == r.nxt {
		r.nxt++
		r.read = r.nxt
		r.released = s.isRelease(h)
	}
	s.ackIf(h)
	s.releaseAcked()
}

// keepData keeps a packet of the window, and acknowledges.
func (s *session) keepData(h Header) {
	r := &s.recv
	s.store(h)
	before := r.nxt
	for r.has(r.nxt) {
		r.released = r.released || r.slot(r.nxt).release
		r.nxt++
		r.held--
	}
	switch {
	case s.wantsNak(h):
		s.nak()
	default:
		s.ackIf(h)
	}
	if r.nxt != before && s.client != nil {
		s.client.readable()
	}
	s.releaseAcked()
}

func (s *session) store(h Header) {
	r := &s.recv
	r.grow(h.Sequence())
	data := h.Data()
	in := incoming{control: h.Control(), stream: h.Stream(), present: true, release: s.isRelease(h)}
	if len(data) > 0 {
		in.buf = s.m.pool.take(len(data))
		copy(in.buf, data)
	}
	*r.slot(h.Sequence()) = in
	r.held++
	s.m.stats.dataIn++
	s.m.stats.octetsIn += uint64(len(data))
}

// nakThreshold is how many packets must be ahead of a missing one before it counts as lost, not as late
// (RFC 5681 §3.2 takes as many).
const nakThreshold = 3

// wantsNak reports whether to ask for a missing packet: once for each gap. A packet that asks for an acknowledgement is
// the last for now, so that nothing else would tell.
func (s *session) wantsNak(h Header) bool {
	r := &s.recv
	enough := r.held >= nakThreshold || r.held > 0 && h.Control()&ControlAck != 0
	return s.spx2 && enough && !(r.naked && r.nakFor == r.nxt)
}

// nak asks for the packets of the first gap: a system packet that has their count for a sequence number.
func (s *session) nak() {
	r := &s.recv
	n := uint16(0)
	for !r.has(r.nxt + n) {
		n++
	}
	r.naked, r.nakFor = true, r.nxt
	s.m.stats.naks++
	s.emitSystem(s.fields(ControlSystem, n))
}

// read gives what was received, across the bounds of messages.
func (s *session) read(b []byte) (n int, err error) {
	for n < len(b) && s.hasPacket() {
		k, _ := s.readPacket(b[n:])
		n += k
	}
	return n, s.readDone(n > 0)
}

// readMessage gives what was received of one message. EOM is set with its last octets. It waits for no more than is
// there.
func (s *session) readMessage(b []byte) (n int, m MessageInfo, err error) {
	any := false
	for !m.EOM && s.hasPacket() {
		in := s.recv.slot(s.recv.read)
		attention := in.control&ControlAttention != 0
		if any && (n == len(b) || in.stream != m.Type || attention != m.Attention) {
			break
		}
		any, m.Type, m.Attention = true, in.stream, attention
		eom := in.control&ControlEOM != 0
		k, whole := s.readPacket(b[n:])
		n += k
		m.EOM = eom && whole
		if !whole {
			break
		}
	}
	return n, m, s.readDone(any)
}

// hasPacket reports whether there is a packet to read.
func (s *session) hasPacket() bool {
	r := &s.recv
	return r.read != r.nxt && !r.slot(r.read).release
}

// readPacket gives what is left of the first packet. It reports whether that was all.
func (s *session) readPacket(b []byte) (n int, whole bool) {
	r := &s.recv
	in := r.slot(r.read)
	n = copy(b, in.buf[r.off:])
	if r.off += n; r.off < len(in.buf) {
		return n, false
	}
	s.m.pool.give(in.buf)
	*in = incoming{}
	r.off = 0
	r.read++
	return n, true
}

// readDone ends reading: it offers the room that became free, and tells why there is nothing.
func (s *session) readDone(any bool) error {
	r := &s.recv
	if s.state == stateEstablished && int(r.allocation()-r.told) >= (r.window+1)/2 {
		s.ack()
	}
	switch {
	case any:
		return nil
	case r.read != r.nxt, s.ended, s.state == stateOver:
		return io.EOF
	case s.err != nil:
		return s.err
	case s.state == stateClosed:
		return io.EOF
	}
	return errAgain
}

// dropHeld gives up the packets that came ahead of a missing one. They were not acknowledged, and will come again.
func (s *session) dropHeld() {
	r := &s.recv
	for seq := r.nxt + 1; r.held > 0; seq++ {
		if r.has(seq) {
			s.m.pool.give(r.slot(seq).buf)
			*r.slot(seq) = incoming{}
			r.held--
		}
	}
	r.naked = false
}

// dropIncoming gives up what was received: nobody will read it.
func (s *session) dropIncoming() {
	r := &s.recv
	for i := range r.ring {
		s.m.pool.give(r.ring[i].buf)
	}
	r.ring, r.held, r.off = nil, 0, 0
	r.discard, r.read = true, r.nxt
}
