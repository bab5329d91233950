package pipe

import (
	"net"
	"sync"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/ring"
	"tapestry/link/internal/wire"
)

// Config describes a cable. The zero value of each field means its default.
type Config struct {
	MTU     int              // default 1500
	Offload link.Offload     // what crosses unfinished; default none: see [AllOffloads]
	Depth   int              // frames held in each direction; default 8192, more than TCP has in flight by default
	Names   [2]string        // default "pipe0", "pipe1"
	Addrs   [2]ethernet.Addr // default 02:00:00:00:00:01 and :02
}

// AllOffloads are the offloads that a cable between two stacks can carry.
const AllOffloads = link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO

func (c Config) withDefaults() Config {
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.Depth <= 0 {
		c.Depth = 8192
	}
	for i := range 2 {
		if c.Names[i] == "" {
			c.Names[i] = [2]string{"pipe0", "pipe1"}[i]
		}
		if c.Addrs[i].IsZero() {
			c.Addrs[i] = ethernet.Addr{0x02, 0, 0, 0, 0, byte(i + 1)}
		}
	}
	return c
}

// New makes a cable and returns its ends.
func New(c Config) (*End, *End) {
	c = c.withDefaults()
	w := &cable{}
	w.now.Store(&terms{offload: c.Offload, isUp: true, changed: make(chan struct{})})
	ends := [2]*End{}
	for i := range ends {
		ends[i] = &End{in: ring.New(c.Depth, 0), cable: w, info: link.Info{Name: c.Names[i], Addr: c.Addrs[i], MTU: c.MTU}}
	}
	ends[0].out, ends[1].out = ends[1].in, ends[0].in
	return ends[0], ends[1]
}

// cable is what both ends share.
type cable struct {
	now atomic.Pointer[terms]
	mu  sync.Mutex // changes one at a time
}

// terms are what can change; they are read-only.
type terms struct {
	offload link.Offload
	isUp    bool
	changed chan struct{} // closed when these are no longer true; nil: they stay
}

// change puts new terms in force, unless the cable was cut.
func (c *cable) change(t terms) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.now.Load()
	if !old.isUp {
		return
	}
	c.now.Store(&t)
	close(old.changed)
}

// End is one end of a cable: a [link.Device] with one queue, which is the End itself.
type End struct {
	link.Counters
	in, out *ring.Ring
	cable   *cable
	info    link.Info // what does not change
}

// Info implements [link.Device].
func (e *End) Info() link.Info {
	i, t := e.info, e.cable.now.Load()
	i.Rx, i.Tx, i.Up, i.Changed = t.offload, t.offload, t.isUp, t.changed
	return i
}

// SetOffload changes what crosses the cable unfinished, both ways. Frames that are on their way stay as they are.
func (e *End) SetOffload(o link.Offload) {
	e.cable.change(terms{offload: o, isUp: true, changed: make(chan struct{})})
}

// Queues implements [link.Device].
func (e *End) Queues() []link.Queue { return []link.Queue{e} }

// Close implements [link.Device]. Frames that the other end wrote and nobody read are released.
func (e *End) Close() error {
	e.cable.change(terms{offload: e.Info().Tx})
	e.in.Close()
	return nil
}

// ReadFrames implements [link.Queue].
func (e *End) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	n := e.in.Get(f)
	if n == 0 {
		return 0, net.ErrClosed
	}
	e.CountRx(f[:n])
	return n, nil
}

// WriteFrames implements [link.Queue].
func (e *End) WriteFrames(f []link.Frame) int {
	t := e.cable.now.Load()
	if !t.isUp {
		e.DropTx(len(f))
		link.ReleaseAll(f)
		return 0
	}
	left := 0
	for len(f) > 0 {
		if ready := e.ready(f, t.offload); ready > 0 {
			left += e.put(f[:ready])
			f = f[ready:]
			continue
		}
		left += e.finish(f[0], t.offload)
		f[0] = link.Frame{}
		f = f[1:]
	}
	return left
}

// ready is how many frames at the start of f may cross a cable that carries o as they are.
func (e *End) ready(f []link.Frame, o link.Offload) int {
	for i := range f {
		if !wire.Carries(e.info.MTU, &f[i]) || !wire.IsReady(&f[i], o) {
			return i
		}
	}
	return len(f)
}

// put hands f to the other end and gives how many it took.
func (e *End) put(f []link.Frame) int {
	n, s := e.out.Put(f)
	e.AddTx(s.Frames, s.Bytes, s.GSO)
	e.DropTx(len(f) - n)
	link.ReleaseAll(f[n:])
	return n
}

// finish sends f after doing in software what a cable that carries o does not carry undone. It gives 1 if all of f
// crossed.
func (e *End) finish(f link.Frame, o link.Offload) int {
	if !wire.Carries(e.info.MTU, &f) {
		e.DropTx(1)
		f.Release()
		return 0
	}
	b := parts.Get().(*[]link.Frame)
	defer parts.Put(b)
	fit, err := link.Fit((*b)[:0], f, o)
	*b = fit[:0]
	if err != nil || e.ready(fit, o) != len(fit) {
		e.DropTx(1)
		link.ReleaseAll(fit)
		return 0
	}
	n := e.put(fit)
	clear(fit)
	if n != len(fit) {
		return 0
	}
	return 1
}

// parts holds slices for the segments of a super-frame, empty ones.
var parts = sync.Pool{New: func() any { b := make([]link.Frame, 0, 64); return &b }}
