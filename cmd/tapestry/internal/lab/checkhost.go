package lab

import (
	"crypto/sha256"
	"fmt"
	"net/netip"

	"tapestry/link/ethernet"
	"tapestry/stack"
)

func (c *checker) host(name string, h fileHost) {
	path := "host." + name
	if !isLabel(name) {
		c.bad(path, "%q is no host's name; use up to %d of a-z, 0-9 and - inside", name, maxLabel)
	}
	p := &HostPlan{Name: name, TCP: c.tcp(path+".tcp", h.TCP)}
	c.plan.Hosts = append(c.plan.Hosts, p)
	for i, f := range h.Interface {
		c.port(fmt.Sprintf("%s.interface[%d]", path, i), p, i, f)
	}
	if len(h.Interface) == 0 {
		c.bad(path, "the host has no interface; add [[%s.interface]] with tap and address", path)
	}
	for i, s := range h.DNS {
		p.DNS = append(p.DNS, c.dnsServer(fmt.Sprintf("%s.dns[%d]", path, i), s))
	}
	for _, app := range c.inOrder(path+".app", keys(h.App)) {
		c.app(path+".app."+app, p, app, h.App[app])
	}
}

func (c *checker) dnsServer(path, s string) netip.AddrPort {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 53)
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		c.bad(path, "%q is no address of a server, like 198.51.100.1 or [2001:db8:51::1]:5353", s)
	}
	return ap
}

func (c *checker) app(path string, h *HostPlan, name string, table any) {
	var known []string
	for _, a := range c.registry {
		known = append(known, a.Name)
	}
	i, ok := find(known, name)
	if !ok {
		c.bad(path, "unknown app %q%s", name, didYouMean(name, known))
		return
	}
	if _, ok := table.(map[string]any); !ok {
		c.bad(path, "want a table: [%s]", path)
		return
	}
	h.Apps = append(h.Apps, AppPlan{App: c.registry[i], path: path})
}

func (c *checker) port(path string, h *HostPlan, i int, f fileInterface) {
	if f.Segment != "" {
		c.bad(path+".segment", `segments are not there yet; write tap = "tap0" with a table [tap.tap0]`)
	}
	if f.IPX != nil {
		c.bad(path+".ipx", "IPX is not there yet; remove this key")
	}
	w := c.wire(path, h, f)
	cfg := stack.InterfaceConfig{
		Name: fmt.Sprintf("eth%d", i), Addr: c.mac(path+".mac", f.MAC, h.Name, i),
		NoIPv6: f.IPv6 != nil && !*f.IPv6, NoSLAAC: f.SLAAC != nil && !*f.SLAAC,
	}
	var word string
	cfg.Addresses, word = c.addresses(path+".address", f.Address)
	cfg.NoSLAAC = cfg.NoSLAAC || word == "link-local"
	if f.Address == nil {
		c.bad(path, `the interface has no address; add address = ["198.51.100.2/24"], or "auto" (IPv6 alone)`)
	}
	if w != nil {
		c.onWire(path+".address", cfg.Addresses, w)
	}
	cfg.Gateways = c.gateways(path+".gateway", f.Gateway, cfg.Addresses)
	c.families(path, cfg)
	h.Ports = append(h.Ports, Port{Wire: w, Config: cfg})
}

func (c *checker) families(path string, cfg stack.InterfaceConfig) {
	for i, a := range cfg.Addresses {
		if cfg.NoIPv6 && a.Addr().Is6() {
			c.bad(c.element(path+".address", a, i), "%s needs IPv6, which ipv6 = false switches off; remove one of the two", a.Addr())
		}
	}
	var first [2]netip.Addr
	for i, g := range cfg.Gateways {
		family := map[bool]int{true: 0, false: 1}[g.Is4()]
		if first[family].IsValid() {
			c.bad(fmt.Sprintf("%s.gateway[%d]", path, i), "a second gateway of the same IP version beside %s; leave one", first[family])
		}
		first[family] = g
	}
}

func (c *checker) wire(path string, h *HostPlan, f fileInterface) *Wire {
	var known []string
	for _, w := range c.plan.Wires {
		known = append(known, w.Name)
	}
	i, ok := find(known, f.Tap)
	switch {
	case ok && c.plan.Wires[i].host != nil:
		c.bad(path+".tap", "%s has host %s on it already (one host a tap until segments are there); add a table [tap.NAME] for this one",
			f.Tap, c.plan.Wires[i].host.Name)
	case ok:
		c.plan.Wires[i].host = h
		return c.plan.Wires[i]
	case f.Tap == "" && f.Segment == "":
		c.bad(path, `the interface is on no wire; add tap = "tap0" and a table [tap.tap0]`)
	case f.Tap != "" && len(known) == 0:
		c.bad(path+".tap", "there is no tap %q; add a table [tap.%s]", f.Tap, f.Tap)
	case f.Tap != "":
		c.bad(path+".tap", "there is no tap %q%s", f.Tap, didYouMean(f.Tap, known))
	}
	return nil
}

func (c *checker) mac(path, s, host string, i int) ethernet.Addr {
	if s == "" {
		return stableMAC(c.plan.Name, host, i)
	}
	a, err := ethernet.ParseAddr(s)
	switch {
	case err != nil:
		c.bad(path, "%q is no Ethernet address, like 02:00:5e:10:00:01", s)
	case a.IsZero() || a.IsMulticast():
		c.bad(path, "%s is no station's address; the first octet must be even, like 02", a)
	}
	return a
}

// stableMAC derives a locally administered address from the names, so that a lab's caches stay right over restarts.
func stableMAC(lab, host string, i int) (a ethernet.Addr) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", lab, host, i))
	copy(a[:], sum[:])
	a[0] = a[0]&^1 | 2
	return a
}

func (c *checker) tcp(path string, f fileTCP) stack.TCPConfig {
	if f.Congestion != "" && f.Congestion != "cubic" && f.Congestion != "reno" {
		c.bad(path+".congestion", `%q is neither "cubic" nor "reno"`, f.Congestion)
	}
	for key, n := range map[string]int{"keepalive_count": f.KeepaliveCount, "backlog": f.Backlog} {
		if n < 0 {
			c.bad(path+"."+key, "%d is less than nothing; leave it out for the default", n)
		}
	}
	return stack.TCPConfig{
		Congestion: f.Congestion, SendBuffer: c.buffer(path+".send_buffer", f.SendBuffer), ReceiveBuffer: c.buffer(path+".receive_buffer", f.ReceiveBuffer),
		KeepaliveIdle: c.duration(path+".keepalive_idle", f.KeepaliveIdle), KeepaliveInterval: c.duration(path+".keepalive_interval", f.KeepaliveInterval),
		KeepaliveCount: f.KeepaliveCount, TimeWait: c.duration(path+".time_wait", f.TimeWait), Backlog: f.Backlog,
	}
}

func (c *checker) buffer(path string, v []int) (b stack.Buffer) {
	if v == nil {
		return b
	}
	if len(v) != 3 || v[0] < 1 || v[0] > v[1] || v[1] > v[2] {
		c.bad(path, "want three sizes in octets that do not fall: [least, default, most], like [4096, 1048576, 6291456]")
		return b
	}
	return stack.Buffer{Min: v[0], Default: v[1], Max: v[2]}
}
