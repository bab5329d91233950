package stack

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// What the adapter checks of IPv4 and IPv6 packets before the engine sees them: acknowledgements are recorded, and
// ICMP errors must quote a segment that is in flight. b starts at the IP header and may be shorter than the packet; what
// cannot be read is left for the engine to judge, unless it is an ICMP error.

// minMTU4 and minMTU6 are the smallest MTUs of a path: RFC 791 §3.2 and RFC 8200 §5.
const (
	minMTU4 = 68
	minMTU6 = 1280
)

// maxExtensions bounds the chain of IPv6 extension headers that is followed to find an ICMP error.
const maxExtensions = 8

func (n *nic) acceptIPv4(b []byte) bool {
	if len(b) < header.IPv4MinimumSize {
		return true
	}
	ihl := int(b[0]&15) * 4
	frag := binary.BigEndian.Uint16(b[6:])
	if ihl < header.IPv4MinimumSize || len(b) < ihl || frag&0x1fff != 0 {
		return true
	}
	switch p := b[ihl:]; b[9] {
	case uint8(header.TCPProtocolNumber):
		var k flowKey
		copy(k.src[:], b[16:20])
		copy(k.dst[:], b[12:16])
		n.recordACK(k, p)
	case uint8(header.ICMPv4ProtocolNumber):
		if isError := len(p) > 0 && (p[0] == 3 || p[0] == 4 || p[0] == 11 || p[0] == 12); isError {
			return n.acceptError4(p, frag)
		}
	}
	return true
}

// acceptError4 judges an ICMPv4 error, p from its type on. An error never needs fragments (RFC 1812 §4.3.2.3).
func (n *nic) acceptError4(p []byte, frag uint16) bool {
	if frag&0x2000 != 0 {
		n.drops.icmpFragment.Add(1)
		return false
	}
	if len(p) < 8+header.IPv4MinimumSize {
		return true // the engine counts it as malformed
	}
	q := p[8:]
	if p[0] == 3 && p[1] == 4 { // fragmentation needed (RFC 1191 §4)
		mtu, size := int(binary.BigEndian.Uint16(p[6:])), int(binary.BigEndian.Uint16(q[2:]))
		if mtu < minMTU4 || mtu >= size {
			n.drops.icmpMTU.Add(1)
			return false
		}
	}
	if q[9] != uint8(header.TCPProtocolNumber) {
		return true
	}
	ihl := int(q[0]&15) * 4
	var k flowKey
	copy(k.src[:], q[12:16])
	copy(k.dst[:], q[16:20])
	return ihl >= header.IPv4MinimumSize && n.acceptQuoted(k, q, ihl)
}

// acceptQuoted judges the TCP header that starts at off in q, of which eight octets are quoted at least.
func (n *nic) acceptQuoted(k flowKey, q []byte, off int) bool {
	if len(q) < off+8 {
		n.drops.icmpSequence.Add(1)
		return false
	}
	k.srcPort, k.dstPort = portPair(q[off:])
	if !n.flows.inFlight(k, binary.BigEndian.Uint32(q[off+4:])) {
		n.drops.icmpSequence.Add(1)
		return false
	}
	return true
}

func (n *nic) acceptIPv6(b []byte) bool {
	if len(b) < header.IPv6MinimumSize {
		return true // the engine counts it as malformed
	}
	c := chainOf(b)
	if c.isLaterFragment {
		return true // of a packet whose first fragment was judged
	}
	if !c.isWhole {
		n.drops.chain.Add(1)
		return false
	}
	switch p := b[c.off:]; c.next {
	case uint8(header.TCPProtocolNumber):
		k := flowKey{src: [16]byte(b[24:40]), dst: [16]byte(b[8:24])}
		n.recordACK(k, p)
	case uint8(header.ICMPv6ProtocolNumber):
		return n.acceptICMPv6(p, c.isFragment)
	}
	return true
}

// acceptICMPv6 judges an ICMPv6 message, p from its type on.
func (n *nic) acceptICMPv6(p []byte, isFragment bool) bool {
	switch {
	case len(p) == 0:
		return true // the engine counts it as malformed
	case p[0] >= 1 && p[0] <= 4:
		return n.acceptError6(p, isFragment)
	case p[0] == uint8(header.ICMPv6NeighborAdvert):
		n.conflicts.sawAdvertisement(n.iface, p)
	}
	return true
}

// acceptError6 judges an ICMPv6 error, p from its type on. An error is no longer than the minimum MTU (RFC 4443 §2.4).
func (n *nic) acceptError6(p []byte, isFragment bool) bool {
	if isFragment {
		n.drops.icmpFragment.Add(1)
		return false
	}
	if len(p) < 8+header.IPv6MinimumSize {
		return true // the engine counts it as malformed
	}
	q := p[8:]
	if p[0] == 2 { // packet too big: RFC 8201 §4 ignores what is below the minimum
		mtu, size := binary.BigEndian.Uint32(p[4:]), header.IPv6MinimumSize+uint32(binary.BigEndian.Uint16(q[4:]))
		if mtu < minMTU6 || mtu >= size {
			n.drops.icmpMTU.Add(1)
			return false
		}
	}
	c := chainOf(q)
	if !c.isWhole {
		n.drops.icmpSequence.Add(1) // this host sends no such chain
		return false
	}
	if c.next != uint8(header.TCPProtocolNumber) {
		return true
	}
	return n.acceptQuoted(flowKey{src: [16]byte(q[8:24]), dst: [16]byte(q[24:40])}, q, c.off)
}

// recordACK notes the acknowledgement of an incoming segment for the flow that k names without its ports.
func (n *nic) recordACK(k flowKey, tcp []byte) {
	if len(tcp) < header.TCPMinimumSize || tcp[13]&uint8(header.TCPFlagAck) == 0 {
		return
	}
	k.dstPort, k.srcPort = portPair(tcp)
	n.flows.acked(k, binary.BigEndian.Uint32(tcp[8:]))
}

// chain is what the extension headers of an IPv6 packet lead to (RFC 8200 §4).
type chain struct {
	next            uint8 // the protocol above
	off             int   // where its header starts
	isFragment      bool  // the first of several
	isLaterFragment bool  // has no headers; nothing else is set
	isWhole         bool  // the chain ends within the octets at hand, as RFC 7112 §5 asks of first fragments too
}

// chainOf follows the extension headers of the packet that b starts with. What the engine takes for an extension header
// must be one here too, or a message could hide behind it.
func chainOf(b []byte) (c chain) {
	c.next, c.off = b[6], header.IPv6MinimumSize
	for range maxExtensions {
		var size int
		switch c.next {
		case 0, 43, 60: // hop-by-hop options, routing, destination options
			if len(b) < c.off+8 {
				return c
			}
			size = 8 + 8*int(b[c.off+1])
		case 44, 253: // fragment; experiment (RFC 4727 §3.4), which the engine takes to have this length
			size = 8
		default:
			c.isWhole = c.off < len(b) || !c.isFragment && c.off == len(b)
			return c
		}
		if len(b) < c.off+8 {
			return c
		}
		if c.next == 44 {
			if binary.BigEndian.Uint16(b[c.off+2:])&^7 != 0 {
				return chain{isLaterFragment: true}
			}
			c.isFragment = c.isFragment || b[c.off+3]&1 != 0
		}
		c.next, c.off = b[c.off], c.off+size
	}
	return c
}
