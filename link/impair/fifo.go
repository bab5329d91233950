package impair

import (
	"time"

	"tapestry/link"
)

// held is a frame that the line keeps.
type held struct {
	frame link.Frame
	size  int           // octets
	queue int           // of the device, handed through
	at    time.Duration // when it came, or when it is due
}

// fifo is a queue that grows as needed and gives its memory back; its users bound it.
type fifo struct {
	ring  []held
	first int
	count int
	bytes int
}

const firstFIFO = 16 // frames

// keepFIFO is how large an empty queue may be.
const keepFIFO = 4096

func (q *fifo) push(h held) {
	if q.count == len(q.ring) {
		grown := make([]held, max(firstFIFO, 2*len(q.ring)))
		n := copy(grown, q.ring[q.first:])
		copy(grown[n:], q.ring[:q.first])
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.count)%len(q.ring)] = h
	q.count++
	q.bytes += h.size
}

// at gives the i-th oldest; i is less than count.
func (q *fifo) at(i int) *held { return &q.ring[(q.first+i)%len(q.ring)] }

// pop takes the oldest; there is one.
func (q *fifo) pop() held {
	h := q.ring[q.first]
	q.ring[q.first] = held{}
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	q.bytes -= h.size
	if q.count == 0 && len(q.ring) > keepFIFO {
		*q = fifo{}
	}
	return h
}

// clear releases all frames.
func (q *fifo) clear() {
	for q.count > 0 {
		h := q.pop()
		h.frame.Release()
	}
}
