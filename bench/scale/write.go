package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"tapestry/bench/internal/machine"
	"tapestry/bench/internal/output"
)

// report is a whole run.
type report struct {
	Machine machine.Machine `json:"machine"`
	Commit  string          `json:"commit"`
	Hosts   *population     `json:"hosts,omitempty"`
	Wire    *wire           `json:"wire,omitempty"`
}

// write prints the report and writes the files that were asked for.
func (r *report) write(o options) error {
	if o.json != "-" {
		if err := r.text(os.Stdout); err != nil {
			return err
		}
	}
	if err := output.ToFile(o.json, r.json); err != nil {
		return err
	}
	return output.ToFile(o.bench, r.lines)
}

// config are benchstat's lines of configuration, and what a reader must know about every figure.
func (r *report) config(w io.Writer) {
	r.Machine.Config(w, r.Commit)
}

func (r *report) json(w io.Writer) error { return output.JSON(w, r) }

func (r *report) text(w io.Writer) error {
	r.config(w)
	if r.Hosts != nil {
		if err := r.Hosts.text(w); err != nil {
			return err
		}
	}
	if r.Wire != nil {
		return r.Wire.text(w)
	}
	return nil
}

// lines are the results as `go test -bench` would print them.
func (r *report) lines(w io.Writer) error {
	r.config(w)
	if r.Hosts != nil {
		if err := r.Hosts.lines(w, r.Machine.Cores); err != nil {
			return err
		}
	}
	if r.Wire != nil {
		return r.Wire.lines(w, r.Machine.Cores)
	}
	return nil
}

func (p *population) text(w io.Writer) error {
	a, c := p.Add, p.Check
	fmt.Fprintf(w, "\n%d hosts\n", p.Hosts)
	fmt.Fprintf(w, "add: mean %.0f us, median %.0f, p99 %.0f, last tenth %.0f, first %.0f; quiet %.0f ms after the last\n",
		a.Mean, a.Median, a.P99, a.Last, a.Start, a.Settle)
	fmt.Fprintf(w, "CPU: %.0f us a host in the calls, %.0f us in all until quiet\n", a.Own, a.CPU)
	fmt.Fprintf(w, "idle: %.3f cores\n", p.IdleCPU)
	fmt.Fprintf(w, "check: %d pairs (%d hosts asked, %d were asked), %d echoes over TCP and UDP, %d failed, %.0f ms\n",
		c.Pairs, c.Sources, c.Targets, c.Echoes, c.Failed, c.Elapsed)
	fmt.Fprintf(w, "close: %.0f ms, %d goroutines left\n\n", p.Close, p.Left)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "memory\tRSS MB\tpeak MB\theap MB\tstacks MB\tobjects\tgoroutines\tKB/host\t")
	for _, m := range []struct {
		name string
		memory
	}{{"quiet", p.Quiet}, {"collected", p.Freed}, {"after the check", p.After}, {"and collected", p.AfterFreed}} {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%d\t%.1f\t\n", m.name, m.RSS, m.Peak, m.Heap, m.Stacks, m.Objects,
			m.Goroutines, m.RSS*1e3/float64(p.Hosts))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nverdict: %s\n", p.Verdict)
	return err
}

func (p *population) lines(w io.Writer, cores int) error {
	n := float64(p.Hosts)
	_, err := fmt.Fprintf(w, "BenchmarkHost/hosts=%d-%d\t%d\t%.0f ns/op\t%.0f call-cpu-ns/op\t%.0f cpu-ns/op\t%.0f RSS-B/op\t%.0f heap-B/op\t%.4f idle-cores\t%d echoes\t%d failed\n",
		p.Hosts, cores, p.Hosts, p.Add.Mean*1e3, p.Add.Own*1e3, p.Add.CPU*1e3, p.Quiet.RSS*1e6/n, p.Freed.Heap*1e6/n,
		p.IdleCPU, p.Check.Echoes, p.Check.Failed)
	return err
}
