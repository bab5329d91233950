package stacktest

import (
	"net/netip"
	"strings"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
)

// Layer is a part of a frame to build: [Ethernet], [ARP], [IPv4], [IPv6], [ICMP], [UDP], [TCP] or [Payload].
type Layer interface {
	// wrap puts the layer before what is inside of it. outer are the layers around it, the nearest last.
	wrap(inner []byte, outer []Layer, next Layer) []byte
}

// Build makes a frame or packet of layers, the outermost first. Lengths, checksums, types and protocol numbers that are
// zero are filled in from the layers around.
//
//	Build(Ethernet{Src: a, Dst: b}, IPv4{Src: x, Dst: y}, UDP{SrcPort: 1, DstPort: 53}, Payload("hello"))
func Build(layers ...Layer) []byte {
	var b []byte
	for i := len(layers) - 1; i >= 0; i-- {
		var next Layer
		if i+1 < len(layers) {
			next = layers[i+1]
		}
		b = layers[i].wrap(b, layers[:i], next)
	}
	return b
}

// Payload is data, or a header that has no layer.
type Payload []byte

func (p Payload) wrap(inner []byte, _ []Layer, _ Layer) []byte {
	return append(append([]byte{}, p...), inner...)
}

// Ethernet is an Ethernet II header (RFC 894).
type Ethernet struct {
	Src, Dst ethernet.Addr
	Type     ethernet.EtherType // default that of the next layer
}

func (e Ethernet) wrap(inner []byte, _ []Layer, next Layer) []byte {
	t := e.Type
	if t == 0 {
		switch next.(type) {
		case IPv4:
			t = ethernet.TypeIPv4
		case IPv6:
			t = ethernet.TypeIPv6
		case ARP:
			t = ethernet.TypeARP
		}
	}
	b := make([]byte, ethernet.HeaderLen, ethernet.HeaderLen+len(inner))
	header.Ethernet(b).Encode(&header.EthernetFields{
		SrcAddr: tcpip.LinkAddress(e.Src[:]), DstAddr: tcpip.LinkAddress(e.Dst[:]), Type: tcpip.NetworkProtocolNumber(t),
	})
	return append(b, inner...)
}

// ARP is a packet of RFC 826 for IPv4 over Ethernet.
type ARP struct {
	Op               uint16 // default 1, a request; 2 is a reply
	Sender, Target   ethernet.Addr
	SenderIP, Wanted netip.Addr
}

func (a ARP) wrap(inner []byte, _ []Layer, _ Layer) []byte {
	b := make([]byte, header.ARPSize, header.ARPSize+len(inner))
	p := header.ARP(b)
	p.SetIPv4OverEthernet()
	p.SetOp(header.ARPOp(max(a.Op, 1)))
	copy(p.HardwareAddressSender(), a.Sender[:])
	copy(p.ProtocolAddressSender(), a.SenderIP.AsSlice())
	copy(p.HardwareAddressTarget(), a.Target[:])
	copy(p.ProtocolAddressTarget(), a.Wanted.AsSlice())
	return append(b, inner...)
}

// IPv4 is a header of RFC 791.
type IPv4 struct {
	Src, Dst netip.Addr
	TTL      uint8 // default 64
	Protocol uint8 // default that of the next layer
	TOS      uint8
	ID       uint16
	DF, MF   bool
	Offset   int    // of a fragment, octets
	Options  []byte // padded with zeros to a multiple of 4
	Length   uint16 // default the right one
	BadSum   bool
}

func (p IPv4) wrap(inner []byte, _ []Layer, next Layer) []byte {
	size := header.IPv4MinimumSize + (len(p.Options)+3)&^3
	b := make([]byte, size, size+len(inner))
	defaultTo(&p.Length, uint16(size+len(inner)))
	defaultTo(&p.TTL, 64)
	defaultTo(&p.Protocol, protocolOf(next, header.ICMPv4ProtocolNumber))
	var flags uint8
	if p.DF {
		flags |= header.IPv4FlagDontFragment
	}
	if p.MF {
		flags |= header.IPv4FlagMoreFragments
	}
	h := header.IPv4(b)
	h.Encode(&header.IPv4Fields{
		TOS: p.TOS, TotalLength: p.Length, ID: p.ID, Flags: flags, FragmentOffset: uint16(p.Offset), TTL: p.TTL,
		Protocol: p.Protocol, SrcAddr: tcpip.AddrFromSlice(p.Src.AsSlice()), DstAddr: tcpip.AddrFromSlice(p.Dst.AsSlice()),
	})
	h.SetHeaderLength(uint8(size))
	copy(b[header.IPv4MinimumSize:], p.Options)
	h.SetChecksum(0)
	h.SetChecksum(^checksum.Checksum(b[:size], 0) ^ broken(p.BadSum))
	return append(b, inner...)
}

// IPv6 is a header of RFC 8200. Extension headers are a [Payload] after it, whose first number is Next.
type IPv6 struct {
	Src, Dst     netip.Addr
	HopLimit     uint8 // default 64; 255 before ICMPv6
	Next         uint8 // default that of the next layer
	TrafficClass uint8
	FlowLabel    uint32
	Length       uint16 // of what follows; default the right one
}

