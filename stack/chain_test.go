package stack

import (
	"encoding/binary"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
)

// extension is a header of an IPv6 chain: its type, and its length in octets, a multiple of 8.
type extension struct {
	typ  byte
	size int
}

// behind puts the upper layer's octets behind a chain of extension headers.
func behind(chain []extension, next byte, upper []byte) []byte {
	var b []byte
	for i, e := range chain {
		h := make([]byte, e.size)
		h[0], h[1] = next, byte(e.size/8-1)
		if i+1 < len(chain) {
			h[0] = chain[i+1].typ
		}
		pad(h[2:])
		b = append(b, h...)
	}
	first := next
	if len(chain) > 0 {
		first = chain[0].typ
	}
	return ip6(peer6, host6, first, append(b, upper...))
}

// pad fills the room for options with PadN (RFC 8200 §4.2).
func pad(b []byte) {
	for len(b) > 1 {
		n := min(len(b)-2, 255)
		b[0], b[1] = 1, byte(n)
		b = b[2+n:]
	}
}

// tooBig is a packet too big message about a segment that was never sent.
func tooBig(mtu uint32, seg []byte) []byte {
	q := append([]byte{}, seg[14:114]...)
	binary.BigEndian.PutUint32(q[44:], binary.BigEndian.Uint32(q[44:])+1<<30)
	b := append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, q...)
	binary.BigEndian.PutUint32(b[4:], mtu)
	sum := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, toAddress(peer6), toAddress(host6), uint16(len(b)))
	binary.BigEndian.PutUint16(b[2:], ^checksum.Checksum(b, sum))
	return b
}

// A forged message stays one behind any chain of headers, and however its octets lie in memory.
func TestForgedICMPBehindExtensionHeaders(t *testing.T) {
	w := newWiretap(t)
	c := w.connect(t, peer6)
	w.mute.Store(true)
	writeZeros(t, c, 10_000)
	seg := w.largest(t)
	i, _ := w.client.interfaceByName("eth0")
	for _, tt := range []struct {
		name  string
		chain []extension
	}{
		{"none", nil},
		{"one", []extension{{60, 8}}},
		{"eight", []extension{{0, 8}, {60, 8}, {60, 8}, {43, 8}, {60, 8}, {60, 8}, {60, 8}}},
		{"nine", []extension{{60, 8}, {60, 8}, {60, 8}, {60, 8}, {60, 8}, {60, 8}, {60, 8}, {60, 8}, {60, 8}}},
		{"experiment", []extension{{253, 8}}},
		{"long", []extension{{60, 1304}}},
		{"fragment, atomic", []extension{{44, 8}}},
	} {
		for _, first := range []int{62, 128, 65536} { // octets in the first chunk
			b := behind(tt.chain, 58, tooBig(1300, seg))
			if tt.name == "fragment, atomic" {
				copy(b[14+40+2:], make([]byte, 6))
			}
			drops := func() uint64 {
				return statOf(t, w.client, "icmp.drop.sequence") + statOf(t, w.client, "ipv6.drop.chain")
			}
			before := drops()
			f := chunked(b, first)
			i.nic.receive(&f)
			if got := drops() - before; got != 1 {
				t.Errorf("%s, %d octets in the first chunk: %d drops counted, want 1", tt.name, first, got)
			}
		}
	}
	if n := statOf(t, w.client, "icmp6InPktTooBigs"); n != 0 {
		t.Errorf("the engine saw %d forged messages", n)
	}
}

// The headers of a fragmented packet lie in its first fragment (RFC 7112 §5).
func TestFirstFragmentWithoutUpperLayer(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	h := make([]byte, 8)
	h[0] = 58
	pad(h[2:])
	s.sendBytes(ip6Fragment(peer6, host6, 60, h, 0, true))
	s.settle("ipv6.drop.chain", 1)
}

// A super-frame of UDP is so many datagrams.
func TestReceiveDatagramsOfSuperFrame(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	pc := s.listenUDP("udp", ":53")
	data := make([]byte, 2500)
	for i := range data {
		data[i] = byte(i)
	}
	for _, tt := range []struct {
		name  string
		frame []byte
		ihl   uint16
	}{
		{"v4", ip4(peer4, host4, udpProto, udpDatagram(addrPortOf(peer4, 9), addrPortOf(host4, 53), data, 0), 0, false), 20},
		{"v6", ip6(peer6, host6, udpProto, udpDatagram(addrPortOf(peer6, 9), addrPortOf(host6, 53), data, 0)), 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := link.NewFrame(tt.frame)
			f.GSO, f.GSOSize, f.NeedsChecksum, f.CsumStart, f.CsumOffset = link.GSOUDP, 1000, true, 14+tt.ihl, 6
			s.send(f)
			for _, want := range [][]byte{data[:1000], data[1000:2000], data[2000:]} {
				got, ok := s.receive(pc, receiveTime)
				if !ok || string(got) != string(want) {
					t.Fatalf("got %d octets, %v, want %d", len(got), ok, len(want))
				}
			}
		})
	}
	bogus := link.NewFrame(ip4(peer4, host4, udpProto, []byte{1, 2, 3}, 0, false))
	bogus.GSO, bogus.GSOSize = link.GSOUDP, 1
	i, _ := s.host.interfaceByName("eth0")
	i.nic.receive(&bogus)
	s.settle("ethernet.drop.segment", 1)
}
