package ipx

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// MaxPorts is how many ports a node has at most.
const MaxPorts = 256

// port is one way to a wire, or an internal network.
type port struct {
	PortConfig
	id      PortID
	up      bool
	learned bool // the number of the network was not configured
}

// PortInfo describes a port as tools show it.
type PortInfo struct {
	ID      PortID `json:"id"`
	Up      bool   `json:"up"`
	Learned bool   `json:"learned,omitempty"` // the network's number was learned from the wire
	PortConfig
}

// AddPort adds a port, which is up.
func (n *Node) AddPort(now time.Time, c PortConfig) (PortID, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	if q := n.portOf(c.Network); q != nil {
		return 0, fmt.Errorf("ipx: port %q: network %v is that of port %q: %w", c.Name, c.Network, q.Name, syscall.EADDRINUSE)
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
	n.ports[id] = p
	n.makeRoom(c.MaxPacket)
	n.setUp(now, p, true)
	return p.id, nil
}

// makeRoom has the memory for a packet under construction hold max octets.
func (n *Node) makeRoom(max int) {
	if max > cap(n.scratch) {
		n.scratch, n.reply, n.in = make([]byte, 0, max), make([]byte, 0, max), make([]byte, 0, max)
	}
}

// RemovePort removes a port and what was learned through it.
func (n *Node) RemovePort(now time.Time, id PortID) {
	p := n.port(id)
	if p == nil {
		return
	}
	n.setUp(now, p, false)
	n.ports[id] = nil
}

// SetPortUp tells whether the link of a port carries anything.
func (n *Node) SetPortUp(now time.Time, id PortID, up bool) {
	if p := n.port(id); p != nil && p.up != up {
		n.setUp(now, p, up)
	}
}

func (n *Node) setUp(_ time.Time, p *port, up bool) {
	p.up = up
}

// Ports lists the ports by number.
func (n *Node) Ports() []PortInfo {
	var out []PortInfo
	for _, p := range n.ports {
		if p != nil {
			out = append(out, PortInfo{ID: p.id, Up: p.up, Learned: p.learned, PortConfig: p.PortConfig})
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
	return PortInfo{ID: p.id, Up: p.up, Learned: p.learned, PortConfig: p.PortConfig}, true
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
