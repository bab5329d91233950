package script

import (
	"encoding/binary"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
)

// Protocol numbers.
const (
	protoICMP   = uint8(header.ICMPv4ProtocolNumber)
	protoTCP    = uint8(header.TCPProtocolNumber)
	protoUDP    = uint8(header.UDPProtocolNumber)
	protoICMPv6 = uint8(header.ICMPv6ProtocolNumber)
)

// packet is a frame taken apart.
type packet struct {
	isV6     bool
	src, dst netip.Addr
	proto    uint8
	ip       []byte // from the IP header on
	payload  []byte // behind it
	bad      string // which checksum is wrong
}

// parsePacketFrame takes a frame apart; it is false for one that is neither IPv4 nor IPv6 with a plain header, or is short.
func parsePacketFrame(b []byte) (p packet, ok bool) {
	if len(b) < ethernet.HeaderLen {
		return p, false
	}
	p.ip = b[ethernet.HeaderLen:]
	switch ethernet.EtherType(binary.BigEndian.Uint16(b[12:])) {
	case ethernet.TypeIPv4:
		h := header.IPv4(p.ip)
		if !h.IsValid(len(p.ip)) {
			return p, false
		}
		p.ip = p.ip[:h.TotalLength()]
		p.src, p.dst = netip.AddrFrom4(h.SourceAddress().As4()), netip.AddrFrom4(h.DestinationAddress().As4())
		p.proto, p.payload = h.Protocol(), p.ip[h.HeaderLength():]
		if !isSummed(h[:h.HeaderLength()], 0) {
			p.bad = "IPv4 header"
		}
	case ethernet.TypeIPv6:
		h := header.IPv6(p.ip)
		if !h.IsValid(len(p.ip)) {
			return p, false
		}
		p.ip = p.ip[:header.IPv6MinimumSize+int(h.PayloadLength())]
		p.isV6 = true
		p.src, p.dst = netip.AddrFrom16(h.SourceAddress().As16()), netip.AddrFrom16(h.DestinationAddress().As16())
		p.proto, p.payload = h.NextHeader(), p.ip[header.IPv6MinimumSize:]
	default:
		return p, false
	}
	return p, p.checkPayload()
}

// checkPayload verifies the sum of layer 4, and that its header is whole.
func (p *packet) checkPayload() bool {
	size := map[uint8]int{protoTCP: header.TCPMinimumSize, protoUDP: header.UDPMinimumSize, protoICMP: 8, protoICMPv6: 8}[p.proto]
	if len(p.payload) < size {
		return false
	}
	if p.proto == protoTCP {
		if n := int(header.TCP(p.payload).DataOffset()); n < header.TCPMinimumSize || n > len(p.payload) {
			return false
		}
	}
	if !p.isSumRight() {
		p.bad = "layer-4"
	}
	return true
}

func (p *packet) isSumRight() bool {
	switch p.proto {
	case protoICMP:
		return isSummed(p.payload, 0)
	case protoUDP:
		if !p.isV6 && header.UDP(p.payload).Checksum() == 0 {
			return true // RFC 768: not computed
		}
	case protoTCP, protoICMPv6:
	default:
		return true
	}
	return isSummed(p.payload, pseudo(p.proto, p.src, p.dst, len(p.payload)))
}

func pseudo(proto uint8, src, dst netip.Addr, n int) uint16 {
	return header.PseudoHeaderChecksum(tcpip.TransportProtocolNumber(proto), address(src), address(dst), uint16(n))
}

func address(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

// sumOffsets are where layer 4 has its checksum.
var sumOffsets = map[uint8]int{protoICMP: 2, protoICMPv6: 2, protoTCP: 16, protoUDP: 6}

// frame makes the Ethernet frame of a layer-4 payload whose checksum it fills in; sum says which one to spoil.
func frame(from, to ethernet.Addr, src, dst netip.Addr, proto uint8, payload []byte, sum string) []byte {
	off := sumOffsets[proto]
	before := uint16(0)
	if proto != protoICMP {
		before = pseudo(proto, src, dst, len(payload))
	}
	s := ^checksum.Checksum(payload, before)
	switch sum {
	case sumBad:
		s ^= 0x5555
	case sumNone:
		s = 0
	}
	binary.BigEndian.PutUint16(payload[off:], s)
	b := append(append([]byte{}, to[:]...), from[:]...)
	if src.Is4() {
		return append(append(b, 8, 0), ipv4(src, dst, proto, payload, sum == sumIP)...)
	}
	return append(append(b, 0x86, 0xdd), ipv6(src, dst, proto, payload)...)
}

func ipv4(src, dst netip.Addr, proto uint8, payload []byte, isBad bool) []byte {
	b := make([]byte, header.IPv4MinimumSize, header.IPv4MinimumSize+len(payload))
	h := header.IPv4(b)
	h.Encode(&header.IPv4Fields{
		TotalLength: uint16(cap(b)), TTL: 64, Protocol: proto, SrcAddr: address(src), DstAddr: address(dst), Flags: header.IPv4FlagDontFragment,
	})
	h.SetChecksum(^h.CalculateChecksum())
	if isBad {
		h.SetChecksum(h.Checksum() ^ 0x5555)
	}
	return append(b, payload...)
}

func ipv6(src, dst netip.Addr, proto uint8, payload []byte) []byte {
	b := make([]byte, header.IPv6MinimumSize, header.IPv6MinimumSize+len(payload))
	header.IPv6(b).Encode(&header.IPv6Fields{
		PayloadLength: uint16(len(payload)), TransportProtocol: tcpip.TransportProtocolNumber(proto), HopLimit: 64,
		SrcAddr: address(src), DstAddr: address(dst),
	})
	return append(b, payload...)
}

// pattern is the octet at one place of every stream and datagram.
func pattern(at int) byte { return byte(at*7 + at>>8 + 1) }

// fill gives n octets of the pattern from one place on; other ones if isOther.
func fill(at, n int, isOther bool) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = pattern(at + i)
		if isOther {
			b[i] = ^b[i]
		}
	}
	return b
}

// isFill reports whether b is the pattern from one place on.
func isFill(b []byte, at int) bool {
	for i := range b {
		if b[i] != pattern(at+i) {
			return false
		}
	}
	return true
}
