package dump

import (
	"bytes"
	"fmt"
	"strings"

	"tapestry/stack/ipx/sap"
)

// sap prints a query, or a response with its servers.
func (p *printer) sap(b []byte) {
	m, err := sap.Parse(b)
	if err != nil {
		p.short("ipxsap", b)
		return
	}
	op := m.Operation()
	p.line("ipxsap %v", op)
	switch op {
	case sap.GeneralQuery, sap.NearestQuery:
		p.add(", %s", sapType(m.Type()))
	case sap.GeneralResponse, sap.NearestResponse:
		for i := range min(m.Len(), sapList) {
			p.sapServer(m.Entry(i))
		}
		p.more(m.Len(), sapList)
	default:
		p.data(b[2:])
	}
}

func (p *printer) sapServer(e sap.Entry) {
	name, _, _ := bytes.Cut(e.Name[:], []byte{0})
	p.add(", %q %s at %s, %d networks", name, sapType(e.Type), ipxAddr(e.Addr), e.Hops)
}

// sapType gives a service's type, with its name if that is known: 0x0004 (File Server (SLIST source)).
func sapType(t sap.Type) string {
	s := fmt.Sprintf("0x%04x", uint16(t))
	if name := t.String(); !strings.HasPrefix(name, "type ") {
		s += " (" + name + ")"
	}
	return s
}
