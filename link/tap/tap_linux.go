package tap

import (
	"errors"
	"net"
	"sync"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/internal/vnet"
	"tapestry/link/internal/wire"
)

// Device is a TAP device: a [link.Device].
type Device struct {
	config  Config
	info    link.Info
	queues  []*queue
	gone    chan struct{} // closed when the device is closed or has been removed
	goneSet sync.Once

	mu     sync.Mutex
	help   Help
	closed bool
}

// queue counts for itself: queues share no memory that is written for each frame.
type queue struct {
	*vnet.Queue
	counters link.Counters
	_        [64]byte // the next one's counters are in another cache line
}

// Open makes or attaches to a TAP device in the network namespace of the calling thread.
func Open(c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := c.checkName(); err != nil {
		return nil, err
	}
	p := port{Config: c}
	defer p.closeUnused()
	if err := p.open(); err != nil {
		return nil, err
	}
	d := &Device{config: p.Config, help: p.help, gone: make(chan struct{})}
	d.info = link.Info{Name: p.Name, Addr: c.Addr, MTU: p.MTU, Rx: p.offload, Tx: p.offload, Up: true, Changed: d.gone}
	for i, fd := range p.fds {
		p.fds[i] = -1
		if err := d.addQueue(fd); err != nil {
			d.Close()
			return nil, err
		}
	}
	report(c.Log, p.Name, p.help)
	return d, nil
}

func (d *Device) addQueue(fd int) error {
	q := &queue{}
	var err error
	q.Queue, err = vnet.NewQueue(fd, vnet.Config{
		Name: d.info.Name, Header: !d.config.NoVnetHdr, MTU: d.info.MTU, Rx: d.info.Rx, Tx: d.info.Tx,
		Counters: &q.counters, Gone: d.setGone, Spin: d.config.Spin,
	})
	if err == nil {
		d.queues = append(d.queues, q)
	}
	return err
}

// Info implements [link.Device].
func (d *Device) Info() link.Info { return wire.Now(d.info, d.gone) }

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue {
	q := make([]link.Queue, len(d.queues))
	for i := range q {
		q[i] = d.queues[i]
	}
	return q
}

// QueueOf gives the queue that the flow of f has, as an index of Queues: frames of the opposite direction come in on it,
// and f is best written to it. Without a steering program this holds as soon as f was.
func (d *Device) QueueOf(f *link.Frame) int {
	if len(d.queues) == 1 {
		return 0
	}
	head := f.Head()
	if len(head) < flowHeadLen && len(head) < f.Len() {
		var b [flowHeadLen]byte
		n, _ := f.Data.ReadAt(b[:], 0)
		return queueOf(flowHash(b[:n]), len(d.queues))
	}
	return queueOf(flowHash(head), len(d.queues))
}

// Stats implements [link.StatsReader].
func (d *Device) Stats() link.Stats {
	var sum link.Stats
	for _, s := range d.QueueStats() {
		sum.RxFrames += s.RxFrames
		sum.RxBytes += s.RxBytes
		sum.RxGSO += s.RxGSO
		sum.RxDropped += s.RxDropped
		sum.TxFrames += s.TxFrames
		sum.TxBytes += s.TxBytes
		sum.TxGSO += s.TxGSO
		sum.TxDropped += s.TxDropped
	}
	return sum
}

// QueueStats are the counters of each queue, in the order of Queues.
func (d *Device) QueueStats() []link.Stats {
	s := make([]link.Stats, len(d.queues))
	for i, q := range d.queues {
		s[i] = q.counters.Stats()
	}
	return s
}

// SpinStats counts how often a reader went on trying before it waited, and how often a frame came meanwhile.
func (d *Device) SpinStats() (spins, hits uint64) {
	for _, q := range d.queues {
		s, h := q.SpinStats()
		spins, hits = spins+s, hits+h
	}
	return spins, hits
}

// Help says what the kernel's side does for the device, and why it does no more.
func (d *Device) Help() Help {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.help
}

// SetAccept changes which frames the kernel may send here; nil: all. Frames in the queues stay. The error says that
// nothing was changed; Help tells who does it.
func (d *Device) SetAccept(a *Accept) error {
	if a != nil {
		if err := a.check(); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	return d.queues[0].Control(func(fd uintptr) { d.help.Filter = filter(int(fd), d.info.Addr, a) })
}

// Close implements [link.Device]. An interface that Open made is removed; one that it attached to gets back as it was,
// without programs.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	d.setGone()
	if d.config.Existing && len(d.queues) > 0 {
		_ = d.queues[0].Control(func(fd uintptr) { unhelp(int(fd)) })
	}
	var errs []error
	for _, q := range d.queues {
		errs = append(errs, q.Close())
	}
	return errors.Join(errs...)
}

func (d *Device) setGone() { d.goneSet.Do(func() { close(d.gone) }) }

// port is a device while it is being opened.
type port struct {
	Config
	offload link.Offload
	help    Help
	fds     []int
}

func (p *port) closeUnused() {
	for _, fd := range p.fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// open makes the interface with its first queue, attaches the others and settles the offloads, the help and the MTU.
func (p *port) open() error {
	for range p.Queues {
		fd, err := openNode()
		if err != nil {
			return err
		}
		p.fds = append(p.fds, fd)
		if err := p.attach(fd); err != nil {
			return err
		}
		if err := p.setOffload(fd); err != nil {
			return err
		}
	}
	// Both are the device's, not the queue's; the one that steers counts on all queues.
	p.help = Help{Steering: steer(p.fds[0], p.Config), Filter: filter(p.fds[0], p.Addr, p.Accept)}
	mtu, err := setMTU(p.Name, p.MTU)
	p.MTU = mtu
	return err
}
