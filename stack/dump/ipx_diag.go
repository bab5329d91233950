package dump

import (
	"fmt"

	"tapestry/stack/ipx/diag"
)

// diagnostic prints a request for a station's configuration, which is for its well-known socket, or the answer, which
// comes from there. What goes from that socket to itself is a request if it has just the length of one. Wireshark knows
// the socket alone, so names are those of the codec.
func (p *printer) diagnostic(b []byte, isTo, isFrom bool) {
	if isTo {
		r, err := diag.ParseRequest(b)
		if err == nil && (!isFrom || len(r) == len(b)) {
			p.line("diagnostic %v", r)
			p.data(b[len(r):])
			return
		}
	}
	r, err := diag.ParseResponse(b)
	if err != nil || !isFrom {
		p.short("diagnostic", b)
		return
	}
	p.line("diagnostic configuration response %d.%d, SPX socket %04x", r.Major, r.Minor, uint16(r.SPXSocket))
	shown := 0
	for _, c := range r.Components {
		if shown++; shown <= ipxList {
			p.add(", %v", c.ID)
		}
		for _, n := range c.Networks {
			if shown++; shown <= ipxList {
				p.add(" %v:%v (%v)", n.Network, n.Node, n.Type)
			}
		}
	}
	p.more(shown)
}

// ipxError prints what a station or router sends back with a packet that it could not use (Xerox, Internet Transport
// Protocols, XSIS 028112: the Error Protocol).
func (p *printer) ipxError(b []byte) {
	const header = 4
	if len(b) < header {
		p.short("error", b)
		return
	}
	name, ok := ipxErrors[be16(b)]
	if !ok {
		name = fmt.Sprintf("number 0x%04x", be16(b))
	}
	p.line("error %s, parameter %d, %d octets", name, be16(b[2:]), len(b)-header)
	if len(b) == header {
		return
	}
	if h := p.ipxHeader(b[header:], true); h != nil {
		p.data(h.Data())
	}
}

// ipxErrors are the error numbers; those from 0x200 on come from a router on the way. Wireshark shows none of this.
var ipxErrors = map[uint16]string{
	0x000: "unspecified at destination",
	0x001: "bad checksum at destination",
	0x002: "no such socket",
	0x003: "no resources at destination",
	0x200: "unspecified on the way",
	0x201: "bad checksum on the way",
	0x202: "destination unreachable",
	0x203: "too many hops",
	0x204: "packet too large",
}
