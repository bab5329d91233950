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

// users are those who may run a lab.
var users = []struct {
	name    string
	options func(testing.TB) options
}{
	{"root", func(testing.TB) options { return options{} }},
	{"ordinary user", asNobody},
}
