//go:build linux

package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// openVethGo serves on the kernel's sockets as a program in Go does: package net, the runtime's poller, a goroutine a
// connection. It is the limit of what needs a server that is written in Go.
func openVethGo(f *far) error {
	if err := bringUp(f.path.peer(), f.path.far()); err != nil {
		return err
	}
	return f.serve(goSockets{})
}

// goSockets are package net's, in the namespace of the thread that calls.
type goSockets struct{ congestion string }

// Listen implements sockets.
func (s goSockets) Listen(network, address string) (net.Listener, error) {
	c := net.ListenConfig{Control: s.choose}
	return c.Listen(context.Background(), network, address)
}

// choose sets the congestion control, which connections take from their listener.
func (s goSockets) choose(_, _ string, c syscall.RawConn) (err error) {
	if s.congestion == "" {
		return nil
	}
	outer := c.Control(func(fd uintptr) {
		err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, s.congestion)
	})
	if err != nil {
		return fmt.Errorf("congestion control %s: %w", s.congestion, err)
	}
	return outer
}

// ListenPacket implements sockets.
func (goSockets) ListenPacket(network, address string) (net.PacketConn, error) {
	c, err := net.ListenPacket(network, address)
	if u, ok := c.(*net.UDPConn); ok {
		u.SetReadBuffer(socketBuffer) // as much as the machine allows
	}
	return c, err
}

// ownMounts reports whether this process has a mount namespace that its parent is not in.
func ownMounts() bool {
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return false
	}
	parent, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", os.Getppid()))
	return err == nil && strings.HasPrefix(own, "mnt:") && own != parent
}
