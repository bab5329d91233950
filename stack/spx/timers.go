package spx

import "time"

// timers is a heap of the connections by deadline. A connection's entry is never later than its deadline, but may be
// earlier: most deadlines move away with each packet, and are looked at only when the old one has come.
type timers struct{ heap []*session }

// set has the connection come due at t, or leaves it where it is if that is earlier.
func (h *timers) set(s *session, t time.Time) {
	switch {
	case s.at < 0:
		s.at, s.due = len(h.heap), t
		h.heap = append(h.heap, s)
		h.up(s.at)
	case t.Before(s.due):
		s.due = t
		h.up(s.at)
	}
}

// next is the earliest entry.
func (h *timers) next() time.Time {
	if len(h.heap) == 0 {
		return time.Time{}
	}
	return h.heap[0].due
}

// due takes the first connection out if its entry has come.
func (h *timers) due(now time.Time) *session {
	if len(h.heap) == 0 || h.heap[0].due.After(now) {
		return nil
	}
	s := h.heap[0]
	h.remove(s)
	return s
}

func (h *timers) remove(s *session) {
	i := s.at
	if i < 0 {
		return
	}
	last := len(h.heap) - 1
	h.swap(i, last)
	h.heap[last] = nil
	h.heap = h.heap[:last]
	s.at = -1
	if i < last {
		h.up(i)
		h.down(i)
	}
}

func (h *timers) swap(i, j int) {
	h.heap[i], h.heap[j] = h.heap[j], h.heap[i]
	h.heap[i].at, h.heap[j].at = i, j
}

func (h *timers) less(i, j int) bool { return h.heap[i].due.Before(h.heap[j].due) }

func (h *timers) up(i int) {
	for i > 0 && h.less(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h *timers) down(i int) {
	for {
		c := 2*i + 1
		if c+1 < len(h.heap) && h.less(c+1, c) {
			c++
		}
		if c >= len(h.heap) || !h.less(c, i) {
			return
		}
		h.swap(i, c)
		i = c
	}
}
