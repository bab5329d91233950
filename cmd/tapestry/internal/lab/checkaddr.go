package lab

import (
	"fmt"
	"net/netip"
	"strings"
)

// addresses reads a list of addresses with their prefix lengths, or one of the words for addresses that are not static.
// Nobody else among those that hear the station may have one of them.
func (c *checker) addresses(path, among string, v any) (list []netip.Prefix, word string) {
	switch v := v.(type) {
	case nil:
	case string:
		switch v {
		case "auto", "link-local":
			return nil, v
		case "dhcp":
			c.bad(path, `"dhcp" is not there yet; give a list of addresses with their prefix lengths`)
		default:
			c.bad(path, `%q: want a list like ["198.51.100.2/24", "2001:db8:51::2/64"], "auto" or "link-local"`, v)
		}
	case []any:
		for i, e := range v {
			at := fmt.Sprintf("%s[%d]", path, i)
			s, ok := e.(string)
			if !ok {
				c.bad(at, `want text in quotes like "198.51.100.2/24"`)
				continue
			}
			if p, ok := c.address(at, among, s); ok {
				list = append(list, p)
			}
		}
	default:
		c.bad(path, `want a list like ["198.51.100.2/24", "2001:db8:51::2/64"]`)
	}
	return list, ""
}

// address reads one address of a station with its prefix length.
func (c *checker) address(path, among, s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if a, err := netip.ParseAddr(s); err == nil {
			c.bad(path, "%s has no prefix length; write %s/%d, or the length of its subnet", s, s, map[bool]int{true: 24, false: 64}[a.Is4()])
		} else {
			c.bad(path, "%q is no address with a prefix length, like 198.51.100.2/24", s)
		}
		return p, false
	}
	if why := unusable(p); why != "" {
		c.bad(path, "%s %s", s, why)
		return p, false
	}
	if first, ok := c.seen[station{among, p.Addr()}]; ok {
		c.bad(path, "duplicate address: %s is %s already (line %d); give each its own", p.Addr(), first, lineOf(c.doc, first))
		return p, false
	}
	c.seen[station{among, p.Addr()}] = path
	return p, true
}

// unusable says why no station may have the address p; empty if one may.
func unusable(p netip.Prefix) string {
	a := p.Addr()
	switch {
	case a.Is4In6():
		return "is an IPv4 address in IPv6 form; write it as IPv4"
	case a.IsUnspecified(), a.IsLoopback(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "is no address of a station on a wire; use a unicast address"
	case p.Bits() == 0:
		return "has prefix length 0; use that of its subnet"
	case a.BitLen()-p.Bits() < 2:
		return "" // RFC 3021, RFC 6164: both addresses of such a prefix are stations'
	case a == p.Masked().Addr() && a.Is4():
		return fmt.Sprintf("is the address of the network itself; the first usable one is %s", a.Next())
	case a == p.Masked().Addr():
		return fmt.Sprintf("is the subnet's router anycast address (RFC 4291 §2.6.1); the first usable one is %s", a.Next())
	case a.Is4() && !p.Contains(a.Next()):
		return fmt.Sprintf("is the broadcast address of its network; the last usable one is %s", a.Prev())
	}
	return ""
}

// onWire checks that the kernel's side of the wire can reach the host's addresses.
func (c *checker) onWire(path string, list []netip.Prefix, w *Wire) {
	if len(w.Addresses) == 0 {
		return // an interface that others configure
	}
	for i, p := range list {
		if p.Addr().IsLinkLocalUnicast() || containing(w.Addresses, p.Addr()) {
			continue
		}
		c.bad(c.element(path, p, i), "%s is in no subnet of %s (%s); use an address of one of these, or add one of this subnet to %s.%s.address",
			p.Addr(), w.Name, prefixes(w.Addresses), w.Table, w.Name)
	}
}

// element gives the path of the list's element that was read as p: bad elements before it were left out.
func (c *checker) element(path string, p netip.Prefix, i int) string {
	for s, at := range c.seen {
		if s.addr == p.Addr() && strings.HasPrefix(at, path+"[") {
			return at
		}
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

func (c *checker) gateways(path string, words []string, list []netip.Prefix) []netip.Addr {
	var gs []netip.Addr
	for i, s := range words {
		at := fmt.Sprintf("%s[%d]", path, i)
		g, err := netip.ParseAddr(s)
		switch {
		case err != nil:
			c.bad(at, "%q is no address, like 198.51.100.1", s)
		case ownAddress(list, g):
			c.bad(at, "%s is this host's own address; give that of the router", g)
		case !g.IsLinkLocalUnicast() && !containing(list, g):
			c.bad(at, "gateway %s is in no subnet of this interface (%s); use an address on the wire", g, prefixes(list))
		default:
			gs = append(gs, g)
		}
	}
	return gs
}

func ownAddress(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Addr() == a {
			return true
		}
	}
	return false
}

func containing(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func prefixes(list []netip.Prefix) string {
	var s []string
	for _, p := range list {
		s = append(s, p.Masked().String())
	}
	if s == nil {
		return "it has none"
	}
	return strings.Join(s, ", ")
}
