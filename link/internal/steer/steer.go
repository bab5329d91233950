package steer

import "tapestry/link"

// steerer is a device that knows which of its queues, as an index, a frame's flow has: what comes back comes in there.
type steerer interface {
	QueueOf(f *link.Frame) int
}

// Queues gives the queues of dev to its wrapper. If dev has QueueOf, frames that are written to any of them leave by the
// queue of their flow. Reading is as ever.
func Queues(dev link.Device) []link.Queue {
	all := dev.Queues()
	s, ok := dev.(steerer)
	if !ok || len(all) < 2 {
		return all
	}
	steered := make([]link.Queue, len(all))
	for i, q := range all {
		steered[i] = queue{q, all, s}
	}
	return steered
}

type queue struct {
	link.Queue
	all []link.Queue
	dev steerer
}

// WriteFrames implements [link.Queue].
func (q queue) WriteFrames(f []link.Frame) (sent int) {
	for len(f) > 0 {
		i, same := q.dev.QueueOf(&f[0]), 1
		for same < len(f) && q.dev.QueueOf(&f[same]) == i {
			same++
		}
		sent += q.all[i].WriteFrames(f[:same])
		f = f[same:]
	}
	return sent
}
