package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// inNamespace runs this program once more as the given role in a network namespace of its own, with a user namespace
// around it where that needs no privileges. The role gets this namespace's name first, to see that it left it.
func inNamespace(role string, args []string) error {
	own, err := namespace()
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe", append([]string{role, own}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig watches the thread
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(max(exit.ExitCode(), 1)) // it has said why
	}
	return err
}

// namespace names the network namespace of the calling thread.
func namespace() (string, error) { return os.Readlink("/proc/thread-self/ns/net") }

// hasLeft is an error if this process is still in the namespace called outer.
func hasLeft(outer string) error {
	own, err := namespace()
	if err == nil && own == outer {
		err = fmt.Errorf("still in the namespace %s: nothing is made there", outer)
	}
	return err
}

// space is a network namespace that one thread of this process is in. What is made there stays there: sockets and
// devices may be used from anywhere afterwards.
type space struct {
	calls chan func()
}

// newSpace makes a namespace with a thread in it, which ends with close.
func newSpace() (*space, error) {
	s := &space{calls: make(chan func())}
	err := make(chan error)
	go s.serve(err)
	return s, <-err
}

// serve leaves the thread locked: the runtime ends it with the goroutine, and the namespace with it.
func (s *space) serve(result chan<- error) {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		result <- fmt.Errorf("a network namespace: %w", err)
		return
	}
	result <- nil
	for f := range s.calls {
		f()
	}
}

// do has the namespace's thread call f.
func (s *space) do(f func() error) (err error) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}

func (s *space) close() { close(s.calls) }
