package stacktest

import "tapestry/link"

// Stand-ins.
type hub struct{ ports []*hubPort }
type hubPort struct {
	h   *hub
	out func([]link.Frame)
}

func (h *hub) attach(out func([]link.Frame)) *hubPort {
	p := &hubPort{h, out}
	h.ports = append(h.ports, p)
	return p
}
func (p *hubPort) Write(f []link.Frame) int {
	for _, o := range p.h.ports {
		if o == p {
			continue
		}
		c := make([]link.Frame, len(f))
		for i := range f {
			c[i] = f[i].Clone()
		}
		o.out(c)
	}
	link.ReleaseAll(f)
	return len(f)
}

type line struct{ out func([]link.Frame) }

func (l *line) Write(f []link.Frame) int { l.out(f); return len(f) }
func (l *line) Close()                   {}
