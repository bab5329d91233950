package ipxwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths of packets in octets, header included.
const (
	HeaderLen  = 30
	DefaultMax = 576   // what every router passes on
	Max        = 65535 // what the length field can say
)

// NoChecksum is the checksum of a packet that has none: what IPX always writes unless told otherwise.
const NoChecksum = 0xffff

// Why octets are no packet.
var (
	ErrShort  = errors.New("ipx: short packet")
	ErrLength = errors.New("ipx: length field below 30 or above what arrived")
)

// Offsets of the fields, all of them big-endian.
const (
	offChecksum    = 0
	offLength      = 2
	offControl     = 4
	offType        = 5
	offDestination = 6
	offSource      = 18
)

// Header is a view of a packet: no accessor can panic after ParseHeader. It borrows the memory it was parsed from, and
// ends where the length field says.
type Header []byte

// ParseHeader checks the lengths of a packet. Octets beyond its length, as padding leaves them, are cut off.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return nil, ErrShort
	}
	n := int(binary.BigEndian.Uint16(b[offLength:]))
	if n < HeaderLen || n > len(b) {
		return nil, ErrLength
	}
	return Header(b[:n:n]), nil
}

// Checksum is the checksum field; see Sum.
func (h Header) Checksum() uint16 { return binary.BigEndian.Uint16(h[offChecksum:]) }

// Len is the length of header and data.
func (h Header) Len() int { return len(h) }

// Hops is Transport Control: how many routers the packet has passed.
func (h Header) Hops() uint8 { return h[offControl] }

// SetHops writes Transport Control, which no checksum covers.
func (h Header) SetHops(n uint8) { h[offControl] = n }

// Type is the packet type.
func (h Header) Type() PacketType { return PacketType(h[offType]) }

// Destination is where the packet goes.
func (h Header) Destination() Addr { return parseAddr(h[offDestination:]) }

// Source is where it comes from.
func (h Header) Source() Addr { return parseAddr(h[offSource:]) }

// SetNetworks writes the networks of both addresses: what was sent as "this network" gets its number when it leaves it.
func (h Header) SetNetworks(destination, source Network) {
	binary.BigEndian.PutUint32(h[offDestination:], uint32(destination))
	binary.BigEndian.PutUint32(h[offSource:], uint32(source))
}

// Data is what follows the header.
func (h Header) Data() []byte { return h[HeaderLen:] }

// SetChecksum writes the checksum field: NoChecksum, or what Sum gives.
func (h Header) SetChecksum(sum uint16) { binary.BigEndian.PutUint16(h[offChecksum:], sum) }

// HasChecksum reports whether the packet has a checksum to verify. Zero is taken for none as well: programs that know
// nothing of checksums leave it, ipxbox on a wire among them. Deviates: a real sum of zero is not verified.
func (h Header) HasChecksum() bool { return h.Checksum() != NoChecksum && h.Checksum() != 0 }

// IsSummed reports whether the packet has no checksum, or a right one.
func (h Header) IsSummed() bool { return !h.HasChecksum() || h.Checksum() == h.Sum() }

// Sum is the real checksum, as Linux computes it for NetWare: the complement of the one's complement sum of all
// 16-bit words but the field itself, with Transport Control taken as zero, since routers change it, and an odd octet
// as the high half of a word. It is never NoChecksum: a sum of zero stays zero.
func (h Header) Sum() uint16 {
	sum := uint32(binary.BigEndian.Uint16(h[offLength:])) + uint32(h[offType])
	b := h[offDestination:]
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	sum = sum&0xffff + sum>>16
	sum = sum&0xffff + sum>>16
	if sum == 0 {
		return 0
	}
	return ^uint16(sum)
}

// String describes the packet on one line.
func (h Header) String() string {
	s := fmt.Sprintf("%v > %v, %v, %d hops, %d octets", h.Source(), h.Destination(), h.Type(), h.Hops(), h.Len())
	if sum := h.Checksum(); sum != NoChecksum {
		s += fmt.Sprintf(", checksum 0x%04x", sum)
	}
	return s
}

// Fields is the content of a header, to write it.
type Fields struct {
	Hops        uint8
	Type        PacketType
	Destination Addr
	Source      Addr
}

// AppendTo appends the header of a packet with data octets of data, at most Max less HeaderLen, and without a checksum.
func (f Fields) AppendTo(b []byte, data int) []byte {
	b = binary.BigEndian.AppendUint16(b, NoChecksum)
	b = binary.BigEndian.AppendUint16(b, uint16(HeaderLen+data))
	b = append(b, f.Hops, byte(f.Type))
	b = f.Destination.AppendTo(b)
	return f.Source.AppendTo(b)
}
