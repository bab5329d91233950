//go:build !linux

package nstest

import (
	"errors"
	"runtime"
)

func isInside(string) bool { return false }

func setUp() error { return nil }

func reexec() (int, error) {
	return 0, errors.New("network namespaces exist on Linux only, this is " + runtime.GOOS)
}
