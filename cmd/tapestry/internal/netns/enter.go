package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// markEnv marks the process inside: "net:[4026531840] 1000".
const markEnv = "TAPESTRY_NETNS"

// State tells where this process runs.
type State struct {
	UID    int  // the user's number outside
	User   bool // the namespace lies in a user namespace of its own
	Inside bool
}

// Enter has the program run in a network namespace of its own. In the process that is inside it returns; the others end
// with the status of that one.
func Enter() (State, error) {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return State{}, fmt.Errorf("netns: %w (is /proc mounted?)", err)
	}
	if s, ok := inside(own); ok {
		os.Unsetenv(markEnv)
		_ = os.WriteFile("/proc/self/comm", []byte("tapestry"), 0) // else ps(1) shows "exe"
		return s, setUp()
	}
	env := append(os.Environ(), fmt.Sprintf("%s=%s %d", markEnv, own, os.Getuid()))
	runtime.LockOSThread() // until this process ends
	if err := unix.Unshare(unix.CLONE_NEWNET); err == nil {
		err := unix.Exec("/proc/self/exe", os.Args, env)
		return State{}, fmt.Errorf("netns: start again: %w", err)
	}
	code, err := runChild(env)
	if err != nil {
		return State{}, explain(err)
	}
	os.Exit(code)
	panic("unreachable")
}

// Outside is the state of a process that stays in its caller's namespace.
func Outside() State { return State{UID: os.Getuid()} }

func inside(own string) (State, bool) {
	from, uid, ok := strings.Cut(os.Getenv(markEnv), " ")
	n, err := strconv.Atoi(uid)
	if !ok || err != nil || !strings.HasPrefix(from, "net:[") || from == own || !isNew() {
		return State{}, false
	}
	return State{UID: n, User: n != 0 || !mapsAll(), Inside: true}, true
}

// isNew reports whether nobody has used this network namespace yet: in a new one no interface is up, not even lo. The
// environment can be inherited or forged; this cannot, and keeps a lab's interfaces out of the namespaces of others.
func isNew() bool {
	all, err := net.Interfaces()
	return err == nil && !slices.ContainsFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagUp != 0 })
}

// mapsAll reports whether the user namespace has more users than one.
func mapsAll() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	f := strings.Fields(string(b))
	return err == nil && len(f) >= 3 && f[2] != "1"
}

// runChild runs the program in new user and network namespaces and gives its exit status.
func runChild(env []string) (int, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Env = os.Args, env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   unix.SIGTERM, // follows the thread that clones, which is locked
	}
	relay := NewRelay()
	defer relay.Stop()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	relay.To(cmd.Process, true) // the program takes a repeated one for the same
	debug.FreeOSMemory()
	Trim()
	cmd.Wait()
	return ExitStatus(cmd.ProcessState), nil
}

// ExitStatus is a process's status in the shell's way: 128 and the signal's number where one ended it.
func ExitStatus(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// explain adds what a user can do about it.
func explain(err error) error {
	var hint string
	switch {
	case errors.Is(err, unix.ENOSPC):
		hint = "sysctl user.max_user_namespaces or user.max_net_namespaces is exhausted or 0; raise it, or run as root"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		hint = "this system forbids user namespaces to users: see sysctls kernel.unprivileged_userns_clone and " +
			"kernel.apparmor_restrict_unprivileged_userns, or the container's seccomp profile; or run as root"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		hint = "this kernel was built without user namespaces; run as root"
	default:
		return fmt.Errorf("netns: make a user and network namespace: %w", err)
	}
	return fmt.Errorf("netns: make a user and network namespace: %w (%s)", err, hint)
}

// setUp brings the loopback interface up.
func setUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("netns: loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("netns: loopback interface: %w", err)
	}
	return nil
}

// MayConfigure reports whether this process may configure the network of its namespace (CAP_NET_ADMIN).
func MayConfigure() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&hdr, &data[0])
	return err == nil && data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
