//go:build !linux

package dgram

import (
	"errors"
	"syscall"
)

// private refuses: elsewhere a socket's file can be opened by others until its mode is changed.
func private(_, _ string, _ syscall.RawConn) error {
	return errors.New("a socket that is private from the start needs Linux")
}
