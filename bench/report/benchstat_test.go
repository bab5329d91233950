package report

import (
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

func TestBenchstat(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteBenchstat(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "benchstat.txt", b.String())
}

// TestBenchstatIsRead lets benchstat's own reader judge the lines: every round is a result, and the direction of every
// unit is known.
func TestBenchstatIsRead(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteBenchstat(&b); err != nil {
		t.Fatal(err)
	}
	in := benchfmt.NewReader(strings.NewReader(b.String()), "run")
	results, units := 0, map[string]bool{}
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			results++
			for _, v := range rec.Values {
				units[v.Unit] = true
			}
		}
	}
	if want := 3 * len(sample().Rows); results != want {
		t.Errorf("%d results, want %d", results, want)
	}
	for u := range units {
		want := -1
		if strings.HasSuffix(u, "/s") {
			want = 1
		}
		if got := in.Units().GetBetter(u); got != want {
			t.Errorf("unit %s: better is %+d, want %+d", u, got, want)
		}
	}
	if !units["B/s"] || !units["p99-sec"] {
		t.Errorf("units are %v: benchstat did not scale MB/s and p99-ns", units)
	}
}

// TestBenchstatJoins holds that runs of two commits get into one table: nothing that changes with each run may be
// configuration.
func TestBenchstatJoins(t *testing.T) {
	later := sample()
	later.Commit, later.Machine["load"], later.Rows[0].Place = "def5678", "9.00 9.00 9.00", "free, 2 cores, GOMAXPROCS 1-2"
	if a, b := configOf(t, sample()), configOf(t, later); a != b {
		t.Errorf("benchstat sees two configurations:\n%s\n%s", a, b)
	}
}

func configOf(t *testing.T, r *Report) string {
	t.Helper()
	var b, config strings.Builder
	if err := r.WriteBenchstat(&b); err != nil {
		t.Fatal(err)
	}
	in := benchfmt.NewReader(strings.NewReader(b.String()), "run")
	for in.Scan() {
		if res, ok := in.Result().(*benchfmt.Result); ok {
			for _, c := range res.Config {
				config.WriteString(c.Key + "=" + string(c.Value) + "\n")
			}
			break
		}
	}
	return config.String()
}
