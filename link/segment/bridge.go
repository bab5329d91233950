package segment

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"tapestry/link"
	"tapestry/link/internal/steer"
)

// readBatch is how many frames of a bridged device are read at once.
const readBatch = 64

// Bridge joins a device: frames that are read from it come in at the port, and the port's are written to it. The segment
// owns the device from then on, and closes it when the port is detached; when the device ends, the port is detached.
// What c leaves zero is taken from the device: name, address, MTU, and as offload what it takes unfinished. Out, Depth
// and DepthBytes mean nothing here: the queue is the device's.
func (s *Segment) Bridge(dev link.Device, c PortConfig) (*Port, error) {
	i := dev.Info()
	if c.Name == "" {
		c.Name = i.Name
	}
	if c.Addr.IsZero() {
		c.Addr = i.Addr
	}
	if c.MTU == 0 {
		c.MTU = i.MTU
	}
	if c.Offload == 0 {
		c.Offload = i.Tx
	}
	b := &bridge{dev: dev, queues: steer.Queues(dev), gone: make(chan struct{})}
	p, err := s.attach(c, kindBridge, func(p *Port) sink {
		b.port = p
		s.pumps.Add(len(b.queues) + 1) // with the ports' lock held: Close waits for them
		return b
	})
	if err != nil {
		return nil, fmt.Errorf("%w (the device is left open)", err)
	}
	p.SetCarrier(i.Up)
	for _, q := range b.queues {
		go b.pump(q)
	}
	go b.watch()
	return p, nil
}

// bridge is the sink of a port with a device behind it.
type bridge struct {
	port   *Port
	dev    link.Device
	queues []link.Queue
	once   sync.Once
	gone   chan struct{} // closed with the port
}

// pump carries frames from one queue into the segment until the device ends.
func (b *bridge) pump(q link.Queue) {
	defer b.port.segment.pumps.Done()
	f := make([]link.Frame, readBatch)
	for {
		n, err := q.ReadFrames(f)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				b.port.segment.log.Warn("a device ended", "port", b.port.Name(), "error", err)
			}
			b.port.Detach()
			return
		}
		b.port.Write(f[:n])
		clear(f[:n])
	}
}

// watch has the port's carrier follow the device's.
func (b *bridge) watch() {
	defer b.port.segment.pumps.Done()
	for {
		i := b.dev.Info()
		b.port.SetCarrier(i.Up)
		select {
		case <-i.Changed:
		case <-b.gone:
			return
		}
	}
}

// deliver writes to one queue for each port that frames come from, or to that of their flow if the device knows it, so that
// they stay in order.
func (b *bridge) deliver(from int, f []link.Frame) {
	b.port.counters.CountTx(f)
	n := b.queues[from%len(b.queues)].WriteFrames(f)
	if lost := len(f) - n; lost > 0 {
		b.port.drops[dropDevice].Add(uint64(lost))
		b.port.counters.DropTx(lost)
	}
}

func (b *bridge) queued() int { return 0 }

func (b *bridge) close() {
	b.once.Do(func() {
		close(b.gone)
		b.dev.Close()
	})
}
