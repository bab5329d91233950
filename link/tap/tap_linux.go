package tap

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/internal/vnet"
	"tapestry/link/internal/wire"
)

// Device is a TAP device: a [link.Device].
type Device struct {
	link.Counters
	info    link.Info
	queues  []*vnet.Queue
	gone    chan struct{} // closed when the device is closed or has been removed
	goneSet sync.Once
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
	d := &Device{gone: make(chan struct{})}
	d.info = link.Info{Name: p.Name, Addr: c.Addr, MTU: p.MTU, Rx: p.offload, Tx: p.offload, Up: true, Changed: d.gone}
	for i, fd := range p.fds {
		p.fds[i] = -1
		q, err := vnet.NewQueue(fd, vnet.Config{
			Name: p.Name, Header: !c.NoVnetHdr, MTU: p.MTU, Rx: p.offload, Tx: p.offload,
			Counters: &d.Counters, Gone: d.setGone,
		})
		if err != nil {
			d.Close()
			return nil, err
		}
		d.queues = append(d.queues, q)
	}
	return d, nil
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

// Close implements [link.Device]. An interface that Open made is removed.
func (d *Device) Close() error {
	d.setGone()
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
	fds     []int
}

func (p *port) closeUnused() {
	for _, fd := range p.fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// open makes the interface with its first queue, attaches the others and settles the offloads and the MTU.
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
	mtu, err := setMTU(p.Name, p.MTU)
	p.MTU = mtu
	return err
}
