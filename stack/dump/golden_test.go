package dump

import (
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads octets in hexadecimal; spaces are for the reader.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

const (
	eth  = "020000000002 020000000001 "
	idp  = "ffff 001e 00 00 00000000 ffffffffffff 0452 0000cafe 020000000001 4000 "
	mac  = "ethernet 02:00:00:00:00:01 > 02:00:00:00:00:02, "
	path = "20010db8000000000000000000000001 20010db8000000000000000000000002 "
)

var golden = []struct {
	name  string
	frame string
	want  []string
}{
	{"tftp request", "08002010b67c 080020751388 0800 4500002f3c224000ff11075593d2080393d2089f c57f0045001ba0d2 0001 6c6b6a66647366 00 6e65746173636969 00", []string{
		"ethernet 08:00:20:75:13:88 > 08:00:20:10:b6:7c, IPv4, 47 octets",
		"ipv4 147.210.8.3 > 147.210.8.159, UDP, ttl 255, id 0x3c22, df, 47 octets",
		"udp 50559 > 69 (tftp), 19 octets",
		"data 19 octets: 00016c6b6a66647366006e6574617363696900",
	}},
	{"without checksum", "080020751388 08002010b67c 0800 4500002f253000003c11214893d2089f93d20803 0f64c57f001b0000 0005 0001 46696c65206e6f7420666f756e64 00", []string{
		"ethernet 08:00:20:10:b6:7c > 08:00:20:75:13:88, IPv4, 47 octets",
		"ipv4 147.210.8.159 > 147.210.8.3, UDP, ttl 60, id 0x2530, 47 octets",
		"udp 3940 > 50559, 19 octets, no checksum",
		"data 19 octets: 0005000146696c65206e6f7420666f756e6400",
	}},
	{"pad that is not zero", "08002010b67c 080020751388 0800 450000203c234000ff11076393d2080393d2089f c57f0f64000cf2a6 0004 0001 00000020 00000001 ffffffffffff", []string{
		"ethernet 08:00:20:75:13:88 > 08:00:20:10:b6:7c, IPv4, 46 octets",
		"ipv4 147.210.8.3 > 147.210.8.159, UDP, ttl 255, id 0x3c23, df, 32 octets",
		"udp 50559 > 3940, 4 octets",
		"data 4 octets: 00040001",
	}},
	{"wrong checksums", eth + "0800 450000203c234000ff11076493d2080393d2089f c57f0f64000cf2a7 0004 0001", []string{
		mac + "IPv4, 32 octets",
		"ipv4 147.210.8.3 > 147.210.8.159, UDP, ttl 255, id 0x3c23, df, 32 octets, bad header checksum",
		"udp 50559 > 3940, 4 octets, bad checksum",
		"data 4 octets: 00040001",
	}},
	{"arp", eth + "0806 0001 0800 06 04 0001 020000000001 c6336401 000000000000 c6336402", []string{
		mac + "ARP, 28 octets",
		"arp request, sender 02:00:00:00:00:01 198.51.100.1, target 00:00:00:00:00:00 198.51.100.2",
	}},
	{"rarp in snap", eth + "0024 aaaa03 000000 8035 0001 0800 06 04 0003 020000000001 00000000 020000000001 00000000", []string{
		mac + "SNAP 00-00-00 RARP, 28 octets",
		"rarp reverse request, sender 02:00:00:00:00:01 0.0.0.0, target 02:00:00:00:00:01 0.0.0.0",
	}},
	{"arp of other kinds", eth + "0806 0007 8137 01 02 0063 aa bbbb cc dddd", []string{
		mac + "ARP, 14 octets",
		"arp operation 99, hardware 7, protocol IPX, sender 0xaa 0xbbbb, target 0xcc 0xdddd",
	}},
	{"arp whose lengths lie", eth + "0806 0001 0800 ff ff 0001 020000000001", []string{
		mac + "ARP, 14 octets",
		"arp short, 14 octets: 00010800ffff0001020000000001",
	}},
	{"raw ipx", eth + "001e" + idp, []string{
		mac + "802.3 raw, 30 octets",
		"ipx 0000cafe:020000000001:4000 > 00000000:ffffffffffff:0452 (SAP), IPX, 0 hops, 30 octets",
	}},
	{"ipx in 802.2 whose length lies", eth + "0021 e0e003" + strings.Replace(idp, "001e", "0020", 1), []string{
		mac + "802.2 dsap IPX ssap IPX control 0x03, 30 octets",
		"ipx 0000cafe:020000000001:4000 > 00000000:ffffffffffff:0452 (SAP), IPX, 0 hops, 32 octets, 2 missing",
	}},
	{"unreachable", eth + "0800 4500003800000000 4001 265bc6336402c6336401 0303 fe77 00000000" +
		" 4500001d00010000 4011 1268c6336401c6336402 1234 0045 0009 0000", []string{
		mac + "IPv4, 56 octets",
		"ipv4 198.51.100.2 > 198.51.100.1, ICMP, ttl 64, id 0x0000, 56 octets",
		"icmp unreachable, port, 28 octets",
		"ipv4 198.51.100.1 > 198.51.100.2, UDP, ttl 64, id 0x0001, 29 octets",
		"udp 4660 > 69 (tftp), 1 octets",
	}},
	{"options, fragment", eth + "0800 4700001e00012001 4006 0000 c6336401c6336402 94040000 01440200 abcd", []string{
		mac + "IPv4, 30 octets",
		"ipv4 198.51.100.1 > 198.51.100.2, TCP, ttl 64, id 0x0001, fragment at 8, mf, router alert 0000, nop, timestamp, 30 octets, bad header checksum",
		"data 2 octets: abcd",
	}},
	{"ipv6 extensions", eth + "86dd 60012345 0018 00 40" + path + "2c00 0502 0000 0100" + "3b00 0009 deadbeef" + "0102030405060708", []string{
		mac + "IPv6, 64 octets",
		"ipv6 2001:db8::1 > 2001:db8::2, hop-by-hop options, hop limit 64, flow 0x12345, 24 octets",
		"hop-by-hop options, router alert 0, then fragment",
		"fragment at 8, id 0xdeadbeef, mf, then no next header",
		"data 8 octets: 0102030405060708",
	}},
	{"neighbor solicitation", eth + "86dd 60000000 0020 3a ff" + path + "8700 0000 00000000 20010db8000000000000000000000002 0101 020000000001", []string{
		mac + "IPv6, 72 octets",
		"ipv6 2001:db8::1 > 2001:db8::2, ICMPv6, hop limit 255, 32 octets",
		"icmpv6 neighbor solicitation for 2001:db8::2, source 02:00:00:00:00:01, 24 octets, bad checksum",
	}},
	{"neighbor advertisement", eth + "86dd 60000000 0020 3a ff" + path + "8800 0000 e0000000 20010db8000000000000000000000001 0201 020000000001", []string{
		mac + "IPv6, 72 octets",
		"ipv6 2001:db8::1 > 2001:db8::2, ICMPv6, hop limit 255, 32 octets",
		"icmpv6 neighbor advertisement of 2001:db8::1, router, solicited, override, target 02:00:00:00:00:01, 24 octets, bad checksum",
	}},
	{"packet too big", eth + "86dd 60000000 0034 3a 40" + path + "0200 0000 00000500 60000000 0014 06 40" + path + "1234 0050", []string{
		mac + "IPv6, 92 octets",
		"ipv6 2001:db8::1 > 2001:db8::2, ICMPv6, hop limit 64, 52 octets",
		"icmpv6 packet too big, mtu 1280, 44 octets, bad checksum",
		"ipv6 2001:db8::1 > 2001:db8::2, TCP, hop limit 64, 20 octets",
		"tcp short, 4 octets: 12340050",
	}},
	{"igmp", "01005e000001 020000000001 0800 46c0002000000000 0102 0000 c6336401 e0000001 94040000 1164 0d9b e1000001", []string{
		"ethernet 02:00:00:00:00:01 > 01:00:5e:00:00:01, IPv4, 32 octets",
		"ipv4 198.51.100.1 > 224.0.0.1, IGMP, ttl 1, id 0x0000, tos 0xc0, router alert 0000, 32 octets, bad header checksum",
		"igmp query, group 225.0.0.1, bad checksum",
	}},
	{"nothing", "", []string{"ethernet: short frame, 0 octets: "}},
	{"unknown type", eth + "88b5 0102", []string{mac + "0x88b5, 2 octets", "data 2 octets: 0102"}},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Split(Frame(unhex(tt.frame)), "\n")
			for i := range max(len(got), len(tt.want)) {
				var g, w string
				if i < len(got) {
					g = got[i]
				}
				if i < len(tt.want) {
					w = tt.want[i]
				}
				if g != w {
					t.Errorf("line %d:\ngot  %s\nwant %s", i+1, g, w)
				}
			}
		})
	}
}
