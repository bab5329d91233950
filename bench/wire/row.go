package main

import (
	"slices"
	"time"
)

// row is one measure of one pair in one scenario, over all rounds.
type row struct {
	Scenario string  `json:"scenario"`
	Measure  string  `json:"measure"`
	Unit     string  `json:"unit"`
	Pair     string  `json:"pair"`
	Median   float64 `json:"median"`
	Least    float64 `json:"least"`
	Most     float64 `json:"most"`
	Ratio    float64 `json:"ratio_kernel"` // of the median to that of kernel>kernel
}

// measures are what a row may be about.
var measures = []struct {
	name, unit string
	isFor      func(scenario) bool
	of         func(sample) float64
}{
	{"goodput", "Mbit/s", everyOne, func(s sample) float64 { return s.Goodput }},
	{"timeouts", "", everyOne, func(s sample) float64 { return float64(s.Timeouts) }},
	{"p50", "ms", withRequests, func(s sample) float64 { return ms(s.Typical) }},
	{"p99", "ms", withRequests, func(s sample) float64 { return ms(s.Slow) }},
	{"silence", "ms", withCut, func(s sample) float64 { return ms(s.Silence) }},
	{"recovery", "ms", withCut, func(s sample) float64 { return ms(s.Recovery) }},
}

func everyOne(scenario) bool       { return true }
func withRequests(s scenario) bool { return s.asks }
func withCut(s scenario) bool      { return s.cut > 0 }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rows sums the samples up, in the order of the tables of scenarios, measures and pairs.
func rows(samples []sample) (out []row) {
	for _, s := range scenarios {
		for _, m := range measures {
			if !m.isFor(s) {
				continue
			}
			base := 0.0
			for _, p := range pairs() {
				r, ok := sumUp(row{Scenario: s.name, Measure: m.name, Unit: m.unit, Pair: p.name()}, samples, m.of)
				if !ok {
					continue
				}
				if base == 0 {
					base = r.Median
				}
				if base != 0 {
					r.Ratio = r.Median / base
				}
				out = append(out, r)
			}
		}
	}
	return out
}

// sumUp fills in a row; false if no sample is about it.
func sumUp(r row, samples []sample, of func(sample) float64) (row, bool) {
	var v []float64
	for _, s := range samples {
		if s.Scenario == r.Scenario && s.Pair == r.Pair {
			v = append(v, of(s))
		}
	}
	if len(v) == 0 {
		return r, false
	}
	slices.Sort(v)
	r.Median, r.Least, r.Most = v[len(v)/2], v[0], v[len(v)-1]
	return r, true
}
