package spx

import "time"

// recvNumbers takes acknowledgement and allocation of a packet. Numbers from outside the window are old, or forged, and
// say nothing.
func (s *session) recvNumbers(h Header) {
	t, ack := &s.send, h.Acknowledge()
	if ack-t.una > t.top-t.una {
		s.m.stats.dropAck++
		return
	}
	opened := isBefore(t.alloc, h.Allocation())
	if opened {
		t.alloc = h.Allocation()
		s.rtt.progress()
		if t.inFlight() == 0 {
			s.rtxAt = time.Time{} // it was that of a probe
		}
	}
	switch {
	case ack != t.una:
		s.acked(ack)
	case h.Control()&ControlSystem != 0 && h.Control()&ControlAck == 0 && !opened && t.inFlight() > 0:
		s.duplicateAck()
	}
}

// acked forgets the packets before a number.
func (s *session) acked(ack uint16) {
	t := &s.send
	n := int(ack - t.una)
	sent, clean := time.Time{}, true
	for ; t.una != ack; t.una++ {
		o := t.slot(t.una)
		sent, clean = o.sent, clean && !o.again
		s.m.pool.give(o.buf)
		*o = outgoing{}
	}
	if isBefore(t.nxt, t.una) {
		t.nxt = t.una
	}
	if clean { // else it is not known which copy was acknowledged: Karn's rule (RFC 6298 §3)
		s.rtt.sample(s.m.now.Sub(sent))
	}
	s.rtt.progress()
	s.tries, t.dups = 0, 0
	s.widen(n)
	s.rtxAt = time.Time{}
	if t.queued() > 0 {
		s.startTimer()
	}
	if s.client != nil && (t.room() >= t.max/4 || t.queued() == 0) {
		s.client.writable()
	}
	s.releaseAcked()
}

// widen opens the congestion window by what n acknowledged packets are worth, and repeats the next hole while it lasts.
func (s *session) widen(n int) {
	t := &s.send
	if t.recovering {
		if isBefore(t.una, t.recover) {
			s.nextHole()
			if t.cwnd >= t.ssthresh {
				return
			}
		} else {
			t.recovering = false
		}
	}
	if t.cwnd < t.ssthresh {
		t.cwnd = min(t.cwnd+n, maxWindow)
		return
	}
	if t.credit += n; t.credit >= t.cwnd {
		t.credit -= t.cwnd
		t.cwnd = min(t.cwnd+1, maxWindow)
	}
}

// nextHole repeats the oldest packet if the loss that is being repaired took it, too: what was acknowledged just now
// ended right before it.
func (s *session) nextHole() {
	t := &s.send
	if t.una != t.nxt && !t.slot(t.una).again {
		s.transmit(t.una, true)
	}
}

// dupThreshold is how many acknowledgements of nothing new mean that a packet was lost (RFC 5681 §3.2).
const dupThreshold = 3

// duplicateAck counts: an end without negative acknowledgements tells a loss in no other way.
func (s *session) duplicateAck() {
	t := &s.send
	if t.dups++; t.dups >= dupThreshold {
		s.lost(1)
	}
}

// recvNak repeats n packets that the other end misses.
func (s *session) recvNak(h Header) {
	t := &s.send
	if h.Acknowledge() != t.una || t.inFlight() == 0 {
		return // old
	}
	s.m.stats.naksIn++
	s.lost(min(int(h.Sequence()), t.inFlight(), maxNak))
}

// maxNak bounds what one negative acknowledgement has repeated.
const maxNak = 64

// lost repeats n packets from the oldest on, and halves the congestion window once for each window (RFC 5681 §3.2).
func (s *session) lost(n int) {
	t := &s.send
	if !t.recovering {
		t.recovering, t.recover = true, t.top
		t.ssthresh = max(t.inFlight()/2, 2)
		t.cwnd, t.credit = t.ssthresh, 0
	}
	for i := range n {
		seq := t.una + uint16(i)
		if o := t.slot(seq); o.again && s.m.now.Sub(o.sent) < s.rtt.srtt {
			continue // it is on its way already
		}
		s.transmit(seq, i == n-1)
	}
	s.startTimer()
}
