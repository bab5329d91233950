package vxlan

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// socketBuffer is what is asked for in each direction. Without CAP_NET_ADMIN the kernel gives what net.core.rmem_max
// and wmem_max allow.
const socketBuffer = 4 << 20

// setSocket sets what x/net has no name for.
func setSocket(u *net.UDPConn, c Config) error {
	raw, err := u.SyscallConn()
	if err != nil {
		return fmt.Errorf("vxlan: %w", err)
	}
	if e := raw.Control(func(fd uintptr) { err = setOptions(int(fd), c) }); e != nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("vxlan: option of the socket: %w", err)
	}
	return nil
}

func setOptions(fd int, c Config) error {
	for _, o := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF, unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, o, socketBuffer) // the more the better
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	v6 := domain == unix.AF_INET6
	if !c.Fragment { // RFC 7348 §4.3
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO); err != nil {
			return err
		}
		if v6 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO); err != nil {
				return err
			}
		}
	}
	if !c.ZeroChecksum {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		return err
	}
	if !v6 {
		return nil
	}
	for _, o := range []int{unix.UDP_NO_CHECK6_TX, unix.UDP_NO_CHECK6_RX} { // RFC 6935 §5
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, o, 1); err != nil {
			return err
		}
	}
	return nil
}
