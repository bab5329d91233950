package linktest

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link"
)

// experimental is the EtherType for local experiments (IEEE 802 §9.2.3), which no kernel answers.
const experimental = 0x88b5

// The addresses that tests send from and to; nobody has the latter.
var (
	source = [6]byte{0x02, 0x7e, 0x57, 0, 0, 1}
	target = [6]byte{0x02, 0x7e, 0x57, 0, 0, 2}
)

// isOurs reports whether a test sent f. The header may lie in any number of chunks.
func isOurs(f *link.Frame) bool {
	var addrs [12]byte
	f.Data.ReadAt(addrs[:], 0)
	return [6]byte(addrs[6:]) == source
}

// header appends an Ethernet header to b.
func header(b []byte, etherType uint16) []byte {
	b = append(b, target[:]...)
	b = append(b, source[:]...)
	return binary.BigEndian.AppendUint16(b, etherType)
}

// octets are those of a frame that tells its writer and number, as far as length lets it.
func octets(writer, seq, length int) []byte {
	return fill(header(make([]byte, 0, length), experimental), writer, seq, length)
}

// tagged is the same with a VLAN tag (IEEE 802.1Q §9.6), four octets more.
func tagged(seq, length int) []byte {
	b := header(make([]byte, 0, length+4), 0x8100)
	b = binary.BigEndian.AppendUint16(b, 3<<13|42) // priority 3, VLAN 42
	b = binary.BigEndian.AppendUint16(b, experimental)
	return fill(b, 0, seq, length+4)
}

func fill(b []byte, writer, seq, length int) []byte {
	mark := []byte{byte(writer), byte(seq >> 16), byte(seq >> 8), byte(seq)}
	for len(b) < length {
		i := len(b)
		if i < 14+len(mark) && length >= 14+len(mark) {
			b = append(b, mark[i-14])
		} else {
			b = append(b, byte(i*7+seq))
		}
	}
	return b
}

func newFrame(writer, seq, length int) link.Frame { return link.NewFrame(octets(writer, seq, length)) }

// chunked is a frame of b in chunks of at most size octets.
func chunked(b []byte, size int) link.Frame {
	var f link.Frame
	for len(b) > 0 {
		n := min(size, len(b))
		part := buffer.MakeWithData(b[:n])
		f.Data.Merge(&part)
		b = b[n:]
	}
	return f
}

// packet describes an IP packet to build.
type packet struct {
	v6, udp bool
	tag     bool
	payload []byte
}

const (
	tcpLen     = 20
	udpLen     = 8
	protoTCP   = 6
	protoUDP   = 17
	tcpSumAt   = 16
	udpSumAt   = 6
	firstSeqNo = 1_000_000
)

func (p packet) l3() int {
	if p.tag {
		return 18
	}
	return 14
}

func (p packet) l4() int {
	if p.v6 {
		return p.l3() + 40
	}
	return p.l3() + 20
}

func (p packet) transport() (proto uint8, length, sumAt int) {
	if p.udp {
		return protoUDP, udpLen, udpSumAt
	}
	return protoTCP, tcpLen, tcpSumAt
}

// headerLen is the length of all headers.
func (p packet) headerLen() int {
	_, l4len, _ := p.transport()
	return p.l4() + l4len
}

// frame is the packet with only the pseudo-header's sum in its checksum field, in chunks as a stack makes them. A
// gsoSize makes it a super-frame.
func (p packet) frame(gsoSize int) link.Frame {
	_, _, sumAt := p.transport()
	b := p.octets()
	f := link.NewFrame(b[:p.headerLen()])
	rest := chunked(b[p.headerLen():], 4096)
	f.Data.Merge(&rest.Data)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(p.l4()), uint16(sumAt)
	if gsoSize > 0 {
		f.GSO, f.GSOSize = p.gso(), uint16(gsoSize)
	}
	return f
}

func (p packet) gso() link.GSO {
	switch {
	case p.udp:
		return link.GSOUDP
	case p.v6:
		return link.GSOTCPv6
	}
	return link.GSOTCPv4
}

func (p packet) octets() []byte {
	etherType := uint16(0x0800)
	if p.v6 {
		etherType = 0x86dd
	}
	b := make([]byte, 0, p.headerLen()+len(p.payload))
	if p.tag {
		b = binary.BigEndian.AppendUint16(header(b, 0x8100), 42)
		b = binary.BigEndian.AppendUint16(b, etherType)
	} else {
		b = header(b, etherType)
	}
	return append(p.appendL4(p.appendIP(b)), p.payload...)
}

// appendIP appends an IP header (RFC 791 §3.1, RFC 8200 §3) with documentation addresses.
func (p packet) appendIP(b []byte) []byte {
	proto, l4len, _ := p.transport()
	n := l4len + len(p.payload)
	if p.v6 {
		b = append(b, 0x60, 0, 0, 0, byte(n>>8), byte(n), proto, 64)
		b = append(b, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
		return append(b, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
	}
	n += 20
	start := len(b)
	b = append(b, 0x45, 0, byte(n>>8), byte(n), 0x12, 0x34, 0x40, 0, 64, proto, 0, 0)
	b = append(b, 198, 51, 100, 1, 198, 51, 100, 2)
	binary.BigEndian.PutUint16(b[start+10:], ^checksum.Checksum(b[start:], 0))
	return b
}

// appendL4 appends a transport header whose checksum is the pseudo-header's sum.
func (p packet) appendL4(b []byte) []byte {
	_, l4len, sumAt := p.transport()
	start := len(b)
	sum := pseudoSum(b[p.l3():], p.v6, p.udp, l4len+len(p.payload))
	b = binary.BigEndian.AppendUint16(b, 40000)
	b = binary.BigEndian.AppendUint16(b, 9)
	if p.udp {
		b = binary.BigEndian.AppendUint16(b, uint16(udpLen+len(p.payload)))
		return binary.BigEndian.AppendUint16(b, sum)
	}
	b = binary.BigEndian.AppendUint32(b, firstSeqNo)
	b = append(b, 0, 0, 0, 1, tcpLen/4<<4, 0x18, 0x10, 0, 0, 0, 0, 0) // PSH, ACK
	binary.BigEndian.PutUint16(b[start+sumAt:], sum)
	return b
}

// pseudoSum sums the pseudo-header of the packet ip (RFC 9293 §3.1, RFC 8200 §8.1).
func pseudoSum(ip []byte, v6, udp bool, length int) uint16 {
	proto, addrs := uint16(protoTCP), ip[12:20]
	if udp {
		proto = protoUDP
	}
	if v6 {
		addrs = ip[8:40]
	}
	return checksum.Combine(checksum.Checksum(addrs, proto), uint16(length))
}
