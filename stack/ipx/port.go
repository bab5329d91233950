package ipx

import (
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"tapestry/stack/ipx/rip"
)

// MaxPorts is how many ports a node has at most.
const MaxPorts = 256

// origin is who said what the number of a port's network is.
type origin uint8

const (
	configured origin = iota
	unknown           // nobody yet
	traffic           // packets of others, which a router may contradict
	router
)

// port is one way to a wire, or an internal network.
type port struct {
	PortConfig
	PortCounters
	id     PortID
	up     bool
	origin origin
	warned time.Time // of another number that was claimed for the network
}

// PortCounters counts the packets of a port, and their octets.
type PortCounters struct {
	InPackets  uint64 `json:"in_packets"`
	InOctets   uint64 `json:"in_octets"`
	OutPackets uint64 `json:"out_packets"`
	OutOctets  uint64 `json:"out_octets"`
}

// PortInfo describes a port as tools show it.
type PortInfo struct {
	ID      PortID `json:"id"`
	Up      bool   `json:"up"`
	Learned bool   `json:"learned,omitempty"` // the network's number was learned from the wire
	PortConfig
	PortCounters
}

func (p *port) info() PortInfo {
	learned := p.origin == traffic || p.origin == router
	return PortInfo{ID: p.id, Up: p.up, Learned: learned, PortConfig: p.PortConfig, PortCounters: p.PortCounters}
}

// AddPort adds a port, which is up.
func (n *Node) AddPort(now time.Time, c PortConfig) (PortID, error) {
	n.now = now
	if err := c.fill(); err != nil {
		return 0, err
	}
	if n.closed {
		return 0, fmt.Errorf("ipx: port %q: the node is closed: %w", c.Name, net.ErrClosed)
	}
	if q := n.portOf(c.Network); q != nil {
		return 0, fmt.Errorf("ipx: port %q: network %v is that of port %q: %w",
			c.Name, c.Network, q.Name, syscall.EADDRINUSE)
	}
	id := slices.Index(n.ports, nil)
	switch {
	case id >= 0:
	case len(n.ports) == MaxPorts:
		return 0, fmt.Errorf("ipx: port %q: a node has %d ports at most", c.Name, MaxPorts)
	default:
		id = len(n.ports)
		n.ports = append(n.ports, nil)
	}
	p := &port{PortConfig: c, id: PortID(id)}
	if c.Network == 0 {
		p.origin = unknown
	}
	n.ports[id] = p
	n.makeRoom(c.MaxPacket)
	n.open(now, p)
	n.settle(now)
	return p.id, nil
}

// makeRoom has the memory for packets under construction hold size octets.
func (n *Node) makeRoom(size int) {
	if size > cap(n.scratch) {
		n.scratch, n.reply = make([]byte, 0, size), make([]byte, 0, size)
		n.copied, n.in = make([]byte, 0, size), make([]byte, 0, size)
	}
}

// RemovePort says farewell on a port, removes it, and forgets what was learned through it.
func (n *Node) RemovePort(now time.Time, id PortID) {
	n.now = now
	p := n.port(id)
	if p == nil {
		return
	}
	if p.up {
		n.shut(now, p)
	}
	n.ports[id] = nil
	n.settle(now)
}

// SetPortUp tells whether the link of a port carries anything.
func (n *Node) SetPortUp(now time.Time, id PortID, up bool) {
	n.now = now
	p := n.port(id)
	switch {
	case n.closed || p == nil || p.up == up:
		return
	case up:
		n.open(now, p)
	default:
		p.up = false // nothing can be said any more
		n.shut(now, p)
	}
	n.settle(now)
}

// open begins to use a port.
func (n *Node) open(now time.Time, p *port) {
	p.up = true
	if p.Internal {
		err := n.rip.AddStatic(now, rip.Route{Network: p.Network, Ticks: p.Ticks, Port: rip.Local})
		if err != nil {
			n.cfg.Log.Warn("the internal network is not told to others",
				"port", p.Name, "network", p.Network, "err", err)
		}
		return
	}
	n.rip.AddPort(now, int(p.id), p.Network, p.Ticks)
	n.sap.AddPort(now, int(p.id), p.Network)
}

// shut ends the use of a port. What was learned there may not be so when it is up again.
func (n *Node) shut(now time.Time, p *port) {
	if p.Internal {
		n.rip.RemoveStatic(now, p.Network)
	} else {
		n.sap.RemovePort(now, int(p.id))
		n.rip.RemovePort(now, int(p.id))
	}
	p.up = false
	if p.origin != configured {
		p.origin, p.Network = unknown, 0
	}
}

// Ports lists the ports by number.
func (n *Node) Ports() []PortInfo {
	var out []PortInfo
	for _, p := range n.ports {
		if p != nil {
			out = append(out, p.info())
		}
	}
	return out
}

// Port describes one port.
func (n *Node) Port(id PortID) (PortInfo, bool) {
	p := n.port(id)
	if p == nil {
		return PortInfo{}, false
	}
	return p.info(), true
}

// port gives the port with the number, or nil.
func (n *Node) port(id PortID) *port {
	if id < 0 || int(id) >= len(n.ports) {
		return nil
	}
	return n.ports[id]
}

// portOf gives the port on a network, or nil. Network 0 is nobody's.
func (n *Node) portOf(net Network) *port {
	if net == 0 {
		return nil
	}
	for _, p := range n.ports {
		if p != nil && p.Network == net {
			return p
		}
	}
	return nil
}

// firstPort is the one whose network a packet to network 0 means: the first with a link that is up, else the first.
func (n *Node) firstPort() *port {
	var first *port
	for _, p := range n.ports {
		switch {
		case p == nil || !p.up:
		case !p.Internal:
			return p
		case first == nil:
			first = p
		}
	}
	return first
}
