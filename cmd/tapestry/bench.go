package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"tapestry/bench"
	results "tapestry/bench/report"
)

// benchmark is one call of the bench command.
type benchmark struct {
	bench.Options
	list, aims, proof       bool
	json, benchstat, charts string // files and a folder; empty: none
}

func benchCommand() *cobra.Command {
	var b benchmark
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the fast paths against the kernel and other stacks",
		Long: `Measures a host of ours on each kind of device, and in the same run the kernel over veth (the limit), stock gVisor, raw loops
over a device, and other programs where they are installed. A row has the median of several rounds, its ratio to the limit and
to stock gVisor, what it cost, and the proof of the path that it took.

Everything happens in network namespaces made for it, with root or as a user who may open /dev/net/tun (without it, the paths
over veth are measured). What cannot be measured is named with the reason.

The status is 1 if a row does not prove its path, and with --aims if a row misses its aim.`,
		Example: "  tapestry bench --quick\n  tapestry bench --scenario tcp_rr,udp_inline_rr --path veth,tap,gvisor --rounds 9\n" +
			"  tapestry bench --json run.json --benchstat run.txt --plots charts\n  tapestry bench --list\n  tapestry bench --list --scenario spx_bulk",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return b.run(c) },
	}
	f := c.Flags()
	f.BoolVar(&b.Quick, "quick", false, "the main rows in less than a minute")
	f.StringSliceVar(&b.Scenarios, "scenario", nil, "scenarios to measure, see --list (default: all)")
	f.StringSliceVar(&b.Paths, "path", nil, "paths to measure on, see --list (default: all)")
	f.IntVar(&b.Rounds, "rounds", 0, "measurements of each row (default 5, with --quick 3)")
	f.DurationVar(&b.Duration, "for", 0, "length of one measurement (default 2s, with --quick 300ms)")
	f.StringVar(&b.Place, "place", "free", "free: both ends on all cores; split: near end on the first, far end on the others; same: both on the first")
	f.StringVar(&b.Commit, "commit", buildVersion().Commit, "commit to write into the results")
	f.StringVar(&b.json, "json", "", "file for the results as JSON; - is standard output, in place of the table")
	f.StringVar(&b.benchstat, "benchstat", "", "file for lines that benchstat reads; - is standard output, in place of the table")
	f.StringVar(&b.charts, "plots", "", "folder for charts as SVG and PNG")
	f.BoolVar(&b.list, "list", false, "list scenarios and paths; with --scenario, the paths on which it is measured, with --path the scenarios")
	f.BoolVar(&b.proof, "proof", false, "show under each row its range, its aims and what proves its path")
	f.BoolVar(&b.aims, "aims", false, "status 1 if a row misses its aim")
	c.RegisterFlagCompletionFunc("scenario", completeEntries(bench.Scenarios))
	c.RegisterFlagCompletionFunc("path", completeEntries(bench.Paths))
	c.RegisterFlagCompletionFunc("place", cobra.FixedCompletions([]string{"free", "split", "same"}, cobra.ShellCompDirectiveNoFileComp))
	c.AddCommand(compareCommand())
	return c
}

// table is how the table is shown.
func (b *benchmark) table() results.TableOptions {
	o := tableOptions()
	o.Proof = b.proof
	return o
}

func (b *benchmark) run(c *cobra.Command) error {
	if b.list {
		return b.listAll(c.OutOrStdout())
	}
	if err := b.prepare(); err != nil {
		return err
	}
	p := results.NewProgress(os.Stderr, results.TerminalWidth(os.Stderr), nil)
	b.Progress = func(s bench.Progress) {
		p.Step(s.Done, s.Total, fmt.Sprintf("%-14s %-12s %s %s", s.Scenario, s.Path, briefly(s.Value), s.Unit))
	}
	r, err := bench.Run(c.Context(), b.Options)
	p.End()
	if errors.Is(err, context.Canceled) {
		return exitStatus(130)
	}
	if err != nil {
		return err
	}
	if err := b.write(c.OutOrStdout(), r); err != nil {
		return err
	}
	return b.verdict(r)
}

