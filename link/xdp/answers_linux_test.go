package xdp

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"tapestry/link/ethernet"
)

var (
	asker  = ethernet.Addr{2, 0, 0, 9, 9, 9}
	asker4 = netip.MustParseAddr("198.51.100.1")
	asker6 = netip.MustParseAddr("2001:db8::1")
	second = netip.MustParseAddr("198.51.100.3")
)

// sum is the Internet checksum the slow way, of the parts one after the other; each but the last is even.
func sum(parts ...[]byte) uint16 {
	var s uint32
	for _, p := range parts {
		for i, o := range p {
			s += uint32(o) << (8 * (1 - i%2))
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

func frame(dst, src ethernet.Addr, typ uint16, parts ...[]byte) []byte {
	b := slices.Concat(dst[:], src[:], []byte{byte(typ >> 8), byte(typ)})
	return append(b, slices.Concat(parts...)...)
}

func arpOf(op byte, sha ethernet.Addr, spa netip.Addr, tha ethernet.Addr, tpa netip.Addr) []byte {
	return slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, op}, sha[:], spa.AsSlice(), tha[:], tpa.AsSlice())
}

// ip4 is a packet without options.
func ip4(tos, ttl byte, flags uint16, src, dst netip.Addr, payload []byte) []byte {
	b := []byte{0x45, tos, 0, 0, 0x12, 0x34, byte(flags >> 8), byte(flags), ttl, 1, 0, 0}
	b = slices.Concat(b, src.AsSlice(), dst.AsSlice())
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(b[10:], sum(b))
	return append(b, payload...)
}

func icmp4Of(typ byte, payload []byte) []byte {
	b := slices.Concat([]byte{typ, 0, 0, 0, 0xab, 0xcd, 0, 7}, payload)
	binary.BigEndian.PutUint16(b[2:], sum(b))
	return b
}

// ip6 is a packet with an ICMPv6 message, whose checksum is filled in.
func ip6(class, hops byte, src, dst netip.Addr, m []byte) []byte {
	b := []byte{0x60 | class>>4, class << 4, 0, 0, byte(len(m) >> 8), byte(len(m)), 58, hops}
	b = slices.Concat(b, src.AsSlice(), dst.AsSlice())
	m = slices.Clone(m)
	m[2], m[3] = 0, 0
	binary.BigEndian.PutUint16(m[2:], sum(b[4:6], []byte{0, 58}, b[8:40], m))
	return append(b, m...)
}

func icmp6Of(typ byte, payload []byte) []byte {
	return slices.Concat([]byte{typ, 0, 0, 0, 0xab, 0xcd, 0, 7}, payload)
}

func neighbour(typ, flags byte, target netip.Addr, opt byte, hw ethernet.Addr) []byte {
	return slices.Concat([]byte{typ, 0, 0, 0, flags, 0, 0, 0}, target.AsSlice(), []byte{opt, 1}, hw[:])
}

func groupOf(a netip.Addr) (ethernet.Addr, netip.Addr) {
	g := solicitedNode(a)
	return ethernet.Addr{0x33, 0x33, g[12], g[13], g[14], g[15]}, netip.AddrFrom16(g)
}

// answer is a frame, and what a responder makes of it; nil: nothing.
type answer struct {
	name      string
	ask, want []byte
}

// answers are what a responder for host4, second and host6 says.
func answers() []answer {
	text := func(n int) []byte { return randomOctets(3, n) }
	ask4 := func(n int) []byte {
		return frame(ours, asker, 0x0800, ip4(0x2e, 7, 0x4000, asker4, host4, icmp4Of(8, text(n))))
	}
	want4 := func(n int) []byte {
		return frame(asker, ours, 0x0800, ip4(0x2e, 64, 0x4000, host4, asker4, icmp4Of(0, text(n))))
	}
	ask6 := func(n int) []byte {
		return frame(ours, asker, 0x86dd, ip6(0x2e, 7, asker6, host6, icmp6Of(128, text(n))))
	}
	want6 := func(n int) []byte {
		return frame(asker, ours, 0x86dd, ip6(0x2e, 64, host6, asker6, icmp6Of(129, text(n))))
	}
	broken := func(b []byte, off int, v ...byte) []byte { b = slices.Clone(b); copy(b[off:], v); return b }
	// fixed corrects an IPv4 header.
	fixed := func(b []byte) []byte {
		b[24], b[25] = 0, 0
		binary.BigEndian.PutUint16(b[24:], sum(b[14:34]))
		return b
	}
	arpAsk := arpOf(1, asker, asker4, ethernet.Addr{}, host4)
	mac, grp := groupOf(host6)
	solicit := neighbour(135, 0, host6, 1, asker)
	advert := frame(asker, ours, 0x86dd, ip6(0, 255, host6, asker6, neighbour(136, 0x60, host6, 2, ours)))
	padded := func(b []byte) []byte { return append(b, make([]byte, max(0, 60-len(b)))...) }
	flow := ask6(8)
	flow[15] |= 0x0f
	flow[17] = 0x99

	return []answer{
		{"ARP", frame(ethernet.Broadcast, asker, 0x0806, arpAsk), frame(asker, ours, 0x0806, arpOf(2, ours, host4, asker, asker4))},
		{"ARP for the second", frame(ethernet.Broadcast, asker, 0x0806, arpOf(1, asker, asker4, ethernet.Addr{}, second)),
			frame(asker, ours, 0x0806, arpOf(2, ours, second, asker, asker4))},
		{"ARP, padded", padded(frame(ethernet.Broadcast, asker, 0x0806, arpAsk)), padded(frame(asker, ours, 0x0806, arpOf(2, ours, host4, asker, asker4)))},
		{"ARP to us", frame(ours, asker, 0x0806, arpAsk), frame(asker, ours, 0x0806, arpOf(2, ours, host4, asker, asker4))},
		{"ARP for another", frame(ethernet.Broadcast, asker, 0x0806, arpOf(1, asker, asker4, ethernet.Addr{}, asker4)), nil},
		{"ARP probe", frame(ethernet.Broadcast, asker, 0x0806, arpOf(1, asker, netip.IPv4Unspecified(), ethernet.Addr{}, host4)), nil},
		{"ARP announcement of ours", frame(ethernet.Broadcast, asker, 0x0806, arpOf(1, asker, host4, ethernet.Addr{}, host4)), nil},
		{"ARP from our second", frame(ethernet.Broadcast, asker, 0x0806, arpOf(1, asker, second, ethernet.Addr{}, host4)), nil},
		{"ARP reply", frame(ours, asker, 0x0806, arpOf(2, asker, asker4, ours, host4)), nil},
		{"ARP for somebody else", frame(ethernet.Broadcast, asker, 0x0806, arpOf(1, others, asker4, ethernet.Addr{}, host4)), nil},
		{"ARP to a group", frame(group, asker, 0x0806, arpAsk), nil},
		{"ARP from a group", frame(ethernet.Broadcast, group, 0x0806, arpOf(1, group, asker4, ethernet.Addr{}, host4)), nil},
		{"ARP from us", frame(ethernet.Broadcast, ours, 0x0806, arpOf(1, ours, asker4, ethernet.Addr{}, host4)), nil},
		{"ARP of another hardware", broken(frame(ethernet.Broadcast, asker, 0x0806, arpAsk), 15, 6), nil},

		{"echo, empty", ask4(0), want4(0)},
		{"echo, one octet", ask4(1), want4(1)},
		{"echo, 56", ask4(56), want4(56)},
		{"echo, 1471", ask4(1471), want4(1471)},
		{"echo, 1472", ask4(1472), want4(1472)},
		{"echo, 1473", ask4(1473), nil},
		{"echo, padded", padded(ask4(0)), padded(want4(0))},
		{"echo with a trailer", append(ask4(56), 0), nil},
		{"echo without DF", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(8, nil))),
			frame(asker, ours, 0x0800, ip4(0, 64, 0, host4, asker4, icmp4Of(0, nil)))},
		{"echo, zero", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0})),
			frame(asker, ours, 0x0800, ip4(0, 64, 0, host4, asker4, []byte{0, 0, 0xff, 0xff, 0, 0, 0, 0}))},
		{"echo to the second", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, second, icmp4Of(8, nil))),
			frame(asker, ours, 0x0800, ip4(0, 64, 0, second, asker4, icmp4Of(0, nil)))},
		{"echo to another", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, netip.MustParseAddr("198.51.100.9"), icmp4Of(8, nil))), nil},
		{"echo by broadcast", frame(ethernet.Broadcast, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo for another station", frame(others, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo from us", frame(ours, asker, 0x0800, ip4(0, 64, 0, host4, host4, icmp4Of(8, nil))), nil},
		{"echo from our station", frame(ours, ours, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo from nobody", frame(ours, asker, 0x0800, ip4(0, 64, 0, netip.IPv4Unspecified(), host4, icmp4Of(8, nil))), nil},
		{"echo from loopback", frame(ours, asker, 0x0800, ip4(0, 64, 0, netip.MustParseAddr("127.0.0.1"), host4, icmp4Of(8, nil))), nil},
		{"echo from a group", frame(ours, asker, 0x0800, ip4(0, 64, 0, netip.MustParseAddr("224.0.0.1"), host4, icmp4Of(8, nil))), nil},
		{"echo from broadcast", frame(ours, asker, 0x0800, ip4(0, 64, 0, netip.MustParseAddr("255.255.255.255"), host4, icmp4Of(8, nil))), nil},
		{"echo without hops", frame(ours, asker, 0x0800, ip4(0, 0, 0, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo, first fragment", frame(ours, asker, 0x0800, ip4(0, 64, 0x2000, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo, later fragment", frame(ours, asker, 0x0800, ip4(0, 64, 5, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo, evil bit", frame(ours, asker, 0x0800, ip4(0, 64, 0x8000, asker4, host4, icmp4Of(8, nil))), nil},
		{"echo, header's checksum", broken(ask4(8), 25, 0), nil},
		{"echo, message's checksum", broken(ask4(8), 36, 1, 2), nil},
		{"echo, longer than the frame", fixed(broken(ask4(60), 17, 20+8+61)), nil},
		{"echo, shorter than a header", fixed(broken(ask4(60), 17, 27)), nil},
		{"echo, options", fixed(broken(ask4(60), 14, 0x46)), nil},
		{"echo, version", fixed(broken(ask4(60), 14, 0x65)), nil},
		{"echo reply", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(0, nil))), nil},
		{"echo, code", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, []byte{8, 1, 0xf7, 0xfe, 0, 0, 0, 0})), nil},
		{"timestamp", frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(13, text(12)))), nil},
		{"UDP", fixed(broken(ask4(8), 23, 17)), nil},

		{"echo 6, empty", ask6(0), want6(0)},
		{"echo 6, 55", ask6(55), want6(55)},
		{"echo 6, 1452", ask6(1452), want6(1452)},
		{"echo 6, 1453", ask6(1453), nil},
		{"echo 6, flow", flow, want6(8)},
		{"echo 6 with a trailer", append(ask6(8), 0), nil},
		{"echo 6, checksum", broken(ask6(8), 56, 1, 2), nil},
		{"echo 6 from nobody", frame(ours, asker, 0x86dd, ip6(0, 64, netip.IPv6Unspecified(), host6, icmp6Of(128, nil))), nil},
		{"echo 6 from loopback", frame(ours, asker, 0x86dd, ip6(0, 64, netip.IPv6Loopback(), host6, icmp6Of(128, nil))), nil},
		{"echo 6 from a group", frame(ours, asker, 0x86dd, ip6(0, 64, netip.MustParseAddr("ff02::1"), host6, icmp6Of(128, nil))), nil},
		{"echo 6 from us", frame(ours, asker, 0x86dd, ip6(0, 64, host6, host6, icmp6Of(128, nil))), nil},
		{"echo 6 to all nodes", frame(group, asker, 0x86dd, ip6(0, 64, asker6, netip.MustParseAddr("ff02::1"), icmp6Of(128, nil))), nil},
		{"echo 6 to another", frame(ours, asker, 0x86dd, ip6(0, 64, asker6, netip.MustParseAddr("2001:db8::9"), icmp6Of(128, nil))), nil},
		{"echo 6 by a group", frame(mac, asker, 0x86dd, ip6(0, 64, asker6, host6, icmp6Of(128, nil))), nil},
		{"echo 6 without hops", frame(ours, asker, 0x86dd, ip6(0, 0, asker6, host6, icmp6Of(128, nil))), nil},
		{"echo 6 reply", frame(ours, asker, 0x86dd, ip6(0, 64, asker6, host6, icmp6Of(129, nil))), nil},
		{"echo 6, extension header", broken(ask6(8), 20, 0), nil},

		{"solicit", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, solicit)), advert},
		{"solicit, to us", frame(ours, asker, 0x86dd, ip6(0, 255, asker6, host6, solicit)), advert},
		{"solicit, forwarded", frame(mac, asker, 0x86dd, ip6(0, 254, asker6, grp, solicit)), nil},
		{"solicit for duplicates", frame(mac, asker, 0x86dd, ip6(0, 255, netip.IPv6Unspecified(), grp, solicit[:24])), nil},
		{"solicit for duplicates with an address", frame(mac, asker, 0x86dd, ip6(0, 255, netip.IPv6Unspecified(), grp, solicit)), nil},
		{"solicit without an address", frame(ours, asker, 0x86dd, ip6(0, 255, asker6, host6, solicit[:24])), nil},
		{"solicit with two", frame(ours, asker, 0x86dd, ip6(0, 255, asker6, host6, append(slices.Clone(solicit), solicit[24:]...))), nil},
		{"solicit of a target's address", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, neighbour(135, 0, host6, 2, asker))), nil},
		{"solicit for somebody else", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, neighbour(135, 0, host6, 1, others))), nil},
		{"solicit for another", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, neighbour(135, 0, asker6, 1, asker))), nil},
		{"solicit to all nodes", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, netip.MustParseAddr("ff02::1"), solicit)), nil},
		{"solicit to another group", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, netip.MustParseAddr("ff02::1:ff00:3"), solicit)), nil},
		{"solicit by another group", frame(ethernet.Addr{0x33, 0x33, 0xff, 0, 0, 3}, asker, 0x86dd, ip6(0, 255, asker6, grp, solicit)), nil},
		{"solicit from us", frame(mac, asker, 0x86dd, ip6(0, 255, host6, grp, solicit)), nil},
		{"solicit, checksum", broken(frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, solicit)), 56, 1, 2), nil},
		{"solicit, code", frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, append([]byte{135, 1}, solicit[2:]...))), nil},
		{"advert", frame(ours, asker, 0x86dd, ip6(0, 255, asker6, host6, neighbour(136, 0x60, asker6, 2, asker))), nil},

		{"another protocol", frame(ours, asker, 0x8137, text(60)), nil},
		{"tagged", slices.Concat(ours[:], asker[:], []byte{0x81, 0, 0, 1}, ask4(56)[12:]), nil},
	}
}

