package segment

import (
	"errors"
	"fmt"
	"sync/atomic"

	"tapestry/link"
)

// Connect lays a cable between two segments and returns its ends. What ca and cb leave zero is the default, with all
// offloads and the other segment's name; Out and Carrier are the cable's. Shutting or detaching one end takes the carrier
// from the other: that is how a cable is cut.
func Connect(a, b *Segment, ca, cb PortConfig) (pa, pb *Port, err error) {
	if a == b {
		return nil, nil, fmt.Errorf("segment %s: a cable joins two segments", a.name)
	}
	if ca.Out != nil || cb.Out != nil || ca.Carrier != nil || cb.Carrier != nil {
		return nil, nil, errors.New("segment: a cable has functions of its own: leave PortConfig.Out and Carrier nil")
	}
	var ends [2]atomic.Pointer[Port]
	if pa, err = a.attachCable(ca, b.name, &ends[1]); err != nil {
		return nil, nil, err
	}
	ends[0].Store(pa)
	if pb, err = b.attachCable(cb, a.name, &ends[0]); err != nil {
		pa.Detach()
		return nil, nil, err
	}
	ends[1].Store(pb)
	pa.SetCarrier(true)
	return pa, pb, nil
}

// attachCable makes a port whose station is far, once that is there.
func (s *Segment) attachCable(c PortConfig, to string, far *atomic.Pointer[Port]) (*Port, error) {
	if c.Name == "" {
		c.Name = "to-" + to
	}
	if c.Offload == 0 {
		c.Offload = AllOffloads
	}
	c.Out = func(f []link.Frame) {
		if p := far.Load(); p != nil {
			p.Write(f)
		} else {
			link.ReleaseAll(f)
		}
	}
	c.Carrier = func(up bool) {
		if p := far.Load(); p != nil {
			p.SetCarrier(up)
		}
	}
	return s.attach(c, kindCable, func(p *Port) sink {
		p.hasCarrier = far.Load() != nil
		return newOutlet(p, c)
	})
}
