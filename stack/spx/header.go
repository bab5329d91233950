package spx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"tapestry/internal/ipxwire"
)

// Lengths of a packet without data, in octets, the header of IPX included.
const (
	HeaderLen  = 42 // SPX, and the connection request of SPX II
	Header2Len = 44 // SPX II, whose packets end their header with a size
)

// MaxPacket is the longest packet of SPX, and the shortest maximum of SPX II: what every router passes on.
const MaxPacket = ipxwire.DefaultMax

// Control is the field Connection Control.
type Control uint8

// The bits of Connection Control. SPX knows the upper four, SPX II all.
const (
	ControlExtended  Control = 0x01 // an extended header: nobody is known to send one
	ControlReserved  Control = 0x02
	ControlNegotiate Control = 0x04 // the packet size is negotiated
	ControlSPX2      Control = 0x08 // the sender speaks SPX II
	ControlEOM       Control = 0x10 // end of message: the client's
	ControlAttention Control = 0x20 // the client's
	ControlAck       Control = 0x40 // an acknowledgement is wanted
	ControlSystem    Control = 0x80 // not for the client, and without a sequence number
)

// String gives the name, as Wireshark has it, of the bits that SPX knows.
func (c Control) String() string {
	switch c & 0xf0 {
	case 0:
		return "Data, No Ack Required"
	case ControlEOM:
		return "End-of-Message"
	case ControlAttention:
		return "Attention"
	case ControlAck:
		return "Acknowledgment Required"
	case ControlAck | ControlEOM:
		return "Send Ack: End Message"
	case ControlSystem:
		return "System Packet"
	case ControlSystem | ControlAck:
		return "System Packet: Send Ack"
	}
	return "Unknown"
}

// Datastream types that are not the client's.
const (
	StreamReleaseRequest uint8 = 0xfc // SPX II: the end of one direction, by another table of numbers
	StreamRelease        uint8 = 0xfd // SPX II: the end of one direction
	StreamEnd            uint8 = 0xfe // end of connection
	StreamEndAck         uint8 = 0xff
)

// UnknownID is the destination's connection identifier in a connection request.
const UnknownID = 0xffff

// Why octets are no packet of SPX.
var (
	ErrShort = errors.New("spx: short packet")
	ErrType  = errors.New("spx: packet type is not 5")
)

// Why a packet is not made.
var (
	ErrSize      = fmt.Errorf("spx: data too long for a packet: %w", syscall.EMSGSIZE)
	ErrBroadcast = fmt.Errorf("spx: a connection has one peer, not a broadcast address: %w", syscall.EINVAL)
)

// Offsets of the fields behind the header of IPX, all of them big-endian.
const (
	offControl     = 30
	offStream      = 31
	offSource      = 32
	offDestination = 34
	offSequence    = 36
	offAcknowledge = 38
	offAllocation  = 40
	offSize        = 42
)

// Header is a view of a packet from the header of IPX on: no accessor can panic after ParseHeader. It borrows the
// memory it was parsed from.
type Header []byte

// ParseHeader checks the lengths and the type of a packet. A packet of SPX II without the size that belongs to its
// header is accepted if it is a system packet, which has nothing behind it (some of Novell's ends leave it out).
func ParseHeader(b []byte) (Header, error) {
	p, err := ipxwire.ParseHeader(b)
	if err != nil {
		return nil, err
	}
	if p.Type() != ipxwire.TypeSPX {
		return nil, ErrType
	}
	if len(p) < HeaderLen {
		return nil, ErrShort
	}
	h := Header(p)
	if h.isSized() && len(h) < Header2Len && h.Control()&ControlSystem == 0 {
		return nil, ErrShort
	}
	return h, nil
}

// isSized reports whether the header ends with a size: all of SPX II do but the connection request.
func (h Header) isSized() bool {
	return h.Control()&ControlSPX2 != 0 && h.DestinationID() != UnknownID
}

// IPX is the packet as IPX sees it.
func (h Header) IPX() ipxwire.Header { return ipxwire.Header(h) }

