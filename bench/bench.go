package bench

import (
	"strings"
	"time"

	"tapestry/bench/report"
)

// Options say what to measure. The zero value measures everything.
type Options struct {
	Quick     bool           // the main rows, shortly
	Scenarios []string       // names; default: all, or the main ones
	Paths     []string       // names; default: all, or the main ones
	Rounds    int            // measurements of each row, the median counts; default 5, quick 3
	Duration  time.Duration  // of one measurement; default 2 s, quick 300 ms
	Place     string         // free (default): both ends on all cores; split: near end on the first, far end on the others; same: both on the first
	Commit    string         // written into the report
	Progress  func(Progress) `json:"-"`
}

// Progress is one measurement that is done.
type Progress struct {
	Done     int     `json:"done"`
	Total    int     `json:"total"`
	Round    int     `json:"round"` // from 1
	Scenario string  `json:"scenario"`
	Path     string  `json:"path"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
}

// Entry is a line of the list of what can be measured.
type Entry struct {
	Name  string   `json:"name"`
	Doc   string   `json:"doc"`
	Quick bool     `json:"quick"`           // in a quick run, too
	Paths []string `json:"paths,omitempty"` // of a scenario: on which it is measured
}

// fill gives the zero values their meaning.
func (o *Options) fill() {
	rounds, duration := 5, 2*time.Second
	if o.Quick {
		rounds, duration = 3, 300*time.Millisecond
	}
	if o.Rounds == 0 {
		o.Rounds = rounds
	}
	if o.Duration == 0 {
		o.Duration = duration
	}
	if o.Place == "" {
		o.Place = "free"
	}
	if o.Commit == "" {
		o.Commit = "unknown"
	}
}

// notProvenPrefix begins the reason of a row that was left out because its path may have been another.
const notProvenPrefix = "not proven"

// IsNotProven tells such a row from what could not be measured.
func IsNotProven(s report.Skip) bool { return strings.HasPrefix(s.Why, notProvenPrefix) }
