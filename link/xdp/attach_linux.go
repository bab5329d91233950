package xdp

import (
	"errors"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	bpflink "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
	"tapestry/internal/ethtool"
)

// attach hangs the program to the interface by a link, which the kernel takes down with its last descriptor: a process
// that dies leaves the interface clean. It reports whether the program runs in the driver.
func attach(c *Config, ifindex int, p *ebpf.Program) (bpflink.Link, bool, error) {
	var first error
	for _, driver := range c.Attach.order() {
		flags := bpflink.XDPGenericMode
		if driver {
			flags = bpflink.XDPDriverMode
		}
		l, err := bpflink.AttachXDP(bpflink.XDPOptions{Program: p, Interface: ifindex, Flags: flags})
		if err == nil {
			return l, driver, nil
		}
		if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EEXIST) {
			return nil, false, fmt.Errorf("xdp: %s has an XDP program already (`ip link show dev %s` tells): %w", c.Interface, c.Interface, err)
		}
		if first == nil {
			first = fmt.Errorf("xdp: attach to %s (by a link, which takes Linux 5.9): %w", c.Interface, err)
		}
	}
	return nil, false, first
}

// order is which attachments to try; true is the driver.
func (a Attach) order() []bool {
	switch a {
	case AttachDriver:
		return []bool{true}
	case AttachGeneric:
		return []bool{false}
	}
	return []bool{true, false}
}

// listen has the interface hear what is not for its own address, as long as the descriptor is open. The socket has
// protocol 0 and hears nothing itself.
func (c *Config) listen(ifi *net.Interface) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("xdp: socket that makes %s hear other addresses: %w", c.Interface, err)
	}
	m := unix.PacketMreq{Ifindex: int32(ifi.Index), Type: unix.PACKET_MR_ALLMULTI}
	if c.All || string(c.Addr[:]) != string(ifi.HardwareAddr) {
		m.Type = unix.PACKET_MR_PROMISC
	}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("xdp: make %s hear other addresses: %w", c.Interface, err)
	}
	return fd, nil
}

// countQueues is how many receive and transmit queues the interface has in use; one each if it does not tell.
func countQueues(name string) (rx, tx int) {
	rx, tx, _ = ethtool.Queues(name)
	return max(1, rx), max(1, tx)
}
