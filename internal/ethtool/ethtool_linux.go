package ethtool

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Value is a command with a struct ethtool_value, like unix.ETHTOOL_SGSO. It gives the value that comes back.
func Value(iface string, command, value uint32) (uint32, error) {
	v := [2]uint32{command, value}
	err := call(iface, unsafe.Pointer(&v))
	return v[1], err
}

// channels is struct ethtool_channels: the command, four limits, four counts.
type channels [9]uint32

// Where the counts are.
const (
	channelsRx       = 5
	channelsTx       = 6
	channelsCombined = 8
)

// Queues is how many receive and transmit queues an interface has in use.
func Queues(iface string) (rx, tx int, err error) {
	c := channels{unix.ETHTOOL_GCHANNELS}
	if err := call(iface, unsafe.Pointer(&c)); err != nil {
		return 0, 0, err
	}
	return int(c[channelsRx] + c[channelsCombined]), int(c[channelsTx] + c[channelsCombined]), nil
}

// call is the ioctl with data of the command's own shape.
func call(iface string, data unsafe.Pointer) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var req struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(req.name[:unix.IFNAMSIZ-1], iface)
	req.data = data
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return errno
	}
	return nil
}
