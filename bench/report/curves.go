package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curves draws the percentiles of one scenario, a curve a path: to the right ever rarer, upwards ever longer.
func (r *Report) curves(rows []*Row) (Chart, error) {
	p := r.newPlot("Latency: " + rows[0].Scenario + "  " + rows[0].Title)
	p.Add(grid())
	l := plot.NewLegend()
	low, high := math.Inf(1), 0.0
	seen := map[kind]int{}
	for _, row := range rows {
		points := percentiles(row.Latency)
		line, err := plotter.NewLine(points)
		if err != nil {
			return Chart{}, err
		}
		k := kindOf(row.Path)
		line.LineStyle = curveStyle(row.Path, seen[k])
		seen[k]++
		p.Add(line)
		l.Add(row.Path, line)
		low, high = min(low, points[0].Y), max(high, points[len(points)-1].Y)
	}
	curveAxes(p, low, high)
	l.Top, l.Left = true, true
	l.TextStyle.Font = sans(13)
	l.Padding = 5 * pixel
	l.ThumbnailWidth = 44 * pixel
	p.X.Label.Text = "percentile of all rounds\n" + r.footingCurves()
	return Chart{Name: "latency_" + chartName(rows[0].Scenario), plot: p, legend: &l, width: chartWide, height: 560 * pixel}, nil
}

func (r *Report) footingCurves() string {
	return "commit " + r.Commit + ", kernel " + orUnknown(r.Machine["kernel"]) + ", " + orUnknown(r.Machine["cores"]) + " cores"
}

// percentiles are points a decade of rareness apart; the axis is linear in that. The maximum stands at the end, since how
// rare it is depends on the number of samples.
func percentiles(l *Latency) plotter.XYs {
	var points plotter.XYs
	var last float64
	for i, d := range []float64{float64(l.P50), float64(l.P90), float64(l.P99), float64(l.P999), float64(l.Max)} {
		last = max(last, d/1e3) // a percentile that was not taken is at least the one before
		points = append(points, plotter.XY{X: float64(i), Y: last})
	}
	return points
}

func curveAxes(p *plot.Plot, low, high float64) {
	p.X.Min, p.X.Max = 0, 4
	p.X.Tick.Marker = plot.ConstantTicks{
		{Value: 0, Label: "50"}, {Value: 1, Label: "90"}, {Value: 2, Label: "99"}, {Value: 3, Label: "99.9"}, {Value: 4, Label: "max"},
	}
	p.Y.Min, p.Y.Max = decade(low, math.Floor), decade(high, math.Ceil)
	if p.Y.Min == p.Y.Max {
		p.Y.Max *= 10
	}
	p.Y.Scale = plot.LogScale{}
	p.Y.Label.Text = "microseconds"
	p.Y.Tick.Marker = plot.TickerFunc(decadeTicks)
}

func decade(v float64, round func(float64) float64) float64 {
	return math.Pow(10, round(math.Log10(v)))
}

// decadeTicks label 1, 2 and 5 of each power of ten, which figures of latency need.
func decadeTicks(low, high float64) (ticks []plot.Tick) {
	for d := low; d < high*1.001; d *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := d * m; v <= high*1.001 {
				ticks = append(ticks, plot.Tick{Value: v, Label: thousands(trimmed(v))})
			}
		}
	}
	return ticks
}

// curveStyle tells curves apart by colour and, within whose they are, by dashes.
func curveStyle(path string, n int) draw.LineStyle {
	dashes := [][]vg.Length{
		nil, {8 * pixel, 4 * pixel}, {2 * pixel, 3 * pixel}, {10 * pixel, 3 * pixel, 2 * pixel, 3 * pixel}, {18 * pixel, 5 * pixel},
		{10 * pixel, 3 * pixel, 2 * pixel, 3 * pixel, 2 * pixel, 3 * pixel},
	}
	s := draw.LineStyle{Width: 2 * pixel, Color: colourOf(path), Dashes: dashes[n%len(dashes)]}
	if kindOf(path) == ours {
		s.Width = 3 * pixel
		s.Color = shades[n%len(shades)]
	}
	if kindOf(path) == peer {
		s.Color = color.NRGBA{0x90, 0x90, 0x90, 0xff}
	}
	return s
}

// shades are for several paths of ours in one picture.
var shades = []color.Color{
	colourOurs, color.NRGBA{0x00, 0x8f, 0x7a, 0xff}, color.NRGBA{0x7b, 0x3f, 0xb5, 0xff}, color.NRGBA{0xc4, 0x7a, 0x00, 0xff},
	color.NRGBA{0xb0, 0x20, 0x60, 0xff}, color.NRGBA{0x5a, 0x8a, 0x00, 0xff},
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = colourGrid, colourGrid
	g.Horizontal.Width, g.Vertical.Width = pixel, pixel
	return g
}
