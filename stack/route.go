package stack

import (
	"fmt"
	"net/netip"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Route says where packets for a range of addresses go.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway,omitzero"` // zero: the destination is on the link
	Interface   string       `json:"interface"`
}

// Routes lists the routing table in the order in which it is searched: the longest prefix first (RFC 1812 §5.2.4.3).
func (h *Host) Routes() []Route {
	var rs []Route
	for _, r := range h.ns.GetRouteTable() {
		rs = append(rs, Route{fromSubnet(r.Destination), fromAddress(r.Gateway), h.ns.FindNICNameFromID(r.NIC)})
	}
	return rs
}

// AddRoute adds r. The gateway must be reachable over an address of the interface, or be link-local.
func (h *Host) AddRoute(r Route) error {
	i, err := h.interfaceNamed(r.Interface)
	if err != nil {
		return err
	}
	if !r.Destination.IsValid() {
		return fmt.Errorf("stack: route on %s has no destination", r.Interface)
	}
	t := tcpip.Route{Destination: subnet(r.Destination.Masked()), NIC: i.id}
	if r.Gateway.IsValid() {
		if err := i.checkGateway(r); err != nil {
			return err
		}
		t.Gateway = toAddress(r.Gateway)
	}
	h.ns.AddRoute(t)
	h.shortcuts.changed()
	return nil
}

func (i *Interface) checkGateway(r Route) error {
	g := r.Gateway
	if g.Is4() != r.Destination.Addr().Is4() {
		return fmt.Errorf("stack: route to %s: gateway %s is of the other IP version", r.Destination, g)
	}
	if g.IsLinkLocalUnicast() {
		return nil
	}
	if !slices.ContainsFunc(i.addresses(), func(p netip.Prefix) bool { return p.Contains(g) }) {
		return fmt.Errorf("stack: route to %s: gateway %s is in no subnet of interface %s", r.Destination, g, i.name)
	}
	return nil
}

// RemoveRoute removes the routes equal to r.
func (h *Host) RemoveRoute(r Route) error {
	i, err := h.interfaceNamed(r.Interface)
	if err != nil {
		return err
	}
	dst, gw := subnet(r.Destination.Masked()), tcpip.Address{}
	if r.Gateway.IsValid() {
		gw = toAddress(r.Gateway)
	}
	defer h.shortcuts.changed()
	n := h.ns.RemoveRoutes(func(t tcpip.Route) bool { return t.NIC == i.id && t.Destination == dst && t.Gateway == gw })
	if n == 0 {
		return fmt.Errorf("stack: no route to %s on %s", r.Destination, r.Interface)
	}
	return nil
}

// addGateway adds a default route.
func (h *Host) addGateway(iface string, gw netip.Addr) error {
	all := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	if gw.Is4() {
		all = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return h.AddRoute(Route{all, gw.WithZone(""), iface})
}
