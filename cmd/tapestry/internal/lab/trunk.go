package lab

import (
	"fmt"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/impair"
	"tapestry/link/segment"
)

// cable is a trunk that is being laid: a line leads into each segment, and shutting one end takes the carrier from the
// other.
type cable struct {
	ends [2]atomic.Pointer[segment.Port] // nil: not there yet
	into [2]*direction
}

// connectTrunk lays the cable between two segments.
func (l *Lab) connectTrunk(t *TrunkPlan) error {
	c := &cable{}
	for i, end := range t.Ends {
		line, err := impair.NewLine(end.Tx.Config, impair.LineConfig{Seed: l.seed(end), Out: c.out(i, l.buses[end.Segment].capture)})
		if err != nil {
			return fmt.Errorf("lab: trunk %s: %w", t.Name, err)
		}
		c.into[i] = newDirection(line, end.Tx.Own)
		l.undo = append(l.undo, func() error { line.Close(); return nil })
	}
	for i, end := range t.Ends {
		p, err := l.buses[end.Segment].Attach(c.port(i, end))
		if err != nil {
			return fmt.Errorf("lab: trunk %s: %w", t.Name, err)
		}
		p.SetCarrier(i == 1)
		c.ends[i].Store(p)
	}
	c.ends[0].Load().SetCarrier(true)
	for i, end := range t.Ends {
		l.buses[end.Segment].add(c.ends[i].Load(), end, c.into[i], c.into[1-i])
	}
	return nil
}

// out takes what the line into end i lets through.
func (c *cable) out(i int, to *capture) func([]link.Frame) {
	return func(f []link.Frame) {
		if p := c.ends[i].Load(); p != nil {
			to.show(f)
			p.Write(f)
			return
		}
		link.ReleaseAll(f)
	}
}

// port is end i, whose station is the other end.
func (c *cable) port(i int, p *Port) segment.PortConfig {
	cfg := portConfig(p)
	cfg.Offload = segment.AllOffloads
	cfg.Out = func(f []link.Frame) { c.into[1-i].Write(f) }
	cfg.Carrier = func(up bool) {
		if far := c.ends[1-i].Load(); far != nil {
			far.SetCarrier(up)
		}
	}
	return cfg
}
