package stack

import (
	"fmt"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
)

// TestReadBatchHostile gives a socket super-frames whose metadata lies. None may do harm, and what follows arrives.
func TestReadBatchHostile(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		s := newStation(t, InterfaceConfig{})
		c := udpAt(t, s.host, "udp", ":9000")
		c.SetCoalescing(true)
		i, _ := s.host.interfaceByName("eth0")
		nic := i.nic
		src, dst := peer4, host4
		if v6 {
			src, dst = peer6, host6
		}
		frame := func(payload int, change func(f *link.Frame, ip []byte, udp header.UDP)) link.Frame {
			u := udpDatagram(addrPortOf(src, 5000), addrPortOf(dst, 9000), numbered(payload, 1), 0)
			sum := header.PseudoHeaderChecksum(header.UDPProtocolNumber, toAddress(src), toAddress(dst), uint16(len(u)))
			header.UDP(u).SetChecksum(sum)
			p := ip4(src, dst, protoUDP, u, 0, false)
			if v6 {
				p = ip6(src, dst, protoUDP, u)
			}
			f := link.Frame{NeedsChecksum: true, CsumStart: uint16(len(p) - len(u)), CsumOffset: 6, GSO: link.GSOUDP, GSOSize: 1000}
			change(&f, p, header.UDP(p[len(p)-len(u):]))
			f.Data = link.NewFrame(p).Data
			return f
		}
		tests := []struct {
			name   string
			change func(f *link.Frame, ip []byte, udp header.UDP)
			want   []int // datagrams that come of it
		}{
			{"good", func(*link.Frame, []byte, header.UDP) {}, []int{1000, 1000, 500}},
			{"size 0", func(f *link.Frame, _ []byte, _ header.UDP) { f.GSOSize = 0 }, nil},
			{"size of the payload", func(f *link.Frame, _ []byte, _ header.UDP) { f.GSOSize = 2500 }, nil},
			{"size beyond the payload", func(f *link.Frame, _ []byte, _ header.UDP) { f.GSOSize = 65535 }, nil},
			{"too many", func(f *link.Frame, _ []byte, _ header.UDP) { f.GSOSize = 1 }, nil},
			{"UDP length too short", func(_ *link.Frame, _ []byte, u header.UDP) { u.SetLength(8) }, nil},
			{"UDP length too long", func(_ *link.Frame, _ []byte, u header.UDP) { u.SetLength(60000) }, nil},
			{"no partial checksum", func(f *link.Frame, _ []byte, _ header.UDP) { f.NeedsChecksum = false }, nil},
			{"checksum elsewhere", func(f *link.Frame, _ []byte, _ header.UDP) { f.CsumOffset = 16 }, nil},
			{"checksum beyond", func(f *link.Frame, _ []byte, _ header.UDP) { f.CsumStart = 60000 }, nil},
			{"of TCP", func(f *link.Frame, _ []byte, _ header.UDP) { f.GSO = link.GSOTCPv4 }, nil},
			{"of no kind", func(f *link.Frame, _ []byte, _ header.UDP) { f.GSO = 77 }, nil},
		}
		last := frame(4, func(f *link.Frame, _ []byte, _ header.UDP) { f.GSO, f.GSOSize = 0, 0 })
		for _, tt := range tests {
			t.Run(fmt.Sprint(tt.name, " IPv6 ", v6), func(t *testing.T) {
				c.SetReadDeadline(time.Now().Add(testTimeout))
				drops := countDrops(t, s.host)
				f, g := frame(2500, tt.change), last.Clone()
				nic.receive(&f)
				nic.receive(&g)
				var sizes []int
				for len(sizes) == 0 || sizes[len(sizes)-1] != 4 {
					for _, b := range collectBatches(t, c, room(4, 1<<16), 1) {
						sizes = append(sizes, len(b))
					}
				}
				if len(sizes) == 1 && countDrops(t, s.host) == drops {
					t.Error("nothing came of it, and nothing was counted")
				}
				if tt.want != nil && fmt.Sprint(sizes) != fmt.Sprint(append(tt.want, 4)) {
					t.Errorf("datagrams of %v octets, want %v", sizes, tt.want)
				}
			})
		}
		last.Release()
	}
}

// countDrops adds up what a host counts of frames that are not what they say.
func countDrops(t testing.TB, h *Host) (n uint64) {
	for _, name := range []string{"ethernet.drop.segment", "ethernet.drop.toolong", "ipInHdrErrors", "udpInErrors", "udp.drop.checksum"} {
		n += statOf(t, h, name)
	}
	return n
}
