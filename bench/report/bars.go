package report

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// slot is one line of a chart of bars: a row's bar, or a scenario's title where row is nil.
type slot struct {
	title string
	row   *Row
	aim   float64 // where the row should reach to, in its unit: the strictest of its aims; zero without
}

// bars draws all rows of one unit: a block for each scenario, a bar for each path, top to bottom as measured. What is too
// high for one picture becomes several.
func (r *Report) bars(unit string) (charts []Chart) {
	pages := r.pages(unit)
	for i, slots := range pages {
		title, name := chartTitle(unit), chartName(unit)
		if i > 0 {
			name = fmt.Sprintf("%s_%d", name, i+1)
		}
		if len(pages) > 1 {
			title = fmt.Sprintf("%s (%d of %d)", title, i+1, len(pages))
		}
		b := &barPlotter{slots: slots}
		b.max = b.reach()
		p := r.newPlot(title)
		p.Add(b)
		b.axes(p, unit+b.direction()+"\n"+r.footing())
		height := vg.Length(len(slots))*slotHigh + 130*pixel
		charts = append(charts, Chart{Name: name, plot: p, width: chartWide, height: height})
	}
	return charts
}

// pageSlots is how many lines a picture has, unless a single scenario has more.
const pageSlots = 40

// pages lists the lines of each picture; the first is the legend's.
func (r *Report) pages(unit string) (pages [][]slot) {
	page := make([]slot, 1)
	for _, group := range r.scenarios() {
		block := blockOf(group, unit)
		if len(page) > 1 && len(page)+len(block) > pageSlots {
			pages = append(pages, page)
			page = make([]slot, 1)
		}
		page = append(page, block...)
	}
	if len(page) > 1 {
		pages = append(pages, page)
	}
	return pages
}

// blockOf lists the lines of one scenario: its title, and its rows in that unit; nothing if there are none.
func blockOf(group []*Row, unit string) []slot {
	block := []slot{{title: strings.TrimRight(group[0].Scenario+"  "+group[0].Title, " ")}}
	for _, row := range group {
		if row.Unit == unit {
			block = append(block, slot{row: row, aim: row.strictest()})
		}
	}
	if len(block) == 1 {
		return nil
	}
	return block
}

// chartName is a file's name for a unit.
func chartName(unit string) string {
	if name, ok := map[string]string{
		"Gbit/s": "bulk", "Mbit/s": "bulk_mbit", "trips/s": "round_trips", "packets/s": "packets", "requests/s": "requests",
		"queries/s": "queries", "KiB": "memory",
	}[unit]; ok {
		return name
	}
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToLower(unit))
}

func chartTitle(unit string) string {
	if title, ok := map[string]string{
		"Gbit/s": "Bulk transfers", "Mbit/s": "Bulk transfers over impaired links", "trips/s": "Round trips",
		"packets/s": "Packets a second", "requests/s": "Requests a second", "queries/s": "Queries a second", "KiB": "Memory",
	}[unit]; ok {
		return title
	}
	return unit
}

// strictest gives the aim that asks most of the row, as a value of its unit.
func (r *Row) strictest() (at float64) {
	for _, a := range r.Aims {
		v := a.asValue(r)
		if v > 0 && (at == 0 || r.Less && v < at || !r.Less && v > at) {
			at = v
		}
	}
	return at
}

// asValue is where a row would meet the aim; zero if that cannot be said.
func (a Aim) asValue(r *Row) float64 {
	want := max(a.AtLeast, a.AtMost)
	switch {
	case a.Path == "":
		return want
	case a.Value <= 0 || want <= 0:
		return 0
	case r.Less: // a ratio above one is then a smaller value
		return r.Median() * a.Value / want
	}
	return r.Median() / a.Value * want
}

// Heights in pixels of a picture of 1000 px.
const (
	slotHigh = 26 * pixel
	barShare = 0.66 // of a slot
)

// barPlotter draws the slots: the first is the highest.
type barPlotter struct {
	slots []slot
	max   float64 // of the axis
}

// reach is the end of the axis: room for the longest line and its figure.
func (b *barPlotter) reach() float64 {
	var most float64
	for _, s := range b.slots {
		if s.row != nil {
			_, high := s.row.Range()
			most = max(most, high)
		}
		most = max(most, s.aim)
	}
	if most == 0 {
		return 1
	}
	return most * 1.25
}

func (b *barPlotter) direction() string {
	for _, s := range b.slots {
		if s.row != nil && s.row.Less {
			return " (less is better)"
		}
	}
	return " (more is better)"
}

// DataRange implements plot.DataRanger.
func (b *barPlotter) DataRange() (xmin, xmax, ymin, ymax float64) {
	return 0, b.max, -float64(len(b.slots)), 0
}

