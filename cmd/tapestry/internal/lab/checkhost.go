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
	p := &HostPlan{Name: name, TCP: c.tcp(path+".tcp", h.TCP), many: len(h.Interface) > 1}
	c.plan.Hosts = append(c.plan.Hosts, p)
	for i, f := range h.Interface {
		c.port(fmt.Sprintf("%s.interface[%d]", path, i), p, i, f)
	}
	if len(h.Interface) == 0 {
		c.bad(path, "the host has no interface; add [[%s.interface]] with segment or tap, and address", path)
	}
	c.hostIPX(path, p, h.IPX)
	c.spx(path+".spx", p, h.SPX)
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
	p := Interface{}
	if f.Segment != "" {
		p.At = c.interfaceOnSegment(path, h, i, f)
	} else {
		p.Wire = c.wire(path, h, f)
		c.noPort(path, f.filePort)
	}
	cfg := stack.InterfaceConfig{
		Name: fmt.Sprintf("eth%d", i), Addr: c.mac(path+".mac", f.MAC, h.Name, i),
		NoIPv6: f.IPv6 != nil && !*f.IPv6, NoSLAAC: f.SLAAC != nil && !*f.SLAAC,
	}
	c.uniqueMAC(path, p.At, cfg.Addr)
	var word string
	cfg.Addresses, word = c.addresses(path+".address", c.among(p.Wire, f), f.Address)
	cfg.NoSLAAC = cfg.NoSLAAC || word == "link-local"
	if f.Address == nil && f.IPX == nil {
		c.bad(path, `the interface has no address; add address = ["198.51.100.2/24"], or "auto" (IPv6 alone), or ipx = { network = "0000cafe" }`)
	}
	if f.Address == nil && f.IPv6 == nil {
		cfg.NoIPv6 = true // IPX alone
	}
	if f.IPX != nil {
		p.IPX = c.ipxOf(path, &p, f)
	}
	if p.Wire != nil {
		c.onWire(path+".address", cfg.Addresses, p.Wire)
		c.onXDP(path, p.Wire, f)
	}
	if p.Wire.isShared() {
		cfg.Addr, cfg.NoSLAAC = ethernet.Addr{}, true // the interface's own address
	}
	cfg.Gateways = c.gateways(path+".gateway", f.Gateway, cfg.Addresses)
	c.families(path, cfg)
	p.Config = cfg
	h.Interfaces = append(h.Interfaces, p)
}

// interfaceOnSegment joins a host to a segment. Its port there has the host's name, and the interface's if there are
// several.
func (c *checker) interfaceOnSegment(path string, h *HostPlan, i int, f fileInterface) *Port {
	for key, set := range map[string]bool{"tap": f.Tap != "", "xdp": f.XDP != ""} {
		if set {
			c.bad(path+"."+key, "the interface is on segment %s already; remove one of the two keys", f.Segment)
		}
	}
	name := h.Name
	if h.many {
		name = fmt.Sprintf("%s.eth%d", h.Name, i)
	}
	return c.join(path, f.Segment, Port{Name: name, Kind: "host"}, f.filePort)
}

// macAt is an Ethernet address on the segments that it is heard on.
type macAt struct {
	group string
	mac   ethernet.Addr
}

func (c *checker) uniqueMAC(path string, at *Port, mac ethernet.Addr) {
	if at == nil {
		return
	}
	key := macAt{c.reach.group(at.Segment.Name), mac}
	if first, ok := c.macs[key]; ok {
		c.bad(path+".mac", "duplicate Ethernet address: %s is that of %s already (line %d); give each its own", mac, first, lineOf(c.doc, first))
		return
	}
	c.macs[key] = path
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

// among names the stations that hear the interface: on an interface that exists, those of a network that the file does not
// know.
func (c *checker) among(w *Wire, f fileInterface) string {
	if w != nil && w.XDP != nil && w.Interface != "" {
		return "interface " + w.Interface
	}
	return c.reach.among(f.Segment, f.VLAN)
}

// wire finds the device that the interface is straight on.
func (c *checker) wire(path string, h *HostPlan, f fileInterface) *Wire {
	table, name := "tap", f.Tap
	if f.XDP != "" {
		table, name = "xdp", f.XDP
	}
	if f.Tap != "" && f.XDP != "" {
		c.bad(path+".xdp", "the interface is on tap %s already; remove one of the two keys", f.Tap)
	}
	var known []string
	for _, w := range c.plan.Wires {
		if w.Table != table {
			continue
		}
		known = append(known, w.Name)
		if w.Name == name {
			return c.takeWire(path+"."+table, h, w)
		}
	}
	switch {
	case name == "":
		c.bad(path, `the interface is on no wire; add tap = "tap0" and a table [tap.tap0], or segment = "lan" and a table [segment.lan]`)
	case len(known) == 0:
		c.bad(path+"."+table, "there is no %s %q; add a table [%s.%s]", table, name, table, name)
	default:
		c.bad(path+"."+table, "there is no %s %q%s", table, name, didYouMean(name, known))
	}
	return nil
}

// takeWire puts the host on a wire that nobody else is on.
func (c *checker) takeWire(path string, h *HostPlan, w *Wire) *Wire {
	switch {
	case w.At != nil:
		c.bad(path, "%s is on segment %s; write segment = %q instead", w.Name, w.At.Segment.Name, w.At.Segment.Name)
		return nil
	case w.host != nil && w.Table == "tap":
		c.bad(path, `%s has host %s on it already; for both, add a table [segment.lan], and give %s and the interfaces segment = "lan"`, w.Name, w.host.Name, w.Name)
		return nil
	case w.host != nil:
		c.bad(path, `%s has host %s on it already; give each host a table [%s.NAME] with an interface of its own`, w.Name, w.host.Name, w.Table)
		return nil
	}
	w.host = h
	return w
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
	if f.Recovery != "" && f.Recovery != "sack" && f.Recovery != "rack" {
		c.bad(path+".recovery", `%q is neither "sack" nor "rack"`, f.Recovery)
	}
	for key, n := range map[string]int{"keepalive_count": f.KeepaliveCount, "backlog": f.Backlog} {
		if n < 0 {
			c.bad(path+"."+key, "%d is less than nothing; leave it out for the default", n)
		}
	}
	return stack.TCPConfig{
		Congestion: f.Congestion, Recovery: f.Recovery, SendBuffer: c.buffer(path+".send_buffer", f.SendBuffer), ReceiveBuffer: c.buffer(path+".receive_buffer", f.ReceiveBuffer),
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
