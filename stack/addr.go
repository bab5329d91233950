package stack

import (
	"fmt"
	"net/netip"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// The engine's addresses and package netip's: one place turns each into the other.

func toAddress(a netip.Addr) tcpip.Address {
	if a = a.Unmap(); a.Is4() {
		return tcpip.AddrFrom4(a.As4())
	}
	return tcpip.AddrFrom16(a.As16())
}

// fromAddress gives the zero Addr for the engine's empty address.
func fromAddress(a tcpip.Address) netip.Addr {
	switch a.Len() {
	case 4:
		return netip.AddrFrom4(a.As4())
	case 16:
		return netip.AddrFrom16(a.As16())
	}
	return netip.Addr{}
}

func networkOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Unmap().Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func protocolAddress(p netip.Prefix) tcpip.ProtocolAddress {
	return tcpip.ProtocolAddress{
		Protocol:          networkOf(p.Addr()),
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: toAddress(p.Addr()), PrefixLen: p.Bits()},
	}
}

func subnet(p netip.Prefix) tcpip.Subnet {
	return tcpip.AddressWithPrefix{Address: toAddress(p.Addr()), PrefixLen: p.Bits()}.Subnet()
}

func fromSubnet(s tcpip.Subnet) netip.Prefix {
	return netip.PrefixFrom(fromAddress(s.ID()), s.Prefix())
}

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// AddAddress gives the interface a static address. It is usable at once; whether another station holds it is asked in
// the background, and a conflict is logged and counted.
func (h *Host) AddAddress(iface string, p netip.Prefix) error {
	i, err := h.interfaceNamed(iface)
	if err != nil {
		return err
	}
	return i.addAddress(p)
}

func (i *Interface) addAddress(p netip.Prefix) error {
	if !p.IsValid() || p.Addr().IsUnspecified() || p.Addr().IsMulticast() {
		return fmt.Errorf("stack: %s: %s is no address of a station", i.name, p)
	}
	defer i.host.shortcuts.changed()
	i.nic.wants.add(p.Addr())
	if e := i.withoutDAD(p.Addr(), func() tcpip.Error {
		return i.host.ns.AddProtocolAddress(i.id, protocolAddress(p), netstack.AddressProperties{})
	}); e != nil {
		i.nic.wants.remove(p.Addr())
		return fmt.Errorf("stack: %s: address %s: %s", i.name, p, e)
	}
	i.host.ns.ReplaceRoute(tcpip.Route{Destination: subnet(p.Masked()), NIC: i.id})
	i.announce(p.Addr())
	i.probe(p.Addr())
	return nil
}

// RemoveAddress takes the address p.Addr() from the interface, and with the last address of a subnet the subnet's route.
func (h *Host) RemoveAddress(iface string, p netip.Prefix) error {
	i, err := h.interfaceNamed(iface)
	if err != nil {
		return err
	}
	defer h.shortcuts.changed()
	if e := h.ns.RemoveAddress(i.id, toAddress(p.Addr())); e != nil {
		return fmt.Errorf("stack: %s: address %s: %s", i.name, p, e)
	}
	i.nic.wants.remove(p.Addr())
	if slices.ContainsFunc(i.addresses(), func(q netip.Prefix) bool { return q.Masked() == p.Masked() }) {
		return nil
	}
	want := subnet(p.Masked())
	h.ns.RemoveRoutes(func(r tcpip.Route) bool { return r.NIC == i.id && r.Destination == want && r.Gateway.Len() == 0 })
	return nil
}