// answerTo is the responder in plain Go: nil is no answer.
func answerTo(b []byte, own []netip.Addr) []byte {
	dst, src := ethernet.Addr(b), ethernet.Addr(b[6:])
	if src == ours || src.IsMulticast() {
		return nil
	}
	switch typ, p := binary.BigEndian.Uint16(b[12:]), b[14:]; {
	case typ == 0x0806 && len(p) >= 28 && (dst == ours || dst == ethernet.Broadcast):
		return answerARP(b, src, p, own)
	case typ == 0x0800 && len(p) >= 28 && dst == ours:
		return answerEcho4(b, src, p, own)
	case typ == 0x86dd && len(p) >= 48:
		return answerIPv6(b, dst, src, p, own)
	}
	return nil
}

// isHost4 and isHost6 report whether a can be another host's.
func isHost4(a netip.Addr, own []netip.Addr) bool {
	first := a.As4()[0]
	return first != 0 && first != 127 && first < 224 && !slices.Contains(own, a)
}

func isHost6(a netip.Addr, own []netip.Addr) bool {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:]) != 0 && b[0] != 0xff && !slices.Contains(own, a)
}

func answerARP(b []byte, src ethernet.Addr, p []byte, own []netip.Addr) []byte {
	spa, tpa := netip.AddrFrom4([4]byte(p[14:])), netip.AddrFrom4([4]byte(p[24:]))
	if string(p[:8]) != "\x00\x01\x08\x00\x06\x04\x00\x01" || ethernet.Addr(p[8:]) != src || !isHost4(spa, own) || !slices.Contains(own, tpa) {
		return nil
	}
	return append(frame(src, ours, 0x0806, arpOf(2, ours, tpa, src, spa)), b[42:]...)
}

