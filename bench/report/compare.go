package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Change is one row of two runs.
type Change struct {
	Scenario string  `json:"scenario"`
	Path     string  `json:"path"`
	Unit     string  `json:"unit"`
	Old      float64 `json:"old"`   // median
	New      float64 `json:"new"`   // median
	Ratio    float64 `json:"ratio"` // above one: the new run is better, whatever the unit
	Mark     Mark    `json:"mark"`
}

// Mark is how far a change can be trusted.
type Mark string

// The marks. They are no test of significance, only what two ranges show at once: with five rounds each, ranges that do not
// overlap come about by chance alone in 1 of 126 comparisons (2 of the 252 ways to order them).
const (
	Better  Mark = "better" // every new value is better than every old one
	Worse   Mark = "worse"  // every new value is worse than every old one
	Same    Mark = "~"      // the ranges overlap
	Unknown Mark = "?"      // fewer than three rounds in one of the runs: the ranges say nothing
)

// roundsToTell is the least number of rounds that gives a range.
const roundsToTell = 3

// Comparison is what two runs have in common, and what only one of them has.
type Comparison struct {
	Old, New *Report  `json:"-"`
	Changes  []Change `json:"changes"`
	OnlyOld  []string `json:"only_old,omitempty"` // scenario/path
	OnlyNew  []string `json:"only_new,omitempty"`
	Differs  []string `json:"differs,omitempty"` // what besides the commit is not the same
}

// Compare sets two runs side by side, in the order of the new one.
func Compare(before, after *Report) *Comparison {
	c := &Comparison{Old: before, New: after, Differs: differences(before, after)}
	for i := range after.Rows {
		n := &after.Rows[i]
		o := before.Find(n.Scenario, n.Path)
		if o == nil || o.Unit != n.Unit {
			c.OnlyNew = append(c.OnlyNew, n.Scenario+"/"+n.Path)
			continue
		}
		c.Changes = append(c.Changes, change(o, n))
		if o.Place != n.Place {
			c.Differs = append(c.Differs, fmt.Sprintf("placement of %s/%s: %s; %s", n.Scenario, n.Path, o.Place, n.Place))
		}
	}
	for i := range before.Rows {
		o := &before.Rows[i]
		if n := after.Find(o.Scenario, o.Path); n == nil || n.Unit != o.Unit {
			c.OnlyOld = append(c.OnlyOld, o.Scenario+"/"+o.Path)
		}
	}
	return c
}

func change(o, n *Row) Change {
	c := Change{Scenario: n.Scenario, Path: n.Path, Unit: n.Unit, Old: o.Median(), New: n.Median(), Mark: mark(o, n)}
	if r, ok := n.Against(o); ok {
		c.Ratio = r.Value
	}
	return c
}

func mark(o, n *Row) Mark {
	if min(len(o.Value), len(n.Value)) < roundsToTell {
		return Unknown
	}
	oldLow, oldHigh := o.Range()
	newLow, newHigh := n.Range()
	isUp, isDown := newLow > oldHigh, newHigh < oldLow
	switch {
	case isUp && !n.Less, isDown && n.Less:
		return Better
	case isUp || isDown:
		return Worse
	}
	return Same
}

// differences lists what makes two runs incomparable. The load is another each time.
func differences(a, b *Report) (list []string) {
	for _, k := range keysOf(a.Machine, b.Machine) {
		if k != "load" && a.Machine[k] != b.Machine[k] {
			list = append(list, fmt.Sprintf("%s: %s; %s", k, a.Machine[k], b.Machine[k]))
		}
	}
	if a.Duration != b.Duration {
		list = append(list, fmt.Sprintf("duration of a round: %v; %v", a.Duration, b.Duration))
	}
	return list
}

func keysOf(a, b map[string]string) (keys []string) {
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// WriteJSON writes the comparison without the two runs.
func (c *Comparison) WriteJSON(w io.Writer) error { return writeJSON(w, c) }

// WriteTable writes the comparison for people. Only Color of the options counts.
func (c *Comparison) WriteTable(w io.Writer, o TableOptions) error {
	t := table{w: bufio.NewWriter(w), o: o}
	t.line("old  commit %s, %d rounds of %v", c.Old.Commit, c.Old.Rounds, c.Old.Duration)
	t.line("new  commit %s, %d rounds of %v\n", c.New.Commit, c.New.Rounds, c.New.Duration)
	for _, d := range c.Differs {
		t.line("%s", t.paint(red, "differs: "+d))
	}
	t.changes(c.Changes)
	for _, only := range []struct {
		in   string
		rows []string
	}{{"old", c.OnlyOld}, {"new", c.OnlyNew}} {
		if len(only.rows) > 0 {
			t.line("only in %s: %s", only.in, strings.Join(only.rows, ", "))
		}
	}
	return t.w.Flush()
}

func (t *table) changes(list []Change) {
	cells := [][]string{{"scenario", "path", "old", "new", "unit", "ratio", ""}}
	for _, c := range list {
		cells = append(cells, []string{c.Scenario, c.Path, figure(c.Old), figure(c.New), c.Unit, figure(c.Ratio), string(c.Mark)})
	}
	isLeft := []bool{true, true, false, false, true, false, true}
	widths := make([]int, len(isLeft))
	for _, row := range cells {
		for i, s := range row {
			widths[i] = max(widths[i], width(s))
		}
	}
	for n, row := range cells {
		var b strings.Builder
		for i, s := range row[:len(row)-1] {
			b.WriteString(column{left: isLeft[i]}.pad(s, widths[i]) + "  ")
		}
		last := row[len(row)-1]
		line := strings.TrimRight(b.String()+t.paint(markColor(Mark(last)), last), " ")
		if n == 0 {
			line = t.paint(dim, line)
		}
		t.line("%s", line)
	}
	t.line("%s", t.paint(dim, "ratio: above 1 is better; ~ ranges overlap; ? fewer than 3 rounds"))
}

func markColor(m Mark) string {
	switch m {
	case Better:
		return green
	case Worse:
		return red
	}
	return dim
}
