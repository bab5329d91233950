package lab

import (
	"fmt"
	"strings"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/rip"
)

// Limits of a host's IPX.
const (
	maxServiceName = 47  // 48 octets with the zero behind (IPX Router Specification 1.30, SAP)
	maxIPXHops     = 15  // 16 is out of reach (likewise, RIP)
	maxHopsLimit   = 255 // of routers that count further
	maxIPXTable    = 1 << 16
	maxErrorRate   = 10_000
	maxIPXTimer    = time.Hour // between announcements
)

// noIPX is what is wrong where a host without IPX is to do something with it.
const noIPX = `host %s has no IPX; add ipx = { network = "0000cafe" } to one of its interfaces`

// hostIPX reads what the host does with IPX; nil if it has none.
func (c *checker) hostIPX(path string, h *HostPlan, f *fileHostIPX) {
	ports := h.ipxPorts()
	if len(ports) == 0 {
		if f != nil {
			c.bad(path+".ipx", noIPX+", or remove this table", h.Name)
		}
		return
	}
	if f == nil {
		f = &fileHostIPX{}
	}
	path += ".ipx"
	p := &HostIPXPlan{Config: ipx.Config{
		Name: c.serviceName(path+".name", f.Name, h.Name), Router: f.Router, MaxHops: f.MaxHops, SendErrors: f.Errors,
		ErrorRate: f.ErrorRate,
		MaxRoutes: f.MaxRoutes, MaxServices: f.MaxServices,
		DiagnosticDelay: c.age(path+".diagnostic_delay", f.DiagnosticDelay),
	}}
	h.IPX = p
	if f.Internal != "" {
		p.Internal = c.network(path+".internal", f.Internal, ", that nobody else has")
	}
	c.ipxRouter(path, p, ports, f)
	c.ipxTables(path, p, f)
	for i, r := range f.Route {
		c.ipxRoute(fmt.Sprintf("%s.route[%d]", path, i), p, ports, r)
	}
	for i, s := range f.Service {
		c.ipxService(fmt.Sprintf("%s.service[%d]", path, i), p, s)
	}
}

// ipxPorts are the framings of all interfaces.
func (h *HostPlan) ipxPorts() (all []IPXPlan) {
	for _, i := range h.Interfaces {
		all = append(all, i.IPX...)
	}
	return all
}

// propagations are what netbios may be.
var propagations = []string{"all", "reverse-path", "none"}

func (c *checker) ipxRouter(path string, p *HostIPXPlan, ports []IPXPlan, f *fileHostIPX) {
	if f.MaxHops != 0 {
		c.between(path+".max_hops", f.MaxHops, 1, maxHopsLimit, "leave it out for 16")
	}
	if i, ok := find(propagations, f.NetBIOS); ok {
		p.Config.Propagation = ipx.Propagation(i)
	} else if f.NetBIOS != "" {
		c.bad(path+".netbios", "unknown way %q%s", f.NetBIOS, didYouMean(f.NetBIOS, propagations))
	}
	if !f.Router {
		if f.Internal != "" {
			c.bad(path+".internal",
				"nobody would know the way there: the host tells it to others as a router; add router = true, or remove this key")
		}
		for key, set := range map[string]bool{"netbios": f.NetBIOS != "", "max_hops": f.MaxHops != 0} {
			if set {
				c.bad(path+"."+key, "is of a router; add router = true, or remove this key")
			}
		}
		return
	}
	for _, port := range ports {
		if port.Network == 0 {
			c.bad(port.path+".network",
				`a router tells its networks their numbers; write network = "0000cafe", or another number`)
		}
	}
	if len(ports) == 1 && p.Internal == 0 {
		c.bad(path+".router",
			"the host has one network, and nowhere to route to; give it another interface or framing with IPX, or remove this key")
	}
}

func (c *checker) ipxTables(path string, p *HostIPXPlan, f *fileHostIPX) {
	for _, k := range []struct {
		key     string
		n, most int
	}{{"max_routes", f.MaxRoutes, maxIPXTable}, {"max_services", f.MaxServices, maxIPXTable},
		{"error_rate", f.ErrorRate, maxErrorRate}} {
		if k.n != 0 {
			c.between(path+"."+k.key, k.n, 1, k.most, "leave it out for the default")
		}
	}
	if f.ErrorRate != 0 && !f.Errors {
		c.bad(path+".error_rate", "is of errors that the host sends; add errors = true, or remove this key")
	}
	t := &p.Config
	t.Update, t.Age, t.Gap = c.age(path+".update", f.Update), c.age(path+".age", f.Age), c.age(path+".gap", f.Gap)
	for key, d := range map[string]time.Duration{"update": t.Update, "age": t.Age, "gap": t.Gap,
		"diagnostic_delay": t.DiagnosticDelay} {
		if d > maxIPXTimer {
			c.bad(path+"."+key, "%v is longer than %v; leave it out for the usual one", d, maxIPXTimer)
		}
	}
	update := t.Update
	if update == 0 {
		update = time.Minute
	}
	if t.Age != 0 && t.Age < 2*update {
		c.bad(path+".age",
			"%v is less than two updates of %v, so that one lost packet would take a route away; the usual is four", t.Age, update)
	}
}

