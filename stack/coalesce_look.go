package stack

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// tcpSegment is where things are in a frame of TCP.
type tcpSegment struct {
	l4, headLen int
	payload     int
	seq         uint32
	v6          bool
}

// verdict is what a frame means to the runs.
type verdict uint8

const (
	passes    verdict = iota // no TCP: no run cares
	endsAll                  // it may be of any flow
	endsOne                  // of a flow, and not to be merged
	continues                // data, plain
)

const (
	l3Offset     = ethernet.HeaderLen
	ipv4L4       = l3Offset + header.IPv4MinimumSize
	ipv6L4       = l3Offset + header.IPv6MinimumSize
	ipv4Flow     = l3Offset + 12 // addresses and ports lie side by side
	ipv6Flow     = l3Offset + 8
	timestampLen = 12 // two NOPs and RFC 7323 §3.2, as everybody lays it out
	timestamp    = 0x0101080a
)

// look finds the headers of a frame and tells what it means.
func (c *coalescer) look(f *link.Frame) (s tcpSegment, head []byte, v verdict) {
	head = f.Head()
	if len(head) < ethernet.HeaderLen || ethernet.Addr(head[:ethernet.AddrLen]) != c.addr {
		return s, head, passes
	}
	switch ethernet.EtherType(binary.BigEndian.Uint16(head[12:])) {
	case ethernet.TypeIPv4:
		v = s.lookIPv4(head, f.Len())
	case ethernet.TypeIPv6:
		v = s.lookIPv6(head, f.Len())
	case ethernet.TypeARP:
		return s, head, passes
	default: // tags and SNAP may hide anything
		return s, head, endsAll
	}
	if v == continues {
		v = s.lookTCP(head, f.Len())
	}
	if v == continues && f.GSO != link.GSONone {
		v = endsOne
	}
	return s, head, v
}

const ipv4Fragment = 0xbfff // all but "don't fragment" (RFC 791 §3.1)

func (s *tcpSegment) lookIPv4(b []byte, length int) verdict {
	if len(b) < ipv4L4 || b[l3Offset] != 0x45 || binary.BigEndian.Uint16(b[l3Offset+6:])&ipv4Fragment != 0 {
		return endsAll
	}
	if b[l3Offset+9] != uint8(header.TCPProtocolNumber) {
		return passes
	}
	s.l4 = ipv4L4
	if int(binary.BigEndian.Uint16(b[l3Offset+2:])) != length-l3Offset {
		return s.other(b)
	}
	return continues
}

func (s *tcpSegment) lookIPv6(b []byte, length int) verdict {
	if len(b) < ipv6L4 || b[l3Offset]>>4 != 6 {
		return endsAll
	}
	switch next := b[l3Offset+6]; next {
	case uint8(header.TCPProtocolNumber):
	case uint8(header.UDPProtocolNumber), uint8(header.ICMPv6ProtocolNumber):
		return passes
	default: // an extension header
		return endsAll
	}
	s.l4, s.v6 = ipv6L4, true
	if int(binary.BigEndian.Uint16(b[l3Offset+4:])) != length-ipv6L4 {
		return s.other(b)
	}
	return continues
}

// other is the verdict on a frame that is not to be merged: its flow is known if its ports are.
func (s *tcpSegment) other(b []byte) verdict {
	if len(b) < s.l4+4 {
		return endsAll
	}
	return endsOne
}

func (s *tcpSegment) lookTCP(b []byte, length int) verdict {
	if len(b) < s.l4+header.TCPMinimumSize {
		return s.other(b)
	}
	tcp := b[s.l4:]
	size := int(tcp[12]>>4) * 4
	isPlain := size == header.TCPMinimumSize ||
		size == header.TCPMinimumSize+timestampLen && len(tcp) >= size && binary.BigEndian.Uint32(tcp[header.TCPMinimumSize:]) == timestamp
	flags := header.TCPFlags(tcp[13])
	if !isPlain || tcp[12]&0xf != 0 || flags&^header.TCPFlagPsh != header.TCPFlagAck || binary.BigEndian.Uint16(tcp[18:]) != 0 {
		return endsOne
	}
	s.headLen, s.payload, s.seq = s.l4+size, length-s.l4-size, binary.BigEndian.Uint32(tcp[4:])
	if s.payload <= 0 || s.payload > int(^uint16(0)) {
		return endsOne
	}
	return continues
}

func isPush(head []byte, s *tcpSegment) bool { return head[s.l4+13]&uint8(header.TCPFlagPsh) != 0 }

// flow is the addresses and ports.
func (s *tcpSegment) flow(head []byte) []byte {
	if s.v6 {
		return head[ipv6Flow : ipv6L4+4]
	}
	return head[ipv4Flow : ipv4L4+4]
}

// pseudoSum sums the pseudo-header of the segment with so much payload (RFC 9293 §3.1, RFC 8200 §8.1).
func (s *tcpSegment) pseudoSum(head []byte, payload int) uint16 {
	flow := s.flow(head)
	sum := checksum.Checksum(flow[:len(flow)-4], uint16(header.TCPProtocolNumber))
	return checksum.Combine(sum, uint16(s.headLen-s.l4+payload))
}
