package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"tapestry/bench/internal/machine"
	"tapestry/link"
)

// sample is one measurement of one work on one path.
type sample struct {
	Path   string  `json:"path"`
	Work   string  `json:"work"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	CPU    float64 `json:"cpu_ns_frame"` // processor's time of the whole process for each frame that crossed
	Cores  float64 `json:"cores"`        // kept busy: a machine that others use has none to spare
	Frame  float64 `json:"frame"`        // octets of a frame, a super-frame counted once
	GSO    uint64  `json:"gso"`          // super-frames that crossed
	Lost   uint64  `json:"lost"`         // frames that were written and never read
	frames uint64
	octets uint64
	took   time.Duration
}

// wire are all measurements of what crosses between two ends.
type wire struct {
	Rounds  int      `json:"rounds"`
	For     string   `json:"for"`
	Medians []sample `json:"medians"`
	Samples []sample `json:"samples"`
}

// work is something to measure between two ends.
type work struct {
	name, unit string
	isBulk     bool
	run        func(a, b link.Device, d time.Duration) error
}

var works = []work{
	{"tcp", "Gbit/s", true, bulk},
	{"frames64", "Mframes/s", false, smallFrames},
}

// measureWire measures interleaved, so that what disturbs the machine for a while disturbs every path alike.
func measureWire(o options) (*wire, error) {
	if o.rounds < 1 || o.duration <= 0 {
		return nil, fmt.Errorf("-rounds %d, -for %v: want both above zero", o.rounds, o.duration)
	}
	t := &wire{Rounds: o.rounds, For: o.duration.String()}
	for range o.rounds {
		for _, w := range works {
			for _, p := range paths {
				s, err := once(w, p, o.duration)
				if err != nil {
					return nil, fmt.Errorf("%s on %s: %w", w.name, p.name, err)
				}
				fmt.Fprintf(os.Stderr, "%-9s %-12s %8.2f %s\n", w.name, p.name, s.Value, s.Unit)
				t.Samples = append(t.Samples, s)
			}
		}
	}
	t.Medians = medians(t.Samples)
	return t, nil
}

// once is one measurement, with proof that it took the path it claims.
func once(w work, p path, d time.Duration) (s sample, err error) {
	a, b, done, err := p.open(p.quiet)
	if err != nil {
		return s, err
	}
	defer done()
	start, cpu := time.Now(), machine.ProcessTime()
	if err := w.run(a, b, d); err != nil {
		return s, err
	}
	s = sample{Path: p.name, Work: w.name, Unit: w.unit, took: time.Since(start)}
	cpu = machine.ProcessTime() - cpu
	s.Cores = float64(cpu) / float64(s.took)
	s.count(a.(link.StatsReader).Stats(), b.(link.StatsReader).Stats(), cpu)
	if s.Value = float64(s.frames) / s.took.Seconds() / 1e6; w.isBulk {
		s.Value = float64(s.octets) * 8 / s.took.Seconds() / 1e9
	}
	if w.isBulk && s.GSO == 0 {
		return s, fmt.Errorf("%d octets crossed without one super-frame: not the path that it claims to be", s.octets)
	}
	return s, nil
}

// count takes what both ends counted: a writes, b reads.
func (s *sample) count(a, b link.Stats, cpu time.Duration) {
	s.frames, s.octets, s.GSO = b.RxFrames, b.RxBytes, b.RxGSO
	s.Lost = a.TxFrames + a.TxDropped - b.RxFrames
	if s.frames > 0 {
		s.Frame = float64(s.octets) / float64(s.frames)
		s.CPU = float64(cpu) / float64(s.frames)
	}
}

// medians gives the median of each work on each path.
func medians(all []sample) (ms []sample) {
	for _, w := range works {
		for _, p := range paths {
			var some []sample
			for _, s := range all {
				if s.Work == w.name && s.Path == p.name {
					some = append(some, s)
				}
			}
			if len(some) == 0 {
				continue
			}
			slices.SortFunc(some, func(a, b sample) int { return cmp.Compare(a.Value, b.Value) })
			ms = append(ms, some[len(some)/2])
		}
	}
	return ms
}

func (t *wire) text(w io.Writer) error {
	fmt.Fprintf(w, "\nmedian of %d runs of %s, one process, one direction\n", t.Rounds, t.For)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "work\tpath\tvalue\tunit\t/pipe\tcores\tper core\tCPU ns/frame\toctets/frame\tGSO frames\tlost\t")
	first := map[string]float64{}
	for _, m := range t.Medians {
		if _, ok := first[m.Work]; !ok {
			first[m.Work] = m.Value
		}
		fmt.Fprintf(tw, "%s\t%s\t%.2f\t%s\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t%d\t%d\t\n", m.Work, m.Path, m.Value, m.Unit,
			m.Value/first[m.Work], m.Cores, m.Value/max(m.Cores, 0.01), m.CPU, m.Frame, m.GSO, m.Lost)
	}
	return tw.Flush()
}

// lines are all runs as `go test -bench` would print them: one operation is one frame.
func (t *wire) lines(w io.Writer, cores int) error {
	for _, s := range t.Samples {
		if s.frames == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "BenchmarkWire/work=%s/path=%s-%d\t%d\t%.1f ns/op\t%.2f MB/s\t%.0f cpu-ns/op\n", s.Work, s.Path,
			cores, s.frames, float64(s.took)/float64(s.frames), float64(s.octets)/s.took.Seconds()/1e6, s.CPU); err != nil {
			return err
		}
	}
	return nil
}
