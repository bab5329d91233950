package dump

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link/ethernet"
)

// Names of ICMP messages (RFC 792, RFC 950, RFC 1256).
var icmpv4Types = map[byte]string{
	0: "echo reply", 3: "unreachable", 4: "source quench", 5: "redirect", 8: "echo request", 9: "router advertisement",
	10: "router solicitation", 11: "time exceeded", 12: "parameter problem", 13: "timestamp request", 14: "timestamp reply",
	15: "information request", 16: "information reply", 17: "address mask request", 18: "address mask reply",
}

// Codes of "unreachable" (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
var icmpv4Unreachable = []string{
	"net", "host", "protocol", "port", "fragmentation needed", "source route failed", "net unknown", "host unknown",
	"host isolated", "net prohibited", "host prohibited", "net for tos", "host for tos", "administratively prohibited",
	"precedence violation", "precedence cutoff",
}

// Names of ICMPv6 messages (RFC 4443, RFC 4861, RFC 2710, RFC 3810).
var icmpv6Types = map[byte]string{
	1: "unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem", 128: "echo request", 129: "echo reply",
	130: "multicast listener query", 131: "multicast listener report", 132: "multicast listener done",
	133: "router solicitation", 134: "router advertisement", 135: "neighbor solicitation", 136: "neighbor advertisement",
	137: "redirect", 143: "multicast listener report v2",
}

// Codes of ICMPv6's "unreachable" (RFC 4443 §3.1).
var icmpv6Unreachable = []string{
	"no route", "prohibited", "beyond scope", "address", "port", "failed policy", "rejected route",
}

// name gives a table's entry, or the number.
func name(table []string, n byte) string {
	if int(n) < len(table) {
		return table[n]
	}
	return fmt.Sprintf("code %d", n)
}

func (p *printer) icmpv4(b []byte, k packet) {
	if len(b) < 8 {
		p.short("icmp", b)
		return
	}
	kind, ok := icmpv4Types[b[0]]
	if !ok {
		kind = fmt.Sprintf("type %d", b[0])
	}
	p.line("icmp %s", kind)
	switch b[0] {
	case 0, 8, 13, 14, 15, 16, 17, 18:
		p.add(", id %d, seq %d", be16(b[4:]), be16(b[6:]))
	case 3:
		p.add(", %s", name(icmpv4Unreachable, b[1]))
		if b[1] == 4 {
			p.add(", mtu %d", be16(b[6:])) // RFC 1191 §4
		}
	case 5:
		p.add(" to %v, code %d", addr(b[4:8]), b[1])
	case 12:
		p.add(", pointer %d", b[4])
	default:
		p.add(", code %d", b[1])
	}
	p.add(", %d octets", len(b)-8)
	if k.isWhole && !isSummed(b, 0) {
		p.add(", bad checksum")
	}
	switch b[0] {
	case 3, 4, 5, 11, 12:
		p.nested(b[8:], true, false)
	}
}

func (p *printer) icmpv6(b []byte, k packet) {
	if len(b) < 8 {
		p.short("icmpv6", b)
		return
	}
	kind, ok := icmpv6Types[b[0]]
	if !ok {
		kind = fmt.Sprintf("type %d", b[0])
	}
	p.line("icmpv6 %s", kind)
	p.icmpv6Fields(b)
	p.add(", %d octets", len(b)-8)
	if k.isWhole && !isSummed(b, k.sum(protoICMPv6, len(b))) {
		p.add(", bad checksum")
	}
	if b[0] >= 1 && b[0] <= 4 {
		p.nested(b[8:], true, true)
	}
}

// icmpv6Fields prints what lies behind type and code.
func (p *printer) icmpv6Fields(b []byte) {
	switch {
	case b[0] == 1:
		p.add(", %s", name(icmpv6Unreachable, b[1]))
	case b[0] == 2:
		p.add(", mtu %d", be32(b[4:]))
	case b[0] == 4:
		p.add(", code %d, pointer %d", b[1], be32(b[4:]))
	case b[0] == 128 || b[0] == 129:
		p.add(", id %d, seq %d", be16(b[4:]), be16(b[6:]))
	case b[0] == 133:
		p.ndOptions(b[8:])
	case b[0] == 134 && len(b) >= 16:
		p.add(", hop limit %d, flags 0x%02x, lifetime %d s", b[4], b[5], be16(b[6:]))
		p.ndOptions(b[16:])
	case b[0] == 135 && len(b) >= 24:
		p.add(" for %v", addr(b[8:24]))
		p.ndOptions(b[24:])
	case b[0] == 136 && len(b) >= 24:
		p.add(" of %v%s", addr(b[8:24]), ndFlags(b[4]))
		p.ndOptions(b[24:])
	case b[0] == 137 && len(b) >= 40:
		p.add(" to %v for %v", addr(b[8:24]), addr(b[24:40]))
		p.ndOptions(b[40:])
	case b[0] >= 130 && b[0] <= 132 && len(b) >= 24:
		p.add(", group %v", addr(b[8:24]))
	case b[0] == 143:
		p.add(", %d records", be16(b[6:]))
	default:
		p.add(", code %d", b[1])
	}
}

// ndFlags names the flags of a neighbor advertisement (RFC 4861 §4.4).
func ndFlags(f byte) (s string) {
	for i, name := range []string{", router", ", solicited", ", override"} {
		if f&(0x80>>i) != 0 {
			s += name
		}
	}
	return s
}

// ndOptions prints the options of neighbor discovery (RFC 4861 §4.6).
func (p *printer) ndOptions(b []byte) {
	for range maxExt {
		if len(b) < 8 {
			return
		}
		n := int(b[1]) * 8
		if n == 0 || n > len(b) {
			p.add(", bad options")
			return
		}
		p.ndOption(b[:n])
		b = b[n:]
	}
}

func (p *printer) ndOption(o []byte) {
	switch {
	case o[0] == 1 && len(o) == 8:
		p.add(", source %v", ethernet.Addr(o[2:8]))
	case o[0] == 2 && len(o) == 8:
		p.add(", target %v", ethernet.Addr(o[2:8]))
	case o[0] == 3 && len(o) == 32:
		p.add(", prefix %v/%d flags 0x%02x", addr(o[16:32]), o[2], o[3])
	case o[0] == 5 && len(o) == 8:
		p.add(", mtu %d", be32(o[4:]))
	case o[0] == 14:
		p.add(", nonce %s", hexed(o[2:])) // RFC 3971 §5.3.2, for DAD by RFC 7527
	default:
		p.add(", option %d %s", o[0], hexed(o[2:]))
	}
}

// Names of IGMP messages (RFC 2236 §2.1, RFC 3376 §4).
var igmpTypes = map[byte]string{0x11: "query", 0x12: "report v1", 0x16: "report v2", 0x17: "leave", 0x22: "report v3"}

func (p *printer) igmp(b []byte, k packet) {
	if len(b) < 8 {
		p.short("igmp", b)
		return
	}
	kind, ok := igmpTypes[b[0]]
	if !ok {
		kind = fmt.Sprintf("type 0x%02x", b[0])
	}
	p.line("igmp %s", kind)
	if b[0] == 0x22 {
		p.add(", %d records", be16(b[6:]))
	} else {
		p.add(", group %v", addr(b[4:8]))
	}
	if k.isWhole && checksum.Checksum(b, 0) != 0xffff {
		p.add(", bad checksum")
	}
}
