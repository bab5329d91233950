package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
	"tapestry/stack"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
)

// kinds are the frame types by the names that the file has.
var kinds = map[string]ethernet.Kind{
	"ethernet-ii": ethernet.KindII, "802.3": ethernet.KindRaw, "802.2": ethernet.KindLLC, "snap": ethernet.KindSNAP,
}

// config is what the stack is told of the framing.
func (p IPXPlan) config() stack.IPXConfig {
	return stack.IPXConfig{
		Frame: kinds[p.Frame], Auto: p.Frame == autoFrame, Network: p.Network, MaxPacket: p.MaxPacket,
		Checksum: p.Checksum, Ticks: p.Ticks,
	}
}

// config is what the stack is told of the host's node.
func (p *HostIPXPlan) config() ipx.Config {
	if p == nil {
		return ipx.Config{}
	}
	return p.Config
}

// addIPX gives an interface its networks.
func (h *host) addIPX(i *stack.Interface, p *Interface) error {
	for _, n := range p.IPX {
		if err := i.AddIPX(n.config()); err != nil {
			return fmt.Errorf("lab: host %s: %w", h.plan.Name, err)
		}
	}
	return nil
}

// addTables gives the host the network within, and what is static of its tables.
func (h *host) addTables() error {
	p := h.plan.IPX
	if p == nil {
		return nil
	}
	if p.Internal != 0 {
		if err := h.AddIPXNetwork(p.Internal); err != nil {
			return fmt.Errorf("lab: host %s: %w", h.plan.Name, err)
		}
	}
	for _, r := range p.Routes {
		if err := h.addIPXRoute(r); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	for _, s := range p.Services {
		if err := h.addIPXService(s); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

// addIPXRoute adds a static route, whose gateway is on one of the host's networks.
func (h *host) addIPXRoute(r IPXRoutePlan) (err error) {
	h.IPX().Do(func(now time.Time, n *ipx.Node) {
		port, ok := portOn(n, r.Gateway.Net)
		if !ok {
			err = fmt.Errorf("host %s is not on network %v: the gateway is a router on one of its own networks; see tapestry ipx ports",
				h.plan.Name, r.Gateway.Net)
			return
		}
		err = n.RIP().AddStatic(now,
			rip.Route{Network: r.Network, Hops: r.Hops, Ticks: r.Ticks, Port: int(port), NextHop: r.Gateway.Node})
	})
	return err
}

// portOn finds the port on a network.
func portOn(n *ipx.Node, network ipxwire.Network) (ipx.PortID, bool) {
	for _, p := range n.Ports() {
		if p.Network == network && !p.Internal {
			return p.ID, true
		}
	}
	return 0, false
}

// addIPXService adds a static service, of this host or of a machine elsewhere.
func (h *host) addIPXService(p IPXServicePlan) (err error) {
	s := sap.Service{Type: sap.Type(p.Type), Name: p.Name, Addr: p.Addr, Hops: p.Hops, Port: sap.Local}
	if p.Addr.Node.IsZero() {
		if s.Addr, err = h.ipxAddr(); err != nil {
			return err
		}
		s.Addr.Socket = p.Addr.Socket
	}
	h.IPX().Do(func(now time.Time, n *ipx.Node) {
		if !p.Addr.Node.IsZero() {
			s.Port = portTo(n, p.Addr.Net)
		}
		err = n.SAP().AddStatic(now, s)
	})
	return err
}

// portTo is the port that leads to a network; the first where none does yet.
func portTo(n *ipx.Node, network ipxwire.Network) int {
	if p, ok := portOn(n, network); ok {
		return int(p)
	}
	if r, ok := n.RIP().Lookup(network); ok {
		return r.Port
	}
	return 0
}

// ipxStack gives the host's node.
func (h *host) ipxStack() (*ipx.Stack, error) {
	if h.plan.IPX == nil {
		return nil, fmt.Errorf(noIPX+", or choose another host with --host", h.plan.Name)
	}
	return h.IPX(), nil
}

// ipxAddr is where others reach the host: on the network within, or else on the first one.
func (h *host) ipxAddr() (ipxwire.Addr, error) {
	if _, err := h.ipxStack(); err != nil {
		return ipxwire.Addr{}, err
	}
	all := h.IPXPorts()
	i := slices.IndexFunc(all, func(p stack.IPXPort) bool { return p.Internal })
	if i < 0 {
		i = slices.IndexFunc(all, func(p stack.IPXPort) bool { return p.Network != 0 })
	}
	if len(all) == 0 {
		return ipxwire.Addr{},
			fmt.Errorf("host %s is on no network of IPX any more; see tapestry ipx ports", h.plan.Name)
	}
	p := all[max(i, 0)]
	return ipxwire.Addr{Net: p.Network, Node: p.Node}, nil
}

// ipxPorts lists the networks that the host is on.
func (h *host) ipxPorts() []IPXPort {
	all := []IPXPort{} // a list also where it is empty
	for _, p := range h.IPXPorts() {
		all = append(all, IPXPort{p.Name, p.Network, p.Learned, p.Node, p.FrameName, p.MaxPacket, p.Checksum, p.Ticks,
			p.Up})
	}
	return all
}

// ipxRoutes lists the networks that the host knows.
func (h *host) ipxRoutes() []IPXRoute {
	all := []IPXRoute{}
	h.IPX().Do(func(now time.Time, n *ipx.Node) {
		for _, r := range n.Routes() {
			k := IPXRoute{
				Network: r.Network, Hops: r.Hops, Ticks: r.Ticks, Interface: portName(n, r.Port), Static: r.Static,
				Expires: until(now, r.Expires),
			}
			if !r.NextHop.IsZero() {
				k.NextHop = &r.NextHop
			}
			all = append(all, k)
		}
	})
	return all
}

// ipxServers lists the services that the host knows.
func (h *host) ipxServers() []IPXServer {
	all := []IPXServer{}
	h.IPX().Do(func(now time.Time, n *ipx.Node) {
		for _, s := range n.Services() {
			all = append(all, IPXServer{
				Type: Hex16(s.Type), TypeName: typeName(s.Type), Name: s.Name, Network: s.Addr.Net, Node: s.Addr.Node,
				Socket: Hex16(s.Addr.Socket),
				Hops:   s.Hops, Interface: portName(n, s.Port), Static: s.Static, Expires: until(now, s.Expires),
			})
		}
	})
	return all
}

// typeName is empty for a type that is nobody's.
func typeName(t sap.Type) string {
	if name := t.String(); !strings.HasPrefix(name, "type ") {
		return name
	}
	return ""
}

// portName is that of the port, or local for what is in the host itself.
func portName(n *ipx.Node, port int) string {
	if p, ok := n.Port(ipx.PortID(port)); ok && port >= 0 {
		return p.Name
	}
	return local
}

// until gives the seconds to a time; zero if there is none.
func until(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, t.Sub(now).Seconds())
}

// ipxStats lists the counters of IPX and SPX.
func (h *host) ipxStats() []stack.Stat {
	all := h.Host.Stats()
	return slices.DeleteFunc(all, func(s stack.Stat) bool {
		return !strings.HasPrefix(s.Name, "ipx") && !strings.HasPrefix(s.Name, "spx")
	})
}
