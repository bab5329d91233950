package netns

import (
	"os"

	"golang.org/x/sys/unix"
)

// await returns when a child has ended, or when that cannot be waited for without a system call that blocks (Linux
// 5.10). One that blocks would keep the processor that it runs on from the lab's hosts, for some milliseconds where there
// is but one (package procs).
func await(p *os.Process) {
	fd, err := unix.PidfdOpen(p.Pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		err := unix.Waitid(unix.P_PIDFD, int(fd), nil, unix.WEXITED|unix.WNOWAIT, nil)
		return err != unix.EAGAIN && err != unix.EINTR
	})
}
