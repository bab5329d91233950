package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// self is this program.
const self = "/proc/self/exe"

// inNamespace runs this program once more as the given role in a network namespace of its own, with a user namespace
// around it where that needs no privileges. The role gets this namespace's name first, to see that it left it.
func inNamespace(role string, args []string) error {
	own, err := namespace()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{role, own}, args...)...)
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

// namespace names the network namespace of this process.
func namespace() (string, error) { return os.Readlink("/proc/self/ns/net") }

// hasLeft is an error if this process is still in the namespace called outer.
func hasLeft(outer string) error {
	own, err := namespace()
	if err == nil && own == outer {
		err = fmt.Errorf("still in the namespace %s: nothing is made there", outer)
	}
	return err
}

// furnish makes the pair of a path whose far end is process pid in a namespace of its own.
func furnish(p path, pid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = p.device()
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: p.peer()}); err != nil {
		return fmt.Errorf("veth %s: %w", attrs.Name, err)
	}
	peer, err := netlink.LinkByName(p.peer())
	if err != nil {
		return err
	}
	if err := netlink.LinkSetNsPid(peer, pid); err != nil {
		return fmt.Errorf("veth %s: into the far end's namespace: %w", p.peer(), err)
	}
	return bringUp(p.device(), p.near)
}

// traffic is what crossed the near end's interface, a super-frame counted once.
type traffic struct{ frames, octets uint64 }

// readTraffic reads both directions of a path's near interface: to the far end, from it.
func readTraffic(p path) (to, from traffic, err error) {
	l, err := netlink.LinkByName(p.device())
	if err != nil {
		return to, from, err
	}
	s := l.Attrs().Statistics
	return traffic{s.TxPackets, s.TxBytes}, traffic{s.RxPackets, s.RxBytes}, nil
}

// since gives the mean size of what crossed after earlier.
func (t traffic) since(earlier traffic) float64 {
	if t.frames == earlier.frames {
		return 0
	}
	return float64(t.octets-earlier.octets) / float64(t.frames-earlier.frames)
}
