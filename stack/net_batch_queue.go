package stack

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/waiter"
	"tapestry/link"
)

// A socket that reads batches has a queue of its own beside the engine's: plain datagrams and whole super-frames are
// put into it by whoever read them from the device, all else (fragments, datagrams with options, those of the host
// itself) reaches the engine's queue. What one sender sent is read in its order all the same:
//
//   - While the engine's queue holds something, nothing is put into the socket's own: it refuses, and the engine gets
//     plain datagrams too. So all that is in the own queue came before all that is in the engine's.
//   - A reader empties the own queue before it looks into the engine's, and looks there only if that held something
//     before the own queue was found empty.
//
// The engine tells when its queue stops being empty, before the next frame of the same queue of the device is looked at.
// events counts that. The reader notes in drained how many events it knew of when it found the engine's queue empty:
// while both are equal it is. The order holds among frames that the device delivers on one of its queues, which is all
// that a device with several promises.
//
// Readers have a list that is theirs, out, and take the whole of in when it is empty: a lock each time, not for each
// datagram.

// smallest is what a datagram counts for at least: empty ones take memory, too.
const smallest = 64

// arrival is a datagram, or a super-frame of datagrams, that waits for a reader.
type arrival struct {
	from, to netip.AddrPort
	nic      *nic
	ttl      uint8
	data     buffer.Buffer // the payload, behind skip octets
	skip     int
	octets   int // of payload, from skip on
	piece    int // octets of each datagram but the last; 0: it is one
	cost     int
}

// datagramQueue is what one socket has received and not read. Its zero value is closed.
type datagramQueue struct {
	octets  atomic.Int64  // of in and out together
	events  atomic.Uint64 // how often the engine's queue stopped being empty
	drained atomic.Uint64
	failed  atomic.Bool // the engine has an error to tell
	entry   waiter.Entry

	out  []arrival // guarded by the socket's read lock
	next int       // the first of out that was not read; guarded by read's lock

	mu     sync.Mutex
	isOpen bool
	in     []arrival
}

// put queues the payload of f, which it takes out of f then. A queue that is closed, or that has to let the engine have
// it, is not ready. One that holds limit octets is full. isNew tells that a reader may be waiting.
func (q *datagramQueue) put(a *arrival, f *link.Frame, limit int64) (ready, full, isNew bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !q.isOpen || !q.isEngineDrained():
		return false, false, false
	case q.octets.Load() >= limit:
		return true, true, false
	}
	a.data = f.Data
	*f = link.Frame{}
	a.cost = max(a.octets, smallest)
	q.octets.Add(int64(a.cost))
	q.in = append(q.in, *a)
	return true, false, len(q.in) == 1
}

func (q *datagramQueue) isEngineDrained() bool { return q.events.Load() == q.drained.Load() }

// front gives the oldest datagram, or nil. The caller holds the socket's read lock.
func (q *datagramQueue) front() *arrival {
	if q.next < len(q.out) {
		return &q.out[q.next]
	}
	q.mu.Lock()
	q.out, q.in, q.next = q.in, q.out[:0], 0
	q.mu.Unlock()
	if len(q.out) == 0 {
		return nil
	}
	return &q.out[0]
}

// drop releases the oldest datagram. The caller holds the socket's read lock.
func (q *datagramQueue) drop() {
	a := &q.out[q.next]
	a.data.Release()
	q.octets.Add(-int64(a.cost))
	*a = arrival{}
	q.next++
}

// open has the queue take datagrams. It is false if it does already.
func (q *datagramQueue) open() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.isOpen
	q.isOpen = true
	return !was
}

// close releases what nobody read. The caller holds the socket's read lock.
func (q *datagramQueue) close() {
	q.mu.Lock()
	q.isOpen = false
	q.mu.Unlock()
	for q.front() != nil {
		q.drop()
	}
	q.in, q.out = nil, nil
}

// read copies the oldest datagram into b, or, if several are wanted, as many of its super-frame as fit into b whole.
// What does not fit of one is lost. It gives how many octets it copied and, of several, their size.
func (q *datagramQueue) read(a *arrival, b []byte, several bool) (n, size int) {
	n = a.octets
	if a.piece > 0 {
		n = min(n, a.piece)
		whole := a.octets
		if len(b) < whole {
			whole = len(b) / a.piece * a.piece
		}
		if several && whole > a.piece {
			n, size = whole, a.piece
		}
	}
	took := 0
	if room := min(n, len(b)); room > 0 {
		took, _ = a.data.ReadAt(b[:room], int64(a.skip)) // never short: put's caller has seen that it is there
	}
	a.skip += n
	if a.octets -= n; a.octets == 0 {
		q.drop()
	}
	return took, size
}

// engineEvents tells a queue of what happens at the engine's.
type engineEvents struct{ c *UDPConn }

// NotifyEvent implements [waiter.EventListener].
func (e engineEvents) NotifyEvent(m waiter.EventMask) {
	q := &e.c.batch().queue
	if m&waiter.EventErr != 0 {
		q.failed.Store(true)
	}
	q.events.Add(1)
	e.c.read.Signal()
}
