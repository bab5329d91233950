package dump

import "fmt"

func (p *printer) diagnostic(b []byte, isRequest bool) { p.data(b) }

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
