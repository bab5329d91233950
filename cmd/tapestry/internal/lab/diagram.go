package lab

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/cmd/tapestry/internal/draw"
	"tapestry/link/impair"
)

// Diagram draws the lab as its file has it.
func (p *Plan) Diagram() draw.Diagram {
	return p.diagram(func(s *SegmentPlan) []string { return s.notes(s.Impair, impair.Config{}) }, (*Port).link)
}

// diagram draws the lab: what is said of segments and of ports may be of a running one.
func (p *Plan) diagram(notes func(*SegmentPlan) []string, link func(*Port) draw.Link) draw.Diagram {
	d := draw.Diagram{Title: "lab " + p.Name, Wires: []draw.Wire{}, Boxes: []draw.Box{}}
	for _, s := range p.Segments {
		d.Wires = append(d.Wires, draw.Wire{Name: s.Name, Kind: s.Kind, Notes: notes(s)})
	}
	for _, w := range p.Wires {
		b := draw.Box{Kind: "tap", Name: w.Name, Lines: texts(w.Addresses, "")}
		if w.At != nil {
			b.Links = []draw.Link{link(w.At)}
		} else {
			d.Wires = append(d.Wires, draw.Wire{Name: w.Name, Kind: "wire"})
			b.Links = []draw.Link{{Wire: w.Name}}
		}
		d.Boxes = append(d.Boxes, b)
	}
	for _, h := range p.Hosts {
		d.Boxes = append(d.Boxes, h.box(link))
	}
	for _, j := range p.Joints {
		d.Boxes = append(d.Boxes, draw.Box{Kind: j.At.Kind, Name: j.Name, Lines: j.Lines, Links: []draw.Link{link(j.At)}})
	}
	for _, t := range p.Trunks {
		d.Boxes = append(d.Boxes, draw.Box{Kind: "trunk", Name: t.Name, Links: []draw.Link{link(t.Ends[0]), link(t.Ends[1])}})
	}
	return d
}

func (h *HostPlan) box(link func(*Port) draw.Link) draw.Box {
	b := draw.Box{Kind: "host", Name: h.Name}
	for _, i := range h.Interfaces {
		prefix := ""
		if h.many {
			prefix = i.Config.Name + " "
		}
		b.Lines = append(b.Lines, texts(i.Config.Addresses, prefix)...)
		if i.At == nil {
			b.Links = append(b.Links, draw.Link{Wire: i.Wire.Name})
			continue
		}
		b.Links = append(b.Links, link(i.At))
	}
	if len(h.Apps) > 0 {
		b.Lines = append(b.Lines, h.appNames())
	}
	return b
}

// appNames gives the first few apps and how many more there are.
func (h *HostPlan) appNames() string {
	const most = 3
	var names []string
	for _, a := range h.Apps[:min(len(h.Apps), most)] {
		names = append(names, a.App.Name)
	}
	s := strings.Join(names, ", ")
	if more := len(h.Apps) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func texts(list []netip.Prefix, prefix string) (s []string) {
	for _, p := range list {
		s = append(s, prefix+p.String())
	}
	return s
}

// notes are what is said behind a segment's name.
func (s *SegmentPlan) notes(tx, rx impair.Config) (notes []string) {
	if !tx.IsZero() {
		notes = append(notes, spaced(tx))
	}
	if !rx.IsZero() {
		notes = append(notes, "to stations "+spaced(rx))
	}
	if s.Tree != nil {
		notes = append(notes, "spanning tree")
	}
	if s.MTU != defaultMTU {
		notes = append(notes, fmt.Sprintf("MTU %d", s.MTU))
	}
	return notes
}

func spaced(c impair.Config) string { return strings.ReplaceAll(c.String(), ",", " ") }

// link is the port's line in a drawing.
func (p *Port) link() draw.Link {
	k := p.described(p.Tx.Config, p.Tx.Own, p.Rx.Config)
	if p.Down {
		k.State = "down"
		k.Labels = append(k.Labels, "down")
	}
	return k
}

// described says what is special about a port.
func (p *Port) described(tx impair.Config, own bool, rx impair.Config) draw.Link {
	k := draw.Link{Wire: p.Segment.Name}
	if _, iface, ok := strings.Cut(p.Name, "."); ok {
		k.Labels = append(k.Labels, iface)
	}
	if p.Segment.VLANs {
		k.Labels = append(k.Labels, "VLAN "+p.VLAN.String())
	}
	switch {
	case own && tx.Equal(rx) && !tx.IsZero():
		k.Labels = append(k.Labels, spaced(tx))
	default:
		if own {
			k.Labels = append(k.Labels, "tx "+spaced(tx))
		}
		if !rx.IsZero() && p.Kind != "trunk" {
			k.Labels = append(k.Labels, "rx "+spaced(rx))
		}
	}
	return k
}

// diagram draws the lab as it runs.
func (l *Lab) diagram() draw.Diagram {
	live := make(map[*Port]*place)
	for _, b := range l.buses {
		for _, p := range b.ports {
			live[p.plan] = p
		}
	}
	return l.Plan.diagram(func(s *SegmentPlan) []string {
		b := l.buses[s]
		b.mu.Lock()
		tx, rx := b.tx, b.rx
		b.mu.Unlock()
		return s.notes(tx, rx)
	}, func(p *Port) draw.Link {
		if live[p] == nil {
			return p.link()
		}
		return live[p].link()
	})
}

// link has the counters beside what the file says.
func (p *place) link() draw.Link {
	i := p.Info()
	k := p.plan.described(p.tx.Config(), p.tx.own.Load(), p.rx.Config())
	k.Labels = append(k.Labels, fmt.Sprintf("↑%d ↓%d", i.Stats.RxFrames, i.Stats.TxFrames))
	lost := i.Stats.RxDropped + i.Stats.TxDropped + p.tx.Stats().Drops.Total() + p.rx.Stats().Drops.Total()
	if lost > 0 {
		k.Labels = append(k.Labels, fmt.Sprintf("%d lost", lost))
	}
	if i.State != "forwarding" {
		k.Labels = append(k.Labels, i.State)
		k.State = "blocked"
	}
	if !i.Up {
		k.State = "down"
	}
	return k
}

// sendDiagram sends the drawing in pieces that fit a line; the tool joins them.
func (l *Lab) sendDiagram(_ context.Context, r control.Request, send func(any) error) error {
	if err := r.DecodeArgs(&struct{}{}); err != nil {
		return err
	}
	d := l.diagram()
	boxes := d.Boxes
	d.Boxes = []draw.Box{}
	if err := send(d); err != nil {
		return err
	}
	for len(boxes) > 0 {
		n := min(len(boxes), batch)
		if err := send(draw.Diagram{Boxes: boxes[:n]}); err != nil {
			return err
		}
		boxes = boxes[n:]
	}
	return nil
}
