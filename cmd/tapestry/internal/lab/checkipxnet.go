package lab

import (
	"fmt"

	"tapestry/internal/ipxwire"
)

// ipxWire is a network: who hears each other in one framing.
type ipxWire struct {
	among string // on segments that are joined, in one VLAN, or on a device
	frame string
}

// ipxSeen is who gave a network its number.
type ipxSeen struct {
	network ipxwire.Network
	path    string
}

// ipxWireOf names the network that a port is on. A TAP without a segment is a wire of its own: the kernel does not pass
// IPX on from one to the other.
func (c *checker) ipxWireOf(h *HostPlan, i *Interface, p IPXPlan) (w ipxWire, name string) {
	if i.At == nil {
		return ipxWire{i.Wire.Table + " " + i.Wire.Name, p.Frame}, i.Wire.Name
	}
	return c.segmentWire(i.At, p.Frame), "segment " + i.At.Segment.Name
}

// ipxNumbers checks that a network has one number, and a number one network among those that routers join.
func (c *checker) ipxNumbers() {
	seen := map[ipxWire]ipxSeen{}
	joined := reach{parent: map[string]string{}}
	for _, h := range c.plan.Hosts {
		first := ""
		for i := range h.Interfaces {
			port := &h.Interfaces[i]
			for _, p := range port.IPX {
				if port.At == nil && port.Wire == nil || p.Frame == autoFrame {
					continue
				}
				w, name := c.ipxWireOf(h, port, p)
				c.oneNumber(seen, w, name, p)
				if h.IPX.Config.Router && first != "" {
					joined.parent[joined.group(w.key())] = joined.group(first)
				}
				first = w.key()
			}
		}
	}
	c.oneNetwork(joined)
	for _, j := range c.plan.Joints {
		if j.Tunnel != nil && j.Tunnel.wire != nil && j.Tunnel.wire.Network == 0 && j.At != nil {
			j.Tunnel.wire.Network = seen[c.segmentWire(j.At, j.Tunnel.Frame)].network
		}
	}
}

func (c *checker) segmentWire(at *Port, frame string) ipxWire {
	return ipxWire{inVLAN(c.reach.group(at.Segment.Name), int(at.VLAN.PVID)), frame}
}

func (w ipxWire) key() string { return w.among + ", " + w.frame }

// oneNumber: what hears each other has the same number.
func (c *checker) oneNumber(seen map[ipxWire]ipxSeen, w ipxWire, name string, p IPXPlan) {
	if p.Network == 0 {
		return
	}
	first, ok := seen[w]
	switch {
	case !ok:
		seen[w] = ipxSeen{p.Network, p.path}
	case first.network != p.Network:
		c.bad(p.path+".network", `%s has number %v in %s frames already (line %d); give the same one, or "auto"`,
			name, first.network, p.Frame, lineOf(c.doc, first.path))
	}
}

// oneNetwork: a number is that of one network only, among those that routers join and those that one host is on.
func (c *checker) oneNetwork(joined reach) {
	type number struct {
		among string
		n     ipxwire.Network
	}
	type place struct{ wire, path string }
	seen := map[number]place{}
	take := func(among, wire, path string, n ipxwire.Network) {
		if n == 0 {
			return
		}
		k := number{joined.group(among), n}
		switch o, ok := seen[k]; {
		case !ok:
			seen[k] = place{wire, path}
		case o.wire != wire:
			c.bad(path, "%v is another network's number already (%s, line %d); each wire and framing, and each server's inside, has a number of its own",
				n, o.path, lineOf(c.doc, o.path))
		}
	}
	for _, h := range c.plan.Hosts {
		own := map[ipxwire.Network]string{}
		last := ""
		for i := range h.Interfaces {
			for _, p := range h.Interfaces[i].IPX {
				if h.Interfaces[i].At == nil && h.Interfaces[i].Wire == nil {
					continue
				}
				w, _ := c.ipxWireOf(h, &h.Interfaces[i], p)
				last = w.key()
				if first, twice := own[p.Network]; twice && p.Network != 0 && !h.IPX.Config.Router {
					c.bad(p.path+".network",
						"%v is the number of another wire or framing of this host already (line %d); each has its own",
						p.Network, lineOf(c.doc, first))
					continue
				}
				own[p.Network] = p.path
				take(last, last, p.path+".network", p.Network)
			}
		}
		if h.IPX != nil {
			take(last, "inside of "+h.Name, fmt.Sprintf("host.%s.ipx.internal", h.Name), h.IPX.Internal)
		}
	}
}
