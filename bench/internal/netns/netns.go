package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Self is this program.
const Self = "/proc/self/exe"

// Run runs this program once more as the given role in a network namespace of its own, with a user namespace around it
// where that needs no privileges. The role gets this namespace's name first, to see that it left it. If the role fails,
// this process exits with its status.
func Run(role string, args []string) error {
	own, err := Name()
	if err != nil {
		return err
	}
	cmd := Command(append([]string{role, own}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	runtime.LockOSThread() // Pdeathsig watches the thread
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(max(exit.ExitCode(), 1)) // it has said why
	}
	return err
}

// Command is this program with other arguments, to be started in a network namespace of its own by a thread that is
// locked: it ends with that thread.
func Command(args ...string) *exec.Cmd {
	cmd := exec.Command(Self, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// Name names the network namespace of the calling thread.
func Name() (string, error) { return os.Readlink("/proc/thread-self/ns/net") }

// HasLeft is an error if the calling thread is still in the namespace called outer.
func HasLeft(outer string) error {
	own, err := Name()
	if err == nil && own == outer {
		err = fmt.Errorf("still in the namespace %s: nothing is made there", outer)
	}
	return err
}
