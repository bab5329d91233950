//go:build soak

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is what a process takes.
type usage struct {
	resident, own int // KiB; own are those that no file backs
	cpu           time.Duration
}

// String implements fmt.Stringer.
func (u usage) String() string {
	return fmt.Sprintf("%d KiB, %d of them without a file; CPU time %v", u.resident, u.own, u.cpu)
}

// usageOf reads a process's figures: see proc(5).
func usageOf(t testing.TB, pid int) usage {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before it may hold anything
	f := strings.Fields(rest)
	const utime, stime, tick = 14 - 3, 15 - 3, 10 * time.Millisecond
	ticks := number(t, f[utime]) + number(t, f[stime])
	return usage{field(t, string(status), "VmRSS:"), field(t, string(status), "RssAnon:"), time.Duration(ticks) * tick}
}

// field gives the number after a name at a line's beginning.
func field(t testing.TB, status, name string) int {
	t.Helper()
	f := strings.Fields(lineWith(status, name))
	if len(f) < 2 {
		t.Fatalf("no %s in %s", name, status)
	}
	return number(t, f[1])
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// inside gives the lab's own process, as the table that run prints names it.
func (p *process) inside(t testing.TB) int {
	t.Helper()
	_, rest, _ := strings.Cut(p.stdout.String(), "(process ")
	pid, _, _ := strings.Cut(rest, ",")
	return number(t, pid)
}

// users are those who may run a lab.
var users = []struct {
	name    string
	options func(testing.TB) options
}{
	{"root", func(testing.TB) options { return options{} }},
	{"ordinary user", asNobody},
}

const (
	mostResident = 32 << 10                // KiB, of a lab that nobody uses
	mostCPU      = 10 * time.Millisecond   // of a second of it
	mostReady    = 1000 * time.Millisecond // from the start until the addresses are usable
	idleTime     = 20 * time.Second
)

// TestSoakIdle holds what a lab takes that nobody uses.
func TestSoakIdle(t *testing.T) {
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			needLab(t)
			p := newProcess(t, u.options(t), "run")
			began := time.Now()
			if err := p.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for !strings.Contains(p.stdout.String(), "Ctrl-C") && time.Since(began) < 10*time.Second {
				time.Sleep(time.Millisecond)
			}
			ready := time.Since(began)
			time.Sleep(idleTime / 2)
			pid := p.inside(t)
			before := usageOf(t, pid)
			time.Sleep(idleTime)
			after := usageOf(t, pid)
			busy := (after.cpu - before.cpu) / time.Duration(idleTime/time.Second)
			t.Logf("ready after %v; idle: %v; %v of CPU time a second", ready.Round(time.Millisecond), after, busy)
			if after.resident > mostResident || busy > mostCPU || ready > mostReady {
				t.Errorf("want at most %v, %d KiB, %v", mostReady, mostResident, mostCPU)
			}
			if outside := p.cmd.Process.Pid; outside != pid {
				t.Logf("the process outside: %v", usageOf(t, outside))
			}
			if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
			if err := p.wait(t); err != nil {
				t.Errorf("the lab ends with %v: %s", err, p.stderr.String())
			}
		})
	}
}
