package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// To add a column: a line in columns, with a rank that says how early it is left out on a narrow terminal.

// column is one column of the table.
type column struct {
	head  string
	rank  int // the highest is left out first; zero stays
	left  bool
	text  func(*Row) string
	color func(*Row) string
}

var columns = []column{
	{head: "path", left: true, text: func(r *Row) string { return r.Path }, color: pathColor},
	{head: "median", text: func(r *Row) string { return figure(r.Median()) }},
	{head: "unit", left: true, text: func(r *Row) string { return r.Unit }},
	{head: "spread", rank: 2, text: spread},
	{head: "x limit", rank: 1, text: func(r *Row) string { return ratio(r.Limit) }},
	{head: "x gVisor", rank: 1, text: func(r *Row) string { return ratio(r.Engine) }},
	{head: "CPU near+far", rank: 6, left: true, text: cpu},
	{head: "allocs", rank: 4, text: allocs},
	{head: "p50", rank: 5, text: func(r *Row) string { return percentile(r, func(l *Latency) time.Duration { return l.P50 }) }},
	{head: "p99", rank: 3, text: func(r *Row) string { return percentile(r, func(l *Latency) time.Duration { return l.P99 }) }},
	{head: "aim", left: true, text: aim, color: aimColor},
}

func spread(r *Row) string {
	if len(r.Value) < 2 {
		return ""
	}
	return fmt.Sprintf("±%.0f%%", 100*r.Spread())
}

func ratio(r *Ratio) string {
	if r == nil {
		return ""
	}
	return figure(r.Value)
}

func cpu(r *Row) string {
	if r.CPU == nil {
		return ""
	}
	return fmt.Sprintf("%s+%s s/%s", figure(r.CPU.Near), figure(r.CPU.Far), r.CPU.Per)
}

func allocs(r *Row) string {
	if r.Allocs == nil {
		return ""
	}
	return figure(*r.Allocs)
}

func percentile(r *Row, of func(*Latency) time.Duration) string {
	if r.Latency == nil {
		return ""
	}
	return duration(of(r.Latency))
}

// duration prints three significant digits.
func duration(d time.Duration) string {
	switch {
	case d >= time.Second:
		return figure(d.Seconds()) + "s"
	case d >= time.Millisecond:
		return figure(d.Seconds()*1e3) + "ms"
	}
	return figure(d.Seconds()*1e6) + "µs"
}

// aim is short where all is well: the aims that are missed, else how many are met.
func aim(r *Row) string {
	var missed []string
	for _, a := range r.Aims {
		if !a.IsMet() {
			missed = append(missed, r.aim(a))
		}
	}
	switch {
	case len(r.Aims) == 0:
		return ""
	case len(missed) > 0:
		return "missed " + strings.Join(missed, ", ")
	case len(r.Aims) == 1:
		return "met " + r.aim(r.Aims[0])
	}
	return fmt.Sprintf("met %d of %d", len(r.Aims), len(r.Aims))
}

func aimColor(r *Row) string {
	for _, a := range r.Aims {
		if !a.IsMet() {
			return red
		}
	}
	return green
}

func pathColor(r *Row) string {
	if kindOf(r.Path) == ours {
		return cyan
	}
	return ""
}

// layout is the columns that are shown, and how wide.
type layout struct {
	columns []column
	widths  []int
}

// fit measures the columns and leaves out what the terminal has no room for, and what no row fills.
func (t *table) fit(r *Report) layout {
	var l layout
	for _, c := range columns {
		if w, used := c.width(r); used {
			l.columns, l.widths = append(l.columns, c), append(l.widths, w)
		}
	}
	for t.o.Width > 0 && l.total() > t.o.Width && l.drop() {
	}
	return l
}

func (c column) width(r *Report) (n int, used bool) {
	n = width(c.head)
	for i := range r.Rows {
		w := width(c.text(&r.Rows[i]))
		n, used = max(n, w), used || w > 0
	}
	return n, used
}

func (l *layout) total() (sum int) {
	for _, w := range l.widths {
		sum += 2 + w
	}
	return sum
}

// drop leaves out the column of the highest rank; false if all that are left must stay.
func (l *layout) drop() bool {
	worst, rank := 0, 0
	for i, c := range l.columns {
		if c.rank > rank {
			worst, rank = i, c.rank
		}
	}
	if rank == 0 {
		return false
	}
	l.columns = append(append([]column(nil), l.columns[:worst]...), l.columns[worst+1:]...)
	l.widths = append(append([]int(nil), l.widths[:worst]...), l.widths[worst+1:]...)
	return true
}

func (l layout) headings() string {
	var b strings.Builder
	for i, c := range l.columns {
		b.WriteString("  " + c.pad(c.head, l.widths[i]))
	}
	return b.String()
}

func (l layout) cells(r *Row, t *table) string {
	var b strings.Builder
	for i, c := range l.columns {
		cell, color := c.text(r), ""
		if c.color != nil {
			color = c.color(r)
		}
		b.WriteString("  " + t.painted(c, cell, color, l.widths[i], i == len(l.columns)-1))
	}
	return b.String()
}

// painted pads outside of the colour, so that the end of a line can be trimmed.
func (t *table) painted(c column, cell, color string, w int, isLast bool) string {
	padded := c.pad(cell, w)
	if color == "" || cell == "" || !t.o.Color {
		return padded
	}
	if isLast {
		return t.paint(color, cell)
	}
	return strings.Replace(padded, cell, t.paint(color, cell), 1)
}

func (c column) pad(s string, w int) string {
	space := strings.Repeat(" ", max(0, w-width(s)))
	if c.left {
		return s + space
	}
	return space + s
}

// width is how many columns of a terminal a text without escapes takes: none of ours is wide.
func width(s string) int { return utf8.RuneCountInString(s) }

// Colours of a terminal (ECMA-48 §8.3.117, SGR).
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	cyan  = "36"
)

func (t *table) paint(color, s string) string {
	if !t.o.Color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}
