package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// TableOptions say what the table is for.
type TableOptions struct {
	Width int  // columns of the terminal; what does not fit is left out, least important first. Zero: no limit
	Color bool // bold, dim and coloured text
	Proof bool // a second line a row: its range, all aims, what proves its path
}

// WriteTable writes the table for people.
func (r *Report) WriteTable(w io.Writer, o TableOptions) error {
	t := table{w: bufio.NewWriter(w), o: o}
	t.head(r)
	t.rows(r)
	t.aims(r)
	t.skips(r)
	return t.w.Flush()
}

type table struct {
	w        *bufio.Writer
	o        TableOptions
	onePlace bool // it stands in the head
}

func (t *table) line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

// machineKeys are those of Report.Machine in the order to print; others follow by name.
var machineKeys = []string{"cpu", "cores", "kernel", "go", "load"}

func (t *table) head(r *Report) {
	t.line("%s", t.paint(bold, "tapestry bench")+"  commit "+r.Commit+"  "+r.Started.UTC().Format(time.DateTime)+" UTC")
	for _, l := range t.wrap(r.machine(), "  ") {
		t.line("%s", l)
	}
	what := fmt.Sprintf("median of %d rounds of %v", r.Rounds, r.Duration)
	if r.Rounds == 1 {
		what = fmt.Sprintf("one round of %v: no spread is known", r.Duration)
	}
	if place, ok := r.onePlace(); ok {
		t.onePlace = true
		what += "; ends: " + place
	}
	t.line("%s\n", what)
}

// machine lists the machine as "key: value".
func (r *Report) machine() (list []string) {
	keys := slices.Clone(machineKeys)
	for k := range r.Machine {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys[len(machineKeys):])
	for _, k := range keys {
		if v, ok := r.Machine[k]; ok {
			list = append(list, k+": "+v)
		}
	}
	return list
}

// onePlace gives the placement if all rows share it.
func (r *Report) onePlace() (string, bool) {
	for i := range r.Rows {
		if r.Rows[i].Place != r.Rows[0].Place {
			return "", false
		}
	}
	return strings.Join(r.places(), ""), len(r.Rows) > 0
}

func (r *Report) places() (list []string) {
	for i := range r.Rows {
		if p := r.Rows[i].Place; p != "" && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// rows writes the rows by scenario, under one line of headings.
func (t *table) rows(r *Report) {
	if len(r.Rows) == 0 {
		t.line("nothing was measured")
		return
	}
	cols := t.fit(r)
	t.line("%s", t.paint(dim, strings.TrimRight(cols.headings(), " ")))
	for _, group := range r.scenarios() {
		t.line("%s", strings.TrimRight(t.paint(bold, group[0].Scenario)+"  "+group[0].Title, " "))
		for _, row := range group {
			t.line("%s", strings.TrimRight(cols.cells(row, t), " "))
			t.proof(row)
		}
	}
}

// proof writes the dim lines below a row.
func (t *table) proof(row *Row) {
	if !t.o.Proof {
		return
	}
	low, high := row.Range()
	parts := []string{fmt.Sprintf("%s..%s %s", figure(low), figure(high), row.Unit)}
	if row.Place != "" && !t.onePlace {
		parts = append(parts, row.Place)
	}
	for _, a := range row.Aims {
		parts = append(parts, verdict(a)+" "+row.aim(a)+" (is "+figure(a.Value)+")")
	}
	if row.Limit != nil {
		parts = append(parts, "limit "+row.Limit.Path)
	}
	for _, c := range row.Proof {
		parts = append(parts, c.Name+" "+c.Value)
	}
	for _, l := range t.wrap(parts, "    ") {
		t.line("%s", t.paint(dim, l))
	}
}

// aims sums up what was reached and names what was not.
func (t *table) aims(r *Report) {
	var met int
	var missed []string
	for i := range r.Rows {
		for _, a := range r.Rows[i].Aims {
			if a.IsMet() {
				met++
				continue
			}
			missed = append(missed, fmt.Sprintf("  %s on %s: %s, aim %s", r.Rows[i].Scenario, r.Rows[i].Path, figure(a.Value), r.Rows[i].aim(a)))
		}
	}
	if met+len(missed) == 0 {
		return
	}
	t.line("\n%s", t.paint(bold, fmt.Sprintf("aims: %d met, %d missed", met, len(missed))))
	for _, m := range missed {
		t.line("%s", t.paint(red, m))
	}
}

func (t *table) skips(r *Report) {
	if len(r.Skipped) == 0 {
		return
	}
	t.line("\n%s", t.paint(bold, "skipped"))
	for _, s := range r.Skipped {
		t.line("  %s: %s", s.What, strings.Join(strings.Split(s.Why, "\n"), "; ")) // joined errors are lines
	}
}

// wrap joins parts with "; " into lines of the terminal's width, each after indent.
func (t *table) wrap(parts []string, indent string) (lines []string) {
	line := ""
	for _, p := range parts {
		switch {
		case line == "":
			line = indent + p
		case t.o.Width > 0 && width(line)+2+width(p) > t.o.Width:
			lines = append(lines, line+";")
			line = indent + p
		default:
			line += "; " + p
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func verdict(a Aim) string {
	if a.IsMet() {
		return "met"
	}
	return "missed"
}
