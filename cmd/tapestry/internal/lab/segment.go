package lab

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/impair"
	"tapestry/link/segment"
)

// openWire is a wire with its device.
type openWire struct {
	plan   *Wire
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
	impair impair.Config // of ports that have none of their own
}

// place is a running port of a segment.
type place struct {
	*segment.Port
	plan   *Port
	bus    *bus
	tx, rx *direction
}

// direction is one way of a port: tx is from the station, rx is to it. The two ends of a trunk have them in common.
type direction struct {
	*impair.Line
	own bool // guarded by bus.mu of the segment that it leads into, or else to the port of
}

// startSegments makes all segments, with nobody on them.
func (l *Lab) startSegments(isTrial bool) error {
	l.buses = make(map[*SegmentPlan]*bus)
	for _, p := range l.Plan.Segments {
		s, err := segment.New(segmentConfig(p, l.log))
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		b := &bus{Segment: s, plan: p, impair: p.Impair}
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
		Log: log.With("segment", p.Name),
	}
}

func portConfig(p *Port) segment.PortConfig {
	return segment.PortConfig{Name: p.Name, MTU: p.Segment.MTU, Depth: p.Queue}
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
	b.add(dev.Port(), p, &direction{d.Line(impair.Tx), p.Tx.Own}, &direction{d.Line(impair.Rx), p.Rx.Own})
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
	b.add(port, p, &direction{d.Line(impair.Rx), p.Tx.Own}, &direction{d.Line(impair.Tx), p.Rx.Own})
	return nil
}

func (b *bus) add(port *segment.Port, p *Port, tx, rx *direction) {
	if p.Down {
		port.Shut()
	}
	b.ports = append(b.ports, &place{Port: port, plan: p, bus: b, tx: tx, rx: rx})
}

// connect joins two segments. A line leads into each; shutting one end takes the carrier from the other.
func (l *Lab) connectTrunk(t *TrunkPlan) error {
	var into [2]*direction
	var ports [2]*segment.Port
	ready := make(chan struct{}) // both ends are there
	defer close(ready)
	for i, end := range t.Ends {
		b := l.buses[end.Segment]
		line, err := impair.NewLine(end.Tx.Config, impair.LineConfig{Seed: l.seed(end), Out: func(f []link.Frame) {
			b.capture.show(f)
			ports[i].Write(f)
		}})
		if err != nil {
			return fmt.Errorf("lab: trunk %s: %w", t.Name, err)
		}
		into[i] = &direction{line, end.Tx.Own}
		l.undo = append(l.undo, func() error { line.Close(); return nil })
	}
	for i, end := range t.Ends {
		c := portConfig(end)
		c.Offload = segment.AllOffloads
		c.Out = func(f []link.Frame) { <-ready; into[1-i].Write(f) }
		c.Carrier = func(up bool) { <-ready; ports[1-i].SetCarrier(up) }
		var err error
		if ports[i], err = l.buses[end.Segment].Attach(c); err != nil {
			return fmt.Errorf("lab: trunk %s: %w", t.Name, err)
		}
	}
	for i, end := range t.Ends {
		l.buses[end.Segment].add(ports[i], end, into[i], into[1-i])
	}
	return nil
}
