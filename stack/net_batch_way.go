package stack

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// way is all that frames from one socket to one destination have in common. As a path of the shortcut it holds for one
// epoch: what it says is what the engine would say. It is never changed.
type way struct {
	key   wayKey
	epoch uint64
	nic   *nic // nil: the engine's to go

	tx      link.Offload
	mtu     int // of the device
	room    int // payload of the largest datagram that needs no fragments
	v6      bool
	head    [ethernet.HeaderLen + header.IPv6MinimumSize + header.UDPMinimumSize]byte
	l4      int    // where the UDP header starts
	headLen int    // of head
	sum     uint16 // of the pseudo-header without the length
}

// wayKey is what a way depends on beside the host's addresses, routes and neighbours.
type wayKey struct {
	to     netip.AddrPort // as the user gave it
	device int32          // see SetOutgoingInterface
	ttl    uint32         // see SetTTL
}

// ways keeps the ways to recent destinations. Two that fall on one slot take turns, so memory is bounded.
type ways [64]atomic.Pointer[way]

func (k *wayKey) slot() uint64 {
	const odd = 0x9e3779b97f4a7c15
	a := k.to.Addr().As16()
	h := binary.LittleEndian.Uint64(a[:])*odd ^ binary.LittleEndian.Uint64(a[8:]) ^ uint64(k.to.Port())
	return h * odd >> 32 % uint64(len(ways{}))
}

// way gives the way to a destination.
func (c *UDPConn) way(to netip.AddrPort) *way {
	k := wayKey{to: to, device: c.ep.SocketOptions().GetBindToDevice(), ttl: c.ttl.Load()}
	slot := &c.batch().ways[k.slot()]
	if w := slot.Load(); w != nil && w.key == k && w.isCurrent(c.host) {
		return w
	}
	w := c.newWay(k)
	slot.Store(w)
	return w
}

// isCurrent reports whether nothing has changed that the way depends on.
func (w *way) isCurrent(h *Host) bool {
	if w.nic != nil {
		if i := w.nic.deviceInfo(); i.Tx != w.tx || i.MTU != w.mtu {
			return false
		}
	}
	return w.epoch == h.shortcuts.epoch.Load()
}

// newWay asks the engine. What comes back has no interface if the engine has to send by itself: to groups, broadcast
// addresses and the host itself, to a neighbour that has to be asked for its link address, and where there is an error
// to tell.
func (c *UDPConn) newWay(k wayKey) *way {
	w := &way{key: k, epoch: c.host.shortcuts.epoch.Load()} // first: what changes from here on makes it void
	rk, port, ok := c.plainRoute(k)
	if !ok {
		return w
	}
	r, e := c.host.ns.FindRoute(rk.nic, rk.local, rk.remote, rk.proto, false)
	if e != nil {
		return w
	}
	defer r.Release()
	if r.Loop() != netstack.PacketOut || r.OutgoingNIC() == loopbackID || r.IsOutboundBroadcast() {
		return w
	}
	i, ok := c.host.interfaceByID(r.OutgoingNIC())
	if !ok || i.nic.noIPv6 && rk.proto == header.IPv6ProtocolNumber {
		return w
	}
	if hop, ok := linkAddressOf(r); ok {
		w.fill(r, i.nic, hop)
		header.UDP(w.head[w.l4:]).Encode(&header.UDPFields{SrcPort: c.batch().local.Port, DstPort: port})
	}
	return w
}

// plainRoute says which route leads to a destination, as the engine would look for it, and its port.
func (c *UDPConn) plainRoute(k wayKey) (r routeKey, port uint16, ok bool) {
	b, to := c.batch(), k.to
	if c.peer != nil {
		if to.IsValid() {
			return r, 0, false
		}
		to = b.peer
	}
	ip := to.Addr()
	if !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || to.Port() == 0 || needsZone(b.local.Addr) {
		return r, 0, false
	}
	if c.peer == nil {
		if _, err := c.destination("", to); err != nil {
			return r, 0, false
		}
	}
	a := c.host.fullAddress(to)
	r = routeKey{nic: a.NIC, local: b.local.Addr, remote: a.Addr, proto: networkOf(ip)}
	if r.nic == 0 {
		r.nic = tcpip.NICID(k.device)
	}
	if r.nic == 0 { // the interface of the address that the socket is bound to, as for the engine
		r.nic = b.local.NIC
	}
	isThere := b.local.NIC == 0 || b.local.NIC == r.nic
	return r, to.Port(), isThere && (r.local.Len() == 0 || r.local.Len() == r.remote.Len())
}

// fill makes the headers.
func (w *way) fill(r *netstack.Route, n *nic, hop ethernet.Addr) {
	info := n.deviceInfo()
	w.nic, w.tx, w.mtu = n, info.Tx, info.MTU
	w.room = int(r.MTU()) - header.UDPMinimumSize
	w.v6 = r.NetProto() == header.IPv6ProtocolNumber
	w.sum = header.PseudoHeaderChecksum(header.UDPProtocolNumber, r.LocalAddress(), r.RemoteAddress(), 0)
	header.Ethernet(w.head[:]).Encode(&header.EthernetFields{
		SrcAddr: r.LocalLinkAddress(), DstAddr: tcpip.LinkAddress(hop[:]), Type: r.NetProto(),
	})
	ttl := r.DefaultTTL()
	if w.key.ttl != 0 {
		ttl = uint8(w.key.ttl)
	}
	ip := w.head[ethernet.HeaderLen:]
	w.l4 = plain4
	if w.v6 {
		w.l4 = plain6
		header.IPv6(ip).Encode(&header.IPv6Fields{
			TransportProtocol: header.UDPProtocolNumber, HopLimit: ttl, SrcAddr: r.LocalAddress(), DstAddr: r.RemoteAddress(),
		})
	} else {
		header.IPv4(ip).Encode(&header.IPv4Fields{
			Protocol: protoUDP, TTL: ttl, SrcAddr: r.LocalAddress(), DstAddr: r.RemoteAddress(),
		})
	}
	w.headLen = w.l4 + header.UDPMinimumSize
}

// joins reports whether frames of both ways may be given to the device at once: where it does not choose their queue by
// itself, they need to have the same.
func (w *way) joins(o *way) bool {
	return w.nic == o.nic && (w.nic == nil || w.nic.steer != nil || len(w.nic.queues) == 1)
}

// hash spreads the socket's flows over the queues of a device that does not choose by itself.
func (w *way) hash() uint32 {
	from, to := portPair(w.head[w.l4:])
	return uint32(from) ^ uint32(to)
}
