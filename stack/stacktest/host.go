package stacktest

import (
	"fmt"
	"net/netip"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack"
)

// Host is a host of the rig: all that a [stack.Host] is, on a port of a segment, or of several.
type Host struct {
	*stack.Host // a new one after Restart

	net       *Net
	cfg       HostConfig
	name      string
	port      *port
	clock     *clock
	dev       *device
	more      []*morePort
	starts    int
	addresses []netip.Prefix
	mac       ethernet.Addr
}

// Host makes a host with addresses of its own on the segment "lan". All hosts know its name.
func (n *Net) Host(name string) *Host {
	n.t.Helper()
	return n.AddHost(HostConfig{Name: name})
}

// AddHost makes a host.
func (n *Net) AddHost(c HostConfig) *Host {
	n.t.Helper()
	if c.Name == "" {
		n.t.Fatal("stacktest: HostConfig.Name is empty")
	}
	if n.lookup(c.Name) != nil {
		n.t.Fatalf("stacktest: two stations with the name %q", c.Name)
	}
	mac, addresses := n.address()
	defaultTo(&c.Segment, "lan")
	defaultTo(&c.Addr, mac)
	defaultTo(&c.Tx, n.cfg.Impair)
	if c.Addresses == nil {
		c.Addresses = addresses
	}
	defaultTo(&c.Interface.Name, "eth0")
	h := &Host{net: n, cfg: c, name: c.Name, clock: n.loop.newClock(false), addresses: c.Addresses, mac: c.Addr}
	h.port = n.Segment(c.Segment).attach(c.Name, c.Tx, c.Rx, func(f link.Frame) { h.dev.deliver(f) })
	for i, p := range c.More {
		h.more = append(h.more, h.addPort(i, p))
	}
	n.addName(c.Name, c.Addresses)
	if err := h.start(); err != nil {
		n.t.Fatalf("stacktest: host %s: %v", c.Name, err)
	}
	n.mu.Lock()
	n.hosts = append(n.hosts, h)
	n.mu.Unlock()
	return h
}

// start makes the stack, with a seed that no earlier one had.
func (h *Host) start() error {
	c := h.cfg.Stack
	c.Name, c.Lookup, c.Clock = h.name, h.net.lookup, h.clock
	c.Seed, c.Deterministic = h.net.seed(h.name, h.starts), true
	h.starts++
	s, err := stack.New(c)
	if err != nil {
		return err
	}
	i := h.cfg.Interface
	i.Addr, i.Addresses = h.mac, h.addresses
	h.dev = h.newDevice(h.port, i)
	for _, p := range h.more {
		p.dev = h.newDevice(p.port, p.cfg.Interface) // before any frame is sent that could have it asked
	}
	err = plug(s, h.dev, i, h.cfg.IPX)
	for _, p := range h.more {
		if err == nil {
			err = plug(s, p.dev, p.cfg.Interface, p.cfg.IPX)
		}
	}
	if err != nil {
		s.Close()
		return err
	}
	h.Host = s
	return nil
}

func (h *Host) newDevice(p *port, c stack.InterfaceConfig) *device {
	o := h.net.cfg.Offload
	return newDevice(p, link.Info{Name: c.Name, Addr: c.Addr, MTU: h.net.cfg.MTU, Rx: o, Tx: o, Up: true})
}

// plug gives the stack an interface on a device.
func plug(s *stack.Host, d *device, c stack.InterfaceConfig, networks []stack.IPXConfig) error {
	i, err := s.AddInterface(d, c)
	for k := 0; err == nil && k < len(networks); k++ {
		err = i.AddIPX(networks[k])
	}
	return err
}

// morePort is an interface besides the first.
type morePort struct {
	cfg  PortConfig
	port *port
	dev  *device
}

// addPort makes the port of the i-th interface besides the first.
func (h *Host) addPort(i int, c PortConfig) *morePort {
	n := h.net
	n.t.Helper()
	mac, _ := n.address()
	defaultTo(&c.Segment, "lan")
	defaultTo(&c.Addr, mac)
	defaultTo(&c.Tx, n.cfg.Impair)
	defaultTo(&c.Interface.Name, fmt.Sprintf("eth%d", i+1))
	c.Interface.Addr, c.Interface.Addresses = c.Addr, c.Addresses
	p := &morePort{cfg: c}
	p.port = n.Segment(c.Segment).attach(h.name+"/"+c.Interface.Name, c.Tx, c.Rx, func(f link.Frame) { p.dev.deliver(f) })
	return p
}

// ports are those of all interfaces.
func (h *Host) ports() []*port {
	ps := []*port{h.port}
	for _, p := range h.more {
		ps = append(ps, p.port)
	}
	return ps
}

// Addr is the host's first address, IPv4 if it has one.
func (h *Host) Addr() netip.Addr { return firstAddr(h.addresses, netip.Addr.IsValid) }

// Addr4 is the host's first IPv4 address; the zero Addr if it has none.
func (h *Host) Addr4() netip.Addr { return firstAddr(h.addresses, netip.Addr.Is4) }

// Addr6 is the host's first IPv6 address; the zero Addr if it has none.
func (h *Host) Addr6() netip.Addr { return firstAddr(h.addresses, netip.Addr.Is6) }

// Link is the address of the host's interface.
func (h *Host) Link() ethernet.Addr { return h.mac }
