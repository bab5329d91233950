package xdp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	bpflink "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// Device is a set of AF_XDP sockets on the queues of one interface: a [link.Device].
type Device struct {
	link.Counters
	info    link.Info
	queues  []*queue
	watch   *watcher
	listen  int           // the socket that makes the interface hear other addresses; -1: none
	gone    chan struct{} // closed when the device is closed or its interface has been removed
	goneSet sync.Once

	ifindex int

	mu sync.Mutex
	// Below is guarded by mu.
	mode     Mode
	sockets  *ebpf.Map      // receive queue to socket
	counters *ebpf.Map      // of the responder; nil: there is none
	answered ResponderStats // at the end
	link     bpflink.Link
	filter   filter
	closed   bool
	lost     uint64 // by the kernel, as it said at the end
	last     []QueueStats
}

// Open opens sockets on an interface in the network namespace of the calling thread, and attaches the redirect program.
func Open(c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	ifi, err := net.InterfaceByName(c.Interface)
	if err != nil {
		return nil, fmt.Errorf("xdp: no interface %q in this network namespace (`ip link` lists them): %w", c.Interface, unix.ENODEV)
	}
	if c, err = c.fitTo(ifi); err != nil {
		return nil, err
	}
	c, sg := c.fitChunk()
	d := &Device{gone: make(chan struct{}), listen: -1, ifindex: ifi.Index}
	d.mode = Mode{MultiBuffer: sg, BusyPoll: c.Spin > 0}
	d.filter = filter{
		addr: c.Addr, addrs: slices.Clone(c.Addresses), noBroadcast: c.NoBroadcast, noMulticast: c.NoMulticast,
		all: c.All, whole: c.Whole, router: c.Router,
	}
	d.info = link.Info{Name: c.Interface, Addr: c.Addr, MTU: c.MTU, Tx: c.offload(), Up: true, Changed: d.gone}
	if err := d.open(&c, ifi); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// fitTo takes from the interface what the configuration leaves open.
func (c Config) fitTo(ifi *net.Interface) (Config, error) {
	if len(ifi.HardwareAddr) != ethernet.AddrLen {
		return c, fmt.Errorf("xdp: %s is no Ethernet interface: %w", c.Interface, unix.EOPNOTSUPP)
	}
	if c.Addr.IsZero() {
		c.Addr = ethernet.Addr(ifi.HardwareAddr)
	}
	if c.MTU == 0 {
		c.MTU = ifi.MTU
	}
	if c.MTU > ifi.MTU {
		return c, fmt.Errorf("%w: MTU %d, %s has %d: `ip link set %s mtu %d` raises it", errConfig, c.MTU, c.Interface, ifi.MTU, c.Interface, c.MTU)
	}
	has, _ := countQueues(c.Interface)
	if c.Queues == 0 {
		c.Queues = has
	}
	if c.Queues > has {
		return c, fmt.Errorf("%w: %d queues, %s has %d: `ethtool -L` may give it more", errConfig, c.Queues, c.Interface, has)
	}
	return c, nil
}

// open attaches before it binds, since drivers want a program before they go without copying. A frame that comes in
// between goes to the kernel.
func (d *Device) open(c *Config, ifi *net.Interface) error {
	var err error
	if d.watch, err = newWatcher(c.Responder); err != nil {
		return err
	}
	if d.sockets, err = newMap(c.Queues); err != nil {
		return err
	}
	if err := d.attach(c, ifi.Index); err != nil {
		return err
	}
	if !d.mode.Driver {
		c.NoZero = true
	}
	if d.listen, err = c.listen(ifi); err != nil {
		return err
	}
	for i := range c.Queues {
		if err := d.addQueue(c, ifi.Index, i); err != nil {
			return err
		}
	}
	// The kernel takes a socket's queue for transmission too, and does not look whether there is such a one.
	if _, tx := countQueues(c.Interface); tx < c.Queues {
		for i := tx; i < c.Queues; i++ {
			d.queues[i].via = d.queues[i%tx]
		}
	}
	d.watch.start(d.queues, func() { _ = d.respond() })
	return d.respond() // what changed since the program was attached
}

// attach hangs the program to the interface, and then has it answer, if answers arrive where it runs.
func (d *Device) attach(c *Config, ifindex int) error {
	p, err := d.filter.load(d.sockets, d.mode.MultiBuffer, verdictPass)
	if err != nil {
		return err
	}
	defer p.Close() // the link holds it
	if d.link, d.mode.Driver, err = attach(c, ifindex, p); err != nil || !c.Responder {
		return err
	}
	if d.counters, err = newCounters(); err != nil {
		return err
	}
	return d.respond()
}

// respond has the program answer or not, as the answers would arrive or be lost.
func (d *Device) respond() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	via, can := answering(d.mode.Driver, d.info.Name, d.ifindex)
	if d.closed || d.counters == nil || can == d.mode.Responder {
		return nil
	}
	f := d.filter
	f.counters, f.via = nil, via
	if can {
		f.counters = d.counters
	}
	if err := d.replace(f); err != nil {
		return err
	}
	d.mode.Responder = can
	return nil
}

