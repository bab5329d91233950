package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	results "tapestry/bench/report"
	"tapestry/internal/nstest"
)

var update = flag.Bool("update", false, "write the golden files")

// TestBenchList holds the list of scenarios and paths: a reader of the difference sees what is new.
func TestBenchList(t *testing.T) {
	got, err := exec.Command(binary, "bench", "--list").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	golden := filepath.Join("testdata", "bench_list.txt")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the list differs from %s (-update writes it):\n%s", golden, got)
	}
}

func TestBenchRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"scenario", []string{"--scenario", "tcp_t"}, `no scenario "tcp_t"; did you mean "tcp_to"?`},
		{"path", []string{"--path", "tap,gvizor"}, `no path "gvizor"; did you mean "gvisor"?`},
		{"placement", []string{"--place", "splt"}, `no placement "splt"; did you mean "split"?`},
		{"argument", []string{"quick"}, `unknown command "quick"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := exec.Command(binary, append([]string{"bench"}, tt.args...)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v, %s; want an error with %q", err, out, tt.want)
			}
		})
	}
}

// TestBenchRun measures for a moment, as this user and as one who may open nothing: the latter has the paths over veth.
func TestBenchRun(t *testing.T) {
	nstest.Tool(t, "ip")
	users(t, func(t *testing.T, u user) {
		cmd := u.program(t, binary, "bench", "--scenario", "udp_rr", "--path", "veth,packet", "--rounds", "2", "--for", "20ms", "--json", "-")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		var r results.Report
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if len(r.Rows) != 2 || len(r.Rows[0].Value) != 2 {
			t.Errorf("want two rows of two rounds, got %s", out)
		}
	})
}
