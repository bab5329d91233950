package netns

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run runs a command in this namespace to its end and gives its status. Signals that end this program are passed on to
// it. What it leaves running is ended: processes that lost their parent become children of this one first, so that
// the namespace ends with the lab. If this program dies without a word, the kernel asks the command to end.
func Run(cmd *exec.Cmd) (int, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("netns: adopt what the command leaves: %w", err)
	}
	relay := NewRelay()
	defer relay.Stop()
	// The kernel sends it when the thread that forked ends, so that must be one that lasts until the command has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	relay.To(cmd.Process, false)
	await(cmd.Process)
	cmd.Wait() // its error is the status
	endChildren()
	return ExitStatus(cmd.ProcessState), nil
}

// graceTime is how long a process may take to end when it is asked to.
const graceTime = time.Second

// endChildren ends every process below this one: with SIGTERM, and with SIGKILL what is still there after graceTime.
func endChildren() {
	deadline := time.Now().Add(graceTime)
	for sig := unix.SIGTERM; ; {
		pids := children()
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			unix.Kill(pid, sig)
		}
		reap()
		if time.Now().After(deadline.Add(graceTime)) {
			return // a process that SIGKILL does not end is stuck in the kernel
		}
		if time.Now().After(deadline) {
			sig = unix.SIGKILL
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reap takes note of all children that ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}

// children lists this process's children. Their own become children when they end.
func children() []int {
	tasks, _ := os.ReadDir("/proc/self/task")
	var pids []int
	for _, t := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for f := range bytes.FieldsSeq(b) {
			if pid, err := strconv.Atoi(string(f)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
