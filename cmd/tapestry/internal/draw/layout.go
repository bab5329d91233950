package draw

import (
	"sort"
	"strings"
)

// Distances in cells.
const (
	gap      = 2 // between boxes
	laneGap  = 2 // between lanes
	footX    = 2 // of a box's first line from its left edge
	minWidth = 24
)

// net numbers: 0 is none, n+1 is wire n.
type net int

// The primitives of a drawing, in cells. A line is upright or level, and goes through the middle of its cells.
type (
	line struct {
		x1, y1, x2, y2 int
		net            net
		class          string // "bar", "link" or "broken"
	}
	rect struct {
		x, y, w, h int
		class      string
	}
	words struct {
		x, y  int
		s     string
		class string // "title", "wire", "name", "", "label"
	}
	dot struct{ x, y int } // where a line meets another of its net
)

// layout is a drawing.
type layout struct {
	w, h  int
	lines []line
	rects []rect
	words []words
	dots  []dot

	limit int // columns
	left  int // where bars begin
	lanes map[net]*lane
}

// lane is the upright part of a wire's net at the left.
type lane struct{ x, top int }

// placed is a box with what its size follows from.
type placed struct {
	Box
	lines []string
	home  Link
	extra []net // wires below
	x, y  int
	w     int // of the box
}

// column is the width that the box needs with the labels beside its line.
func (p *placed) column() int {
	w := p.w
	for _, s := range p.home.Labels {
		w = max(w, footX+2+width(s))
	}
	return w
}

// arrange lays a diagram out in about limit columns: a box that is wider makes it wider.
func arrange(d Diagram, limit int) *layout {
	l := &layout{limit: max(limit, minWidth), lanes: make(map[net]*lane)}
	d = clean(d)
	rows := l.assign(d)
	l.addLanes(len(d.Wires))
	if d.Title != "" {
		l.say(0, 0, d.Title, "title")
		l.h = 2
	}
	for i, w := range d.Wires {
		l.wire(net(i+1), w, rows[i])
	}
	return l
}

// clean makes every text harmless.
func clean(d Diagram) Diagram {
	each := func(list []string) []string {
		var out []string
		for _, s := range list {
			out = append(out, printable(s))
		}
		return out
	}
	out := Diagram{Title: printable(d.Title)}
	for _, w := range d.Wires {
		out.Wires = append(out.Wires, Wire{printable(w.Name), printable(w.Kind), each(w.Notes)})
	}
	for _, b := range d.Boxes {
		c := Box{Kind: printable(b.Kind), Name: printable(b.Name), Lines: each(b.Lines)}
		for _, k := range b.Links {
			c.Links = append(c.Links, Link{printable(k.Wire), each(k.Labels), k.State})
		}
		out.Boxes = append(out.Boxes, c)
	}
	return out
}

// assign gives each wire the boxes that hang below it, and notes which wires need a lane.
func (l *layout) assign(d Diagram) [][]*placed {
	index := make(map[string]int)
	for i, w := range d.Wires {
		index[w.Name] = i
	}
	rows := make([][]*placed, len(d.Wires))
	for _, b := range d.Boxes {
		var links []Link
		for _, k := range b.Links {
			if _, ok := index[k.Wire]; ok {
				links = append(links, k)
			}
		}
		if len(links) == 0 {
			continue
		}
		sort.SliceStable(links, func(i, j int) bool { return index[links[i].Wire] < index[links[j].Wire] })
		p := place(b, links)
		for _, k := range links[1:] {
			n := net(index[k.Wire] + 1)
			p.extra = append(p.extra, n)
			if k.Wire != links[0].Wire {
				l.lanes[n] = &lane{top: -1}
			}
		}
		rows[index[links[0].Wire]] = append(rows[index[links[0].Wire]], p)
	}
	return rows
}

// place measures a box.
func place(b Box, links []Link) *placed {
	p := &placed{Box: b, home: links[0]}
	p.lines = append(p.lines, b.Lines...)
	for _, k := range links[1:] {
		if len(k.Labels) > 0 {
			p.lines = append(p.lines, k.Wire+": "+strings.Join(k.Labels, ", "))
		}
	}
	p.w = width(b.Kind+" "+b.Name) + 4
	for _, s := range p.lines {
		p.w = max(p.w, width(s)+4)
	}
	p.w = max(p.w, footX+2*len(links)+1)
	return p
}

// addLanes puts the lane of the lowest wire leftmost: no lane then crosses the way from another to its bar.
func (l *layout) addLanes(wires int) {
	for n := net(wires); n > 0; n-- {
		if lane := l.lanes[n]; lane != nil {
			lane.x = l.left
			l.left += laneGap
		}
	}
}

