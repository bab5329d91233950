package dump

import (
	"fmt"

	"tapestry/link/ethernet"
)

const ipxHeader = 30

// Packet types of IPX, and sockets that Xerox and Novell assigned.
var (
	ipxTypes   = map[byte]string{0: "unknown", 1: "RIP", 2: "echo", 3: "error", 4: "PEP", 5: "SPX", 17: "NCP", 20: "propagated"}
	ipxSockets = map[uint16]string{
		1: "Xerox RIP", 2: "echo", 3: "error", 0x451: "NCP", 0x452: "SAP", 0x453: "RIP", 0x455: "NetBIOS", 0x456: "diagnostic",
	}
)

func (p *printer) ipx(b []byte) {
	if len(b) < ipxHeader {
		p.short("ipx", b)
		return
	}
	n := int(be16(b[2:]))
	kind, ok := ipxTypes[b[5]]
	if !ok {
		kind = fmt.Sprintf("type %d", b[5])
	}
	p.line("ipx %s > %s, %s, %d hops, %d octets", ipxAddr(b[18:30]), ipxAddr(b[6:18]), kind, b[4], n)
	if sum := be16(b); sum != 0xffff {
		p.add(", checksum 0x%04x", sum)
	}
	p.data(p.cut(b, ipxHeader, n, false))
}

// ipxAddr gives network, node and socket: 0000cafe:02:00:00:00:00:01:0452 (SAP).
func ipxAddr(b []byte) string {
	s := fmt.Sprintf("%08x:%v:%04x", be32(b), ethernet.Addr(b[4:10]), be16(b[10:]))
	if name, ok := ipxSockets[be16(b[10:])]; ok {
		s += " (" + name + ")"
	}
	return s
}
