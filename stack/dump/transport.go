package dump

import (
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

func (p *printer) udp(b []byte, k packet) {
	if len(b) < 8 {
		p.short("udp", b)
		return
	}
	src, dst, n := be16(b), be16(b[2:]), int(be16(b[4:]))
	p.line("udp %s > %s, %d octets", port("udp", src), port("udp", dst), n-8)
	switch {
	case n < 8:
		p.add(", bad length")
		p.data(b[8:])
		return
	case n > len(b):
		if k.isWhole {
			p.add(", %d missing", n-len(b))
		}
		n = len(b)
	case k.isWhole && be16(b[6:]) == 0 && !k.isV6:
		p.add(", no checksum") // RFC 768
	case k.isWhole && !isSummed(b[:n], k.sum(protoUDP, n)):
		p.add(", bad checksum")
	}
	p.application(src, dst, b[8:n], k)
}

// application prints what a datagram carries.
func (p *printer) application(src, dst uint16, b []byte, k packet) {
	const domain, mdns = 53, 5353
	isDNS := src == domain || dst == domain || src == mdns || dst == mdns
	if isDNS && !k.isQuoted && p.dns(b) {
		return
	}
	p.data(b)
}

// dns prints a message in short, and reports whether it is one.
func (p *printer) dns(b []byte) bool {
	var m dnsmessage.Parser
	h, err := m.Start(b)
	if err != nil {
		return false
	}
	kind := "query"
	if h.Response {
		kind = "response " + strings.TrimPrefix(h.RCode.String(), "RCode")
	}
	p.line("dns %s, id %d", kind, h.ID)
	if q, err := m.Question(); err == nil {
		name := q.Name.String()
		p.add(", %s %q", strings.TrimPrefix(q.Type.String(), "Type"), name)
	}
	p.add(", %d questions, %d answers, %d authority, %d additional", be16(b[4:]), be16(b[6:]), be16(b[8:]), be16(b[10:]))
	return true
}

// tcpFlags are the letters of the flags, FIN first (RFC 9293 §3.1, RFC 3168 §6.1).
const tcpFlags = "FSRPAUEC"

func (p *printer) tcp(b []byte, k packet) {
	if k.isQuoted && len(b) >= 8 && len(b) < 20 { // RFC 792: only the first 8 octets need be quoted
		p.line("tcp %s > %s, seq %d", port("tcp", be16(b)), port("tcp", be16(b[2:])), be32(b[4:]))
		return
	}
	if len(b) < 20 || b[12]>>4 < 5 || int(b[12]>>4)*4 > len(b) {
		p.short("tcp", b)
		return
	}
	head := int(b[12]>>4) * 4
	p.line("tcp %s > %s, flags ", port("tcp", be16(b)), port("tcp", be16(b[2:])))
	for i, letter := range tcpFlags {
		if b[13]&(1<<i) != 0 {
			p.out = append(p.out, byte(letter))
		}
	}
	p.add(", seq %d", be32(b[4:]))
	if b[13]&0x10 != 0 {
		p.add(", ack %d", be32(b[8:]))
	}
	p.add(", win %d", be16(b[14:]))
	if b[13]&0x20 != 0 {
		p.add(", urgent %d", be16(b[18:]))
	}
	p.tcpOptions(b[20:head])
	p.add(", %d octets", len(b)-head)
	if k.isWhole && !isSummed(b, k.sum(protoTCP, len(b))) {
		p.add(", bad checksum")
	}
	p.data(b[head:])
}

// tcpOptions prints options in their order (RFC 9293 §3.2, RFC 7323, RFC 2018).
func (p *printer) tcpOptions(b []byte) {
	for len(b) > 0 {
		switch b[0] {
		case 0:
			p.add(", eol")
			return
		case 1:
			p.add(", nop")
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			p.add(", bad options %s", hexed(b))
			return
		}
		p.tcpOption(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
}

func (p *printer) tcpOption(kind byte, v []byte) {
	switch {
	case kind == 2 && len(v) == 2:
		p.add(", mss %d", be16(v))
	case kind == 3 && len(v) == 1:
		p.add(", wscale %d", v[0])
	case kind == 4 && len(v) == 0:
		p.add(", sackok")
	case kind == 5 && len(v) > 0 && len(v)%8 == 0:
		p.add(", sack")
		for ; len(v) > 0; v = v[8:] {
			p.add(" %d-%d", be32(v), be32(v[4:]))
		}
	case kind == 8 && len(v) == 8:
		p.add(", ts %d %d", be32(v), be32(v[4:]))
	default:
		p.add(", option %d %s", kind, hexed(v))
	}
}
