package report

import (
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Chart is one picture.
type Chart struct {
	Name          string // of its file, without suffix
	plot          *plot.Plot
	legend        *plot.Legend // at the right of the plot; nil: none
	width, height vg.Length
}

// Lengths are in pixels of a picture of 1000 px.
const (
	pixel     = vg.Inch / dpi
	dpi       = 96
	chartWide = 1000 * pixel

	legendWide = 150 * pixel
)

// Charts draws the report: bars for each unit, curves of percentiles for each scenario that has them. The same report gives
// the same octets.
func (r *Report) Charts() ([]Chart, error) {
	var charts []Chart
	for _, u := range r.unitsOf() {
		charts = append(charts, r.bars(u)...)
	}
	for _, group := range r.scenarios() {
		group = slices.DeleteFunc(group, func(r *Row) bool { return r.Latency == nil || r.Latency.P50 <= 0 })
		if len(group) == 0 {
			continue
		}
		c, err := r.curves(group)
		if err != nil {
			return nil, err
		}
		charts = append(charts, c)
	}
	return charts, nil
}

// SaveCharts writes every chart into a folder, as SVG and as PNG, and gives the names of the files.
func (r *Report) SaveCharts(dir string) (files []string, err error) {
	charts, err := r.Charts()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, c := range charts {
		for suffix, write := range map[string]func(io.Writer) error{".svg": c.WriteSVG, ".png": c.WritePNG} {
			name := filepath.Join(dir, c.Name+suffix)
			if err := toFile(name, write); err != nil {
				return files, err
			}
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files, nil
}

func toFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// WriteSVG writes the chart as SVG. Its text is text: it can be searched, and takes the viewer's font where Liberation Sans
// is missing.
func (c Chart) WriteSVG(w io.Writer) error {
	canvas := vgsvg.New(c.width, c.height)
	c.draw(draw.New(canvas))
	_, err := canvas.WriteTo(w)
	return err
}

// WritePNG writes the chart as PNG of 1000 pixels' width.
func (c Chart) WritePNG(w io.Writer) error {
	canvas := vgimg.NewWith(vgimg.UseWH(c.width, c.height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	c.draw(draw.New(canvas))
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
	return err
}

// draw leaves a margin around the plot.
func (c Chart) draw(all draw.Canvas) {
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	const margin = 14 * pixel
	var right vg.Length
	if c.legend != nil {
		right = legendWide
		c.legend.Draw(draw.Crop(all, all.Max.X-legendWide, 0, 0, -60*pixel))
	}
	c.plot.Draw(draw.Crop(all, margin, -2*margin-right, margin, -margin))
}

// Colours: ours strong, limits dark, peers light; the aim is a line of its own colour. They differ in brightness, too.
var (
	colourOurs  = color.NRGBA{0x00, 0x62, 0xb8, 0xff}
	colourLimit = color.NRGBA{0x55, 0x55, 0x55, 0xff}
	colourPeer  = color.NRGBA{0xb8, 0xb8, 0xb8, 0xff}
	colourAim   = color.NRGBA{0xd0, 0x3a, 0x00, 0xff}
	colourGrid  = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
	colourText  = color.NRGBA{0x20, 0x20, 0x20, 0xff}
)

func colourOf(path string) color.Color {
	switch kindOf(path) {
	case limit:
		return colourLimit
	case peer:
		return colourPeer
	}
	return colourOurs
}

// newPlot is an empty picture with the fonts and the footing of all charts.
func (r *Report) newPlot(title string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = title
	p.Title.TextStyle.Font = sans(16)
	p.Title.TextStyle.Font.Weight = 3 // bold
	p.Title.Padding = 10 * pixel
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = sans(13)
		a.Label.TextStyle.Color = colourText
		a.Tick.Label.Font = sans(13)
		a.Tick.Label.Color = colourText
		a.Label.Padding = 6 * pixel
	}
	return p
}

func sans(px float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: font.Length(px) * pixel}
}

// footing says what the figures are from, below the axis.
func (r *Report) footing() string {
	what := fmt.Sprintf("median of %d rounds of %v, lines from the lowest to the highest", r.Rounds, r.Duration)
	if r.Rounds == 1 {
		what = fmt.Sprintf("one round of %v", r.Duration)
	}
	return fmt.Sprintf("%s; commit %s, kernel %s, %s cores", what, r.Commit, orUnknown(r.Machine["kernel"]), orUnknown(r.Machine["cores"]))
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

// unitsOf lists the units in the order measured.
func (r *Report) unitsOf() (units []string) {
	for i := range r.Rows {
		if u := r.Rows[i].Unit; !slices.Contains(units, u) {
			units = append(units, u)
		}
	}
	return units
}
