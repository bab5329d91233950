package machine

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const unknown = "unknown"

// Machine is where it ran.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Load   string `json:"load"` // when This was called: what has been measured until then is a part of it
}

// This describes the machine at this moment.
func This() Machine {
	return Machine{
		CPU: Value("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Kernel: FirstLine("/proc/sys/kernel/osrelease"),
		Go: runtime.Version(), Load: FirstLine("/proc/loadavg"),
	}
}

// Config writes benchstat's lines of configuration, and what a reader must know about every figure: the machine, the
// commit that was measured, and lines of the caller's own before the load. Benchstat has a table for each configuration:
// what is another in every run stands behind a hash mark, which it passes over.
func (m Machine) Config(w io.Writer, commit string, more ...string) {
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, m.CPU)
	fmt.Fprintf(w, "cores: %d\nkernel: %s\ngo: %s\n# commit: %s\n", m.Cores, m.Kernel, m.Go, commit)
	for _, line := range more {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "# load: %s\n", m.Load)
}

// ProcessTime is the processor's time of this process so far, in user mode and in the kernel.
func ProcessTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

// ThreadTime is that of the calling thread.
func ThreadTime() time.Duration { return usage(rusageThread) }

// rusageThread is RUSAGE_THREAD, which package syscall lacks.
const rusageThread = 1

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Value gives the first value of a key in a file of lines "key: value".
func Value(name, key string) string {
	b, _ := os.ReadFile(name)
	for line := range strings.Lines(string(b)) {
		if k, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// FirstLine gives the first line of a file without its end.
func FirstLine(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
