package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// TestBenchListOfOne: what goes with a scenario, and with a path.
func TestBenchListOfOne(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"--scenario", "spx_bulk"}, []string{"SCENARIO", "spx_bulk", "PATH", "tap_spx", "pipe_ipx"}},
		{[]string{"--path", "tap_spx"}, []string{"SCENARIO", "spx_bulk", "spx_rr", "PATH", "tap_spx"}},
		{[]string{"--path", "tap_spx,pipe", "--scenario", "spx_bulk"}, []string{"SCENARIO", "spx_bulk", "PATH", "tap_spx"}},
	} {
		out, err := exec.Command(binary, append([]string{"bench", "--list"}, tt.args...)...).CombinedOutput()
		var got []string
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) > 0 {
				got = append(got, f[0])
			}
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v\n%swant %q", tt.args, err, out, tt.want)
		}
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
		{"file", []string{"--json", "/nowhere/run.json"}, "open /nowhere/run.json"},
		{"folder", []string{"--plots", "/dev/null/charts"}, "/dev/null"},
		{"one output for two", []string{"--json", "-", "--benchstat", "-"}, "cannot both be on standard output"},
		{"nothing", []string{"--scenario", "pipe_bulk", "--path", "tap"}, "nothing is measured on tap: pipe_bulk is measured on veth, pipe, pipe_ipx"},
		{"list of a scenario", []string{"--list", "--scenario", "tcp_t"}, `no scenario "tcp_t"; see tapestry bench --list`},
		{"list of nothing", []string{"--list", "--scenario", "spx_bulk", "--path", "pipe"}, "spx_bulk is not measured on pipe; see tapestry bench --list --scenario spx_bulk"},
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

// TestBenchEnds: what ends the program leaves no process of it. Ctrl-C at a terminal, which all of its group hear, is no
// failure.
func TestBenchEnds(t *testing.T) {
	nstest.Tool(t, "ip")
	for _, tt := range []struct {
		name   string
		end    func(pid int) error
		status int // -1: by the signal
	}{
		{"Ctrl-C", func(pid int) error { return unix.Kill(-pid, unix.SIGINT) }, 130},
		{"SIGTERM", func(pid int) error { return unix.Kill(pid, unix.SIGTERM) }, 130},
		{"SIGKILL", func(pid int) error { return unix.Kill(pid, unix.SIGKILL) }, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(binary, "bench", "--scenario", "udp_rr", "--path", "veth,pasta,slirp4netns", "--rounds", "1000", "--for", "20ms")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stderr, err := cmd.StderrPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stderr)
			for range 3 { // it measures
				lines.Scan()
			}
			if err := tt.end(cmd.Process.Pid); err != nil {
				t.Error(err)
			}
			for lines.Scan() {
				if !strings.Contains(lines.Text(), "udp_rr") {
					t.Errorf("says %q", lines.Text())
				}
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			checkNoneLeft(t)
		})
	}
}

// checkNoneLeft waits until no process of the program is there.
func checkNoneLeft(t *testing.T) {
	t.Helper()
	var left []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		left = nil
		links, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, l := range links {
			if name, _ := os.Readlink(l); name == binary {
				left = append(left, filepath.Dir(l))
			}
		}
		if left == nil {
			return
		}
	}
	t.Errorf("processes %v are left", left)
}
