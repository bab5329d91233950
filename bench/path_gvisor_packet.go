//go:build linux

package bench

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
)

// openGVisorBest is stock gVisor as its own sandbox runs it where it is fastest: AF_PACKET with virtio-net header, so
// that segmentation and checksums of super-frames are left to the kernel both ways, and received in batches. It trusts
// received checksums, since it does not read the header that says which are partial, and computes those of what it
// sends outside of super-frames.
func openGVisorBest(f *far) error { return openGVisorPacket(f, fdbased.RecvMMsg) }

// openGVisorRing reads through a ring of shared memory in place of the batches.
func openGVisorRing(f *far) error { return openGVisorPacket(f, fdbased.PacketMMap) }

func openGVisorPacket(f *far, mode fdbased.PacketDispatchMode) error {
	if err := quietPeer(f.path); err != nil {
		return err
	}
	ifi, err := net.InterfaceByName(f.path.peer())
	if err != nil {
		return err
	}
	fd, err := packetSocket(ifi.Index)
	if err != nil {
		return err
	}
	ep, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: 1500, EthernetHeader: true, Address: tcpip.LinkAddress(ifi.HardwareAddr),
		GSOMaxSize: 65535, PacketDispatchMode: mode, RXChecksumOffload: true, InterfaceIndex: ifi.Index,
	})
	if err != nil {
		return err
	}
	f.watch(func(s *state) { s.Mode = mode.String() })
	return f.serveStock(ep)
}

// packetSocket hears what an interface receives, with a virtio-net header.
func packetSocket(ifindex int) (int, error) {
	protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1},
		{unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return 0, err
		}
	}
	for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[0], socketBuffer) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[1], socketBuffer)
		}
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: ifindex})
}
