package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/bench/internal/machine"
	"tapestry/bench/internal/netns"
	"tapestry/internal/nstest"
)

// TestMain plays the roles in which the program starts itself, since the tests' binary is the program here.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			exit(role(os.Args[2:]))
		}
	}
	nstest.Main(m)
}

// TestMeasure runs everything for a moment: each work moves something on each path, and the path is proven.
func TestMeasure(t *testing.T) {
	nstest.Require(t)
	file := filepath.Join(t.TempDir(), "plain")
	o := options{
		rounds: 1, duration: 100 * time.Millisecond, place: "free", commit: "none",
		paths: strings.Join(pathNames(), ","), works: strings.Join(workNames(), ","),
		json: file + ".json", bench: file + ".txt",
	}
	if err := measure(o); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var r results
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if want := 5*4 + 3; len(r.Medians) != want {
		t.Errorf("%d medians, want %d:\n%s", len(r.Medians), want, b)
	}
	for _, m := range r.Medians {
		if m.Value <= 0 || m.Frame <= 0 || m.ToVeth <= 0 || m.ToGVisor <= 0 {
			t.Errorf("%s on %s: nothing moved or nothing to compare with: %+v", m.Work, m.Path, m)
		}
	}
}

func TestMeasureRefuses(t *testing.T) {
	good := options{rounds: 1, duration: time.Second, paths: "veth", works: "tcp_rr", place: "free"}
	for _, tt := range []struct {
		name string
		set  func(*options)
		want string
	}{
		{"rounds", func(o *options) { o.rounds = 0 }, "-rounds 0"},
		{"duration", func(o *options) { o.duration = -1 }, "-for -1ns"},
		{"path", func(o *options) { o.paths = "bridge" }, `no path "bridge"`},
		{"work", func(o *options) { o.works = "sctp" }, `no measurement "sctp"`},
		{"placement", func(o *options) { o.place = "moon" }, `no placement "moon"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.set(&o)
			if err := measure(o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("measure(%+v) = %v, want an error with %q", o, err, tt.want)
			}
		})
	}
}

func TestInsideStaysOut(t *testing.T) {
	own, err := netns.Name()
	if err != nil {
		t.Fatal(err)
	}
	if err := inside([]string{own}); err == nil {
		t.Error("measuring in the namespace of the caller gives no error")
	}
}

func TestMedians(t *testing.T) {
	samples := []sample{
		{Path: "veth", Work: "udp_rr", Value: 30}, {Path: "veth", Work: "udp_rr", Value: 10}, {Path: "veth", Work: "udp_rr", Value: 20},
		{Path: "gvisor", Work: "udp_rr", Value: 5},
		{Path: "tap", Work: "udp_inline_rr", Value: 15},
		{Path: "tap", Work: "tcp_to", Value: 1},
	}
	want := []struct {
		path, work             string
		value, toVeth, toStock float64
	}{
		{"tap", "tcp_to", 1, 0, 0},
		{"veth", "udp_rr", 20, 1, 4},
		{"gvisor", "udp_rr", 5, 0.25, 1},
		{"tap", "udp_inline_rr", 15, 0.75, 3},
	}
	got := medians(samples)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Path != w.path || g.Work != w.work || g.Value != w.value || g.ToVeth != w.toVeth || g.ToGVisor != w.toStock {
			t.Errorf("row %d is %+v, want %+v", i, g, w)
		}
	}
}

func TestLines(t *testing.T) {
	r := results{Machine: machine.Machine{Cores: 2}, Samples: []sample{
		{Path: "tap", Work: "tcp_to", Value: 8, Unit: "Gbit/s", result: result{Count: 2 * blockSize, Elapsed: time.Second}},
		{Path: "veth", Work: "tcp_rr", Value: 0.5, Unit: "k/s", result: result{Count: 500, Elapsed: time.Second}},
	}}
	var b strings.Builder
	if err := r.lines(&b); err != nil {
		t.Fatal(err)
	}
	want := "BenchmarkPlain/work=tcp_to/path=tap-2\t2\t500000000.0 ns/op\t1000.00 MB/s\n" +
		"BenchmarkPlain/work=tcp_rr/path=veth-2\t500\t2000000.0 ns/op\t500 trips/s\n"
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("got\n%s\nwant at the end\n%s", b.String(), want)
	}
}

func TestTraffic(t *testing.T) {
	if got := (traffic{30, 4000}).since(traffic{10, 2000}); got != 100 {
		t.Errorf("mean frame is %v, want 100", got)
	}
	if got := (traffic{10, 2000}).since(traffic{10, 2000}); got != 0 {
		t.Errorf("mean frame of nothing is %v, want 0", got)
	}
}
