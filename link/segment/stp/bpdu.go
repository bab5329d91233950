package stp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"tapestry/link/ethernet"
)

// GroupAddr is where BPDUs are sent (IEEE 802.1D-1998 Table 7-9).
var GroupAddr = ethernet.Addr{0x01, 0x80, 0xc2, 0, 0, 0}

// Why octets are no BPDU.
var (
	ErrShort    = errors.New("stp: short BPDU")
	ErrProtocol = errors.New("stp: not the spanning tree's protocol identifier")
	ErrType     = errors.New("stp: unknown BPDU type")
	ErrAge      = errors.New("stp: message age reaches max age")
)

// Type is what a BPDU is for (IEEE 802.1D-1998 §9.2.3).
type Type uint8

// The types.
const (
	TypeConfig Type = 0x00
	TypeTCN    Type = 0x80
)

// String names the type.
func (t Type) String() string {
	switch t {
	case TypeConfig:
		return "config"
	case TypeTCN:
		return "tcn"
	}
	return fmt.Sprintf("0x%02x", uint8(t))
}

// Flags of a configuration BPDU (IEEE 802.1D-1998 §9.3.1).
type Flags uint8

// The flags.
const (
	TopologyChange    Flags = 0x01
	TopologyChangeAck Flags = 0x80
)

// BridgeID is a bridge's priority and address, as one number: the lowest is the root (IEEE 802.1D-1998 §9.2.5).
type BridgeID uint64

// NewBridgeID makes an identifier.
func NewBridgeID(priority uint16, a ethernet.Addr) BridgeID {
	var b [8]byte
	binary.BigEndian.PutUint16(b[:], priority)
	copy(b[2:], a[:])
	return BridgeID(binary.BigEndian.Uint64(b[:]))
}

// Priority is the part that an administrator sets.
func (id BridgeID) Priority() uint16 { return uint16(id >> 48) }

// Addr is the bridge's address.
func (id BridgeID) Addr() ethernet.Addr {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	return ethernet.Addr(b[2:])
}

// String gives the identifier as tools of the kernel do: 8000.02:00:00:00:00:01.
func (id BridgeID) String() string { return fmt.Sprintf("%04x.%v", id.Priority(), id.Addr()) }

// MarshalText gives String.
func (id BridgeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// PortID is a port's priority, in the upper four bits, and its number (IEEE 802.1D-2004 §9.2.7).
type PortID uint16

// MaxPort is the highest number of a port.
const MaxPort = 0xfff

// NewPortID makes an identifier; priority is in steps of 16.
func NewPortID(priority uint8, number int) PortID {
	return PortID(priority&0xf0)<<8 | PortID(number&MaxPort)
}

// Number is the port's number.
func (id PortID) Number() int { return int(id & MaxPort) }

// String gives the identifier in hexadecimal.
func (id PortID) String() string { return fmt.Sprintf("%04x", uint16(id)) }

// MarshalText gives String.
func (id PortID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Ticks is a time in 256ths of a second (IEEE 802.1D-1998 §9.2.8).
type Ticks uint16

// NewTicks rounds d, which must be within the range of a field.
func NewTicks(d time.Duration) Ticks {
	return Ticks(min(max(0, d.Seconds()*256), 65535))
}

// Duration is the time.
func (t Ticks) Duration() time.Duration { return time.Duration(t) * time.Second / 256 }

// BPDU is what bridges tell each other (IEEE 802.1D-1998 §9.3). Of a topology change notification the type alone counts.
type BPDU struct {
	Type         Type
	Version      uint8
	Flags        Flags
	Root         BridgeID
	Cost         uint32 // of the sender's path to the root
	Bridge       BridgeID
	Port         PortID
	MessageAge   Ticks // since the root sent what this follows from
	MaxAge       Ticks
	HelloTime    Ticks
	ForwardDelay Ticks
}

// Lengths in octets, and where the fields are (IEEE 802.1D-1998 §9.3.1, §9.3.2).
const (
	tcnLen    = 4
	configLen = 35

	offVersion      = 2
	offType         = 3
	offFlags        = 4
	offRoot         = 5
	offCost         = 13
	offBridge       = 17
	offPort         = 25
	offMessageAge   = 27
	offMaxAge       = 29
	offHelloTime    = 31
	offForwardDelay = 33
)

// Parse reads the payload of an LLC frame to [GroupAddr]. What follows the fields is ignored (IEEE 802.1D-1998 §9.3.4),
// and so is the version: later ones only add.
func Parse(b []byte) (BPDU, error) {
	if len(b) < tcnLen {
		return BPDU{}, ErrShort
	}
	if binary.BigEndian.Uint16(b) != 0 {
		return BPDU{}, ErrProtocol
	}
	m := BPDU{Type: Type(b[offType]), Version: b[offVersion]}
	switch {
	case m.Type == TypeTCN:
		return m, nil
	case m.Type != TypeConfig:
		return BPDU{}, fmt.Errorf("%w %v", ErrType, m.Type)
	case len(b) < configLen:
		return BPDU{}, ErrShort
	}
	m.Flags = Flags(b[offFlags])
	m.Root = BridgeID(binary.BigEndian.Uint64(b[offRoot:]))
	m.Cost = binary.BigEndian.Uint32(b[offCost:])
	m.Bridge = BridgeID(binary.BigEndian.Uint64(b[offBridge:]))
	m.Port = PortID(binary.BigEndian.Uint16(b[offPort:]))
	m.MessageAge = Ticks(binary.BigEndian.Uint16(b[offMessageAge:]))
	m.MaxAge = Ticks(binary.BigEndian.Uint16(b[offMaxAge:]))
	m.HelloTime = Ticks(binary.BigEndian.Uint16(b[offHelloTime:]))
	m.ForwardDelay = Ticks(binary.BigEndian.Uint16(b[offForwardDelay:]))
	if m.MessageAge >= m.MaxAge {
		return BPDU{}, ErrAge
	}
	return m, nil
}

// AppendTo appends the BPDU to b.
func (m BPDU) AppendTo(b []byte) []byte {
	b = append(b, 0, 0) // protocol identifier
	b = append(b, m.Version)
	b = append(b, byte(m.Type))
	if m.Type == TypeTCN {
		return b
	}
	b = append(b, byte(m.Flags))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Root))
	b = binary.BigEndian.AppendUint32(b, m.Cost)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Bridge))
	b = binary.BigEndian.AppendUint16(b, uint16(m.Port))
	b = binary.BigEndian.AppendUint16(b, uint16(m.MessageAge))
	b = binary.BigEndian.AppendUint16(b, uint16(m.MaxAge))
	b = binary.BigEndian.AppendUint16(b, uint16(m.HelloTime))
	return binary.BigEndian.AppendUint16(b, uint16(m.ForwardDelay))
}

// String describes the BPDU on one line.
func (m BPDU) String() string {
	if m.Type == TypeTCN {
		return "STP tcn"
	}
	s := fmt.Sprintf("STP %v root %v cost %d bridge %v port %v age %v", m.Type, m.Root, m.Cost, m.Bridge, m.Port, m.MessageAge.Duration())
	if m.Flags&TopologyChange != 0 {
		s += " topology-change"
	}
	if m.Flags&TopologyChangeAck != 0 {
		s += " ack"
	}
	return s
}
