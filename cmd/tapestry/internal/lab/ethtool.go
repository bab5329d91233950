package lab

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// finishWhatIsSent has the kernel compute checksums and segment before it sends by the interface: at the other end of the
// cable is one whom nobody could tell that this is still to be done.
func finishWhatIsSent(iface string) error {
	for _, cmd := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_STXCSUM} {
		if _, err := ethtool(iface, cmd, 0); err != nil {
			return fmt.Errorf("interface %s: switch offloads off (`ethtool -K %s tx off tso off gso off`): %w", iface, iface, err)
		}
	}
	return nil
}

// ethtool is SIOCETHTOOL with a struct ethtool_value (linux/ethtool.h). It gives the value that comes back.
func ethtool(iface string, cmd, value uint32) (uint32, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	v := [2]uint32{cmd, value}
	var req struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data *[2]uint32
		_    [16]byte
	}
	copy(req.name[:unix.IFNAMSIZ-1], iface)
	req.data = &v
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return 0, errno
	}
	return v[1], nil
}
