package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machine is where it ran.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Load   string `json:"load"` // at the start
}

func thisMachine() machine {
	return machine{
		CPU: keyOf("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"),
		Go: runtime.Version(), Load: firstLine("/proc/loadavg"),
	}
}

// memory is what the process holds, in MB of 10^6 octets.
type memory struct {
	RSS        float64 `json:"rss_mb"`  // as the kernel counts it
	Peak       float64 `json:"peak_mb"` // the most it ever was
	Heap       float64 `json:"heap_mb"` // objects, dead ones included until they are collected
	Stacks     float64 `json:"stacks_mb"`
	Objects    uint64  `json:"objects"`
	Goroutines int     `json:"goroutines"`
}

func readMemory() memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{
		RSS: status("VmRSS"), Peak: status("VmHWM"), Heap: mb(m.HeapAlloc), Stacks: mb(m.StackInuse),
		Objects: m.HeapObjects, Goroutines: runtime.NumGoroutine(),
	}
}

func mb(octets uint64) float64 { return float64(octets) / 1e6 }

// status is a size of the process in MB, by its name in /proc/self/status.
func status(key string) float64 {
	kib, _ := strconv.ParseFloat(strings.TrimSuffix(keyOf("/proc/self/status", key), " kB"), 64)
	return kib * 1024 / 1e6
}

// processTime is the processor's time of the process so far.
func processTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

// threadTime is the processor's time of the calling thread so far.
func threadTime() time.Duration { return usage(rusageThread) }

// rusageThread is RUSAGE_THREAD, which package syscall lacks.
const rusageThread = 1

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// keyOf gives the first value of a key in a file of lines "key: value".
func keyOf(name, key string) string {
	b, _ := os.ReadFile(name)
	for line := range strings.Lines(string(b)) {
		if k, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
