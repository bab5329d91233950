package lab

import (
	"time"

	"tapestry/link/segment"
	"tapestry/link/segment/stp"
)

// treeTimers reads the timers of a spanning tree. Those that the file leaves out follow from those it has, so that
// (IEEE 802.1D-1998 §8.10.2)
//
//	2 x (hello + 1 s) <= max_age <= 2 x (forward_delay - 1 s)
func (c *checker) treeTimers(path string, t *segment.TreeConfig, f fileSegment) {
	before := len(c.problems)
	t.Hello = c.within(path+".hello", f.Hello, 1, 10)
	t.MaxAge = c.within(path+".max_age", f.MaxAge, 6, 40)
	t.ForwardDelay = c.within(path+".forward_delay", f.ForwardDelay, 4, 30)
	if len(c.problems) > before {
		return
	}
	if t.Hello == 0 {
		t.Hello = stp.DefaultHello
	}
	if t.MaxAge == 0 {
		t.MaxAge = stp.DefaultMaxAge
		if t.ForwardDelay != 0 {
			t.MaxAge = min(t.MaxAge, mostAge(t.ForwardDelay))
		}
		t.MaxAge = max(t.MaxAge, leastAge(t.Hello))
	}
	if t.ForwardDelay == 0 {
		t.ForwardDelay = max(stp.DefaultForwardDelay, t.MaxAge/2+time.Second)
	}
	c.treeRelation(path, t, f)
}

// treeRelation says which key to change where the timers contradict each other.
func (c *checker) treeRelation(path string, t *segment.TreeConfig, f fileSegment) {
	least, most := leastAge(t.Hello), mostAge(t.ForwardDelay)
	switch {
	case f.MaxAge != "" && t.MaxAge < least:
		c.bad(path+".max_age", "%v is less than 2 x (hello %v + 1s) (IEEE 802.1D-1998 §8.10.2); raise it to %v, or leave it out", t.MaxAge, t.Hello, least)
	case f.MaxAge != "" && t.MaxAge > most:
		c.bad(path+".max_age", "%v is more than 2 x (forward_delay %v - 1s) (IEEE 802.1D-1998 §8.10.2); set %v at most, or forward_delay = %q, or leave one of the two out",
			t.MaxAge, t.ForwardDelay, most, (t.MaxAge/2 + time.Second).String())
	case t.MaxAge > most:
		c.bad(path+".forward_delay", "%v is too short for hello %v (IEEE 802.1D-1998 §8.10.2); raise it to %v, or leave it out",
			t.ForwardDelay, t.Hello, t.Hello+2*time.Second)
	}
}

// leastAge is the shortest max_age: what a port heard must not age before the next message.
func leastAge(hello time.Duration) time.Duration { return 2 * (hello + time.Second) }

// mostAge is the longest: all must have heard before a port forwards.
func mostAge(forwardDelay time.Duration) time.Duration { return 2 * (forwardDelay - time.Second) }
