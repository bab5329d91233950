package stack

import (
	"fmt"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

// IPXPort describes a network of IPX that an interface has.
type IPXPort struct {
	Interface string        `json:"interface"`
	Frame     ethernet.Kind `json:"-"`
	FrameName string        `json:"frame"` // ethernet-ii, 802.3, 802.2 or snap
	ipx.PortInfo
}

// AddIPX gives the interface a network of IPX in frames of one type. It may have one of each type at the same time.
func (i *Interface) AddIPX(c IPXConfig) error {
	h := i.host
	if err := h.isClosed(); err != nil {
		return fmt.Errorf("stack: interface %s: the host is closed: %w", i.name, err)
	}
	var err error
	h.IPX().Do(func(now time.Time, n *ipx.Node) {
		if c.Auto {
			err = i.detectIPX(now, n, c)
		} else {
			_, err = i.addIPX(now, n, c)
		}
	})
	if err != nil {
		return fmt.Errorf("stack: interface %s: %w", i.name, err)
	}
	i.watchLink()
	return nil
}

// RemoveIPX takes the network in frames of that type from the interface. It reports whether there was one.
func (i *Interface) RemoveIPX(k ethernet.Kind) (was bool) {
	s := i.host.ipx.stack.Load()
	if s == nil || k > ethernet.KindSNAP {
		return false
	}
	s.Do(func(now time.Time, n *ipx.Node) {
		if p := i.nic.ipxPort(k); p != nil {
			was = true
			if p.auto != nil {
				p.auto.forget(p)
			}
			i.host.ipx.drop(now, n, p)
		}
	})
	return was
}

// IPXPorts lists the networks of IPX of all interfaces, internal ones without an interface among them.
func (h *Host) IPXPorts() (ps []IPXPort) {
	x := &h.ipx
	s := x.stack.Load()
	if s == nil {
		return nil
	}
	s.Do(func(_ time.Time, n *ipx.Node) {
		for _, info := range n.Ports() {
			p := IPXPort{PortInfo: info}
			if q := x.port(info.ID); q != nil {
				p.Interface, p.Frame, p.FrameName = q.nic.iface.name, q.head.kind, q.head.kind.String()
			}
			ps = append(ps, p)
		}
	})
	return ps
}

// port gives the port with the number, nil if it is none of an interface. The node is locked.
func (x *ipxHost) port(id ipx.PortID) *ipxPort {
	if id < 0 || int(id) >= len(x.ports) {
		return nil
	}
	return x.ports[id]
}

// ipxPort gives the port for frames of that type, or nil.
func (n *nic) ipxPort(k ethernet.Kind) *ipxPort {
	if t := n.ipx.Load(); t != nil {
		return t[k]
	}
	return nil
}

// addIPX adds a port for frames of c.Frame. The node is locked.
func (i *Interface) addIPX(now time.Time, n *ipx.Node, c IPXConfig) (*ipxPort, error) {
	p, err := i.newIPXPort(c)
	if err != nil {
		return nil, err
	}
	x := &i.host.ipx
	x.adding = p
	id, err := n.AddPort(now, p.PortConfig)
	x.adding = nil
	if err != nil {
		return nil, err
	}
	p.id = id
	if k := int(id) + 1 - len(x.ports); k > 0 {
		x.ports = append(x.ports, make([]*ipxPort, k)...)
	}
	x.ports[id] = p
	n.SetPortUp(now, id, i.nic.deviceInfo().Up)
	i.nic.setIPX(p.head.kind, p)
	return p, nil
}

// newIPXPort checks a configuration and sets what was left open.
func (i *Interface) newIPXPort(c IPXConfig) (*ipxPort, error) {
	head, err := newIPXHead(c.Frame, i.nic.addr)
	if err != nil {
		return nil, fmt.Errorf("ipx: %w", err)
	}
	if i.nic.ipxPort(c.Frame) != nil || i.nic.handlers.has(ipxFraming(c.Frame)) {
		return nil, fmt.Errorf("ipx: frames of type %v are taken already: %w", c.Frame, syscall.EADDRINUSE)
	}
	defaultTo(&c.Name, i.name+"/"+c.Frame.String())
	defaultTo(&c.MaxPacket, ipxwire.DefaultMax)
	if c.MaxPacket < ipxwire.DefaultMax {
		return nil, fmt.Errorf("ipx: MaxPacket is %d, want at least %d, which every router passes on, or 0, which stands for it",
			c.MaxPacket, ipxwire.DefaultMax)
	}
	return &ipxPort{nic: i.nic, head: head, PortConfig: ipx.PortConfig{
		Name: c.Name, Network: c.Network, Node: ipx.NodeAddr(i.nic.addr), Checksum: c.Checksum, Ticks: c.Ticks,
		MaxPacket: min(c.MaxPacket, head.room(i.nic.deviceInfo().MTU)), Raw: c.Frame == ethernet.KindRaw,
	}}, nil
}

// drop removes a port. The node is locked.
func (x *ipxHost) drop(now time.Time, n *ipx.Node, p *ipxPort) {
	n.RemovePort(now, p.id) // it may have last words
	x.ports[p.id] = nil
	p.nic.setIPX(p.head.kind, nil)
}

// setIPX has p, or nobody, take frames of a type. The node is locked.
func (n *nic) setIPX(k ethernet.Kind, p *ipxPort) {
	var t ipxPorts
	if old := n.ipx.Load(); old != nil {
		t = *old
	}
	t[k] = p
	if t == (ipxPorts{}) {
		n.ipx.Store(nil)
		return
	}
	n.ipx.Store(&t)
}

// ipxFraming is what a [Handler] would be registered for to take the frames of a port.
func ipxFraming(k ethernet.Kind) Framing {
	switch k {
	case ethernet.KindRaw:
		return Framing{Kind: k}
	case ethernet.KindLLC:
		return Framing{Kind: k, SAP: ethernet.SAPIPX}
	}
	return Framing{Kind: k, Type: ethernet.TypeIPX}
}

// watchLink has the node told when the link of an interface with IPX comes and goes.
func (i *Interface) watchLink() {
	i.host.mu.Lock()
	defer i.host.mu.Unlock()
	if i.watched || i.host.closed || i.nic.deviceInfo().Changed == nil {
		return
	}
	i.watched = true
	i.readers.Go(i.followLink) // ends with the interface
}

func (i *Interface) followLink() {
	for {
		info := i.nic.deviceInfo()
		i.host.IPX().Do(func(now time.Time, n *ipx.Node) {
			for _, p := range i.host.ipx.ports {
				if p != nil && p.nic == i.nic {
					n.SetPortUp(now, p.id, info.Up)
				}
			}
		})
		if info.Changed == nil {
			return
		}
		select {
		case <-info.Changed:
		case <-i.done:
			return
		}
	}
}