// isWhole reports whether a packet of n octets ends with the frame, or in its padding.
func isWhole(b []byte, n int) bool { return 14+n == len(b) || 14+n < len(b) && len(b) <= 60 }

func answerEcho4(b []byte, src ethernet.Addr, p []byte, own []netip.Addr) []byte {
	n := int(binary.BigEndian.Uint16(p[2:]))
	from, to := netip.AddrFrom4([4]byte(p[12:])), netip.AddrFrom4([4]byte(p[16:]))
	switch {
	case p[0] != 0x45, p[6]&0xbf != 0, p[7] != 0, p[8] == 0, p[9] != 1, p[20] != 8, p[21] != 0, n < 28, n > 1500, !isWhole(b, n):
		return nil
	case !isHost4(from, own), !slices.Contains(own, to), sum(p[:20]) != 0, sum(p[20:n]) != 0:
		return nil
	}
	r := ip4(p[1], 64, uint16(p[6])<<8, to, from, p[20:n])
	r[4], r[5], r[10], r[11] = p[4], p[5], 0, 0
	binary.BigEndian.PutUint16(r[10:], sum(r[:20]))
	r[20], r[22], r[23] = 0, 0, 0
	binary.BigEndian.PutUint16(r[22:], sum(r[20:]))
	return append(frame(src, ours, 0x0800, r), b[14+n:]...)
}

