package pcap

import (
	"sync"
	"time"

	"tapestry/link"
)

// record is one frame to be written.
type record struct {
	frame link.Frame
	at    time.Time
	dir   Direction
}

// queue is a bounded queue of records between the data path and the writer, which holds as much again at most.
type queue struct {
	mu        sync.Mutex
	filled    sync.Cond // its L is &mu
	records   []record
	bytes     int
	maxFrames int
	maxBytes  int
	closed    bool
}

func newQueue(frames, bytes int) *queue {
	q := &queue{maxFrames: frames, maxBytes: bytes}
	q.filled.L = &q.mu
	return q
}

// put clones the frames that there is room for and returns how many.
func (q *queue) put(f []link.Frame, at time.Time, dir Direction) (frames, bytes uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range f {
		n := f[i].Len()
		if q.closed || len(q.records) >= q.maxFrames || q.bytes+n > q.maxBytes {
			break
		}
		q.records = append(q.records, record{f[i].Clone(), at, dir})
		q.bytes += n
		frames++
		bytes += uint64(n)
	}
	if frames > 0 {
		q.filled.Signal()
	}
	return frames, bytes
}

// take gives all records and leaves the queue with spare's memory. It blocks for one, and gives none once the queue is
// closed and empty.
func (q *queue) take(spare []record) []record {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.records) == 0 && !q.closed {
		q.filled.Wait()
	}
	got := q.records
	q.records, q.bytes = spare[:0], 0
	return got
}

// close refuses further records; those in the queue are still given out.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}
