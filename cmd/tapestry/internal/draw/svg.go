package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The size of a cell and of the margin in pixels. A character of 13 pixels is 7.8 wide in the fonts that are asked for.
const (
	cellW  = 8
	cellH  = 18
	margin = 16
)

// style has the colours: of a light page, and of a dark one where the reader prefers that.
const style = `
  text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2933; white-space: pre }
  .title { font-weight: bold; font-size: 15px } .wire, .name { font-weight: bold } .label { fill: #52606d; font-size: 12px }
  .page { fill: #ffffff } .bar { stroke: #334e68; stroke-width: 5; stroke-linecap: round } .dot { fill: #334e68 }
  .link { stroke: #627d98; stroke-width: 1.5 } .broken { stroke: #ba2525; stroke-width: 1.5; stroke-dasharray: 4 4 }
  .box { fill: #f0f4f8; stroke: #627d98 } .host { fill: #e3f8ff; stroke: #0b69a3 } .tap { fill: #fff3c4; stroke: #b44d12 }
  .trunk { fill: #eae2f8; stroke: #653cad } .vxlan, .qemu, .unixgram { fill: #e3f9e5; stroke: #207227 } .replay { fill: #ffe3ec; stroke: #a30664 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f4f8 } .label { fill: #9fb3c8 } .page { fill: #102a43 } .bar { stroke: #9fb3c8 } .dot { fill: #9fb3c8 }
    .link { stroke: #829ab1 } .box { fill: #243b53 } .host { fill: #035388 } .tap { fill: #841003 } .trunk { fill: #421987 }
    .vxlan, .qemu, .unixgram { fill: #014807 } .replay { fill: #620042 }
  }
`

// SVG draws as a document of its own in about width columns of text; zero means [DefaultWidth].
func SVG(w io.Writer, d Diagram, width int) error {
	if width == 0 {
		width = DefaultWidth
	}
	l := arrange(d, width)
	var b bytes.Buffer
	wide, high := l.w*cellW+2*margin, l.h*cellH+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n", wide, high, wide, high)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n", escape(printable(d.Title)), style)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", wide, high)
	l.svg(&b)
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// svg draws lines first, boxes over their ends, and texts over all.
func (l *layout) svg(b *bytes.Buffer) {
	for _, class := range []string{"link", "broken", "bar"} {
		for _, n := range l.lines {
			if n.class == class {
				fmt.Fprintf(b, `<line class="%s" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", class, midX(n.x1), midY(n.y1), midX(n.x2), midY(n.y2))
			}
		}
	}
	for _, d := range l.dots {
		fmt.Fprintf(b, `<circle class="dot" cx="%d" cy="%d" r="4"/>`+"\n", midX(d.x), midY(d.y))
	}
	for _, r := range l.rects {
		fmt.Fprintf(b, `<rect class="box %s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n", escape(r.class),
			midX(r.x), midY(r.y), (r.w-1)*cellW, (r.h-1)*cellH)
	}
	for _, t := range l.words {
		class := ""
		if t.class != "" {
			class = ` class="` + t.class + `"`
		}
		fmt.Fprintf(b, `<text%s x="%d" y="%d">%s</text>`+"\n", class, margin+t.x*cellW, margin+t.y*cellH+13, escape(t.s))
	}
}

func midX(x int) int { return margin + x*cellW + cellW/2 }

func midY(y int) int { return margin + y*cellH + cellH/2 }

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
