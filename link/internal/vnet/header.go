package vnet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"tapestry/link"
)

// HeaderLen is the length of the header in octets.
const HeaderLen = 10

// Flags and GSO types (OASIS Virtual I/O Device 1.2 §5.1.6).
const (
	flagNeedsChecksum = 1 // VIRTIO_NET_HDR_F_NEEDS_CSUM
	flagDataValid     = 2 // VIRTIO_NET_HDR_F_DATA_VALID

	gsoNone  = 0
	gsoTCPv4 = 1
	gsoTCPv6 = 4
	gsoUDPL4 = 5
	gsoECN   = 0x80 // CWR is set in the first segment alone, which is what link.Segment does anyway
)

// Offsets of the fields.
const (
	offFlags      = 0
	offGSOType    = 1
	offHeaderLen  = 2
	offGSOSize    = 4
	offCsumStart  = 6
	offCsumOffset = 8
)

// checksumLen is the length of the field at CsumOffset.
const checksumLen = 2

var errHeader = errors.New("vnet: bad header")

// Header is a view of a virtio-net header.
type Header []byte

// ParseHeader checks the length.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return nil, fmt.Errorf("%w: %d octets of %d", errHeader, len(b), HeaderLen)
	}
	return Header(b[:HeaderLen]), nil
}

// Flags are the flags.
func (h Header) Flags() uint8 { return h[offFlags] }

// GSOType is the kind of super-frame, without the ECN bit.
func (h Header) GSOType() uint8 { return h[offGSOType] &^ gsoECN }

// HeaderLen is a hint: the length of all headers of a super-frame.
func (h Header) HeaderLen() uint16 { return h.u16(offHeaderLen) }

// GSOSize is the payload of each segment.
func (h Header) GSOSize() uint16 { return h.u16(offGSOSize) }

// CsumStart is where summing starts.
func (h Header) CsumStart() uint16 { return h.u16(offCsumStart) }

// CsumOffset is where the checksum is, from CsumStart.
func (h Header) CsumOffset() uint16 { return h.u16(offCsumOffset) }

func (h Header) u16(off int) uint16 { return binary.NativeEndian.Uint16(h[off:]) }

func (h Header) putU16(off int, v uint16) { binary.NativeEndian.PutUint16(h[off:], v) }

// String shows the fields that say something.
func (h Header) String() string {
	s := fmt.Sprintf("vnet flags 0x%02x gso %d", h.Flags(), h.GSOType())
	if h.GSOType() != gsoNone {
		s += fmt.Sprintf(" size %d headers %d", h.GSOSize(), h.HeaderLen())
	}
	if h.Flags()&flagNeedsChecksum != 0 {
		s += fmt.Sprintf(" checksum %d+%d", h.CsumStart(), h.CsumOffset())
	}
	return s
}

// Decode sets the metadata of f, whose data is there already. The offsets are believed only inside the frame.
func (h Header) Decode(f *link.Frame) error {
	if h.Flags()&flagNeedsChecksum != 0 {
		if int(h.CsumStart())+int(h.CsumOffset())+checksumLen > f.Len() {
			return fmt.Errorf("%w: %v for %d octets", errHeader, h, f.Len())
		}
		f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, h.CsumStart(), h.CsumOffset()
	}
	// With both flags the sum in the field is partial all the same.
	f.DataValid = h.Flags()&flagDataValid != 0 && !f.NeedsChecksum
	switch h.GSOType() {
	case gsoNone:
		return nil
	case gsoTCPv4:
		f.GSO = link.GSOTCPv4
	case gsoTCPv6:
		f.GSO = link.GSOTCPv6
	case gsoUDPL4:
		f.GSO = link.GSOUDP
	default:
		return fmt.Errorf("%w: %v: unknown type", errHeader, h)
	}
	if f.GSOSize = h.GSOSize(); f.GSOSize == 0 {
		return fmt.Errorf("%w: %v: segments without payload", errHeader, h)
	}
	return nil
}

// Encode writes the metadata of f into h.
func (h Header) Encode(f *link.Frame) error {
	clear(h)
	if f.NeedsChecksum {
		if int(f.CsumStart)+int(f.CsumOffset)+checksumLen > f.Len() {
			return fmt.Errorf("%w: checksum at %d+%d of %d octets", errHeader, f.CsumStart, f.CsumOffset, f.Len())
		}
		h[offFlags] = flagNeedsChecksum
		h.putU16(offCsumStart, f.CsumStart)
		h.putU16(offCsumOffset, f.CsumOffset)
	} else if f.DataValid {
		h[offFlags] = flagDataValid
	}
	if f.GSO == link.GSONone {
		return nil
	}
	if f.GSOSize == 0 {
		return fmt.Errorf("%w: segments without payload", errHeader)
	}
	h[offGSOType] = gsoType(f.GSO)
	h.putU16(offGSOSize, f.GSOSize)
	h.putU16(offHeaderLen, headersLen(f))
	return nil
}

func gsoType(g link.GSO) uint8 {
	switch g {
	case link.GSOTCPv4:
		return gsoTCPv4
	case link.GSOTCPv6:
		return gsoTCPv6
	case link.GSOUDP:
		return gsoUDPL4
	}
	return gsoNone
}

// headersLen is the length of f's headers, as far as the checksum's place tells it. It is a hint: the kernel keeps that
// many octets in one piece.
func headersLen(f *link.Frame) uint16 {
	const udpHeaderLen, tcpMinLen, tcpDataOffset = 8, 20, 12
	if !f.NeedsChecksum {
		return 0
	}
	if f.GSO == link.GSOUDP {
		return f.CsumStart + udpHeaderLen
	}
	head := f.Head()
	if int(f.CsumStart)+tcpDataOffset >= len(head) {
		return f.CsumStart + tcpMinLen
	}
	return f.CsumStart + max(tcpMinLen, uint16(head[f.CsumStart+tcpDataOffset]>>4)*4)
}
