package report

import (
	"strings"
	"testing"
	"time"
)

func TestMark(t *testing.T) {
	for _, tt := range []struct {
		name     string
		less     bool
		old, new []float64
		want     Mark
	}{
		{"higher", false, []float64{1, 2, 3}, []float64{4, 5, 6}, Better},
		{"lower", false, []float64{4, 5, 6}, []float64{1, 2, 3}, Worse},
		{"higher, less is better", true, []float64{1, 2, 3}, []float64{4, 5, 6}, Worse},
		{"lower, less is better", true, []float64{4, 5, 6}, []float64{1, 2, 3}, Better},
		{"overlap", false, []float64{1, 2, 5}, []float64{4, 5, 6}, Same},
		{"touch", false, []float64{1, 2, 4}, []float64{4, 5, 6}, Same},
		{"too few", false, []float64{1, 2}, []float64{4, 5, 6}, Unknown},
		{"none", false, nil, []float64{4, 5, 6}, Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := mark(&Row{Value: tt.old, Less: tt.less}, &Row{Value: tt.new, Less: tt.less}); got != tt.want {
				t.Errorf("%v to %v: %q, want %q", tt.old, tt.new, got, tt.want)
			}
		})
	}
}

// later is a run after sample in which something of each kind has happened.
func later() *Report {
	r := sample()
	r.Commit, r.Duration = "def5678", time.Second
	r.Machine["kernel"] = "6.13.0"
	r.Machine["load"] = "another"
	r.Find("tcp_to", "tap").Value = []float64{31, 32, 33}
	r.Find("tcp_rr", "tap").Value = []float64{30000, 36500, 33000}
	r.Find("idle", "tap").Value = []float64{12, 12.5, 13}
	r.Find("tcp_rr", "veth").Value = r.Find("tcp_rr", "veth").Value[:1]
	r.Find("udp_64_echo", "raw_tap").Path = "raw_xdp"
	r.Find("udp_64_echo", "tap").Place = "same, 1 core"
	return r
}

func TestCompare(t *testing.T) {
	c := Compare(sample(), later())
	for _, tt := range []struct {
		name string
		o    TableOptions
	}{
		{"compare.txt", TableOptions{}},
		{"compare_colour.txt", TableOptions{Color: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := c.WriteTable(&b, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, b.String())
		})
	}
}

func TestCompareSame(t *testing.T) {
	c := Compare(sample(), sample())
	if len(c.Differs)+len(c.OnlyOld)+len(c.OnlyNew) > 0 || len(c.Changes) != len(sample().Rows) {
		t.Errorf("a run and itself: %+v", c)
	}
	for _, ch := range c.Changes {
		if ch.Mark != Same || ch.Ratio != 1 {
			t.Errorf("a row and itself: %+v", ch)
		}
	}
}

func TestCompareJSON(t *testing.T) {
	var b strings.Builder
	if err := Compare(sample(), later()).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.json", b.String())
}
