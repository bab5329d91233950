//go:build !linux

package bench

import (
	"context"
	"errors"
	"runtime"

	"tapestry/bench/report"
)

// Run measures.
func Run(context.Context, Options) (*report.Report, error) {
	return nil, errors.New("bench: measures on Linux only, this is " + runtime.GOOS)
}

// Role is for Linux.
func Role([]string) (status int, ok bool) { return 0, false }

// Scenarios lists what can be measured.
func Scenarios() []Entry { return nil }

// Paths lists on what it can be measured.
func Paths() []Entry { return nil }
