package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/impair"
	"tapestry/link/segment"
)

// openWire is a wire with its device.
type openWire struct {
	plan   *Wire
	base   link.Device // without what is around it
	device *monitor
	chosen chosen
}

// bus is a running segment.
type bus struct {
	*segment.Segment
	plan    *SegmentPlan
	capture *capture // nil: none
	ports   []*place

	mu     sync.Mutex
	tx, rx impair.Config // of ports that have none of their own
}

// place is a running port of a segment.
type place struct {
	*segment.Port
	plan    *Port
	bus     *bus
	tx, rx  *direction
	device  link.StatsReader // behind the port, with what it dropped after it had taken it; nil: none
	isThere func() bool      // whether anybody is behind the port; nil: that is not known
}

// Info has also what the device behind the port dropped by itself, and that nobody is there.
func (p *place) Info() segment.PortInfo {
	i := p.Port.Info()
	if p.device != nil {
		told := i.Drops[droppedByDevice]
		if all := p.device.Stats().TxDropped; all > told {
			i.Drops[droppedByDevice] = all
			i.Stats.TxDropped += all - told
		}
	}
	if i.State == forwarding && p.isThere != nil && !p.isThere() {
		i.State = nobodyThere
	}
	return i
}

// droppedByDevice is segment's reason for what the device behind a port dropped.
const droppedByDevice = "device"

// nobodyThere is the state of a port of another process that has not sent yet, or is gone.
const nobodyThere = "nobody there"

// direction is one way of a port: tx is from the station, rx is to it. The two ends of a trunk have them in common.
type direction struct {
	*impair.Line
	own atomic.Bool // not the segment's
}

func newDirection(l *impair.Line, own bool) *direction {
	d := &direction{Line: l}
	d.own.Store(own)
	return d
}

// startSegments makes all segments, with nobody on them.
func (l *Lab) startSegments(ctx context.Context, isTrial bool) error {
	l.buses = make(map[*SegmentPlan]*bus)
	for _, p := range l.Plan.Segments {
		s, err := segment.New(segmentConfig(p, slog.New(untilStop{l.log.Handler(), ctx})))
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		b := &bus{Segment: s, plan: p, tx: p.Impair}
		l.buses[p] = b
		if b.capture, err = newCapture(p.Name, p.MTU, p.Capture, isTrial, l.log.With("segment", p.Name)); err != nil {
			return errors.Join(fmt.Errorf("lab: segment %s: %w", p.Name, err), s.Close())
		}
		l.undo = append(l.undo, func() error { return errors.Join(s.Close(), b.capture.close()) })
	}
	return nil
}

func segmentConfig(p *SegmentPlan, log *slog.Logger) segment.Config {
	kind, _ := segment.ParseKind(p.Kind) // the file was checked
	return segment.Config{
		Name: p.Name, Kind: kind, Age: p.Age, MaxAddrs: p.MaxAddresses, MaxPortAddrs: p.MaxPortAddresses,
		VLANs: p.VLANs, Tree: p.Tree, Log: log,
	}
}

func portConfig(p *Port) segment.PortConfig {
	c := segment.PortConfig{Name: p.Name, MTU: p.Segment.MTU, Depth: p.Queue, Jabber: p.Segment.Jabber}
	if p.Segment.VLANs {
		c.VLAN = p.VLAN
	}
	if p.Segment.Tree != nil {
		c.Tree = segment.PortTree{Cost: uint32(p.Cost), Edge: p.Kind != "trunk" && p.Kind != "vxlan"}
	}
	return c
}

// seed is that of a port's impairments.
func (l *Lab) seed(p *Port) int64 { return l.Plan.Seed ^ seedOf(p.Segment.Name, p.Name) }

// station makes a port for a host, and gives the device behind it.
func (l *Lab) station(p *Port, addr ethernet.Addr) (link.Device, error) {
	b := l.buses[p.Segment]
	c := portConfig(p)
	c.Addr, c.Offload = addr, segment.AllOffloads
	dev, err := b.NewDevice(c)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	d, err := impair.New(b.capture.entry(dev, false), impair.DeviceConfig{Tx: p.Tx.Config, Rx: p.Rx.Config, Seed: l.seed(p), Depth: p.Queue})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab: segment %s: port %s: %w", p.Segment.Name, p.Name, err), dev.Close())
	}
	b.add(dev.Port(), p, newDirection(d.Line(impair.Tx), p.Tx.Own), newDirection(d.Line(impair.Rx), p.Rx.Own))
	return d, nil
}

// bridge joins a device to a segment, which owns it from then on. What is read from the device is from the station.
func (l *Lab) bridge(p *Port, dev link.Device) error {
	b := l.buses[p.Segment]
	d, err := impair.New(dev, impair.DeviceConfig{Tx: p.Rx.Config, Rx: p.Tx.Config, Seed: l.seed(p), Depth: p.Queue})
	if err != nil {
		return errors.Join(fmt.Errorf("lab: segment %s: port %s: %w", p.Segment.Name, p.Name, err), dev.Close())
	}
	port, err := b.Bridge(b.capture.entry(d, true), portConfig(p))
	if err != nil {
		return errors.Join(fmt.Errorf("lab: %w", err), d.Close())
	}
	b.add(port, p, newDirection(d.Line(impair.Rx), p.Tx.Own), newDirection(d.Line(impair.Tx), p.Rx.Own))
	b.port(p).device, _ = dev.(link.StatsReader)
	return nil
}

func (b *bus) add(port *segment.Port, p *Port, tx, rx *direction) {
	if p.Down {
		port.Shut()
	}
	b.ports = append(b.ports, &place{Port: port, plan: p, bus: b, tx: tx, rx: rx})
}