// wire draws a bar with its boxes, and what comes to it from above.
func (l *layout) wire(n net, w Wire, boxes []*placed) {
	name := strings.TrimSpace(w.Kind + " " + w.Name)
	l.say(l.left, l.h, name, "wire")
	if len(w.Notes) > 0 {
		l.say(l.left+width(name)+2, l.h, strings.Join(w.Notes, "  "), "label")
	}
	l.h++
	if lane := l.lanes[n]; lane != nil && lane.top >= 0 {
		l.draw(line{lane.x, lane.top, lane.x, l.h, n, "link"})
		l.draw(line{lane.x, l.h, l.left, l.h, n, "link"})
	}
	spine := l.h
	for {
		var rung []*placed
		rung, boxes = l.take(boxes)
		at := l.h
		l.rung(n, rung)
		if len(boxes) == 0 {
			if at > spine {
				l.draw(line{l.left, spine, l.left, at, n, "bar"})
			}
			break
		}
	}
	l.h++
}

// take gives the boxes that fit a rung, at least one, and puts them on their columns.
func (l *layout) take(boxes []*placed) (rung, rest []*placed) {
	x := l.left + 2
	for i, p := range boxes {
		if i > 0 && x+p.column() > l.limit {
			return boxes[:i], boxes[i:]
		}
		p.x = x
		x += p.column() + gap
	}
	return boxes, nil
}

// rung draws one row of boxes below their piece of the bar.
func (l *layout) rung(n net, boxes []*placed) {
	bar, end, labels := l.h, l.left+minWidth/2, 1
	for _, p := range boxes {
		end = max(end, p.x+p.column())
		labels = max(labels, len(p.home.Labels))
	}
	l.draw(line{l.left, bar, end, bar, n, "bar"})
	foot := bar + 1
	for _, p := range boxes {
		p.y = bar + 1 + labels
		l.box(n, bar, p)
		foot = max(foot, p.y+len(p.lines)+3)
	}
	l.h = foot
	l.tracks(n, boxes)
}

// box draws a box, and the line from its bar with the labels.
func (l *layout) box(n net, bar int, p *placed) {
	class := "link"
	if p.home.isBroken() {
		class = "broken"
	}
	x := p.x + footX
	l.draw(line{x, bar, x, p.y, n, class})
	l.dots = append(l.dots, dot{x, bar})
	for i, s := range p.home.Labels {
		l.say(x+2, bar+1+i, s, "label")
	}
	l.rects = append(l.rects, rect{p.x, p.y, p.w, len(p.lines) + 3, p.Kind})
	l.say(p.x+2, p.y+1, strings.TrimSpace(p.Kind+" "+p.Name), "name")
	for i, s := range p.lines {
		l.say(p.x+2, p.y+2+i, s, "")
	}
	l.w = max(l.w, p.x+p.w)
}

// tracks draws the lines from the boxes of a rung to wires below. The lowest wire has the uppermost track, which runs
// over the lanes of the others before they begin.
func (l *layout) tracks(home net, boxes []*placed) {
	var wanted []net
	for n := range l.lanes {
		for _, p := range boxes {
			if n != home && p.wants(n) {
				wanted = append(wanted, n)
				break
			}
		}
	}
	sort.Slice(wanted, func(i, j int) bool { return wanted[i] > wanted[j] })
	for _, n := range wanted {
		l.track(n, boxes)
		l.h++
	}
}

func (l *layout) track(n net, boxes []*placed) {
	lane, right := l.lanes[n], 0
	for _, p := range boxes {
		for i, e := range p.extra {
			if e != n {
				continue
			}
			x := p.x + footX + 2*i
			l.draw(line{x, p.y + len(p.lines) + 2, x, l.h, n, "link"})
			l.dots = append(l.dots, dot{x, l.h})
			right = max(right, x)
		}
	}
	l.draw(line{lane.x, l.h, right, l.h, n, "link"})
	if lane.top < 0 {
		lane.top = l.h
	} else {
		l.dots = append(l.dots, dot{lane.x, l.h})
	}
}

func (p *placed) wants(n net) bool {
	for _, e := range p.extra {
		if e == n {
			return true
		}
	}
	return false
}

func (l *layout) draw(n line) {
	l.lines = append(l.lines, n)
	l.w = max(l.w, n.x1+1, n.x2+1)
}

func (l *layout) say(x, y int, s, class string) {
	l.words = append(l.words, words{x, y, s, class})
	l.w = max(l.w, x+width(s))
}
