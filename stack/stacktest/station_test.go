package stacktest_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// TestStation opens a connection by hand, over either IP version.
func TestStation(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		alpha, peer := n.Host("alpha"), n.Station("peer")
		l, err := alpha.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		for _, v6 := range []bool{false, true} {
			ip := func() stacktest.Layer {
				if v6 {
					return stacktest.IPv6{Src: peer.Addr6(), Dst: alpha.Addr6()}
				}
				return stacktest.IPv4{Src: peer.Addr4(), Dst: alpha.Addr4()}
			}
			peer.SendIP(alpha.Link(), ip(), stacktest.TCP{SrcPort: 5000, DstPort: 80, Seq: 100, Flags: "S"})
			p := peer.Expect(t, 0, "SYN-ACK", func(p stacktest.Packet) bool { return p.Flags() == "SA" })
			if p.BadSum || p.TCP.AckNumber() != 101 {
				t.Errorf("%v", p)
			}
			peer.SendIP(alpha.Link(), ip(), stacktest.TCP{SrcPort: 5000, DstPort: 80, Seq: 101, Ack: p.TCP.SequenceNumber() + 1, Flags: "A"})
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if from, _, _ := strings.Cut(c.RemoteAddr().String(), "]"); !strings.Contains(from, "198.51.100.2") && !strings.Contains(from, "2001:db8::2") {
				t.Errorf("accepted from %s", from)
			}
			c.Close()
			peer.Expect(t, time.Second, "FIN", func(p stacktest.Packet) bool { return strings.Contains(p.Flags(), "F") })
		}
	})
}

// TestStationBadChecksum: what is broken on purpose is dropped and counted.
func TestStationBadChecksum(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		alpha, peer := n.Host("alpha"), n.Station("peer")
		c, err := alpha.ListenPacket("udp", ":53")
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []bool{true, false} {
			peer.SendIP(alpha.Link(), stacktest.IPv4{Src: peer.Addr4(), Dst: alpha.Addr4()},
				stacktest.UDP{SrcPort: 1, DstPort: 53, BadSum: bad}, stacktest.Payload("x"))
		}
		n.Settle()
		b := make([]byte, 10)
		c.SetReadDeadline(time.Now().Add(time.Second))
		if k, from, err := c.ReadFrom(b); k != 1 || err != nil || from.String() != netip.AddrPortFrom(peer.Addr4(), 1).String() {
			t.Errorf("%d octets from %v, %v", k, from, err)
		}
		if _, _, err := c.ReadFrom(b); err == nil {
			t.Error("the datagram with the wrong checksum was delivered too")
		}
	})
}