// ipxNode reads network and node, of which the network may be left out if there is one only.
func (c *checker) ipxNode(path, s string) (a ipxwire.Addr, ok bool) {
	network, node, found := strings.Cut(s, ":")
	var err error
	if a.Net, err = ipxwire.ParseNetwork(network); err == nil {
		a.Node, err = ipxwire.ParseNode(node)
	}
	if err != nil || !found || a.Node.IsZero() || a.Node.IsGroup() {
		c.bad(path, "%q is no address of a node; write network and node, like 0000cafe:020000000001", s)
		return a, false
	}
	return a, true
}

func (c *checker) ipxRoute(path string, p *HostIPXPlan, ports []IPXPlan, f fileIPXRoute) {
	r := IPXRoutePlan{Network: rip.Default, Hops: 1, Ticks: 2}
	if f.Network != "default" {
		r.Network = c.network(path+".network", f.Network, `, or "default" for all others`)
	}
	if f.Hops != 0 {
		c.between(path+".hops", f.Hops, 1, maxIPXHops, "leave it out for 1")
		r.Hops, r.Ticks = uint16(f.Hops), uint16(f.Hops)+1
	}
	if f.Ticks != 0 {
		c.between(path+".ticks", f.Ticks, 1, mostTicks, "leave it out for one more than hops")
		r.Ticks = uint16(f.Ticks)
	}
	for _, o := range p.Routes {
		if o.Network == r.Network && r.Network != 0 {
			c.bad(path+".network", "a second route to %v; leave one", r.Network)
		}
	}
	var on []string
	for _, port := range ports {
		if port.Network != 0 && port.Network == r.Network {
			c.bad(path+".network", "the host is on network %v itself (line %d); remove this route", r.Network,
				lineOf(c.doc, port.path))
		}
		if port.Network != 0 {
			on = append(on, port.Network.String())
		}
	}
	var ok bool
	if r.Gateway, ok = c.ipxNode(path+".gateway", f.Gateway); ok {
		if _, ok := find(on, r.Gateway.Net.String()); !ok {
			c.bad(path+".gateway",
				"the host is not on network %v; the gateway is a router on one of its own networks%s", r.Gateway.Net, knownAre(on))
		}
	}
	p.Routes = append(p.Routes, r)
}

func knownAre(list []string) string {
	if len(list) == 0 {
		return ", and the file gives none of them a number"
	}
	return ": " + strings.Join(list, ", ")
}

func (c *checker) ipxService(path string, p *HostIPXPlan, f fileIPXService) {
	s := IPXServicePlan{Type: c.serviceType(path+".type", f.Type),
		Name: c.serviceName(path+".name", f.Name, p.Config.Name)}
	if f.Hops != 0 {
		c.between(path+".hops", f.Hops, 1, maxIPXHops, "leave it out for 1")
	}
	if f.Address != "" {
		s.Addr, _ = c.ipxNode(path+".address", f.Address)
		s.Hops = uint16(max(f.Hops, 1))
	} else if f.Hops != 0 {
		c.bad(path+".hops", "is of a service on another machine; add its address, or remove this key")
	}
	socket, err := ipxwire.ParseSocket(f.Socket)
	if err != nil || socket == 0 {
		c.bad(path+".socket", `%q is no socket; write one to four hexadecimal digits in quotes, like "0451"`, f.Socket)
	}
	s.Addr.Socket = socket
	for _, o := range p.Services {
		if o.Type == s.Type && o.Name == s.Name {
			c.bad(path, "a second service of type %04x called %s; give one of them another name", s.Type, s.Name)
		}
	}
	p.Services = append(p.Services, s)
}

// serviceTypes are names for the more usual types.
var serviceTypes = map[string]uint16{"print queue": 0x0003, "file server": 0x0004, "print server": 0x0007}

func (c *checker) serviceType(path string, v any) uint16 {
	switch v := v.(type) {
	case int64:
		if v > 0 && v < 0xffff {
			return uint16(v)
		}
	case string:
		if t, ok := serviceTypes[strings.ToLower(v)]; ok {
			return t
		}
		if n, err := ipxwire.ParseSocket(v); err == nil && n != 0 && n != 0xffff {
			return uint16(n)
		}
	}
	const how = `write up to four hexadecimal digits in quotes, like "0004", or "file server", "print server", "print queue"`
	if v == nil {
		c.bad(path, "type is missing; "+how)
		return 0
	}
	c.bad(path, "%v is no type of a service; "+how, v)
	return 0
}

// serviceName reads the name of a server, as SAP carries it.
func (c *checker) serviceName(path, s, host string) string {
	if s == "" {
		return strings.ToUpper(host)[:min(len(host), maxServiceName)]
	}
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' || strings.IndexByte(`/\:;,*?`, b) >= 0 || b >= 'a' && b <= 'z' {
			c.bad(path, "%q is no server's name; use up to %d capitals, digits, - and _, as clients ask for them", s,
				maxServiceName)
			return s
		}
	}
	if len(s) > maxServiceName {
		c.bad(path, "%q has %d characters; a server's name has %d at most", s, len(s), maxServiceName)
	}
	return s
}
