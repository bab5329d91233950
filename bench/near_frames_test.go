//go:build linux

package bench

import (
	"bytes"
	"net/netip"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"

	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// TestFrameHead: what the near end makes is what a host takes for a datagram of its own, and swapped for its answer.
func TestFrameHead(t *testing.T) {
	const size = 64
	data := bytes.Repeat([]byte{'x'}, size)
	for _, tt := range []struct {
		name  string
		check func(t *testing.T, p *path, packet []byte)
	}{
		{"tap_ipx", func(t *testing.T, _ *path, packet []byte) {
			h, err := ipxwire.ParseHeader(packet)
			if err != nil {
				t.Fatal(err)
			}
			if h.Destination() != farNode(7) || h.Source().Node != ipxwire.Node(nearAddr) || h.Source().Net != benchNet || !bytes.Equal(h.Data(), data) {
				t.Errorf("got %v with %d octets", h, len(h.Data()))
			}
		}},
		{"tap_udp", func(t *testing.T, p *path, packet []byte) {
			ip := header.IPv4(packet)
			if !ip.IsValid(len(packet)) || !ip.IsChecksumValid() || int(ip.TotalLength()) != len(packet) {
				t.Fatalf("no packet of IPv4: % x", packet)
			}
			from, to := netip.AddrFrom4(ip.SourceAddress().As4()), netip.AddrFrom4(ip.DestinationAddress().As4())
			udp := header.UDP(ip.Payload())
			if from != p.maker() || to != p.far() || udp.DestinationPort() != 7 || !bytes.Equal(udp.Payload(), data) || udp.Checksum() != 0 {
				t.Errorf("got %v to %v, port %d with %d octets", from, to, udp.DestinationPort(), len(udp.Payload()))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := pathNamed(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			frame := append(p.frameHead(7, size), data...)
			h, err := ethernet.Parse(frame)
			if err != nil || h.Destination() != stationAddr || h.Source() != nearAddr {
				t.Fatalf("no frame for the host: %v, %v", h, err)
			}
			tt.check(t, p, frame[ethernet.HeaderLen:])
		})
	}
}

// TestMaker: the address that frames are made with is nobody's.
func TestMaker(t *testing.T) {
	for i := range paths {
		if p := &paths[i]; p.maker() == p.near() || p.maker() == p.far() {
			t.Errorf("%s: the maker of frames has an end's address", p.name)
		}
	}
}