func newMap(n int) (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "tapestry_xsk", Type: ebpf.XSKMap, KeySize: 4, ValueSize: 4, MaxEntries: uint32(n)})
	if errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("xdp: this user may not load an XDP program: it takes CAP_BPF and CAP_NET_ADMIN outside of any user namespace; run as root, or use AF_PACKET: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("xdp: map of sockets: %w", err)
	}
	return m, nil
}

func (d *Device) addQueue(c *Config, ifindex, i int) error {
	s, err := newSocket(c, ifindex, i, d.mode.MultiBuffer)
	if err != nil {
		return err
	}
	fd := uint32(s.fd)
	q, err := newQueue(s, c, &d.Counters, d.setGone)
	if err != nil {
		return err
	}
	d.queues = append(d.queues, q)
	d.mode.ZeroCopy = q.zeroCopy
	if err := d.sockets.Put(uint32(i), fd); err != nil {
		return fmt.Errorf("xdp: hand queue %d of %s its socket: %w", i, c.Interface, err)
	}
	return nil
}

// Info implements [link.Device].
func (d *Device) Info() link.Info { return wire.Now(d.info, d.gone) }

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue {
	all := make([]link.Queue, len(d.queues))
	for i, q := range d.queues {
		all[i] = q
	}
	return all
}

// Mode tells which path the device runs.
func (d *Device) Mode() Mode {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mode
}

// ResponderStats tells what the program answered.
func (d *Device) ResponderStats() ResponderStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counters == nil || d.closed {
		return d.answered
	}
	return readCounters(d.counters)
}

// Stats implements [link.StatsReader]; what the kernel lost for want of room is among RxDropped.
func (d *Device) Stats() link.Stats {
	s := d.Counters.Stats()
	_, lost := d.queueStats()
	s.RxDropped += lost
	return s
}

// QueueStats reads the counters of each queue.
func (d *Device) QueueStats() []QueueStats {
	s, _ := d.queueStats()
	return s
}

func (d *Device) queueStats() ([]QueueStats, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return slices.Clone(d.last), d.lost
	}
	return d.readStats()
}

// readStats asks the kernel; d.mu is held.
func (d *Device) readStats() (all []QueueStats, lost uint64) {
	for _, q := range d.queues {
		s, n := q.stats()
		all = append(all, s)
		lost += n
	}
	return all, lost
}

// SetAddresses changes the addresses that frames are taken for, see Config.Addresses. The program is replaced at once:
// no frame slips by.
func (d *Device) SetAddresses(addrs []netip.Addr) error {
	if err := checkAddresses(addrs); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	f := d.filter
	f.addrs = slices.Clone(addrs)
	return d.replace(f)
}

// replace has another program take over at once; d.mu is held.
func (d *Device) replace(f filter) error {
	p, err := f.load(d.sockets, d.mode.MultiBuffer, verdictPass)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := d.link.Update(p); err != nil {
		return fmt.Errorf("xdp: replace the program of %s: %w", d.info.Name, err)
	}
	d.filter = f
	return nil
}

// Close implements [link.Device]. The interface stays, without the program.
func (d *Device) Close() error {
	if !d.end() {
		return nil
	}
	d.setGone()
	var errs []error
	if d.watch != nil {
		errs = append(errs, d.watch.close())
	}
	if d.link != nil {
		errs = append(errs, d.link.Close())
	}
	for _, q := range d.queues {
		errs = append(errs, q.close())
	}
	for _, m := range []*ebpf.Map{d.sockets, d.counters} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if d.listen >= 0 {
		errs = append(errs, unix.Close(d.listen))
	}
	return errors.Join(errs...)
}

// end marks the device closed and keeps its counters. It reports false if it was closed already. What mu guards is
// not touched by others afterwards.
func (d *Device) end() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.last, d.lost = d.readStats()
	if d.counters != nil {
		d.answered = readCounters(d.counters)
	}
	d.closed = true
	return true
}

func (d *Device) setGone() { d.goneSet.Do(func() { close(d.gone) }) }
