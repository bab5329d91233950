package draw

import (
	"io"
	"strings"
)

// DefaultWidth is how many columns a drawing has, as far as its boxes fit.
const DefaultWidth = 100

// Text draws with the characters of Unicode's Box Drawing block in about width columns; zero means [DefaultWidth].
func Text(w io.Writer, d Diagram, width int) error {
	if width == 0 {
		width = DefaultWidth
	}
	l := arrange(d, width)
	g := newGrid(l.w, l.h)
	for _, n := range l.lines {
		g.line(n)
	}
	for _, r := range l.rects {
		g.rect(r)
	}
	for _, t := range l.words {
		g.words(t)
	}
	_, err := io.WriteString(w, g.String())
	return err
}

// The arms of a cell.
const (
	up = 1 << iota
	down
	left
	right
)

// arms gives the character with these arms; those of a bar are double where they are level.
var arms = map[bool][16]rune{
	false: {' ', '╵', '╷', '│', '╴', '┘', '┐', '┤', '╶', '└', '┌', '├', '─', '┴', '┬', '┼'},
	true:  {' ', '╵', '╷', '│', '═', '╛', '╕', '╡', '═', '╘', '╒', '╞', '═', '╧', '╤', '╪'},
}

// cell is a character of the drawing.
type cell struct {
	arms   int
	net    net
	bar    bool
	broken bool
	text   rune // above all else
}

type grid struct {
	w, h  int
	cells []cell
}

func newGrid(w, h int) *grid { return &grid{w: w, h: h, cells: make([]cell, w*h)} }

func (g *grid) at(x, y int) *cell {
	if x < 0 || y < 0 || x >= g.w || y >= g.h {
		return new(cell)
	}
	return &g.cells[y*g.w+x]
}

func (g *grid) line(n line) {
	if n.x1 == n.x2 {
		for y := n.y1; y <= n.y2; y++ {
			g.at(n.x1, y).upright(n, ends(y, n.y1, n.y2, up, down))
		}
		return
	}
	for x := n.x1; x <= n.x2; x++ {
		g.at(x, n.y1).level(n, ends(x, n.x1, n.x2, left, right))
	}
}

// ends gives the arms of place i of a line from first to last.
func ends(i, first, last, back, forth int) int {
	switch i {
	case first:
		return forth
	case last:
		return back
	}
	return back | forth
}

// upright draws through what belongs to another net.
func (c *cell) upright(n line, a int) {
	if c.net != n.net {
		*c = cell{net: n.net}
	}
	c.arms |= a
	c.bar = c.bar || n.class == "bar" && c.arms&(left|right) != 0
	c.broken = n.class == "broken"
}

// level goes below what is upright and belongs to another net.
func (c *cell) level(n line, a int) {
	if c.net != 0 && c.net != n.net {
		if c.arms&(up|down) == up|down {
			return
		}
		*c = cell{}
	}
	c.net = n.net
	c.arms |= a
	c.bar = c.bar || n.class == "bar"
}

// rect draws the border, which joins the lines that end on it.
func (g *grid) rect(r rect) {
	x2, y2 := r.x+r.w-1, r.y+r.h-1
	for x := r.x; x <= x2; x++ {
		a := ends(x, r.x, x2, left, right)
		g.border(x, r.y, a)
		g.border(x, y2, a)
	}
	for y := r.y; y <= y2; y++ {
		a := ends(y, r.y, y2, up, down)
		g.border(r.x, y, a)
		g.border(x2, y, a)
	}
}

func (g *grid) border(x, y, a int) {
	c := g.at(x, y)
	c.arms |= a
	c.bar, c.broken = false, false
}

func (g *grid) words(t words) {
	x := t.x
	for _, r := range t.s {
		g.at(x, t.y).text = r
		x++
	}
}

// String gives the lines without spaces at their ends.
func (g *grid) String() string {
	var b strings.Builder
	row := make([]rune, g.w)
	for y := range g.h {
		for x := range g.w {
			row[x] = g.at(x, y).char()
		}
		b.WriteString(strings.TrimRight(string(row), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

func (c *cell) char() rune {
	switch {
	case c.text != 0:
		return c.text
	case c.broken && c.arms == up|down:
		return '╎'
	}
	return arms[c.bar][c.arms]
}
