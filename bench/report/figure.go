package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Median is that of the row's values.
func (r *Row) Median() float64 { return Median(r.Value) }

// Median is the value in the middle, the mean of the two middle ones of an even number; zero without values.
func Median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Range gives the smallest and the largest value; zeros without values.
func (r *Row) Range() (low, high float64) {
	if len(r.Value) == 0 {
		return 0, 0
	}
	return slices.Min(r.Value), slices.Max(r.Value)
}

// Spread is the larger distance from the median to an end of the range, as a share of the median.
func (r *Row) Spread() float64 {
	m := r.Median()
	if m == 0 {
		return 0
	}
	low, high := r.Range()
	return max(high-m, m-low) / m
}

// Against is the ratio of the row's median to another's, above one where the row is better; false if there is nothing
// to divide.
func (r *Row) Against(other *Row) (Ratio, bool) {
	a, b := r.Median(), other.Median()
	if r.Less {
		a, b = b, a
	}
	if a == 0 || b == 0 {
		return Ratio{}, false
	}
	return Ratio{Path: other.Path, Value: a / b}, true
}

// Find gives a row by its scenario and path, nil if it was not measured.
func (r *Report) Find(scenario, path string) *Row {
	for i := range r.Rows {
		if r.Rows[i].Scenario == scenario && r.Rows[i].Path == path {
			return &r.Rows[i]
		}
	}
	return nil
}

// IsMet reports whether the row is where the aim wants it.
func (a Aim) IsMet() bool {
	if a.AtMost > 0 {
		return a.Value <= a.AtMost
	}
	return a.Value >= a.AtLeast
}

// aim prints an aim of the row: "0.65 x veth", "at most 8 KiB".
func (r *Row) aim(a Aim) string {
	want := trimmed(a.AtLeast)
	if a.AtMost > 0 {
		want = "at most " + trimmed(a.AtMost)
	}
	if a.Path == "" {
		return want + " " + r.Unit
	}
	return want + " x " + a.Path
}

// kind is whose a path is.
type kind int

const (
	ours kind = iota
	limit
	peer
)

func kindOf(path string) kind {
	family, _, _ := strings.Cut(path, "_")
	switch family {
	case "veth", "kernel", "raw":
		return limit
	case "gvisor", "pasta", "slirp4netns":
		return peer
	}
	return ours
}

// figure prints a value with three significant digits, thousands apart: 0.65, 41.8, 79 312.
func figure(v float64) string {
	switch {
	case v < 0:
		return "-" + figure(-v)
	case v == 0:
		return "0"
	case v < 0.0995:
		return fmt.Sprintf("%.2g", v)
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(fmt.Sprintf("%.0f", v))
}

// thousands sets digits apart by threes, from five digits on.
func thousands(digits string) string {
	if len(digits) <= 4 {
		return digits
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// scenarios gives the rows by scenario, both in the order measured.
func (r *Report) scenarios() (groups [][]*Row) {
	at := map[string]int{}
	for i := range r.Rows {
		row := &r.Rows[i]
		g, ok := at[row.Scenario]
		if !ok {
			g, at[row.Scenario] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], row)
	}
	return groups
}

// trimmed prints without digits that say nothing: 0.5, 20, 1000.
func trimmed(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
