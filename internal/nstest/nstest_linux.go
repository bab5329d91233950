package nstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// isInside reports whether this process is in a namespace that Main made, given the mark.
func isInside(mark string) bool {
	if !strings.HasPrefix(mark, "net:[") {
		return false
	}
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil || own == mark {
		return false
	}
	// The machine's own namespace, where it is told, is never ours, whatever the mark says.
	machine, err := os.Readlink("/proc/1/ns/net")
	return err != nil || own != machine
}

// reexec runs this test binary in a new network namespace and gives its exit status. An error means that none could
// be made and that nothing ran.
func reexec() (int, error) {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return 0, err
	}
	// Pdeathsig follows the thread that forks, not the process.
	runtime.LockOSThread()
	var failed []error
	for _, flags := range cloneFlags() {
		cmd := command(own, flags)
		if err := cmd.Start(); err != nil {
			failed = append(failed, fmt.Errorf("clone(%s): %w", flagNames(flags), err))
			continue
		}
		return wait(cmd), nil
	}
	return 0, errors.Join(failed...)
}

// cloneFlags lists what to try, the simplest first.
func cloneFlags() []uintptr {
	if os.Geteuid() == 0 {
		return []uintptr{unix.CLONE_NEWNET, unix.CLONE_NEWUSER | unix.CLONE_NEWNET}
	}
	return []uintptr{unix.CLONE_NEWUSER | unix.CLONE_NEWNET}
}

func flagNames(flags uintptr) string {
	if flags&unix.CLONE_NEWUSER != 0 {
		return "CLONE_NEWUSER|CLONE_NEWNET"
	}
	return "CLONE_NEWNET"
}

// command is this binary once more, in the namespaces that flags name.
func command(own string, flags uintptr) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args // a fuzzing coordinator starts its workers by Args[0]
	cmd.Env = append(os.Environ(), markEnv+"="+own)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
	if flags&unix.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// wait passes signals on to cmd until it ends. `go test` sends SIGQUIT to the process that it started when time is up.
func wait(cmd *exec.Cmd) int {
	sigs := make(chan os.Signal, 4)
	signal.Notify(sigs, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-sigs:
			cmd.Process.Signal(s)
		case <-done:
			return exitStatus(cmd.ProcessState)
		}
	}
}

// exitStatus is the status of s, in the shell's way for a process that a signal ended.
func exitStatus(s *os.ProcessState) int {
	w, ok := s.Sys().(syscall.WaitStatus)
	if ok && w.Signaled() {
		fmt.Fprintf(os.Stderr, "nstest: the test process was ended by a signal: %v\n", w.Signal())
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// setUp brings the loopback interface up.
func setUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return fmt.Errorf("flags of lo: %w", err)
	}
	if ifr.Uint16()&unix.IFF_UP != 0 {
		return nil // a fuzzing worker finds it up
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

// DropCapabilities empties the effective set of this thread, which the caller has locked and lets end.
func DropCapabilities() error {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		return err
	}
	d[0].Effective, d[1].Effective = 0, 0
	return unix.Capset(&h, &d[0])
}
