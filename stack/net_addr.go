package stack

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// zoneName gives the name of an interface, as it stands behind the % of a link-local address.
func (h *Host) zoneName(id tcpip.NICID) string {
	if id == loopbackID {
		return "lo"
	}
	if i, ok := h.interfaceByID(id); ok {
		return i.name
	}
	return ""
}

// zoneID gives the number of the interface that a zone names, 0 if there is none: package net too ignores unknown
// zones, and lets the connection fail for want of a route.
func (h *Host) zoneID(zone string) tcpip.NICID {
	if zone == "" {
		return 0
	}
	if zone == "lo" {
		return loopbackID
	}
	if i, ok := h.interfaceByName(zone); ok {
		return i.id
	}
	return 0
}

// needsZone: only these addresses mean different stations on different interfaces (RFC 4007 §6).
func needsZone(a tcpip.Address) bool {
	return header.IsV6LinkLocalUnicastAddress(a) || header.IsV6LinkLocalMulticastAddress(a)
}

// addrPort turns an address of the engine into package netip's; link-local ones get their zone.
func (h *Host) addrPort(a tcpip.FullAddress) netip.AddrPort {
	ip := fromAddress(a.Addr)
	if needsZone(a.Addr) {
		ip = ip.WithZone(h.zoneName(a.NIC))
	}
	return netip.AddrPortFrom(ip, a.Port)
}

// fullAddress is the reverse of addrPort. An unspecified or invalid address becomes the empty one, which the engine
// takes for any.
func (h *Host) fullAddress(a netip.AddrPort) tcpip.FullAddress {
	f := tcpip.FullAddress{Port: a.Port()}
	ip := a.Addr()
	if !ip.IsValid() || ip.IsUnspecified() {
		return f
	}
	f.Addr = toAddress(ip)
	if needsZone(f.Addr) {
		f.NIC = h.zoneID(ip.Zone())
	}
	return f
}

// family is what a socket is opened for.
type family struct {
	proto  tcpip.NetworkProtocolNumber
	v6only bool
}

// familyOf chooses like package net's favoriteAddrFamily: the network's last character decides, then a wildcard
// listener takes both versions, else the address decides.
func familyOf(network string, a netip.Addr, listen bool) family {
	switch network[len(network)-1] {
	case '4':
		return family{proto: header.IPv4ProtocolNumber}
	case '6':
		return family{proto: header.IPv6ProtocolNumber, v6only: true}
	}
	wildcard := !a.IsValid() || a.IsUnspecified()
	if wildcard && listen {
		return family{proto: header.IPv6ProtocolNumber}
	}
	if !a.IsValid() || a.Unmap().Is4() {
		return family{proto: header.IPv4ProtocolNumber}
	}
	return family{proto: header.IPv6ProtocolNumber}
}

// any is the wildcard address that a socket of this family shows.
func (f family) any() netip.Addr {
	if f.proto == header.IPv4ProtocolNumber {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// local gives the address to show for a socket of this family.
func (f family) local(a netip.AddrPort) netip.AddrPort {
	if !a.Addr().IsValid() {
		return netip.AddrPortFrom(f.any(), a.Port())
	}
	return a
}

// netAddr makes the net.Addr of the network's kind.
func netAddr(network string, a netip.AddrPort) net.Addr {
	switch {
	case strings.HasPrefix(network, "tcp"):
		return net.TCPAddrFromAddrPort(a)
	case strings.HasPrefix(network, "udp"):
		return net.UDPAddrFromAddrPort(a)
	}
	return &net.IPAddr{IP: a.Addr().AsSlice(), Zone: a.Addr().Zone()}
}

// udpAddrPort reads a *net.UDPAddr; an IP of no valid length is an error in package net's words.
func udpAddrPort(a *net.UDPAddr) (netip.AddrPort, error) {
	ip, ok := netip.AddrFromSlice(a.IP)
	if !ok && len(a.IP) > 0 {
		return netip.AddrPort{}, &net.AddrError{Err: "non-IPv6 address", Addr: a.IP.String()}
	}
	if !ok {
		ip = netip.IPv6Unspecified()
	}
	if ip = ip.Unmap(); ip.Is6() {
		ip = ip.WithZone(a.Zone)
	}
	return netip.AddrPortFrom(ip, uint16(a.Port)), nil
}

// network is a parsed first argument of Dial or Listen.
type network struct {
	name  string // as it was given
	kind  string // tcp, udp or ip, with 4 or 6 where it was given
	proto int    // of ip
}

func parseNetwork(name string) (network, error) {
	switch name {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
		return network{name: name, kind: name}, nil
	}
	kind, proto, ok := strings.Cut(name, ":")
	if !ok || kind != "ip" && kind != "ip4" && kind != "ip6" {
		return network{}, net.UnknownNetworkError(name)
	}
	switch proto {
	case "icmp", "1":
		return network{name: name, kind: kind, proto: 1}, nil
	case "ipv6-icmp", "58":
		return network{name: name, kind: kind, proto: 58}, nil
	}
	return network{}, &net.AddrError{Err: "unknown IP protocol specified", Addr: proto}
}

// accepts reports whether an address fits the 4 or 6 of the network.
func (n network) accepts(a netip.Addr) bool {
	switch n.kind[len(n.kind)-1] {
	case '4':
		return a.Is4() || a.Is4In6()
	case '6':
		return a.Is6() && !a.Is4In6()
	}
	return true
}

// resolve turns the second argument of Dial or Listen into addresses, at least one. An empty host gives one invalid
// address, which stands for any.
func (h *Host) resolve(ctx context.Context, n network, op, address string) ([]netip.AddrPort, error) {
	if op == "dial" && address == "" {
		return nil, errMissingAddress
	}
	host, port := address, uint16(0)
	if n.proto == 0 && address != "" {
		var service string
		var err error
		if host, service, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
		if port, err = lookupPort(ctx, n.kind, service); err != nil {
			return nil, err
		}
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.Addr{}, port)}, nil
	}
	ips, err := h.lookup(ctx, n, host)
	if err != nil {
		return nil, err
	}
	var as []netip.AddrPort
	for _, ip := range ips {
		if n.accepts(ip) {
			as = append(as, netip.AddrPortFrom(ip, port))
		}
	}
	if as == nil {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return as, nil
}

// lookupPort knows numbers and the names of services; it reads no more than the machine's list of services.
func lookupPort(ctx context.Context, network, service string) (uint16, error) {
	r := net.Resolver{PreferGo: true}
	p, err := r.LookupPort(ctx, network, service)
	return uint16(p), err
}

// preferIPv4 is package net's choice among several addresses of one name to listen on.
func preferIPv4(as []netip.AddrPort) netip.AddrPort {
	for _, a := range as {
		if a.Addr().Unmap().Is4() {
			return a
		}
	}
	return as[0]
}
