package ipxtunnel

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"

	"tapestry/internal/ipxwire"
)

// nodeOf is the node of a client: its IPv4 address and its port, as DOSBox has it, made an address of one station that
// an administrator gives out (IEEE 802 §8.2): 127.0.0.1 would be a group. Of an IPv6 address there is a hash.
func nodeOf(a netip.AddrPort) (n ipxwire.Node) {
	ip := a.Addr().Unmap()
	if ip.Is4() {
		b := ip.As4()
		copy(n[:], b[:])
		binary.BigEndian.PutUint16(n[4:], a.Port())
	} else {
		h := fnv.New64a()
		b := ip.As16()
		h.Write(b[:])
		h.Write(binary.BigEndian.AppendUint16(nil, a.Port()))
		copy(n[:], h.Sum(nil))
	}
	return station(n)
}

// station gives a node the form of one station's own address.
func station(n ipxwire.Node) ipxwire.Node {
	n[0] = n[0]&^1 | 2
	return n
}

// next is another node, for when one is taken.
func next(n ipxwire.Node) ipxwire.Node {
	binary.BigEndian.PutUint32(n[2:], binary.BigEndian.Uint32(n[2:])+1)
	return n
}

// subnet is what limits count as one address: of IPv6 the 64 bits that a site's network has (RFC 4291 §2.5.4).
func subnet(a netip.Addr) netip.Addr {
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}