func (p IPv6) wrap(inner []byte, _ []Layer, next Layer) []byte {
	b := make([]byte, header.IPv6MinimumSize, header.IPv6MinimumSize+len(inner))
	defaultTo(&p.Next, protocolOf(next, header.ICMPv6ProtocolNumber))
	if _, ok := next.(ICMP); ok {
		defaultTo(&p.HopLimit, header.NDPHopLimit)
	}
	defaultTo(&p.HopLimit, 64)
	defaultTo(&p.Length, uint16(len(inner)))
	h := header.IPv6(b)
	h.Encode(&header.IPv6Fields{
		TrafficClass: p.TrafficClass, FlowLabel: p.FlowLabel, PayloadLength: p.Length, HopLimit: p.HopLimit,
		TransportProtocol: tcpip.TransportProtocolNumber(p.Next),
		SrcAddr:           tcpip.AddrFromSlice(p.Src.AsSlice()), DstAddr: tcpip.AddrFromSlice(p.Dst.AsSlice()),
	})
	return append(b, inner...)
}

func protocolOf(next Layer, icmp tcpip.TransportProtocolNumber) uint8 {
	switch next.(type) {
	case TCP:
		return uint8(header.TCPProtocolNumber)
	case UDP:
		return uint8(header.UDPProtocolNumber)
	case ICMP:
		return uint8(icmp)
	}
	return 0
}

// ICMP is a message of RFC 792, or of RFC 4443 after [IPv6].
type ICMP struct {
	Type, Code uint8
	Rest       [4]byte // what follows the checksum: identifier and sequence number, MTU …
	BadSum     bool
}

func (m ICMP) wrap(inner []byte, outer []Layer, _ Layer) []byte {
	b := append([]byte{m.Type, m.Code, 0, 0, m.Rest[0], m.Rest[1], m.Rest[2], m.Rest[3]}, inner...)
	var sum uint16
	if n := len(outer); n > 0 {
		if _, ok := outer[n-1].(IPv6); ok {
			sum = pseudoSum(outer, uint8(header.ICMPv6ProtocolNumber), len(b))
		}
	}
	putChecksum(b[2:], ^checksum.Checksum(b, sum)^broken(m.BadSum))
	return b
}

// UDP is a header of RFC 768.
type UDP struct {
	SrcPort, DstPort uint16
	Length           uint16 // default the right one
	NoSum, BadSum    bool
}

func (u UDP) wrap(inner []byte, outer []Layer, _ Layer) []byte {
	b := make([]byte, header.UDPMinimumSize, header.UDPMinimumSize+len(inner))
	defaultTo(&u.Length, uint16(len(b)+len(inner)))
	header.UDP(b).Encode(&header.UDPFields{SrcPort: u.SrcPort, DstPort: u.DstPort, Length: u.Length})
	b = append(b, inner...)
	if u.NoSum {
		return b
	}
	sum := ^checksum.Checksum(b, pseudoSum(outer, uint8(header.UDPProtocolNumber), len(b)))
	if sum == 0 {
		sum = 0xffff // RFC 768: all zeros means none
	}
	header.UDP(b).SetChecksum(sum ^ broken(u.BadSum))
	return b
}

// TCP is a header of RFC 9293 §3.1.
type TCP struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            string // letters of FSRPAUEC
	Window           uint16 // default 65535; see ZeroWindow
	ZeroWindow       bool
	Urgent           uint16
	Options          []byte // padded with zeros to a multiple of 4
	BadSum           bool
}

func (t TCP) wrap(inner []byte, outer []Layer, _ Layer) []byte {
	size := header.TCPMinimumSize + (len(t.Options)+3)&^3
	b := make([]byte, size, size+len(inner))
	defaultTo(&t.Window, 65535)
	if t.ZeroWindow {
		t.Window = 0
	}
	h := header.TCP(b)
	h.Encode(&header.TCPFields{
		SrcPort: t.SrcPort, DstPort: t.DstPort, SeqNum: t.Seq, AckNum: t.Ack, DataOffset: uint8(size), Flags: tcpFlags(t.Flags),
		WindowSize: t.Window, UrgentPointer: t.Urgent,
	})
	copy(b[header.TCPMinimumSize:], t.Options)
	b = append(b, inner...)
	sum := pseudoSum(outer, uint8(header.TCPProtocolNumber), len(b))
	header.TCP(b).SetChecksum(^checksum.Checksum(b, sum) ^ broken(t.BadSum))
	return b
}

func tcpFlags(letters string) (f header.TCPFlags) {
	for i, l := range "FSRPAUEC" {
		if strings.ContainsRune(letters, l) {
			f |= 1 << i
		}
	}
	return f
}

// pseudoSum is the sum of the pseudo-header of the nearest IP layer; without one, of nothing.
func pseudoSum(outer []Layer, proto uint8, length int) uint16 {
	for i := len(outer) - 1; i >= 0; i-- {
		var src, dst netip.Addr
		switch p := outer[i].(type) {
		case IPv4:
			src, dst = p.Src, p.Dst
		case IPv6:
			src, dst = p.Src, p.Dst
		default:
			continue
		}
		return header.PseudoHeaderChecksum(tcpip.TransportProtocolNumber(proto), tcpip.AddrFromSlice(src.AsSlice()),
			tcpip.AddrFromSlice(dst.AsSlice()), uint16(length))
	}
	return 0
}

func putChecksum(b []byte, sum uint16) { b[0], b[1] = byte(sum>>8), byte(sum) }

// broken is what to turn over in a checksum that is to be wrong: never all bits, which UDP and one's complement take for
// the same.
func broken(is bool) uint16 {
	if is {
		return 0x0101
	}
	return 0
}
