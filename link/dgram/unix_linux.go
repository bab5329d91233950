package dgram

import "syscall"

// private gives a socket, before it has a file, the mode that the file will have (unix(7) on Linux).
func private(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }); e != nil {
		return e
	}
	return err
}
