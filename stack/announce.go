package stack

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// A static address is usable at once: it is announced to the wire when it is added (RFC 5227 §2.3, RFC 4861 §7.2.6),
// asked for in the background, and defended when another station uses it (RFC 5227 §2.4 case b).

// defendInterval is the RFC's DEFEND_INTERVAL (RFC 5227 §1.1).
const defendInterval = 10 * time.Second

// conflicts counts other stations' use of our addresses on one interface.
type conflicts struct {
	seen atomic.Uint64

	mu       sync.Mutex
	defended map[netip.Addr]time.Time // when each address was last announced in defence; own addresses only
}

// sawARP looks whether an ARP packet of another station claims one of our addresses.
func (c *conflicts) sawARP(i *Interface, b []byte) {
	p := header.ARP(b)
	if len(b) < header.ARPSize || !p.IsValid() {
		return
	}
	c.sawClaim(i, tcpip.AddrFromSlice(p.ProtocolAddressSender()), header.IPv4ProtocolNumber, linkAddr(tcpip.LinkAddress(p.HardwareAddressSender())))
}

// sawAdvertisement looks whether a neighbour advertisement of another station claims one of our addresses. p starts at
// the type of the message (RFC 4861 §4.4).
func (c *conflicts) sawAdvertisement(i *Interface, p []byte) {
	if len(p) < header.ICMPv6NeighborAdvertMinimumSize {
		return
	}
	na := header.NDPNeighborAdvert(header.ICMPv6(p).MessageBody())
	it, err := na.Options().Iter(true)
	if err != nil {
		return
	}
	for {
		o, done, err := it.Next()
		if done || err != nil {
			return // who claims it is not said
		}
		if l, ok := o.(header.NDPTargetLinkLayerAddressOption); ok {
			c.sawClaim(i, na.TargetAddress(), header.IPv6ProtocolNumber, linkAddr(l.EthernetAddress()))
			return
		}
	}
}

func (c *conflicts) sawClaim(i *Interface, a tcpip.Address, p tcpip.NetworkProtocolNumber, by ethernet.Addr) {
	const any = 0 // with the number of one interface the engine does not compare IPv4 addresses
	if by == i.nic.addr || a == header.IPv4Any || i.host.ns.CheckLocalAddress(any, p, a) != i.id {
		return
	}
	c.found(i, fromAddress(a), by)
}

// found notes a conflict and defends the address, once in defendInterval.
func (c *conflicts) found(i *Interface, a netip.Addr, by ethernet.Addr) {
	c.seen.Add(1)
	if !c.isDue(a, i.host.cfg.Clock.Now()) {
		return
	}
	i.host.cfg.Log.Warn("another station uses an address of this host; one of the two must change",
		"host", i.host.cfg.Name, "interface", i.name, "address", a, "station", by)
	i.announce(a)
}

// isDue reports whether the address may be defended again, and takes it that it is.
func (c *conflicts) isDue(a netip.Addr, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.defended[a]; ok && now.Sub(last) < defendInterval {
		return false
	}
	if c.defended == nil {
		c.defended = map[netip.Addr]time.Time{}
	}
	c.defended[a] = now
	return true
}

// announce tells the wire who has the address: a gratuitous ARP request, or an unsolicited neighbour advertisement.
func (i *Interface) announce(a netip.Addr) {
	var b []byte
	if a.Is4() {
		b = arpAnnouncement(i.nic.addr, a)
	} else {
		b = neighborAdvertisement(i.nic.addr, a)
	}
	f := link.NewFrame(b)
	i.nic.queues[0].WriteFrames([]link.Frame{f})
}