// Control is Connection Control.
func (h Header) Control() Control { return Control(h[offControl]) }

// Stream is Datastream Type.
func (h Header) Stream() uint8 { return h[offStream] }

// SourceID is the sender's identifier of the connection.
func (h Header) SourceID() uint16 { return binary.BigEndian.Uint16(h[offSource:]) }

// DestinationID is the receiver's, or UnknownID.
func (h Header) DestinationID() uint16 { return binary.BigEndian.Uint16(h[offDestination:]) }

// Sequence is the packet's number. A negative acknowledgement of SPX II has here how many packets are missing.
func (h Header) Sequence() uint16 { return binary.BigEndian.Uint16(h[offSequence:]) }

// Acknowledge is the number that the sender expects next.
func (h Header) Acknowledge() uint16 { return binary.BigEndian.Uint16(h[offAcknowledge:]) }

// Allocation is the highest number that the sender has room for.
func (h Header) Allocation() uint16 { return binary.BigEndian.Uint16(h[offAllocation:]) }

// Size is the packet size of SPX II, header included; zero where the packet has none.
func (h Header) Size() uint16 {
	if !h.isSized() || len(h) < Header2Len {
		return 0
	}
	return binary.BigEndian.Uint16(h[offSize:])
}

// Data is what follows the header.
func (h Header) Data() []byte {
	if h.isSized() && len(h) >= Header2Len {
		return h[Header2Len:]
	}
	return h[HeaderLen:]
}

// String describes the packet on one line.
func (h Header) String() string {
	s := fmt.Sprintf("%v > %v, SPX %v", h.IPX().Source(), h.IPX().Destination(), h.Control())
	switch h.Stream() {
	case StreamEnd:
		s += " (End-of-Connection)"
	case StreamEndAck:
		s += " (End-of-Connection Acknowledgment)"
	}
	s += fmt.Sprintf(", 0x%02x type 0x%02x, %04x>%04x, seq %d, ack %d, alloc %d", uint8(h.Control()), h.Stream(),
		h.SourceID(), h.DestinationID(), h.Sequence(), h.Acknowledge(), h.Allocation())
	if n := h.Size(); n != 0 {
		s += fmt.Sprintf(", size %d", n)
	}
	return s + fmt.Sprintf(", %d octets", len(h.Data()))
}

// Fields is the content of a header behind that of IPX, to write it.
type Fields struct {
	Control     Control
	Stream      uint8
	Source      uint16
	Destination uint16
	Sequence    uint16
	Acknowledge uint16
	Allocation  uint16
	Size        uint16 // SPX II
}

// Len is how many octets AppendTo appends.
func (f Fields) Len() int {
	if f.Control&ControlSPX2 != 0 && f.Destination != UnknownID {
		return Header2Len - ipxwire.HeaderLen
	}
	return HeaderLen - ipxwire.HeaderLen
}

// AppendTo appends what stands between the header of IPX and the data.
func (f Fields) AppendTo(b []byte) []byte {
	b = append(b, byte(f.Control), f.Stream)
	b = binary.BigEndian.AppendUint16(b, f.Source)
	b = binary.BigEndian.AppendUint16(b, f.Destination)
	b = binary.BigEndian.AppendUint16(b, f.Sequence)
	b = binary.BigEndian.AppendUint16(b, f.Acknowledge)
	b = binary.BigEndian.AppendUint16(b, f.Allocation)
	if f.Len() > HeaderLen-ipxwire.HeaderLen {
		b = binary.BigEndian.AppendUint16(b, f.Size)
	}
	return b
}

// AppendPacket appends a whole packet of at most max octets.
func AppendPacket(b []byte, to, from ipxwire.Addr, f Fields, data []byte, max int) ([]byte, error) {
	n := f.Len() + len(data)
	switch {
	case to.Node.IsGroup():
		return b, ErrBroadcast
	case ipxwire.HeaderLen+n > max:
		return b, ErrSize
	}
	b = ipxwire.Fields{Type: ipxwire.TypeSPX, Destination: to, Source: from}.AppendTo(b, n)
	return append(f.AppendTo(b), data...), nil
}
