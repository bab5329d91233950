package dump

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/internal/services"
)

// Protocol numbers that are read here.
const (
	protoHopOpts  = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoIPIP     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDstOpts  = 60
)

// packet is what the layers above IP need of it.
type packet struct {
	isV6     bool
	pseudo   uint16 // sum of the addresses
	isWhole  bool   // neither fragment nor cut, so checksums can be verified
	isQuoted bool   // stands in an ICMP error, so that the end is missing
}

// sum is the sum of the pseudo-header for n octets of a protocol (RFC 9293 §3.1, RFC 8200 §8.1).
func (k packet) sum(proto uint8, n int) uint16 {
	s := checksum.Combine(k.pseudo, uint16(proto))
	s = checksum.Combine(s, uint16(n>>16))
	return checksum.Combine(s, uint16(n))
}

// protocolName is a protocol's name as IPv4 and IPv6 use it today.
func protocolName(n uint8) string {
	switch n {
	case protoIPv6:
		return "IPv6"
	case protoRouting:
		return "routing"
	case protoFragment:
		return "fragment"
	case protoESP:
		return "ESP"
	case protoAH:
		return "AH"
	}
	if s := services.Protocol(n); s != "" {
		return s
	}
	return fmt.Sprintf("protocol %d", n)
}

// ip prints a packet of either version.
func (p *printer) ip(b []byte) {
	switch {
	case len(b) > 0 && b[0]>>4 == 4:
		p.ipv4(b)
	case len(b) > 0 && b[0]>>4 == 6:
		p.ipv6(b)
	default:
		p.data(b)
	}
}

func (p *printer) ipv4(b []byte) { p.ipv4Packet(b, false) }

func (p *printer) ipv4Packet(b []byte, isQuoted bool) {
	if len(b) < 20 || b[0]>>4 != 4 || int(b[0]&15)*4 > len(b) || b[0]&15 < 5 {
		p.short("ipv4", b)
		return
	}
	head, total := b[:b[0]&15*4], int(be16(b[2:]))
	flags := be16(b[6:])
	offset := int(flags&0x1fff) * 8
	p.line("ipv4 %v > %v, %s, ttl %d, id 0x%04x", addr(b[12:16]), addr(b[16:20]), protocolName(b[9]), b[8], be16(b[4:]))
	p.ipv4Flags(b[1], flags)
	p.ipv4Options(head[20:])
	p.add(", %d octets", total)
	if !isQuoted && !isSummed(head, 0) {
		p.add(", bad header checksum")
	}
	k := packet{pseudo: checksum.Checksum(b[12:20], 0), isQuoted: isQuoted}
	k.isWhole = flags&0x3fff == 0 && total <= len(b) && !isQuoted
	body := p.cut(b, len(head), total, isQuoted)
	if offset > 0 {
		p.data(body)
		return
	}
	p.transport(b[9], body, k)
}

// cut gives the payload of a packet that says that it has total octets, and tells if it has not.
func (p *printer) cut(b []byte, head, total int, isQuoted bool) []byte {
	if total < head {
		p.add(", bad length")
		return nil
	}
	if total > len(b) {
		if !isQuoted {
			p.add(", %d missing", total-len(b))
		}
		total = len(b)
	}
	return b[head:total]
}

func (p *printer) ipv4Flags(tos byte, flags uint16) {
	if tos != 0 {
		p.add(", tos 0x%02x", tos)
	}
	if flags&0x4000 != 0 {
		p.add(", df")
	}
	if flags&0x3fff != 0 {
		p.add(", fragment at %d", int(flags&0x1fff)*8)
	}
	if flags&0x2000 != 0 {
		p.add(", mf")
	}
}

// Names of IPv4 options (RFC 791 §3.1, RFC 2113).
var ipv4Options = map[byte]string{7: "record route", 68: "timestamp", 130: "security", 131: "loose source route", 136: "stream id", 137: "strict source route", 148: "router alert"}

func (p *printer) ipv4Options(b []byte) {
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 {
			p.add(", nop")
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			p.add(", bad options %s", hexed(b))
			return
		}
		name, ok := ipv4Options[b[0]]
		if !ok {
			name = fmt.Sprintf("option %d", b[0])
		}
		p.add(", %s", name)
		if b[1] > 2 {
			p.add(" %s", hexed(b[2:b[1]]))
		}
		b = b[b[1]:]
	}
}

func (p *printer) ipv6(b []byte) { p.ipv6Packet(b, false) }

