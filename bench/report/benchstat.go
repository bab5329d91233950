package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// WriteBenchstat writes each round of each row as `go test -bench` would print it, after lines of configuration. Two
// such files are compared by `go tool benchstat old.txt new.txt`; `-col /path` sets the paths of one run side by side.
func (r *Report) WriteBenchstat(w io.Writer) error {
	b := bufio.NewWriter(w)
	r.config(b)
	r.units(b)
	for i := range r.Rows {
		r.lines(b, &r.Rows[i])
	}
	return b.Flush()
}

// config are lines "key: value". Benchstat makes a table of its own for each set of values, so what is another in every
// run (the commit, the load, how many threads the runtime had) stands behind a hash mark, which it passes over.
func (r *Report) config(w io.Writer) {
	for _, l := range r.machine() {
		if strings.HasPrefix(l, "load: ") {
			l = "# " + l
		}
		fmt.Fprintln(w, l)
	}
	fmt.Fprintf(w, "duration: %v\n# commit: %s\n", r.Duration, r.Commit)
	for _, p := range r.places() {
		fmt.Fprintf(w, "# place: %s\n", p)
	}
}

// units tells benchstat which direction is better, for each unit once.
func (r *Report) units(w io.Writer) {
	var lines []string
	for i := range r.Rows {
		for _, m := range r.Rows[i].measures() {
			better := "higher"
			if m.less {
				better = "lower"
			}
			if l := fmt.Sprintf("Unit %s better=%s", m.unit, better); !slices.Contains(lines, l) {
				lines = append(lines, l)
			}
		}
	}
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
}

func (r *Report) lines(w io.Writer, row *Row) {
	name := "BenchmarkTapestry/scenario=" + token(row.Scenario) + "/path=" + token(row.Path)
	if n := r.cores(); n > 0 {
		name += "-" + strconv.Itoa(n)
	}
	measures := row.measures()
	for i, v := range row.Value {
		unit, factor := benchUnit(row.Unit)
		fmt.Fprintf(w, "%s 1 %s %s", name, number(v*factor), unit)
		if i == 0 {
			for _, m := range measures[1:] {
				fmt.Fprintf(w, " %s %s", number(m.value), m.unit)
			}
		}
		fmt.Fprintln(w)
	}
}

func (r *Report) cores() int {
	n, _ := strconv.Atoi(r.Machine["cores"])
	return n
}

// measure is one value with a unit as benchstat knows them.
type measure struct {
	value float64
	unit  string
	less  bool
}

// measures are the row's own unit first, then what it has once.
func (r *Row) measures() []measure {
	unit, _ := benchUnit(r.Unit)
	list := []measure{{unit: unit, less: r.Less}}
	per := "op"
	if r.CPU != nil {
		list = append(list,
			measure{r.CPU.Near * 1e9, "near-cpu-ns/" + token(r.CPU.Per), true},
			measure{r.CPU.Far * 1e9, "far-cpu-ns/" + token(r.CPU.Per), true})
		if r.CPU.Per == "GiB" {
			per = "MiB"
		}
	}
	if r.Allocs != nil {
		list = append(list, measure{*r.Allocs, "allocs/" + per, true})
	}
	if l := r.Latency; l != nil {
		list = append(list, measure{float64(l.P50), "p50-ns", true}, measure{float64(l.P99), "p99-ns", true})
	}
	return list
}

// benchUnit gives a unit that benchstat scales by itself, where there is one.
func benchUnit(unit string) (name string, factor float64) {
	switch unit {
	case "Gbit/s":
		return "MB/s", 1e9 / 8 / 1e6
	case "Mbit/s":
		return "MB/s", 1e6 / 8 / 1e6
	case "KiB":
		return "B", 1 << 10
	}
	return token(unit), 1
}

// token is a text without spaces, as benchmark lines need it.
func token(s string) string { return strings.Join(strings.Fields(s), "-") }

func number(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }
