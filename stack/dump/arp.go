package dump

import (
	"fmt"

	"tapestry/link/ethernet"
)

// Operations (RFC 826, RFC 903, RFC 2390).
var arpOps = map[uint16]string{
	1: "request", 2: "reply", 3: "reverse request", 4: "reverse reply", 8: "inverse request", 9: "inverse reply",
}

// arp prints ARP and RARP, which share a format.
func (p *printer) arp(layer string, b []byte) {
	if len(b) < 8 {
		p.short(layer, b)
		return
	}
	hlen, plen := int(b[4]), int(b[5])
	if len(b) < 8+2*(hlen+plen) {
		p.short(layer, b)
		return
	}
	op, ok := arpOps[be16(b[6:])]
	if !ok {
		op = fmt.Sprintf("operation %d", be16(b[6:]))
	}
	p.line("%s %s", layer, op)
	if hw, proto := be16(b), ethernet.EtherType(be16(b[2:])); hw != 1 || proto != ethernet.TypeIPv4 {
		p.add(", hardware %d, protocol %v", hw, proto)
	}
	f := b[8:]
	p.add(", sender %s %s", hardware(f[:hlen]), protocol(f[hlen:hlen+plen]))
	f = f[hlen+plen:]
	p.add(", target %s %s", hardware(f[:hlen]), protocol(f[hlen:hlen+plen]))
}

func hardware(b []byte) string {
	if len(b) == ethernet.AddrLen {
		return ethernet.Addr(b).String()
	}
	return "0x" + hexed(b)
}

func protocol(b []byte) string {
	if len(b) == 4 {
		return addr(b).String()
	}
	return "0x" + hexed(b)
}
