package main

import (
	"runtime"
	"strconv"
	"strings"

	"tapestry/bench/internal/machine"
)

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
	kib, _ := strconv.ParseFloat(strings.TrimSuffix(machine.Value("/proc/self/status", key), " kB"), 64)
	return kib * 1024 / 1e6
}
