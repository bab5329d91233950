//go:build linux

package bench

import (
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"tapestry/bench/internal/lean"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// openRawUSO moves UDP super-frames by a loop that does the least: what it reads it counts, what it writes it has built
// once. It is the limit of bulk over UDP on a TAP.
func openRawUSO(f *far) error {
	fd, err := openVnetTAP(f.path.device())
	if err != nil {
		return err
	}
	l := &usoLoop{far: f, file: lean.File(fd), sink: serviceNamed("uso-sink").port, source: serviceNamed("uso-source").port}
	go onThread(l.run)
	return nil
}

// openVnetTAP opens a TAP with virtio-net header whose reader takes UDP super-frames.
func openVnetTAP(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("/dev/net/tun: %w", err)
	}
	r, err := unix.NewIfreq(name)
	if err == nil {
		r.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err == nil {
		err = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6|unix.TUN_F_USO4|unix.TUN_F_USO6)
	}
	if err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("TAP %s with UDP segmentation: %w (it takes Linux 6.2)", name, err)
	}
	return fd, nil
}

// vnetHdr is struct virtio_net_hdr, in the machine's byte order.
type vnetHdr struct {
	flags, kind                        uint8
	hdrLen, gsoSize, csumStart, csumAt uint16
}

const (
	vnetSize     = int(unsafe.Sizeof(vnetHdr{}))
	needsCsum    = 1 // VIRTIO_NET_HDR_F_NEEDS_CSUM
	vnetKindUDP4 = 5 // VIRTIO_NET_HDR_GSO_UDP_L4
)

// usoLoop is the loop of one TAP.
type usoLoop struct {
	far          *far
	file         lean.File
	sink, source uint16 // ports
}

func (l *usoLoop) run() {
	for block := make([]byte, vnetSize+usoRoom); ; {
		n, err := l.file.Read(block)
		if err != nil {
			return
		}
		frame := block[min(vnetSize, n):n]
		switch port, ok := udpPort(frame); {
		case !ok:
		case port == l.sink:
			l.far.received.Add(uint64(len(frame) - rawEnd))
		case port == l.source:
			if _, d, ok := wished(frame[rawEnd:]); ok {
				l.send(superFrame(frame), d)
			}
		}
	}
}

// udpPort gives the port that a datagram is for.
func udpPort(frame []byte) (uint16, bool) {
	if len(frame) < rawEnd || frame[12] != 8 || frame[13] != 0 || frame[rawIP] != 0x45 || frame[rawIP+9] != unix.IPPROTO_UDP {
		return 0, false
	}
	return binary.BigEndian.Uint16(frame[rawUDP+2:]), true
}

func (l *usoLoop) send(block []byte, d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
		l.file.Write(block) // what the kernel has no room for is lost
	}
}

// superFrame makes a full block of datagrams for the sender of frame, behind its virtio-net header.
func superFrame(frame []byte) []byte {
	b := make([]byte, vnetSize+rawEnd+usoBlock)
	*(*vnetHdr)(unsafe.Pointer(&b[0])) = vnetHdr{
		flags: needsCsum, kind: vnetKindUDP4, hdrLen: rawEnd, gsoSize: usoSegment, csumStart: rawUDP, csumAt: 6,
	}
	out := b[vnetSize:]
	copy(out, frame[:rawEnd])
	swap(out[:rawEnd])
	ip, udp := header.IPv4(out[rawIP:]), header.UDP(out[rawUDP:])
	ip.SetTotalLength(uint16(rawEnd - rawIP + usoBlock))
	ip.SetChecksum(0)
	ip.SetChecksum(^ip.CalculateChecksum())
	udp.SetLength(uint16(rawEnd - rawUDP + usoBlock))
	udp.SetChecksum(header.PseudoHeaderChecksum(header.UDPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(), udp.Length()))
	return b
}
