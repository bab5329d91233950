package netbios

import (
	"encoding/binary"
	"fmt"
)

// Opcode is what an NMPI packet does.
type Opcode uint8

// The opcodes, as Wireshark names them.
const (
	ClaimName         Opcode = 0xf1
	DeleteName        Opcode = 0xf2
	QueryName         Opcode = 0xf3
	NameFound         Opcode = 0xf4
	MessengerHangup   Opcode = 0xf5
	MailslotWrite     Opcode = 0xfc
	FindMailslotName  Opcode = 0xfd
	MailslotNameFound Opcode = 0xfe
)

// String gives the name, or "opcode f0".
func (o Opcode) String() string {
	switch o {
	case ClaimName:
		return "Claim name"
	case DeleteName:
		return "Delete name"
	case QueryName:
		return "Query name"
	case NameFound:
		return "Name found"
	case MessengerHangup:
		return "Messenger hangup"
	case MailslotWrite:
		return "Mailslot write"
	case FindMailslotName:
		return "Find mailslot name"
	case MailslotNameFound:
		return "Mailslot name found"
	}
	return fmt.Sprintf("opcode %02x", uint8(o))
}

// NameType is whose name an NMPI packet is about.
type NameType uint8

// The name types, as Wireshark names them.
const (
	Machine   NameType = 1
	Workgroup NameType = 2
	Browser   NameType = 3
)

// String gives the name, or "type 4".
func (t NameType) String() string {
	switch t {
	case Machine:
		return "Machine"
	case Workgroup:
		return "Workgroup"
	case Browser:
		return "Browser"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// NMPI is a packet of the Name Management Protocol over IPX, socket 0553. It always has the list of networks.
type NMPI struct {
	Networks  List
	Opcode    Opcode
	NameType  NameType
	ID        uint16
	Requested Name
	Source    Name
	Data      []byte // what follows; it is borrowed
}

const (
	nmpiHeadLen = NetworksLen + 4
	nmpiLen     = nmpiHeadLen + 2*NameLen
)

// ParseNMPI reads the data of a packet to or from socket 0553.
func ParseNMPI(b []byte) (NMPI, error) {
	if len(b) < nmpiLen {
		return NMPI{}, ErrShort
	}
	return NMPI{
		Networks:  Networks(b).list(),
		Opcode:    Opcode(b[NetworksLen]),
		NameType:  NameType(b[NetworksLen+1]),
		ID:        binary.LittleEndian.Uint16(b[NetworksLen+2:]),
		Requested: Name(b[nmpiHeadLen:][:NameLen]),
		Source:    Name(b[nmpiHeadLen+NameLen:][:NameLen]),
		Data:      b[nmpiLen:len(b):len(b)],
	}, nil
}

// AppendTo appends the packet.
func (m NMPI) AppendTo(b []byte) []byte {
	b = m.Networks.AppendTo(b)
	b = append(b, byte(m.Opcode), byte(m.NameType))
	b = binary.LittleEndian.AppendUint16(b, m.ID)
	b = append(append(b, m.Requested[:]...), m.Source[:]...)
	return append(b, m.Data...)
}

// String describes the packet on one line.
func (m NMPI) String() string {
	return fmt.Sprintf("%v %v (%v) from %v, id %d, %d octets",
		m.Opcode, m.Requested, m.NameType, m.Source, m.ID, len(m.Data))
}
