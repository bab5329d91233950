package lean

import (
	"fmt"
	"runtime"
)

// Environ is what the environment of a process that uses this package has besides what it inherits.
func Environ(threads int) []string {
	return []string{fmt.Sprintf("GOMAXPROCS=%d", threads), "GODEBUG=asyncpreemptoff=1", "GOGC=off"}
}

// Collect collects garbage nevertheless. Call it while no socket blocks.
func Collect() { runtime.GC() }
