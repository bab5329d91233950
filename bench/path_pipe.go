//go:build linux

package bench

import "tapestry/link/pipe"

// openPipe makes two hosts on a cable in memory. The near end runs in this process, on the second of them.
func openPipe(f *far) error {
	farEnd, nearEnd := pipe.New(pipe.Config{Offload: pipe.AllOffloads})
	near, err := f.path.newHost("near", nearEnd, f.path.near())
	if err != nil {
		return err
	}
	f.near = hostDialer{near}
	return f.serveHost(farEnd)
}
