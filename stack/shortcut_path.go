package stack

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// path is what was found out about packets from one station to one address of ours: that they may be taken, and, once
// somebody answers, the way back. It holds for one epoch: each change of an address, a route or a neighbour of the host
// begins a new one, so a path that is current says what the engine would say.
//
// A neighbour whose state changes with what is sent (stale, then to be probed: RFC 4861 §7.3.3) is asked for through the
// engine, which changes its state; that begins an epoch, too.
type path struct {
	key    pathKey
	epoch  uint64
	src    netip.Addr // the other station
	dst    netip.Addr // ours
	pseudo uint16     // sum of the pseudo-header of UDP or ICMPv6, without the length

	back atomic.Pointer[wayBack] // nil: nobody has answered yet
}

type pathKey struct {
	src, dst [16]byte // IPv4 in the first four
	v6, echo bool
}

// wayBack is where answers go. The headers lack lengths, identification, ports and checksums.
type wayBack struct {
	ok   bool // false: not from here
	room int  // octets that fit behind the IP header
	// bursts: the device takes super-frames of UDP.
	bursts bool
	head   [plain6]byte
	sum    uint16 // of the IPv4 header in head
	ready  int    // octets of head
}

// pathSlots is how many paths an interface keeps. Two that fall on one slot take turns, so memory is bounded whoever
// asks.
const pathSlots = 1024

// paths is made when the first one is kept: most interfaces have none.
type paths [pathSlots]atomic.Pointer[path]

func (k *pathKey) slot() uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := binary.LittleEndian.Uint64(k.src[:])*odd ^ binary.LittleEndian.Uint64(k.src[8:])
	h = (h^h>>29)*odd ^ binary.LittleEndian.Uint64(k.dst[:]) ^ binary.LittleEndian.Uint64(k.dst[8:])
	h *= odd
	if k.echo {
		h = ^h
	}
	return h >> 32 % pathSlots
}

// path gives the current path of packets with key k, nil if they are not plain.
func (n *nic) path(k *pathKey) *path {
	all := n.paths.Load()
	if all == nil {
		n.paths.CompareAndSwap(nil, new(paths))
		all = n.paths.Load()
	}
	slot := &all[k.slot()]
	if p := slot.Load(); p != nil && p.epoch == n.iface.host.shortcuts.epoch.Load() && p.key == *k {
		return p
	}
	p := n.newPath(*k)
	if p != nil {
		slot.Store(p)
	}
	return p
}

// newPath asks the engine whether packets with key k may be taken.
func (n *nic) newPath(k pathKey) *path {
	p := &path{key: k, epoch: n.iface.host.shortcuts.epoch.Load()} // first: what changes from here on makes it void
	ep, src, dst := n.ip6, tcpip.AddrFrom16(k.src), tcpip.AddrFrom16(k.dst)
	if !k.v6 {
		ep, src, dst = n.ip4, tcpip.AddrFrom4([4]byte(k.src[:])), tcpip.AddrFrom4([4]byte(k.dst[:]))
	}
	if !isStation(src) || !isStation(dst) || k.v6 && n.noIPv6 {
		return nil
	}
	a, ok := ep.(netstack.AddressableEndpoint)
	if !ok || a.AcquireAssignedAddress(src, false, netstack.NeverPrimaryEndpoint, true) != nil {
		return nil // from ourselves, or from a broadcast address
	}
	own := a.AcquireAssignedAddress(dst, false, netstack.NeverPrimaryEndpoint, true)
	if own == nil || own.Temporary() || own.AddressWithPrefix().Address != dst {
		return nil
	}
	if subnet := own.Subnet(); subnet.IsBroadcast(dst) {
		return nil
	}
	h := n.iface.host
	p.src = h.addrPort(tcpip.FullAddress{NIC: n.iface.id, Addr: src}).Addr()
	p.dst = h.addrPort(tcpip.FullAddress{NIC: n.iface.id, Addr: dst}).Addr()
	proto := header.UDPProtocolNumber
	if k.echo && k.v6 {
		proto = header.ICMPv6ProtocolNumber
	}
	p.pseudo = header.PseudoHeaderChecksum(proto, src, dst, 0)
	return p
}

