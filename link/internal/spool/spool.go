package spool

import "sync"

// Queue is the queue and its goroutine. Start comes before all else.
type Queue[T any] struct {
	values chan T
	done   sync.WaitGroup

	mu     sync.RWMutex // held for reading while the queue may be filled
	closed bool
}

// Start makes room for depth values and has run take them, on a goroutine that ends when run does. run returns when the
// channel is closed and empty.
func (q *Queue[T]) Start(depth int, run func(values <-chan T)) {
	q.values = make(chan T, depth)
	q.done.Go(func() { run(q.values) })
}

// Put queues v if there is room and Close was not called. What it does not take stays the caller's.
func (q *Queue[T]) Put(v T) (taken, closed bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return false, true
	}
	select {
	case q.values <- v:
		return true, false
	default:
		return false, false
	}
}

// Close waits until what was taken is written. Close the socket first: writes to it fail at once.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.values)
	}
	q.mu.Unlock()
	q.done.Wait()
}
