package dump

import (
	"bytes"
	"fmt"

	"tapestry/internal/ipxwire"
)

// sap prints a query, or a response with its servers.
func (p *printer) sap(b []byte) {
	const header, entry = 2, 64
	if len(b) < 4 {
		p.short("ipxsap", b)
		return
	}
	op := be16(b)
	p.line("ipxsap %s", named(sapOps, op, "type"))
	if op != 2 && op != 4 {
		p.add(", %s", sapType(be16(b[2:])))
		return
	}
	b = b[header:]
	for i := range min(len(b)/entry, ipxList) {
		p.sapServer(b[i*entry : (i+1)*entry])
	}
	p.more(len(b) / entry)
}

var sapOps = map[uint16]string{1: "General Query", 2: "General Response", 3: "Nearest Query", 4: "Nearest Response"}

func (p *printer) sapServer(b []byte) {
	name, _, _ := bytes.Cut(b[2:50], []byte{0})
	at := ipxwire.Addr{Net: ipxwire.Network(be32(b[50:])), Node: ipxwire.Node(b[54:60]), Socket: ipxwire.Socket(be16(b[60:]))}
	p.add(", %q %s at %s, %d networks", name, sapType(be16(b)), ipxAddr(at), be16(b[62:]))
}

// sapType gives a service's type with its name if that is known: 0x0004 (File Server (SLIST source)).
func sapType(t uint16) string {
	if name, ok := sapTypes[t]; ok {
		return fmt.Sprintf("0x%04x (%s)", t, name)
	}
	return fmt.Sprintf("0x%04x", t)
}
