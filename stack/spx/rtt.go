package spx

import "time"

// estimator is the retransmission time-out of one connection (RFC 6298 §2).
type estimator struct {
	c            *Config
	srtt, rttvar time.Duration
	backoff      uint // doublings since the last measurement or progress
}

func newEstimator(c *Config) estimator { return estimator{c: c} }

// sample takes a measurement of a packet that was sent once (RFC 6298 §3).
func (e *estimator) sample(r time.Duration) {
	if r <= 0 {
		r = 1
	}
	if e.srtt == 0 {
		e.srtt, e.rttvar = r, r/2
		return
	}
	e.rttvar += ((e.srtt - r).Abs() - e.rttvar) / 4
	e.srtt += (r - e.srtt) / 8
}

// timeout is how long to wait for an answer.
func (e *estimator) timeout() time.Duration {
	d := e.c.FirstTimeout
	if e.srtt != 0 {
		d = max(e.srtt+4*e.rttvar, e.c.MinTimeout)
	}
	return min(d<<min(e.backoff, 16), e.c.MaxTimeout)
}

// again doubles the time-out (RFC 6298 §5.5).
func (e *estimator) again() { e.backoff++ }

// progress ends doubling.
func (e *estimator) progress() { e.backoff = 0 }
