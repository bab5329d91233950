package impair

import "time"

// server sends frames at a rate: one at a time, the others wait.
type server struct {
	waiting fifo
	codel   codel
	busy    bool
	sending held
	end     time.Duration // when sending has left
	rest    uint64        // what whole nanoseconds leave of that, in 1/rate nanoseconds
}

func (s *server) count() int {
	if s.busy {
		return s.waiting.count + 1
	}
	return 0
}

func (s *server) hasRoom(c *Config, size int) bool {
	return s.waiting.count < c.Queue && s.waiting.bytes+size <= c.QueueBytes
}

func (s *server) clear() {
	s.waiting.clear()
	s.sending.frame.Release()
	s.sending, s.busy = held{}, false
}

// time is how long size octets take. Frames that follow each other take exactly what all their bits take.
func (s *server) time(c *Config, size int) time.Duration {
	bits := uint64(size+c.Overhead) * 8
	t := bits*uint64(time.Second) + s.rest
	s.rest = t % uint64(c.Rate)
	return time.Duration(t / uint64(c.Rate))
}

// serve begins to send the next frame at the time at, if there is one.
func (l *Line) serve(at time.Duration) {
	s := &l.server
	h, ok := held{}, s.waiting.count > 0
	switch {
	case l.c.Discipline == CoDel:
		h, ok = s.codel.take(&s.waiting, &l.c, at, func(h held) { l.drop(&h.frame, &l.stats.Drops.CoDel) })
	case ok:
		h = s.waiting.pop()
	}
	s.busy, s.sending = ok, h
	if !ok {
		return
	}
	if at > s.end {
		s.rest = 0 // of an idle time nothing is left
	}
	s.end = at + s.time(&l.c, h.size)
}

// sent ends the sending of a frame.
func (l *Line) sent() {
	at := l.server.end
	l.propagate(l.server.sending, at)
	l.serve(at)
}

// changeRate has a new rate apply to what waits, and to what is being sent if that gets it away sooner.
func (l *Line) changeRate(now time.Duration) {
	s := &l.server
	s.rest = 0
	if !s.busy {
		return
	}
	if l.c.Rate > 0 {
		s.end = min(s.end, now+s.time(&l.c, s.sending.size))
		return
	}
	l.propagate(s.sending, now)
	for s.waiting.count > 0 {
		l.propagate(s.waiting.pop(), now)
	}
	s.busy, s.sending = false, held{}
}
