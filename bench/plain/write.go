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
	Place   string          `json:"place"`
	Rounds  int             `json:"rounds"`
	For     string          `json:"for"`
	Medians []row           `json:"medians"`
	Samples []sample        `json:"samples"`
}

// row is the median of one work on one path, and its ratio to the kernel over veth and to stock gVisor.
type row struct {
	sample
	ToVeth   float64 `json:"ratio_veth"`
	ToGVisor float64 `json:"ratio_gvisor"`
}

// write prints the table and writes the files that were asked for.
func write(o options, samples []sample) error {
	r := results{
		Machine: machine.This(), Commit: o.commit, Place: o.place, Rounds: o.rounds, For: o.duration.String(),
		Medians: medians(samples), Samples: samples,
	}
	if o.json != "-" {
		if err := r.table(os.Stdout); err != nil {
			return err
		}
	}
	if err := output.ToFile(o.json, r.json); err != nil {
		return err
	}
	return output.ToFile(o.bench, r.lines)
}

func medians(samples []sample) (rows []row) {
	for _, w := range works {
		for _, p := range paths {
			m := median(samples, p.name, w.name)
			if m == nil {
				continue
			}
			rows = append(rows, row{*m, ratio(m, samples, "veth", w), ratio(m, samples, "gvisor", w)})
		}
	}
	return rows
}

// ratio compares with another path, which runs the similar work if it lacks this one; zero: nothing to compare with.
func ratio(m *sample, samples []sample, path string, w work) float64 {
	other := median(samples, path, w.name)
	if other == nil && w.like != "" {
		other = median(samples, path, w.like)
	}
	if other == nil || other.Value == 0 {
		return 0
	}
	return m.Value / other.Value
}

// config are benchstat's lines of configuration, and what a reader must know about every figure.
func (r results) config(w io.Writer) {
	r.Machine.Config(w, r.Commit, "place: "+r.Place)
}

func (r results) table(w io.Writer) error {
	r.config(w)
	fmt.Fprintf(w, "median of %d runs of %s; near end: kernel sockets; MTU 1500; one stream\n\n", r.Rounds, r.For)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "work\tpath\tvalue\tunit\t/veth\t/gvisor\tnear CPU\tfar CPU\toctets/frame\tGSO frames\tlost\t")
	for _, m := range r.Medians {
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%s\t%s\t%s\t%.2f\t%.2f\t%.0f\t%d\t%d\t\n", m.Work, m.Path, m.Value, m.Unit,
			times(m.ToVeth), times(m.ToGVisor), m.NearCPU, m.FarCPU, m.Frame, m.GSO, m.Lost)
	}
	return t.Flush()
}

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

func (r results) json(w io.Writer) error { return output.JSON(w, r) }

// lines are all runs as `go test -bench` would print them.
func (r results) lines(w io.Writer) error {
	r.config(w)
	for _, s := range r.Samples {
		name := fmt.Sprintf("BenchmarkPlain/work=%s/path=%s-%d", s.Work, s.Path, r.Machine.Cores)
		count, rate := s.result.Count, fmt.Sprintf("%.0f trips/s", s.Value*1e3)
		if s.Unit == "Gbit/s" {
			rate = fmt.Sprintf("%.2f MB/s", s.Value*1e3/8)
			count /= blockSize
		}
		perOp := float64(s.result.Elapsed) / float64(max(count, 1))
		if _, err := fmt.Fprintf(w, "%s\t%d\t%.1f ns/op\t%s\n", name, count, perOp, rate); err != nil {
			return err
		}
	}
	return nil
}