func (p *printer) ipv6Packet(b []byte, isQuoted bool) {
	if len(b) < 40 || b[0]>>4 != 6 {
		p.short("ipv6", b)
		return
	}
	length := int(be16(b[4:]))
	p.line("ipv6 %v > %v, %s, hop limit %d", addr(b[8:24]), addr(b[24:40]), nextHeader(b[6]), b[7])
	if class := byte(be16(b) >> 4); class != 0 {
		p.add(", class 0x%02x", class)
	}
	if label := be32(b) & 0xfffff; label != 0 {
		p.add(", flow 0x%05x", label)
	}
	p.add(", %d octets", length)
	k := packet{isV6: true, pseudo: checksum.Checksum(b[8:40], 0), isQuoted: isQuoted}
	k.isWhole = 40+length <= len(b) && !isQuoted
	p.extensions(b[6], p.cut(b, 40, 40+length, isQuoted), k)
}

func nextHeader(n uint8) string {
	switch n {
	case protoHopOpts:
		return "hop-by-hop options"
	case protoNone:
		return "no next header"
	case protoDstOpts:
		return "destination options"
	}
	return protocolName(n)
}

// extensions prints extension headers (RFC 8200 §4) up to the transport header.
func (p *printer) extensions(next uint8, b []byte, k packet) {
	for range maxExt {
		var n int
		switch next {
		case protoHopOpts, protoDstOpts, protoRouting:
			n = 8
			if len(b) >= 2 {
				n += int(b[1]) * 8
			}
		case protoFragment:
			n = 8
		case protoAH:
			n = 12
			if len(b) >= 2 {
				n = (int(b[1]) + 2) * 4 // RFC 4302 §2.2
			}
		case protoNone:
			p.data(b)
			return
		default:
			p.transport(next, b, k)
			return
		}
		if len(b) < 8 || n < 8 || n > len(b) {
			p.short(nextHeader(next), b)
			return
		}
		p.line("%s", nextHeader(next))
		isLater := p.extension(next, b[:n], &k)
		next, b = b[0], b[n:]
		p.add(", then %s", nextHeader(next))
		if isLater {
			p.data(b)
			return
		}
	}
	p.data(b)
}

// extension prints what one header holds, and reports whether it is that of a fragment without a transport header.
func (p *printer) extension(kind uint8, b []byte, k *packet) (isLater bool) {
	switch kind {
	case protoFragment:
		at := be16(b[2:])
		p.add(" at %d, id 0x%08x", at&^7, be32(b[4:]))
		if at&1 != 0 {
			p.add(", mf")
		}
		k.isWhole = k.isWhole && at&^6 == 0
		return at&^7 != 0
	case protoRouting:
		p.add(" type %d, %d segments left", b[2], b[3])
		k.isWhole = k.isWhole && b[3] == 0 // RFC 8200 §8.1: the sum is over the final destination
	case protoAH:
		p.add(" spi 0x%08x", be32(b[4:]))
	default:
		p.ipv6Options(b[2:])
	}
	return false
}

// ipv6Options prints the options of a hop-by-hop or destination options header (RFC 8200 §4.2), without padding.
func (p *printer) ipv6Options(b []byte) {
	for shown := 0; len(b) > 0 && shown < maxExt; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || 2+int(b[1]) > len(b) {
			p.add(", bad options")
			return
		}
		switch v := b[2 : 2+int(b[1])]; {
		case b[0] == 5 && len(v) == 2:
			p.add(", router alert %d", be16(v)) // RFC 2711 §2.1
		case b[0] != 1:
			p.add(", option %d %s", b[0], hexed(v))
		}
		shown++
		b = b[2+int(b[1]):]
	}
}

// transport prints what IP carries.
func (p *printer) transport(proto uint8, b []byte, k packet) {
	if len(b) == 0 && k.isQuoted {
		return
	}
	switch {
	case proto == protoTCP:
		p.tcp(b, k)
	case proto == protoUDP:
		p.udp(b, k)
	case proto == protoICMP && !k.isV6:
		p.icmpv4(b, k)
	case proto == protoICMPv6 && k.isV6:
		p.icmpv6(b, k)
	case proto == protoIGMP && !k.isV6:
		p.igmp(b, k)
	case proto == protoIPIP || proto == protoIPv6:
		p.nested(b, k.isQuoted, proto == protoIPv6)
	default:
		p.data(b)
	}
}

// nested prints a packet within a packet.
func (p *printer) nested(b []byte, isQuoted, isV6 bool) {
	if p.depth++; p.depth > maxDepth {
		p.data(b)
		return
	}
	if isV6 {
		p.ipv6Packet(b, isQuoted)
	} else {
		p.ipv4Packet(b, isQuoted)
	}
}
