package lean

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Packet is a socket of AF_PACKET for whole frames of one EtherType at an interface: what is written leaves there, and
// what comes in is read, but not what the kernel or another socket sends.
func Packet(index int, etherType uint16) (Socket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket of AF_PACKET: %w", err)
	}
	network := etherType<<8 | etherType>>8
	if isBigEndian {
		network = etherType
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: index}); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("bind AF_PACKET to interface %d: %w", index, err)
	}
	return Socket(fd), nil
}
