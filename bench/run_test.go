//go:build linux

package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tapestry/bench/internal/netns"
	"tapestry/bench/report"
	"tapestry/internal/nstest"
)

// TestRun measures everything (with -short, the main rows) for a moment: each scenario moves something on each of its
// paths, and the path is proven.
func TestRun(t *testing.T) {
	nstest.Require(t)
	var steps int
	o := Options{Quick: testing.Short(), Rounds: 1, Duration: 50 * time.Millisecond, Commit: "none", Progress: func(p Progress) { steps = p.Done }}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Skipped {
		checkSkip(t, s)
	}
	if steps < len(r.Rows) {
		t.Errorf("progress of %d measurements, %d rows", steps, len(r.Rows))
	}
	for i := range r.Rows {
		checkRow(t, &r.Rows[i])
	}
}

// checkSkip: what another program lacks or fails at is its own; everything else works here, with more time where the
// machine is busy.
func checkSkip(t *testing.T, s report.Skip) {
	t.Helper()
	name, scenario, isRow := strings.Cut(s.What, "/")
	if p, err := pathNamed(name); err == nil && p.needs != "" {
		t.Logf("%s was left out: %s", s.What, s.Why)
		return
	}
	why := s.Why
	if isRow {
		o := Options{Rounds: 1, Duration: time.Second, Scenarios: []string{scenario}, Paths: []string{name}}
		if r, err := Run(context.Background(), o); err == nil && len(r.Rows) == 1 {
			return
		} else if err != nil {
			why += "; again, " + err.Error()
		}
	}
	t.Errorf("%s was left out: %s", s.What, why)
}

// checkRow: a row has a value, and says what it cost and what proves it.
func checkRow(t *testing.T, r *report.Row) {
	t.Helper()
	name := r.Scenario + " on " + r.Path
	if len(r.Value) != 1 || r.Value[0] <= 0 || r.Unit == "" || r.Title == "" {
		t.Errorf("%s: values %v %s, title %q; want one above zero", name, r.Value, r.Unit, r.Title)
	}
	if !strings.HasPrefix(r.Place, "free, ") || len(r.Proof) == 0 {
		t.Errorf("%s: place %q, proof %v; want both", name, r.Place, r.Proof)
	}
}

// TestRunEnds: what a context ends leaves no process behind, and says why it ended.
func TestRunEnds(t *testing.T) {
	nstest.Require(t)
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{
		Rounds: 1000, Duration: time.Millisecond, Scenarios: []string{"udp_rr"}, Paths: []string{"veth"},
		Progress: func(Progress) { cancel() },
	}
	if r, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, %v, want the context's error", r, err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"rounds", Options{Rounds: -1}, "-1 rounds"},
		{"duration", Options{Duration: -time.Second}, "rounds of -1s"},
		{"path", Options{Paths: []string{"veht"}}, `no path "veht"; did you mean "veth"?`},
		{"scenario", Options{Scenarios: []string{"tcp_too"}}, `no scenario "tcp_too"; did you mean "tcp_to"?`},
		{"nothing like it", Options{Paths: []string{"moon"}}, `no path "moon"; there are veth, tap, `},
		{"nothing", Options{Scenarios: []string{"pipe_bulk"}, Paths: []string{"tap"}}, "nothing is measured on tap: pipe_bulk is measured on veth, pipe, pipe_ipx"},
		{"a path of another scenario", Options{Scenarios: []string{"spx_bulk", "pipe_bulk"}, Paths: []string{"xdp", "tap"}},
			"nothing is measured on tap, xdp: pipe_bulk is measured on veth, pipe, pipe_ipx; spx_bulk is measured on tap_spx, pipe_ipx"},
		{"placement", Options{Place: "slit"}, `no placement "slit"; did you mean "split"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r, err := Run(context.Background(), tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run = %v, %v, want an error with %q", r, err, tt.want)
			}
		})
	}
}

// TestInsideStaysOut: nothing is made in the namespace of the caller.
func TestInsideStaysOut(t *testing.T) {
	own, err := netns.Name()
	if err != nil {
		t.Fatal(err)
	}
	if err := playInside(own); err == nil {
		t.Error("measuring in the namespace of the caller gives no error")
	}
}

func TestRole(t *testing.T) {
	for _, args := range [][]string{nil, {"bench"}, {roleArg}} {
		if _, ok := Role(args); ok {
			t.Errorf("Role(%q) is a role", args)
		}
	}
	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	os.Stderr, _ = os.Open(os.DevNull)
	if status, ok := Role([]string{roleArg, "king"}); !ok || status != 1 {
		t.Errorf("an unknown role gives %d, %v, want status 1", status, ok)
	}
}
