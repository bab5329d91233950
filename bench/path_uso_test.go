//go:build linux

package bench

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unsafe"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// request is a datagram as a TAP gives it.
func request() []byte {
	b := make([]byte, rawEnd)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45})
	ip := header.IPv4(b[rawIP:])
	ip.SetTTL(64)
	b[rawIP+9] = byte(header.UDPProtocolNumber)
	copy(b[rawIP+12:], []byte{198, 51, 100, 1, 198, 51, 100, 2})
	binary.BigEndian.PutUint16(b[rawUDP:], 40000)
	binary.BigEndian.PutUint16(b[rawUDP+2:], 2019)
	return b
}

// TestSuperFrame holds that the block goes back to who asked, with a header checksum that is right and a partial one of
// UDP.
func TestSuperFrame(t *testing.T) {
	b := superFrame(request())
	h := *(*vnetHdr)(unsafe.Pointer(&b[0]))
	want := vnetHdr{flags: needsCsum, kind: vnetKindUDP4, hdrLen: rawEnd, gsoSize: usoSegment, csumStart: rawUDP, csumAt: 6}
	if h != want {
		t.Errorf("virtio-net header %+v, want %+v", h, want)
	}
	f := b[vnetSize:]
	if !bytes.Equal(f[:12], []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}) {
		t.Errorf("stations % x", f[:12])
	}
	ip, udp := header.IPv4(f[rawIP:]), header.UDP(f[rawUDP:])
	if got := ip.CalculateChecksum(); got != 0xffff {
		t.Errorf("the IPv4 header sums up to %#x, want 0xffff", got)
	}
	if int(ip.TotalLength()) != len(f)-rawIP || int(udp.Length()) != len(f)-rawUDP || udp.DestinationPort() != 40000 {
		t.Errorf("lengths %d and %d of %d, port %d", ip.TotalLength(), udp.Length(), len(f), udp.DestinationPort())
	}
	pseudo := header.PseudoHeaderChecksum(header.UDPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(), udp.Length())
	if udp.Checksum() != checksum.Combine(pseudo, 0) {
		t.Errorf("UDP checksum %#x, want the pseudo-header's %#x", udp.Checksum(), pseudo)
	}
}

func TestUDPPort(t *testing.T) {
	whole := request()
	if port, ok := udpPort(whole); !ok || port != 2019 {
		t.Errorf("port %d, %v; want 2019", port, ok)
	}
	for i := range whole {
		if _, ok := udpPort(whole[:i]); ok {
			t.Errorf("the first %d octets of a datagram are taken for one", i)
		}
	}
	whole[rawIP+9] = byte(header.TCPProtocolNumber)
	if _, ok := udpPort(whole); ok {
		t.Error("a TCP segment is taken for a datagram")
	}
}
