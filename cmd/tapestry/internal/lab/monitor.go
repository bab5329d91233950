package lab

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link"
)

// monitor is a device that lets others see the frames that pass. While nobody looks it costs one atomic load a batch.
type monitor struct {
	link.Device
	queues    []link.Queue
	gone      func(error)                 // told why a queue ended by itself
	listeners atomic.Pointer[[]*listener] // nil: none

	mu sync.Mutex // held by who replaces listeners
}

// sighting is one frame that passed. Who gets it releases the frame.
type sighting struct {
	when  time.Time
	out   bool // from the host
	frame link.Frame
}

// listener gets clones of frames; what does not fit its channel is counted and not waited for.
type listener struct {
	frames chan sighting
	octets atomic.Int64 // in frames
	missed atomic.Uint64
}

// How far a listener can lag behind, in frames and in octets.
const (
	listenerDepth  = 1024
	listenerOctets = 4 << 20
)

func newMonitor(d link.Device, gone func(error)) *monitor {
	m := &monitor{Device: d, gone: gone}
	for _, q := range d.Queues() {
		m.queues = append(m.queues, &monitorQueue{Queue: q, m: m})
	}
	return m
}

// Queues implements [link.Device].
func (m *monitor) Queues() []link.Queue { return m.queues }

// Stats implements [link.StatsReader].
func (m *monitor) Stats() link.Stats {
	if s, ok := m.Device.(link.StatsReader); ok {
		return s.Stats()
	}
	return link.Stats{}
}

// filterer is a device that can leave out frames that its station has no use for.
type filterer interface {
	SetFilter(wants func(head []byte) bool)
}

// SetFilter tells the device, if it can, which frames the station wants. While somebody looks they are all wanted.
func (m *monitor) SetFilter(wants func(head []byte) bool) {
	if f, ok := m.Device.(filterer); ok {
		f.SetFilter(func(head []byte) bool { return m.listeners.Load() != nil || wants(head) })
	}
}

// station is the device that a host is given: it knows the queues of flows if the one behind the monitor does.
func (m *monitor) station() link.Device {
	if s, ok := m.Device.(steerer); ok {
		return steeredMonitor{m, s}
	}
	return m
}

// steerer is a device that knows which of its queues, as an index, a frame's flow has.
type steerer interface {
	QueueOf(f *link.Frame) int
}

type steeredMonitor struct {
	*monitor
	steerer
}

// listen gives a listener, and the function that ends and drains it.
func (m *monitor) listen() (*listener, func()) {
	l := &listener{frames: make(chan sighting, listenerDepth)}
	m.replace(func(all []*listener) []*listener { return append(all, l) })
	return l, func() {
		m.replace(func(all []*listener) []*listener {
			var rest []*listener
			for _, o := range all {
				if o != l {
					rest = append(rest, o)
				}
			}
			return rest
		})
		l.drain()
	}
}

// replace changes the list by copying it.
func (m *monitor) replace(change func([]*listener) []*listener) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var old []*listener
	if p := m.listeners.Load(); p != nil {
		old = append(old, *p...)
	}
	next := change(old)
	if len(next) == 0 {
		m.listeners.Store(nil)
		return
	}
	m.listeners.Store(&next)
}

// drain releases what is in the channel. A queue that read the list before it was replaced can add a few more frames;
// those go to the garbage collector.
func (l *listener) drain() {
	for {
		select {
		case s := <-l.frames:
			l.taken(s)
			s.frame.Release()
		default:
			return
		}
	}
}

func (m *monitor) show(f []link.Frame, out bool) {
	p := m.listeners.Load()
	if p == nil {
		return
	}
	now := time.Now()
	for _, l := range *p {
		for i := range f {
			l.offer(sighting{now, out, f[i].Clone()})
		}
	}
}

func (l *listener) offer(s sighting) {
	n := int64(s.frame.Len())
	if l.octets.Add(n) <= listenerOctets {
		select {
		case l.frames <- s:
			return
		default:
		}
	}
	l.octets.Add(-n)
	s.frame.Release()
	l.missed.Add(1)
}

// taken counts a frame that left the channel; call it before the frame is released.
func (l *listener) taken(s sighting) { l.octets.Add(-int64(s.frame.Len())) }

// monitorQueue shows what passes a queue.
type monitorQueue struct {
	link.Queue
	m *monitor
}

// ReadFrames implements [link.Queue].
func (q *monitorQueue) ReadFrames(f []link.Frame) (int, error) {
	n, err := q.Queue.ReadFrames(f)
	q.m.show(f[:n], false)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		q.m.gone(err)
	}
	return n, err
}

// WriteFrames implements [link.Queue].
func (q *monitorQueue) WriteFrames(f []link.Frame) int {
	q.m.show(f, true)
	return q.Queue.WriteFrames(f)
}
