package spx

import (
	"syscall"
	"time"
)

// deadline is the earliest of the timers.
func (s *session) deadline() time.Time {
	t := s.rtxAt
	for _, u := range [...]time.Time{s.probeAt, s.lingerAt} {
		if t.IsZero() || !u.IsZero() && u.Before(t) {
			t = u
		}
	}
	return t
}

// arm has the connection come due at its earliest timer.
func (s *session) arm() {
	if t := s.deadline(); s.state != stateClosed && !t.IsZero() {
		s.m.timers.set(s, t)
	}
}

func isDue(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }

// expire does what is due.
func (s *session) expire() {
	now := s.m.now
	if isDue(s.lingerAt, now) {
		s.abort()
		return
	}
	if isDue(s.rtxAt, now) {
		s.rtxAt = time.Time{}
		s.expireRetransmit()
	}
	if s.state != stateClosed && isDue(s.probeAt, now) {
		s.expireProbe()
	}
}

// expireRetransmit repeats what was not answered.
func (s *session) expireRetransmit() {
	switch s.state {
	case stateRequesting:
		s.retryRequest()
	case stateNegotiating, stateAwaiting:
		s.retryNegotiating()
	case stateSetup:
		if s.againSmaller() {
			s.sendSetup()
		}
	case stateAnswered:
		s.fail(syscall.ETIMEDOUT)
	case stateEstablished:
		s.retransmit()
	case stateDisconnecting:
		s.retryEnd()
	case stateOver:
		s.forget()
	}
}

// retryNegotiating repeats the size request, if there is one.
func (s *session) retryNegotiating() {
	switch {
	case !s.sized:
		s.fail(syscall.ETIMEDOUT)
	case s.againSmaller():
		s.sendSizeRequest()
	}
}

// again counts a repetition, and gives the connection up after the last.
func (s *session) again() bool {
	if s.tries++; s.tries > s.m.c.Retries {
		s.fail(syscall.ETIMEDOUT)
		return false
	}
	s.rtt.again()
	s.startTimer()
	return true
}

// startTimer starts the retransmission timer (RFC 6298 §5.1).
func (s *session) startTimer() { s.rtxAt = s.m.now.Add(s.rtt.timeout()) }

// expireProbe is the watchdog: it asks whether the other end is there after a while without a packet of it. While
// something of ours is unanswered, the retransmission timer does that.
func (s *session) expireProbe() {
	c, now := &s.m.c, s.m.now
	quiet := s.heard.Add(c.Idle)
	switch {
	case s.state != stateEstablished:
		s.probeAt = time.Time{}
	case now.Before(quiet):
		s.probes = 0
		s.probeAt = quiet
	case s.send.queued() > 0:
		s.probeAt = now.Add(c.Idle)
	case s.probes >= c.Probes:
		s.fail(syscall.ETIMEDOUT)
	default:
		s.probes++
		s.probe()
		s.probeAt = now.Add(c.Probe)
	}
}