func answerIPv6(b []byte, dst, src ethernet.Addr, p []byte, own []netip.Addr) []byte {
	n := int(binary.BigEndian.Uint16(p[4:]))
	from, to := netip.AddrFrom16([16]byte(p[8:])), netip.AddrFrom16([16]byte(p[24:]))
	if p[0]>>4 != 6 || p[6] != 58 || !isHost6(from, own) || n < 8 || 40+n > 1500 || !isWhole(b, 40+n) {
		return nil
	}
	m := p[40 : 40+n]
	if sum(p[4:6], []byte{0, 58}, p[8:40], m) != 0 || m[1] != 0 {
		return nil
	}
	switch {
	case m[0] == 128 && p[7] != 0 && dst == ours && slices.Contains(own, to):
		r := ip6(p[0]<<4|p[1]>>4, 64, to, from, append([]byte{129}, m[1:]...))
		return append(frame(src, ours, 0x86dd, r), b[54+n:]...)
	case m[0] == 135 && p[7] == 255 && n == 32:
		return answerSolicit(b, dst, src, from, to, m, own)
	}
	return nil
}

func answerSolicit(b []byte, dst, src ethernet.Addr, from, to netip.Addr, m []byte, own []netip.Addr) []byte {
	target := netip.AddrFrom16([16]byte(m[8:]))
	mac, grp := groupOf(target)
	isToUs := to == target && dst == ours || to == grp && dst == mac
	if !isToUs || !slices.Contains(own, target) || m[24] != 1 || m[25] != 1 || ethernet.Addr(m[26:]) != src {
		return nil
	}
	return frame(src, ours, 0x86dd, ip6(0, 255, target, from, neighbour(136, 0x60, target, 2, ours)))
}
