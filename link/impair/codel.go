package impair

import (
	"math"
	"time"
)

// codel is the state of RFC 8289 §5.2. Times are those of the line.
type codel struct {
	firstAbove time.Duration // when the wait will have been too long for Interval; zero: it is not too long
	dropNext   time.Duration
	count      int // drops since dropping began
	lastCount  int // of the time before
	dropping   bool
	maxPacket  int // longest frame seen: a queue of one is no standing queue
}

// take gives the next frame to send at now, after handing to drop those that RFC 8289 §5.5 drops.
func (d *codel) take(q *fifo, c *Config, now time.Duration, drop func(held)) (held, bool) {
	h, ok, late := d.look(q, c, now)
	switch {
	case d.dropping && !late:
		d.dropping = false
	case d.dropping:
		for now >= d.dropNext && d.dropping {
			drop(h)
			d.count++
			h, ok, late = d.look(q, c, now)
			if !late {
				d.dropping = false
			} else {
				d.dropNext = d.controlLaw(c, d.dropNext)
			}
		}
	case late:
		drop(h)
		h, ok, _ = d.look(q, c, now)
		d.begin(c, now)
	}
	return h, ok
}

// begin starts dropping, at the rate of the last time if that was a short while ago (RFC 8289 §5.5).
func (d *codel) begin(c *Config, now time.Duration) {
	d.dropping = true
	delta := d.count - d.lastCount
	d.count = 1
	if delta > 1 && now-d.dropNext < 16*c.Interval {
		d.count = delta
	}
	d.dropNext = d.controlLaw(c, now)
	d.lastCount = d.count
}

// look takes a frame and tells whether it may be dropped: waiting took too long for a whole Interval (RFC 8289 §5.6).
func (d *codel) look(q *fifo, c *Config, now time.Duration) (h held, ok, late bool) {
	if q.count == 0 {
		d.firstAbove = 0
		return held{}, false, false
	}
	h = q.pop()
	d.maxPacket = max(d.maxPacket, h.size)
	switch {
	case now-h.at < c.Target || q.bytes <= d.maxPacket:
		d.firstAbove = 0
	case d.firstAbove == 0:
		d.firstAbove = now + c.Interval
	default:
		late = now >= d.firstAbove
	}
	return h, true, late
}

// controlLaw spaces drops by the square root of their number (RFC 8289 §5.6).
func (d *codel) controlLaw(c *Config, t time.Duration) time.Duration {
	return t + time.Duration(float64(c.Interval)/math.Sqrt(float64(d.count)))
}