func (b *barPlotter) axes(p *plot.Plot, label string) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, b.max, -float64(len(b.slots)), 0
	p.X.Label.Text = label
	p.X.Tick.Marker = plot.TickerFunc(valueTicks)
	p.Y.Padding, p.X.Padding = 0, 0
	var names []plot.Tick
	for i, s := range b.slots {
		if s.row != nil {
			names = append(names, plot.Tick{Value: -float64(i) - 0.5, Label: s.row.Path})
		}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(names)
	p.Y.Tick.Length = 6 * pixel
	p.Y.Tick.Color = color.Transparent // room between the names and the bars
}

// valueTicks are at most ten round numbers from zero on, printed as in the table.
func valueTicks(_, most float64) (ticks []plot.Tick) {
	step := roundStep(most / 8)
	for i := 0; float64(i)*step <= most && i < 20; i++ {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: thousands(trimmed(v))})
	}
	return ticks
}

// roundStep is the next of 1, 2, 5 times a power of ten.
func roundStep(atLeast float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(atLeast)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= atLeast {
			return m * power
		}
	}
	return 10 * power
}

// Plot implements plot.Plotter.
func (b *barPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, t := range p.X.Tick.Marker.Ticks(0, b.max) {
		c.StrokeLine2(draw.LineStyle{Color: colourGrid, Width: pixel}, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
	}
	for i, s := range b.slots {
		middle := y(-float64(i) - 0.5)
		switch {
		case i == 0:
			legend(&c, vg.Point{X: x(0) + 4*pixel, Y: middle})
			continue
		case s.row == nil:
			c.FillText(textStyle(14, true), vg.Point{X: x(0) + 4*pixel, Y: middle - 2*pixel}, s.title)
			continue
		}
		b.bar(&c, s, x, middle)
	}
}

// bar draws a row: the bar to its median, the range, the aim, the figure.
func (b *barPlotter) bar(c *draw.Canvas, s slot, x func(float64) vg.Length, middle vg.Length) {
	half := slotHigh * barShare / 2
	low, high := s.row.Range()
	end := x(s.row.Median())
	c.FillPolygon(colourOf(s.row.Path), []vg.Point{
		{X: x(0), Y: middle - half}, {X: end, Y: middle - half}, {X: end, Y: middle + half}, {X: x(0), Y: middle + half},
	})
	if high > low {
		whisker(c, x(low), x(high), middle)
	}
	right := x(high)
	if a := x(s.aim); s.aim > 0 {
		c.StrokeLine2(draw.LineStyle{Color: colourAim, Width: 2.5 * pixel}, a, middle-slotHigh*0.46, a, middle+slotHigh*0.46)
		if a > right-4*pixel && a < right+labelWide {
			right = a
		}
	}
	c.FillText(textStyle(13, kindOf(s.row.Path) == ours), vg.Point{X: right + 8*pixel, Y: middle}, barLabel(s.row))
}

// labelWide is about the width of a bar's figure: an aim within it pushes it to the right.
const labelWide = 150 * pixel

func barLabel(r *Row) string {
	label := figure(r.Median())
	if r.Limit != nil && r.Limit.Path != r.Path {
		label += "  (" + figure(r.Limit.Value) + " x " + r.Limit.Path + ")"
	}
	return label
}

func whisker(c *draw.Canvas, from, to, middle vg.Length) {
	const cap = 4 * pixel
	for _, s := range []draw.LineStyle{{Color: colourGrid, Width: 3.5 * pixel}, {Color: colourText, Width: 1.5 * pixel}} {
		c.StrokeLine2(s, from, middle, to, middle)
		c.StrokeLine2(s, from, middle-cap, from, middle+cap)
		c.StrokeLine2(s, to, middle-cap, to, middle+cap)
	}
}

func textStyle(px float64, isBold bool) draw.TextStyle {
	f := sans(px)
	if isBold {
		f.Weight = 3
	}
	return draw.TextStyle{
		Color: colourText, Font: f, XAlign: draw.XLeft, YAlign: draw.YCenter,
		Handler: plot.DefaultTextHandler,
	}
}

// legend explains the colours in one line of its own above all bars.
func legend(c *draw.Canvas, at vg.Point) {
	for _, e := range []struct {
		text   string
		colour color.Color
		wide   vg.Length
	}{
		{"ours", colourOurs, 70 * pixel},
		{"limit of this kernel", colourLimit, 180 * pixel},
		{"others", colourPeer, 85 * pixel},
		{"aim (the strictest)", colourAim, 0},
	} {
		box := vg.Rectangle{Min: vg.Point{X: at.X, Y: at.Y - 6*pixel}, Max: vg.Point{X: at.X + 14*pixel, Y: at.Y + 6*pixel}}
		if e.colour == colourAim {
			box.Min.X, box.Max.X = box.Min.X+6*pixel, box.Min.X+8.5*pixel
		}
		c.SetColor(e.colour)
		c.Fill(box.Path())
		c.FillText(textStyle(13, false), vg.Point{X: at.X + 20*pixel, Y: at.Y}, e.text)
		at.X += e.wide
	}
}
