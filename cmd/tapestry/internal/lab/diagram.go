package lab

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/cmd/tapestry/internal/draw"
	"tapestry/link/impair"
	"tapestry/link/segment"
)

// view tells what a drawing says of segments and ports, beside what they are.
type view interface {
	shared(*SegmentPlan) (tx, rx impair.Config)
	lines(*Port) (tx, rx Impairment)
	state(*Port) (state string, labels []string)
}

// Diagram draws the lab as its file has it.
func (p *Plan) Diagram() draw.Diagram { return p.diagram(planned{}) }

// planned is what the file says.
type planned struct{}

func (planned) shared(s *SegmentPlan) (tx, rx impair.Config) { return s.Impair, impair.Config{} }

func (planned) lines(p *Port) (tx, rx Impairment) { return p.Tx, p.Rx }

func (planned) state(p *Port) (string, []string) {
	if p.Down {
		return "down", []string{"down"}
	}
	return "", nil
}

func (p *Plan) diagram(v view) draw.Diagram {
	d := draw.Diagram{Title: "lab " + p.Name, Wires: []draw.Wire{}, Boxes: []draw.Box{}}
	link := func(p *Port) draw.Link { return p.link(v) }
	for _, s := range p.Segments {
		d.Wires = append(d.Wires, draw.Wire{Name: s.Name, Kind: s.Kind, Notes: s.notes(v.shared(s))})
	}
	for _, w := range p.Wires {
		b := draw.Box{Kind: w.Table, Name: w.Name, Lines: append(w.lines(), texts(w.Addresses, "")...)}
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
		if j.At != nil {
			d.Boxes = append(d.Boxes, draw.Box{Kind: j.At.Kind, Name: j.Name, Lines: j.Lines, Links: []draw.Link{link(j.At)}})
		}
	}
	for _, t := range p.Trunks {
		d.Boxes = append(d.Boxes, draw.Box{Kind: "trunk", Name: t.Name, Lines: t.lines(v), Links: []draw.Link{link(t.Ends[0]), link(t.Ends[1])}})
	}
	return d
}

// lines say what is behind a wire that is no TAP.
func (w *Wire) lines() []string {
	switch {
	case w.isShared():
		return []string{"AF_XDP on " + w.Interface, "beside the kernel"}
	case w.XDP != nil && w.Interface != "":
		return []string{"AF_XDP on " + w.Interface}
	case w.XDP != nil:
		return []string{"veth pair, AF_XDP"}
	}
	return nil
}

// lines say what the cable does to frames.
func (t *TrunkPlan) lines(v view) (lines []string) {
	back, _ := v.lines(t.Ends[0])
	forth, _ := v.lines(t.Ends[1])
	if forth.Own && back.Own && forth.Equal(back.Config) {
		if !forth.IsZero() {
			lines = append(lines, spaced(forth.Config))
		}
		return lines
	}
	for i, d := range []Impairment{back, forth} {
		if d.Own && !d.IsZero() {
			lines = append(lines, "to "+t.Ends[i].Segment.Name+": "+spaced(d.Config))
		}
	}
	return lines
}

func (h *HostPlan) box(link func(*Port) draw.Link) draw.Box {
	b := draw.Box{Kind: "host", Name: h.Name}
	for _, i := range h.Interfaces {
		prefix := ""
		if h.many {
			prefix = i.Config.Name + " "
		}
		b.Lines = append(b.Lines, texts(i.Config.Addresses, prefix)...)
		for _, n := range i.IPX {
			b.Lines = append(b.Lines, prefix+n.line())
		}
		if i.At == nil {
			b.Links = append(b.Links, draw.Link{Wire: i.Wire.Name})
			continue
		}
		b.Links = append(b.Links, link(i.At))
	}
	if h.IPX != nil {
		b.Lines = append(b.Lines, h.IPX.lines()...)
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
func (p *Port) link(v view) draw.Link {
	k := draw.Link{Wire: p.Segment.Name}
	if _, iface, ok := strings.Cut(p.Name, "."); ok {
		k.Labels = append(k.Labels, iface)
	}
	if p.Segment.VLANs {
		k.Labels = append(k.Labels, vlanLabel(p.VLAN))
	}
	if p.Kind != "trunk" {
		k.Labels = append(k.Labels, impairmentLabels(v.lines(p))...)
	}
	state, labels := v.state(p)
	k.State, k.Labels = state, append(k.Labels, labels...)
	return k
}

func vlanLabel(v segment.VLAN) string {
	s := v.String()
	if n, ok := strings.CutPrefix(s, "access "); ok {
		return "VLAN " + n
	}
	return "VLANs " + strings.TrimPrefix(s, "trunk ")
}

// impairmentLabels leave out what is the segment's, and no impairment.
func impairmentLabels(tx, rx Impairment) (labels []string) {
	if tx.Own && tx.Equal(rx.Config) {
		return nonZero("", tx.Config)
	}
	if tx.Own {
		labels = nonZero("tx ", tx.Config)
	}
	if rx.Own {
		labels = append(labels, nonZero("rx ", rx.Config)...)
	}
	return labels
}

func nonZero(prefix string, c impair.Config) []string {
	if c.IsZero() {
		return nil
	}
	return []string{prefix + spaced(c)}
}

// running is what a lab says that runs.
type running struct {
	buses map[*SegmentPlan]*bus
	live  map[*Port]*place
}

// diagram draws the lab as it runs.
func (l *Lab) diagram() draw.Diagram {
	r := running{l.buses, make(map[*Port]*place)}
	for _, b := range l.buses {
		for _, p := range b.ports {
			r.live[p.plan] = p
		}
	}
	return l.Plan.diagram(r)
}

func (r running) shared(s *SegmentPlan) (tx, rx impair.Config) {
	b := r.buses[s]
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tx, b.rx
}

func (r running) lines(p *Port) (tx, rx Impairment) {
	q := r.live[p]
	if q == nil {
		return p.Tx, p.Rx
	}
	return Impairment{q.tx.Config(), q.tx.own.Load()}, Impairment{q.rx.Config(), q.rx.own.Load()}
}

// state has the counters, too.
func (r running) state(p *Port) (state string, labels []string) {
	q := r.live[p]
	if q == nil {
		return planned{}.state(p)
	}
	i := q.Info()
	labels = []string{fmt.Sprintf("↑%d ↓%d", i.Stats.RxFrames, i.Stats.TxFrames)}
	if dropped := i.Stats.RxDropped + i.Stats.TxDropped; dropped > 0 {
		labels = append(labels, fmt.Sprintf("%d dropped", dropped))
	}
	if lost := q.tx.Stats().Drops.Total() + q.rx.Stats().Drops.Total(); lost > 0 {
		labels = append(labels, fmt.Sprintf("%d lost", lost))
	}
	if i.State != forwarding {
		labels, state = append(labels, i.State), "blocked"
	}
	if !i.Up {
		state = "down"
	}
	return state, labels
}

// forwarding is the state of a port that frames cross.
const forwarding = "forwarding"

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