// arpAnnouncement is an ARP request for the sender's own address (RFC 5227 §2.3).
func arpAnnouncement(self ethernet.Addr, a netip.Addr) []byte {
	b := make([]byte, ethernet.HeaderLen+header.ARPSize)
	header.Ethernet(b).Encode(&header.EthernetFields{
		SrcAddr: tcpip.LinkAddress(self[:]), DstAddr: header.EthernetBroadcastAddress, Type: header.ARPProtocolNumber,
	})
	p := header.ARP(b[ethernet.HeaderLen:])
	p.SetIPv4OverEthernet()
	p.SetOp(header.ARPRequest)
	copy(p.HardwareAddressSender(), self[:])
	copy(p.ProtocolAddressSender(), a.AsSlice())
	copy(p.ProtocolAddressTarget(), a.AsSlice())
	return b
}

// neighborAdvertisement is unsolicited, to all nodes, with the override flag (RFC 4861 §7.2.6, §4.4).
func neighborAdvertisement(self ethernet.Addr, a netip.Addr) []byte {
	const icmpLen = header.ICMPv6NeighborAdvertMinimumSize + header.NDPLinkLayerAddressSize
	b := make([]byte, ethernet.HeaderLen+header.IPv6MinimumSize+icmpLen)
	allNodes := header.IPv6AllNodesMulticastAddress
	src := toAddress(a)
	header.Ethernet(b).Encode(&header.EthernetFields{
		SrcAddr: tcpip.LinkAddress(self[:]), DstAddr: header.EthernetAddressFromMulticastIPv6Address(allNodes),
		Type: header.IPv6ProtocolNumber,
	})
	ip := header.IPv6(b[ethernet.HeaderLen:])
	ip.Encode(&header.IPv6Fields{
		PayloadLength: icmpLen, TransportProtocol: header.ICMPv6ProtocolNumber, HopLimit: header.NDPHopLimit,
		SrcAddr: src, DstAddr: allNodes,
	})
	icmp := header.ICMPv6(ip[header.IPv6MinimumSize:])
	icmp.SetType(header.ICMPv6NeighborAdvert)
	na := header.NDPNeighborAdvert(icmp.MessageBody())
	na.SetTargetAddress(src)
	na.SetOverrideFlag(true)
	na.Options().Serialize(header.NDPOptionsSerializer{header.NDPTargetLinkLayerAddressOption(self[:])})
	sum := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, src, allNodes, icmpLen)
	icmp.SetChecksum(^checksum.Checksum(icmp, sum))
	return b
}

// probe asks in the background whether another station has the address (RFC 5227 §2.1.1, RFC 4862 §5.4).
func (i *Interface) probe(a netip.Addr) {
	h := i.host
	_, err := h.ns.CheckDuplicateAddress(i.id, networkOf(a), toAddress(a), func(r netstack.DADResult) {
		if dup, ok := r.(*netstack.DADDupAddrDetected); ok {
			h.ndp.push(func() { i.nic.conflicts.found(i, a, linkAddr(dup.HolderLinkAddress)) }) // the engine holds its lock here
		}
	})
	if err != nil {
		h.cfg.Log.Warn("address cannot be probed", "host", h.cfg.Name, "interface", i.name, "address", a, "err", err.String())
	}
}

// withoutDAD runs add, which adds address a, so that an IPv6 address is assigned without waiting for DAD.
func (i *Interface) withoutDAD(a netip.Addr, add func() tcpip.Error) tcpip.Error {
	if a.Is4() {
		return add()
	}
	d, ok := i.nic.ip6.(netstack.DuplicateAddressDetector)
	if !ok {
		return add()
	}
	i.dadMu.Lock()
	defer i.dadMu.Unlock()
	d.SetDADConfigurations(netstack.DADConfigurations{})
	defer d.SetDADConfigurations(netstack.DefaultDADConfigurations())
	return add()
}

// setNDP applies the interface's choices to Neighbor Discovery.
func (i *Interface) setNDP(c InterfaceConfig) {
	if !c.NoSLAAC {
		return
	}
	if e, ok := i.nic.ip6.(ipv6.NDPEndpoint); ok {
		nd := e.NDPConfigurations()
		nd.HandleRAs = ipv6.HandlingRAsDisabled
		e.SetNDPConfigurations(nd)
	}
}
