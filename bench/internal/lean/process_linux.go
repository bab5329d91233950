package lean

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Environ is the environment of a process that uses this package, besides what it inherits.
func Environ(threads int) []string {
	return []string{fmt.Sprintf("GOMAXPROCS=%d", threads), "GODEBUG=asyncpreemptoff=1"}
}

// Prepare switches garbage collection off. Call it before the first socket blocks.
func Prepare() { debug.SetGCPercent(-1) }

// Collect collects garbage nevertheless. Call it while no socket blocks.
func Collect() { runtime.GC() }
