package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"tapestry/bench/internal/machine"
	"tapestry/bench/internal/output"
)

// results are a whole run.
type results struct {
	Machine machine.Machine `json:"machine"`
	Commit  string          `json:"commit"`
	Rounds  int             `json:"rounds"`
	Rows    []row           `json:"rows"`
	Samples []sample        `json:"samples"`
}

// write prints the table and writes the files that were asked for.
func write(o options, samples []sample) error {
	r := results{Machine: machine.This(), Commit: o.commit, Rounds: o.rounds, Rows: rows(samples), Samples: samples}
	if o.json != "-" && o.text != "-" {
		if err := r.text(os.Stdout); err != nil {
			return err
		}
	}
	if err := output.ToFile(o.json, r.json); err != nil {
		return err
	}
	return output.ToFile(o.text, r.file)
}

// config are benchstat's lines of configuration, and what a reader must know about every figure.
func (r results) config(w io.Writer) {
	r.Machine.Config(w, r.Commit)
}

// text is for people.
func (r results) text(w io.Writer) error {
	r.config(w)
	fmt.Fprintf(w, "\nmedian of %d rounds; pairs are sender>receiver; congestion control %s; in brackets: to kernel>kernel\n\n", r.Rounds, reference)
	if err := r.table(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, s := range scenarios {
		if r.has(s.name) {
			fmt.Fprintf(t, "%s\teach direction %s, for %v\n", s.name, s.title(), s.length)
		}
	}
	return t.Flush()
}

func (r results) has(scenario string) bool {
	for _, x := range r.Rows {
		if x.Scenario == scenario {
			return true
		}
	}
	return false
}

// table has a line for each measure of each scenario and a column for each pair.
func (r results) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "scenario\tmeasure\tunit\t")
	for _, p := range pairs() {
		fmt.Fprintf(t, "%s\t", p.name())
	}
	for i, x := range r.Rows {
		if i == 0 || x.Scenario != r.Rows[i-1].Scenario || x.Measure != r.Rows[i-1].Measure {
			fmt.Fprintf(t, "\n%s\t%s\t%s\t", x.Scenario, x.Measure, x.Unit)
		}
		fmt.Fprintf(t, "%.2f (%.2f)\t", x.Median, x.Ratio)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

func (r results) json(w io.Writer) error { return output.JSON(w, r) }

// file is the table, and all runs as `go test -bench` would print them.
func (r results) file(w io.Writer) error {
	if err := r.text(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, s := range r.Samples {
		name := fmt.Sprintf("BenchmarkWire/scenario=%s/pair=%s-%d", s.Scenario, s.Pair, r.Machine.Cores)
		line := fmt.Sprintf("%s\t1\t%.3f Mbit/s", name, s.Goodput)
		if s.Slow > 0 {
			line += fmt.Sprintf("\t%.1f p50-ms\t%.1f p99-ms", ms(s.Typical), ms(s.Slow))
		}
		if s.Recovery > 0 {
			line += fmt.Sprintf("\t%.0f silence-ms\t%.0f recovery-ms", ms(s.Silence), ms(s.Recovery))
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
