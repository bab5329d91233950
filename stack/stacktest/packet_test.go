package stacktest_test

import (
	"bytes"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
	"tapestry/stack/stacktest"
)

var (
	macA, macB = ethernet.Addr{2, 0, 0, 0, 0, 1}, ethernet.Addr{2, 0, 0, 0, 0, 2}
	a4, b4     = netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	a6, b6     = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	eth        = stacktest.Ethernet{Src: macA, Dst: macB}
)

// samples are frames of each layer.
func samples() map[string][]byte {
	mss := make([]byte, 4)
	header.EncodeMSSOption(1460, mss)
	ip4, ip6 := stacktest.IPv4{Src: a4, Dst: b4}, stacktest.IPv6{Src: a6, Dst: b6}
	data := stacktest.Payload("hello")
	return map[string][]byte{
		"arp":     stacktest.Build(eth, stacktest.ARP{Sender: macA, SenderIP: a4, Wanted: b4}),
		"udp4":    stacktest.Build(eth, ip4, stacktest.UDP{SrcPort: 1, DstPort: 2}, data),
		"udp6":    stacktest.Build(eth, ip6, stacktest.UDP{SrcPort: 1, DstPort: 2}, data),
		"tcp4":    stacktest.Build(eth, ip4, stacktest.TCP{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4, Flags: "SA", Options: mss}, data),
		"tcp6":    stacktest.Build(eth, ip6, stacktest.TCP{SrcPort: 1, DstPort: 2, Flags: "PAU", Urgent: 1}, data),
		"icmp4":   stacktest.Build(eth, ip4, stacktest.ICMP{Type: 8}, data),
		"icmp6":   stacktest.Build(eth, ip6, stacktest.ICMP{Type: 128}, data),
		"options": stacktest.Build(eth, stacktest.IPv4{Src: a4, Dst: b4, Options: []byte{1, 1, 1}}, stacktest.UDP{DstPort: 2}, data),
	}
}

func TestBuildParses(t *testing.T) {
	for name, b := range samples() {
		p, err := stacktest.ParsePacket(b)
		if err != nil || p.BadSum {
			t.Errorf("%s: %v, bad checksum %v\n%v", name, err, p.BadSum, p)
		}
		if name != "arp" && string(p.Data) != "hello" {
			t.Errorf("%s: data %q", name, p.Data)
		}
		if p.Src != macA || p.Dst != macB {
			t.Errorf("%s: from %v to %v", name, p.Src, p.Dst)
		}
		if last := len(b) - 1; name != "arp" {
			b[last] ^= 1
			if p, _ := stacktest.ParsePacket(b); !p.BadSum {
				t.Errorf("%s: a wrong octet is not seen", name)
			}
		}
	}
	p, _ := stacktest.ParsePacket(samples()["tcp4"])
	if p.Flags() != "SA" || p.SrcIP() != a4 || p.DstIP() != b4 || p.TCP.SequenceNumber() != 3 || header.ParseSynOptions(p.TCP.Options(), true).MSS != 1460 {
		t.Errorf("%v", p)
	}
}

func TestBuildBroken(t *testing.T) {
	for name, b := range map[string][]byte{
		"ip":   stacktest.Build(eth, stacktest.IPv4{Src: a4, Dst: b4, BadSum: true}, stacktest.UDP{}),
		"udp":  stacktest.Build(eth, stacktest.IPv4{Src: a4, Dst: b4}, stacktest.UDP{BadSum: true}),
		"tcp":  stacktest.Build(eth, stacktest.IPv6{Src: a6, Dst: b6}, stacktest.TCP{BadSum: true}),
		"icmp": stacktest.Build(eth, stacktest.IPv6{Src: a6, Dst: b6}, stacktest.ICMP{BadSum: true}),
	} {
		if p, err := stacktest.ParsePacket(b); err != nil || !p.BadSum {
			t.Errorf("%s: %v, bad checksum %v", name, err, p.BadSum)
		}
	}
}

func TestParsePacketTruncated(t *testing.T) {
	for name, b := range samples() {
		for i := range b {
			p, err := stacktest.ParsePacket(b[:i])
			if err == nil {
				t.Errorf("%s: %d of %d octets parse as\n%v", name, i, len(b), p)
			}
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	for _, b := range samples() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		p, err := stacktest.ParsePacket(b)
		if err == nil && len(p.Data) > len(b) {
			t.Errorf("%d octets of data in %d", len(p.Data), len(b))
		}
		p.SrcIP()
		p.DstIP()
		p.Flags()
		_ = p.String()
		if !bytes.Equal(b, before) {
			t.Error("the frame was changed")
		}
	})
}
