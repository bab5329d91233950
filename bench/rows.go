//go:build linux

package bench

import (
	"fmt"

	"tapestry/bench/report"
)

// rows sums the samples up, in the order of the tables. What does not prove its path becomes no row.
func (l *lab) rows() (out []report.Row) {
	medians := map[string]float64{}
	for i := range scenarios {
		s := &scenarios[i]
		clear(medians)
		for j := range paths {
			if of := l.of(s, &paths[j]); len(of) > 0 {
				medians[paths[j].name] = report.Median(values(of))
			}
		}
		for j := range paths {
			of := l.of(s, &paths[j])
			if len(of) == 0 {
				continue
			}
			row, err := l.row(s, &paths[j], of, medians)
			if err != nil {
				l.skip(paths[j].name+"/"+s.name, err)
				continue
			}
			out = append(out, row)
		}
	}
	return out
}

// of gives the samples of one row.
func (l *lab) of(s *scenario, p *path) (of []sample) {
	for _, m := range l.samples {
		if m.scenario == s && m.path == p {
			of = append(of, m)
		}
	}
	return of
}

func (l *lab) row(s *scenario, p *path, of []sample, medians map[string]float64) (report.Row, error) {
	t := sumUp(of)
	if err := t.prove(s, p); err != nil {
		return report.Row{}, err
	}
	row := report.Row{
		Scenario: s.name, Title: s.title, Path: p.name, Place: l.place.describe(p, t.procs), Unit: s.unit.name, Less: s.unit.less, Value: values(of),
		Limit: s.ratio(medians, p.name, p.limit(s)), Engine: s.ratio(medians, p.name, p.engine), Aims: aimsOf(s, p, medians),
		Latency: t.times.latency(), Proof: t.proof(s, p),
	}
	if t.count > 0 {
		units := float64(t.count) / s.unit.perN
		row.CPU = &report.CPU{Near: t.nearCPU.Seconds() / units, Far: t.farCPU.Seconds() / units, Per: s.unit.per}
		if !p.lean {
			allocs := float64(t.mallocs) / (float64(t.count) / s.unit.alloc)
			row.Allocs = &allocs
		}
	}
	return row, nil
}

func values(of []sample) (v []float64) {
	for _, m := range of {
		v = append(v, m.value)
	}
	return v
}

// ratio compares the medians of two paths, above one for the better; nil if there is no other.
func (s *scenario) ratio(medians map[string]float64, path, other string) *report.Ratio {
	a, b := medians[path], medians[other]
	if other == "" || other == path || a == 0 || b == 0 {
		return nil
	}
	if s.unit.less {
		a, b = b, a
	}
	return &report.Ratio{Path: other, Value: a / b}
}

func aimsOf(s *scenario, p *path, medians map[string]float64) (out []report.Aim) {
	for _, a := range s.aims {
		if a.path != p.name {
			continue
		}
		if a.atMost > 0 {
			out = append(out, report.Aim{Ratio: report.Ratio{Value: medians[p.name]}, AtMost: a.atMost})
			continue
		}
		if a.to == "" {
			out = append(out, report.Aim{Ratio: report.Ratio{Value: medians[p.name]}, AtLeast: a.atLeast})
			continue
		}
		if r := s.ratio(medians, p.name, a.to); r != nil {
			out = append(out, report.Aim{Ratio: *r, AtLeast: a.atLeast})
		}
	}
	return out
}

func notProven(format string, args ...any) error {
	return fmt.Errorf(notProvenPrefix+": "+format, args...)
}
