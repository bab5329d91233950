package stacktest

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
	"tapestry/stack/dump"
)

// Packet is a frame that was read, taken apart as far as it goes. A header that is not there is nil.
type Packet struct {
	At       time.Time // when the station got it
	Frame    []byte
	Src, Dst ethernet.Addr
	Type     ethernet.EtherType

	ARP    header.ARP
	IPv4   header.IPv4
	IPv6   header.IPv6
	ICMPv4 header.ICMPv4 // with all that follows
	ICMPv6 header.ICMPv6 // with all that follows
	UDP    header.UDP
	TCP    header.TCP
	Data   []byte // behind the innermost header that was read

	BadSum bool // a checksum that was read is wrong
}

var errShortFrame = errors.New("stacktest: short frame")

// ParsePacket takes a frame apart. It does not reassemble; of IPv6 extension headers it reads none.
func ParsePacket(b []byte) (Packet, error) {
	p := Packet{Frame: b}
	if len(b) < ethernet.HeaderLen {
		return p, errShortFrame
	}
	copy(p.Dst[:], b)
	copy(p.Src[:], b[ethernet.AddrLen:])
	p.Type = ethernet.EtherType(binary.BigEndian.Uint16(b[2*ethernet.AddrLen:]))
	p.Data = b[ethernet.HeaderLen:]
	switch p.Type {
	case ethernet.TypeARP:
		return p, p.parseARP()
	case ethernet.TypeIPv4:
		return p, p.parseIPv4()
	case ethernet.TypeIPv6:
		return p, p.parseIPv6()
	}
	return p, nil
}

func (p *Packet) parseARP() error {
	if a := header.ARP(p.Data); a.IsValid() {
		p.ARP, p.Data = a[:header.ARPSize], nil
		return nil
	}
	return errShortFrame
}

func (p *Packet) parseIPv4() error {
	h := header.IPv4(p.Data)
	if !h.IsValid(len(p.Data)) {
		return errShortFrame
	}
	size := int(h.HeaderLength())
	p.IPv4, p.Data = h[:size], h[size:h.TotalLength()]
	p.BadSum = checksum.Checksum(p.IPv4, 0) != 0xffff
	if h.FragmentOffset() > 0 || h.More() {
		return nil
	}
	return p.parseTransport(tcpip.TransportProtocolNumber(h.Protocol()), h.SourceAddress(), h.DestinationAddress())
}

func (p *Packet) parseIPv6() error {
	h := header.IPv6(p.Data)
	if !h.IsValid(len(p.Data)) {
		return errShortFrame
	}
	p.IPv6, p.Data = h[:header.IPv6MinimumSize], h[header.IPv6MinimumSize:][:h.PayloadLength()]
	return p.parseTransport(tcpip.TransportProtocolNumber(h.NextHeader()), h.SourceAddress(), h.DestinationAddress())
}

func (p *Packet) parseTransport(proto tcpip.TransportProtocolNumber, src, dst tcpip.Address) error {
	b := p.Data
	pseudo := header.PseudoHeaderChecksum(proto, src, dst, uint16(len(b)))
	need := map[tcpip.TransportProtocolNumber]int{
		header.ICMPv4ProtocolNumber: 8, header.ICMPv6ProtocolNumber: 8, header.UDPProtocolNumber: header.UDPMinimumSize,
		header.TCPProtocolNumber: header.TCPMinimumSize,
	}[proto]
	if len(b) < need {
		return errShortFrame
	}
	switch proto {
	case header.ICMPv4ProtocolNumber:
		p.ICMPv4, p.Data, pseudo = b, b[8:], 0
	case header.ICMPv6ProtocolNumber:
		p.ICMPv6, p.Data = b, b[8:]
	case header.UDPProtocolNumber:
		p.UDP, p.Data = b[:header.UDPMinimumSize], b[header.UDPMinimumSize:]
		if p.UDP.Checksum() == 0 && p.IPv4 != nil {
			return nil
		}
	case header.TCPProtocolNumber:
		size := int(header.TCP(b).DataOffset())
		if size < header.TCPMinimumSize || size > len(b) {
			return errShortFrame
		}
		p.TCP, p.Data = b[:size], b[size:]
	default:
		return nil
	}
	p.BadSum = p.BadSum || checksum.Checksum(b, pseudo) != 0xffff
	return nil
}

// SrcIP is the sender's address; the zero Addr of a packet without one.
func (p *Packet) SrcIP() netip.Addr { return p.ip(header.Network.SourceAddress) }

// DstIP is the receiver's address.
func (p *Packet) DstIP() netip.Addr { return p.ip(header.Network.DestinationAddress) }

func (p *Packet) ip(of func(header.Network) tcpip.Address) netip.Addr {
	var a tcpip.Address
	switch {
	case p.IPv4 != nil:
		a = of(p.IPv4)
	case p.IPv6 != nil:
		a = of(p.IPv6)
	}
	n, _ := netip.AddrFromSlice(a.AsSlice())
	return n
}

// Flags are the flags of TCP as [TCP] takes them, in the order FSRPAUEC; empty without TCP.
func (p *Packet) Flags() string {
	var s strings.Builder
	if p.TCP == nil {
		return ""
	}
	for i, l := range "FSRPAUEC" {
		if p.TCP.Flags()&(1<<i) != 0 {
			s.WriteRune(l)
		}
	}
	return s.String()
}

// String is the packet as text, a line a layer.
func (p Packet) String() string { return dump.Frame(p.Frame) }