// isStation reports whether a is a unicast address that can be seen on a wire.
func isStation(a tcpip.Address) bool {
	if a.Len() == 4 {
		return !a.Unspecified() && a != header.IPv4Broadcast && !header.IsV4MulticastAddress(a) && !header.IsV4LoopbackAddress(a)
	}
	return !a.Unspecified() && !header.IsV6MulticastAddress(a) && !header.IsV6LoopbackAddress(a) && !header.IsV4MappedAddress(a)
}

// wayBack gives the way of answers. One that is not ok is the engine's to go.
func (n *nic) wayBack(p *path) *wayBack {
	if b := p.back.Load(); b != nil {
		return b
	}
	b := n.newWayBack(p)
	p.back.Store(b)
	return b
}

func (n *nic) newWayBack(p *path) *wayBack {
	b := &wayBack{}
	proto := networkOf(p.src)
	id := tcpip.NICID(0)
	src, dst := toAddress(p.src), toAddress(p.dst)
	if p.key.echo || needsZone(src) || needsZone(dst) {
		id = n.iface.id
	}
	r, e := n.iface.host.ns.FindRoute(id, dst, src, proto, false)
	if e != nil {
		return b
	}
	defer r.Release()
	if r.Loop() != netstack.PacketOut || r.OutgoingNIC() != n.iface.id || r.LocalAddress() != dst || r.RemoteAddress() != src ||
		r.IsOutboundBroadcast() {
		return b
	}
	hop, ok := linkAddressOf(r)
	if !ok {
		return b
	}
	b.ok, b.room = true, int(r.MTU())
	b.bursts = n.deviceInfo().Tx.Has(link.OffloadUSO | link.OffloadChecksum)
	b.fill(n, r, hop)
	return b
}

// linkAddressOf is the link address of a route's next hop; it is false where that has to be asked for.
func linkAddressOf(r *netstack.Route) (ethernet.Addr, bool) {
	found := make(chan tcpip.LinkAddress, 1) // the engine may answer later, when nobody listens
	e := r.ResolvedFields(func(res netstack.ResolvedFieldsResult) {
		if res.Err == nil {
			found <- res.RouteInfo.RemoteLinkAddress
		}
	})
	if e != nil {
		return ethernet.Addr{}, false
	}
	select {
	case a := <-found:
		return linkAddr(a), len(a) == ethernet.AddrLen
	default:
		return ethernet.Addr{}, false
	}
}

// fill makes the headers of answers.
func (b *wayBack) fill(n *nic, r *netstack.Route, hop ethernet.Addr) {
	header.Ethernet(b.head[:]).Encode(&header.EthernetFields{
		SrcAddr: r.LocalLinkAddress(), DstAddr: tcpip.LinkAddress(hop[:]), Type: r.NetProto(),
	})
	ip := b.head[ethernet.HeaderLen:]
	if r.NetProto() == header.IPv6ProtocolNumber {
		header.IPv6(ip).Encode(&header.IPv6Fields{
			TransportProtocol: header.UDPProtocolNumber, HopLimit: r.DefaultTTL(), SrcAddr: r.LocalAddress(), DstAddr: r.RemoteAddress(),
		})
		b.ready = plain6
		return
	}
	header.IPv4(ip).Encode(&header.IPv4Fields{
		Protocol: protoUDP, TTL: r.DefaultTTL(), SrcAddr: r.LocalAddress(), DstAddr: r.RemoteAddress(),
	})
	b.ready = plain4
	b.sum = checksum.Checksum(ip[:header.IPv4MinimumSize], 0)
}