// prepare sees before anything is measured that the results can be written.
func (b *benchmark) prepare() error {
	if b.json == "-" && b.benchstat == "-" {
		return errors.New("--json and --benchstat cannot both be on standard output; give one of them a file")
	}
	for _, name := range []string{b.json, b.benchstat} {
		if name == "" || name == "-" {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666) // what is in it stays until there are results
		if err != nil {
			return err
		}
		f.Close()
	}
	if b.charts == "" {
		return nil
	}
	return os.MkdirAll(b.charts, 0o755)
}

// briefly shows a value of any size with three digits or more.
func briefly(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (b *benchmark) write(w io.Writer, r *results.Report) error {
	if b.json != "-" && b.benchstat != "-" {
		if err := r.WriteTable(w, b.table()); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{{b.json, r.WriteJSON}, {b.benchstat, r.WriteBenchstat}} {
		if err := writeTo(w, f.name, f.write); err != nil {
			return err
		}
	}
	if b.charts == "" {
		return nil
	}
	_, err := r.SaveCharts(b.charts)
	return err
}

// writeTo writes to a file, to standard output for "-", and nowhere for the empty name.
func writeTo(stdout io.Writer, name string, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// verdict is the status: what a table says in a word, for scripts.
func (b *benchmark) verdict(r *results.Report) error {
	for _, s := range r.Skipped {
		if bench.IsNotProven(s) {
			return exitStatus(1)
		}
	}
	for _, row := range r.Rows {
		for _, a := range row.Aims {
			if b.aims && !a.IsMet() {
				return exitStatus(1)
			}
		}
	}
	return nil
}

// listAll lists scenarios and paths; of those that are named, only what goes with them.
func (b *benchmark) listAll(w io.Writer) error {
	scenarios, paths := bench.Scenarios(), bench.Paths()
	if err := errors.Join(allKnown("scenario", b.Scenarios, scenarios), allKnown("path", b.Paths, paths)); err != nil {
		return err
	}
	var used []string
	scenarios = slices.DeleteFunc(scenarios, func(s bench.Entry) bool {
		s.Paths = slices.DeleteFunc(s.Paths, func(p string) bool { return len(b.Paths) > 0 && !slices.Contains(b.Paths, p) })
		if len(s.Paths) == 0 || len(b.Scenarios) > 0 && !slices.Contains(b.Scenarios, s.Name) {
			return true
		}
		used = append(used, s.Paths...)
		return false
	})
	if len(scenarios) == 0 {
		return fmt.Errorf("%s is not measured on %s; see tapestry bench --list --scenario %[1]s",
			strings.Join(b.Scenarios, ","), strings.Join(b.Paths, ","))
	}
	paths = slices.DeleteFunc(paths, func(p bench.Entry) bool { return !slices.Contains(used, p.Name) })
	return listBenchmarks(w, scenarios, paths)
}

// allKnown is an error for a name that is not in the list.
func allKnown(what string, names []string, list []bench.Entry) error {
	for _, n := range names {
		if !slices.ContainsFunc(list, func(e bench.Entry) bool { return e.Name == n }) {
			return fmt.Errorf("no %s %q; see tapestry bench --list", what, n)
		}
	}
	return nil
}

func listBenchmarks(w io.Writer, scenarios, paths []bench.Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, part := range []struct {
		title   string
		entries []bench.Entry
	}{{"SCENARIO", scenarios}, {"PATH", paths}} {
		if i > 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "%s\tQUICK\tWHAT\n", part.title)
		for _, e := range part.entries {
			quick := ""
			if e.Quick {
				quick = "yes"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", e.Name, quick, e.Doc)
		}
	}
	return t.Flush()
}

func completeEntries(list func() []bench.Entry) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(_ *cobra.Command, _ []string, toComplete string) (out []string, _ cobra.ShellCompDirective) {
		done := ""
		if i := strings.LastIndex(toComplete, ","); i >= 0 {
			done = toComplete[:i+1]
		}
		for _, e := range list() {
			out = append(out, done+e.Name)
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
