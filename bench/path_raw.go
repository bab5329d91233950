//go:build linux

package bench

import (
	"net"

	"tapestry/bench/internal/lean"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
)

// openRawTAP answers datagrams by a loop that does the least that answers them: a read, a swap, a write.
func openRawTAP(f *far) error {
	fd, err := tun.OpenTAP(f.path.device())
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return err
	}
	go onThread(func() {
		for frame := make([]byte, datagramSize); ; {
			n, err := lean.File(fd).Read(frame)
			if err != nil {
				return
			}
			if swap(frame[:n]) {
				lean.File(fd).Write(frame[:n])
			}
		}
	})
	return nil
}

// furnishRaw gives the kernel's side of a raw TAP its address.
func furnishRaw(p *path) error {
	if err := furnishTAP(p); err != nil {
		return err
	}
	return knowStation(p)
}

// furnishRawXDP prepares the near end of a pair with a raw AF_XDP socket at its far end.
func furnishRawXDP(p *path) error {
	if err := finishSends(p); err != nil {
		return err
	}
	return knowStation(p)
}

// knowStation spares a raw loop ARP.
func knowStation(p *path) error {
	l, err := netlink.LinkByName(p.device())
	if err != nil {
		return err
	}
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT,
		IP: p.far().AsSlice(), HardwareAddr: net.HardwareAddr(stationAddr[:]),
	})
}

// Offsets of an Ethernet II frame with IPv4 without options and UDP.
const (
	rawIP  = 14
	rawUDP = rawIP + 20
	rawEnd = rawUDP + 8
)

// swap turns a UDP datagram into its answer; all checksums stay right. It reports false for other frames.
func swap(frame []byte) bool {
	if len(frame) < rawEnd || frame[12] != 8 || frame[13] != 0 || frame[rawIP] != 0x45 || frame[rawIP+9] != unix.IPPROTO_UDP {
		return false
	}
	exchange(frame[0:6], frame[6:12])
	exchange(frame[rawIP+12:rawIP+16], frame[rawIP+16:rawIP+20])
	exchange(frame[rawUDP:rawUDP+2], frame[rawUDP+2:rawUDP+4])
	return true
}

func exchange(a, b []byte) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}
