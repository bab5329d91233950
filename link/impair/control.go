package impair

import (
	"net"
	"slices"
	"time"

	"tapestry/link"
)

// Set changes what the line does from now on. With another delay, a frame on its way arrives no later than it would if it
// were written now; frames that wait are sent at the new rate. Random streams go on. The error is a *[KeyError], or
// [net.ErrClosed].
func (l *Line) Set(c Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	c.Cuts = slices.Clone(c.Cuts)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return net.ErrClosed
	}
	now := l.advance()
	old, oldLoss := l.c, l.loss
	l.use(c)
	if !slices.Equal(old.Cuts, c.Cuts) {
		l.cutsFrom = now
	}
	if l.loss != oldLoss {
		l.bursts = bursts{}
	}
	if old.Discipline != c.Discipline {
		l.server.codel = codel{}
	}
	if old.Delay != c.Delay || old.Jitter != c.Jitter {
		l.hasten(now)
	}
	if old.Rate != c.Rate || old.Overhead != c.Overhead {
		l.changeRate(now)
	}
	l.settle()
	return nil
}

// hasten has frames on their way arrive no later than the present delay allows.
func (l *Line) hasten(now time.Duration) {
	latest := now + l.c.Delay + l.c.Jitter
	for i := range l.flight.count {
		h := l.flight.at(i)
		h.at = min(h.at, latest)
	}
	for l.flight.count > 0 && l.flight.at(0).at <= now {
		h := l.flight.pop()
		l.arrive(&h, now)
	}
}

// Config gives what was set last.
func (l *Line) Config() Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.config
	c.Cuts = slices.Clone(c.Cuts)
	return c
}

// Stats gives the counters.
func (l *Line) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Held = l.server.count() + l.flight.count
	s.HeldBytes = l.server.waiting.bytes + l.server.sending.size + l.flight.bytes
	return s
}

// SetUp cuts the line until further notice, or ends that and a Cut. What Config.Cuts says stays.
func (l *Line) SetUp(up bool) {
	l.mu.Lock()
	l.advance()
	if l.down = !up; up {
		l.cutUntil = 0
	}
	l.settle()
}

// Cut cuts the line for a time from now.
func (l *Line) Cut(d time.Duration) {
	l.mu.Lock()
	now := l.advance()
	l.cutUntil = max(l.cutUntil, now+d)
	l.settle()
}

// IsUp reports whether frames cross at present.
func (l *Line) IsUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed && !l.isCut(l.now())
}

// count counts frames that were written, and gives their octets.
func (s *Stats) count(f []link.Frame) uint64 {
	frames, bytes, _ := sum(f)
	s.Frames += frames
	s.Bytes += bytes
	return bytes
}
