package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack"
	"tapestry/stack/ipx"
)

// Lengths of what a person writes, in hexadecimal digits.
const (
	networkDigits = 8
	longestTLD    = 6 // of those that have hexadecimal digits alone; a node behind a point is longer
	nodeColons    = 5 // in a node that is written as an Ethernet address
)

// isIPXTarget reports whether it is meant as an address of IPX: it can be nothing else, right or wrong.
func isIPXTarget(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	switch strings.Count(s, ":") {
	case 0:
		return isPointed(s)
	case 1, 2: // network:node, and with a socket
		return true
	}
	_, err := parseIPXTarget(s)
	return err == nil
}

// isPointed reports whether it is network.node, as logs have it, and no name: 0000cafe.020000000001.
func isPointed(s string) bool {
	network, node, _ := strings.Cut(s, ".")
	node, _, _ = strings.Cut(node, ".") // a socket may follow
	return isHex(network) && len(network) <= networkDigits && isHex(node) && len(node) > longestTLD
}

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// parseIPXTarget reads network and node, or a node of this network.
func parseIPXTarget(s string) (a ipxwire.Addr, err error) {
	if full, err := ipxwire.ParseAddr(s); err == nil && full.Socket != 0 {
		return a, fmt.Errorf("%s has a socket, %04x; leave it out", s, uint16(full.Socket))
	}
	if i := strings.IndexAny(s, ":."); i >= 0 && strings.Count(s, ":") != nodeColons {
		if a.Net, err = ipxwire.ParseNetwork(s[:i]); err != nil {
			return a, err
		}
		s = s[i+1:]
	}
	a.Node, err = ipxwire.ParseNode(s)
	return a, err
}

// hostCalled finds a host by its name, with or without the domain; nil if there is none.
func (l *Lab) hostCalled(name string) *host {
	name = strings.TrimSuffix(name, "."+l.Plan.Domain)
	for _, h := range l.hosts {
		if h.plan.Name == name {
			return h
		}
	}
	return nil
}

// hasIPXAlone reports whether it is a host of the lab that has IPX and no address of IP.
func (l *Lab) hasIPXAlone(name string) bool {
	h := l.hostCalled(name)
	return h != nil && h.plan.IPX != nil && len(h.plan.Addresses()) == 0
}

// ipxNamed finds who has a name: a host of the lab, or else a server that the host knows by SAP, with its socket. It
// reports whether there is one.
func (h *host) ipxNamed(name string) (ipxwire.Addr, bool, error) {
	if other := h.lab.hostCalled(name); other != nil {
		a, err := h.ipxAddrOf(other)
		return a, true, err
	}
	var a ipxwire.Addr
	found := false
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		for _, s := range n.Services() {
			if !found && strings.EqualFold(s.Name, name) {
				a, found = s.Addr, true
			}
		}
	})
	return a, found, nil
}

// ipxAddrOf is where the host reaches another one: on a network that both are on, or else on the one within, or else on
// the first whose number is known. Two on one wire that have no number need none.
func (h *host) ipxAddrOf(other *host) (ipxwire.Addr, error) {
	if _, err := other.ipxStack(); err != nil {
		return ipxwire.Addr{}, err
	}
	own, all := h.IPXPorts(), other.IPXPorts()
	for _, fits := range []func(stack.IPXPort) bool{
		func(p stack.IPXPort) bool { return p.Network != 0 && isOn(own, p) },
		func(p stack.IPXPort) bool { return p.Internal },
		func(p stack.IPXPort) bool { return p.Network != 0 && p.Up },
		func(p stack.IPXPort) bool { return p.Network != 0 },
		func(p stack.IPXPort) bool { return h.isBeside(own, other, p) },
	} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return ipxwire.Addr{Net: all[i].Network, Node: all[i].Node}, nil
		}
	}
	if len(all) == 0 {
		return ipxwire.Addr{}, fmt.Errorf("host %s is on no network of IPX; see tapestry ipx ports --host %[1]s", other.plan.Name)
	}
	return ipxwire.Addr{}, fmt.Errorf("host %s does not know its network's number yet (%s): "+
		"no router on this wire has told it", other.plan.Name, all[0].Name)
}

// isOn reports whether one of the ports is on the same network, and both are up.
func isOn(own []stack.IPXPort, p stack.IPXPort) bool {
	isSame := func(q stack.IPXPort) bool { return q.Up && q.Network == p.Network }
	return p.Up && !p.Internal && slices.ContainsFunc(own, isSame)
}

// isBeside reports whether the first port, which network 0 is sent by, and a port of the other host have the same wire
// and the same framing, and none a number.
func (h *host) isBeside(own []stack.IPXPort, other *host, p stack.IPXPort) bool {
	if len(own) == 0 || own[0].Network != 0 || p.Network != 0 {
		return false
	}
	q := own[0]
	wire := h.plan.wireOf(q.Interface)
	return q.Up && p.Up && q.FrameName == p.FrameName && wire != "" && wire == other.plan.wireOf(p.Interface)
}

// wireOf names what an interface is on; it is empty for none.
func (h *HostPlan) wireOf(name string) string {
	for _, i := range h.Interfaces {
		if i.Config.Name == name {
			return i.on()
		}
	}
	return ""
}

// holder finds the host of the lab with an address; nil if there is none.
func (l *Lab) holder(a ipxwire.Addr) *host {
	for _, h := range l.hosts {
		for _, p := range h.IPXPorts() {
			if p.Network == a.Net && p.Node == a.Node {
				return h
			}
		}
	}
	return nil
}
