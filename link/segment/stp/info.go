package stp

import "time"

// Info describes a bridge as it is.
type Info struct {
	ID             BridgeID      `json:"id"`
	Root           BridgeID      `json:"root"`
	RootCost       uint32        `json:"root_cost"`
	RootPort       int           `json:"root_port"` // number; 0: this bridge is the root
	TopologyChange bool          `json:"topology_change"`
	MaxAge         time.Duration `json:"-"` // in force, as the root says
	Hello          time.Duration `json:"-"`
	ForwardDelay   time.Duration `json:"-"`
}

// PortInfo describes a port as it is.
type PortInfo struct {
	ID               PortID   `json:"id"`
	State            string   `json:"state"`
	Role             string   `json:"role"` // root, designated, alternate, disabled
	Cost             uint32   `json:"cost"`
	Edge             bool     `json:"edge"` // no BPDU was heard
	DesignatedBridge BridgeID `json:"designated_bridge"`
	DesignatedPort   PortID   `json:"designated_port"`
	DesignatedCost   uint32   `json:"designated_cost"`
	Changes          uint64   `json:"changes"` // of its state
}

// Info describes the bridge.
func (b *Bridge) Info() Info {
	i := Info{
		ID: b.c.ID, Root: b.root, RootCost: b.rootCost, TopologyChange: b.change,
		MaxAge: b.maxAge, Hello: b.hello, ForwardDelay: b.forwardDelay,
	}
	if b.rootPort != nil {
		i.RootPort = b.rootPort.c.Number
	}
	return i
}

// Port describes a port; false: there is none of this number.
func (b *Bridge) Port(number int) (PortInfo, bool) {
	p := b.port(number)
	if p == nil {
		return PortInfo{}, false
	}
	return PortInfo{
		ID: p.id, State: p.state.String(), Role: b.role(p), Cost: p.c.Cost, Edge: p.edge,
		DesignatedBridge: p.heard.bridge, DesignatedPort: p.heard.port, DesignatedCost: p.heard.cost, Changes: p.changes,
	}, true
}

func (b *Bridge) role(p *port) string {
	switch {
	case p.state == Disabled:
		return "disabled"
	case p == b.rootPort:
		return "root"
	case b.isDesignated(p):
		return "designated"
	}
	return "alternate"
}
