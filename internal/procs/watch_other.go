//go:build !linux

package procs

import "errors"

// watch needs a clock of the process's own that wakes it.
func watch(*policy) (end func(), err error) {
	return nil, errors.New("procs: only Linux tells when a process is busy")
}
