package stack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
)

// TestTunnelChecksum holds that the partial checksum of a packet in a tunnel, which a kernel leaves to the card, is
// complete when the application has it, and that the datagram around it is still verified.
func TestTunnelChecksum(t *testing.T) {
	const inner, field = 36, 36 + header.TCPChecksumOffset // of the payload: where the inner TCP header and its checksum are
	for _, bad := range []uint16{0, 1} {
		t.Run(fmt.Sprint("outer checksum off by ", bad), func(t *testing.T) {
			s := newStation(t, InterfaceConfig{})
			pc := s.listenUDP("udp", ":53")
			payload := bytes.Repeat([]byte{3, 1, 4, 1, 5}, 40)
			want := bytes.Clone(payload)
			binary.BigEndian.PutUint16(want[field:], ^checksum.Checksum(payload[inner:], 0))

			// The sender's sum over the datagram counts the checksum that the card will have put in.
			src, dst := addrPortOf(peer4, 1000), addrPortOf(host4, 53)
			u := udpDatagram(src, dst, want, bad)
			copy(u[header.UDPMinimumSize:], payload)
			f := link.NewFrame(ip4(peer4, host4, uint8(header.UDPProtocolNumber), u, 0, false))
			f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, 14+20+8+inner, header.TCPChecksumOffset
			s.send(f)
			s.sendBytes(ip4(peer4, host4, uint8(header.UDPProtocolNumber), udpDatagram(src, dst, []byte("end"), 0), 0, false))
			got, ok := s.receive(pc, 5*time.Second)
			if bad != 0 {
				want = []byte("end")
			}
			if !ok || !bytes.Equal(got, want) {
				t.Errorf("got %x, %v, want %x", got, ok, want)
			}
		})
	}
}
