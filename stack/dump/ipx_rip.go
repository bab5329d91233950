package dump

import "tapestry/stack/ipx/rip"

func (p *printer) ipxRIP(b []byte) {
	m, err := rip.Parse(b)
	if err != nil {
		p.short("ipxrip", b)
		return
	}
	p.line("ipxrip %v", m.Operation())
	for i := range min(m.Len(), ipxList) {
		if e := m.Entry(i); m.Operation() == rip.Request {
			p.add(", %v", e.Network)
		} else {
			p.add(", %v", e)
		}
	}
	p.more(m.Len(), ipxList)
}

// more tells how many of n entries of a list are not shown.
func (p *printer) more(n, shown int) {
	if n > shown {
		p.add(", and %d more", n-shown)
	}
}
