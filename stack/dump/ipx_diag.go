package dump

import (
	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/diag"
)

// diagnostic prints a request for a station's configuration, which is for its well-known socket, or the answer, which
// comes from there. What goes from that socket to itself is a request if it has just the length of one. Wireshark knows
// the socket alone, so names are those of the codec.
func (p *printer) diagnostic(b []byte, h ipxwire.Header) {
	isFrom := h.Source().Socket == ipxwire.SocketDiagnostic
	if h.Destination().Socket == ipxwire.SocketDiagnostic {
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
	entries := 0
	for _, c := range r.Components {
		if entries++; entries <= ipxList {
			p.add(", %v", c.ID)
		}
		for _, n := range c.Networks {
			if entries++; entries <= ipxList {
				p.add(" %v:%v (%v)", n.Network, n.Node, n.Type)
			}
		}
	}
	p.more(entries, ipxList)
}

// ipxError prints what a station or router sends back with the start of a packet that it could not use. Wireshark
// takes it for data.
func (p *printer) ipxError(b []byte) {
	m, err := ipx.ParseErrorMessage(b)
	if err != nil {
		p.short("error", b)
		return
	}
	p.line("error %v, parameter %d, %d octets", m.Number, m.Param, len(m.Packet))
	if h := p.ipxHeader(m.Packet, true); h != nil {
		p.data(h.Data())
	}
}
