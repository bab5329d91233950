package netbios

import (
	"encoding/binary"
	"fmt"
)

// Type is the datastream type of an NBIPX packet: what it does.
type Type uint8

// The datastream types, as Wireshark names them.
const (
	FindName         Type = 1
	NameRecognized   Type = 2
	CheckName        Type = 3
	NameInUse        Type = 4
	DeregisterName   Type = 5
	SessionData      Type = 6
	SessionEnd       Type = 7
	SessionEndACK    Type = 8
	StatusQuery      Type = 9
	StatusResponse   Type = 10
	DirectedDatagram Type = 11
)

// String gives the name, or "type 12".
func (t Type) String() string {
	switch t {
	case FindName:
		return "Find name"
	case NameRecognized:
		return "Name recognized"
	case CheckName:
		return "Check name"
	case NameInUse:
		return "Name in use"
	case DeregisterName:
		return "Deregister name"
	case SessionData:
		return "Session data"
	case SessionEnd:
		return "Session end"
	case SessionEndACK:
		return "Session end ACK"
	case StatusQuery:
		return "Status query"
	case StatusResponse:
		return "Status response"
	case DirectedDatagram:
		return "Directed datagram"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

func (t Type) isName() bool    { return t >= FindName && t <= DeregisterName }
func (t Type) isSession() bool { return t >= SessionData && t <= SessionEndACK }

// NameFlags is the first octet of what is about a name.
type NameFlags uint8

// The flags of a name.
const (
	NameGroup        NameFlags = 0x80
	NameUsed         NameFlags = 0x40
	NameRegistered   NameFlags = 0x04
	NameDuplicated   NameFlags = 0x02
	NameDeregistered NameFlags = 0x01
)

// Control is the first octet of session packets and datagrams.
type Control uint8

// The bits of Control, which are those of SPX.
const (
	ControlSystem    Control = 0x80
	ControlACK       Control = 0x40
	ControlAttention Control = 0x20
	ControlEOM       Control = 0x10
	ControlResend    Control = 0x08
)

// Session is the header of a session packet.
type Session struct {
	SourceID        uint16
	DestinationID   uint16
	SendSequence    uint16
	TotalLength     uint16
	Offset          uint16
	Length          uint16
	ReceiveSequence uint16
	BytesReceived   uint16
}

const sessionLen = 16

// Message is an NBIPX packet.
type Message struct {
	HasNetworks bool
	Networks    List
	Flags       uint8 // NameFlags of the types about names, Control of others
	Type        Type
	Name        Name    // of the types about names
	Receiver    Name    // of a datagram
	Sender      Name    // of a datagram
	Session     Session // of the session types
	Data        []byte  // what follows; it is borrowed
}

const (
	headLen      = 2
	nameQueryLen = NetworksLen + headLen + NameLen
)

// Parse reads the data of a packet to or from socket 0455. It has the list of networks if its packet type is 20, or
// if it is the answer to one: of the length of one, with a type about names where that is behind a list. That is how
// Wireshark tells them apart.
func Parse(b []byte, isPropagated bool) (m Message, err error) {
	if isPropagated || len(b) == nameQueryLen && Type(b[NetworksLen+1]).isName() {
		n, err := ParseNetworks(b)
		if err != nil {
			return Message{}, err
		}
		m.HasNetworks, m.Networks = true, n.list()
		b = b[NetworksLen:]
	}
	if len(b) < headLen {
		return Message{}, ErrShort
	}
	m.Flags, m.Type = b[0], Type(b[1])
	return m.parseRest(b[headLen:])
}

// parseRest reads what the type says follows.
func (m Message) parseRest(b []byte) (Message, error) {
	n := m.Type.fixedLen()
	if len(b) < n {
		return Message{}, ErrShort
	}
	switch {
	case m.Type.isName():
		m.Name = Name(b[:NameLen])
	case m.Type.isSession():
		m.Session = parseSession(b)
	case m.Type == DirectedDatagram:
		m.Receiver, m.Sender = Name(b[:NameLen]), Name(b[NameLen:2*NameLen])
	}
	m.Data = b[n:len(b):len(b)]
	return m, nil
}

// fixedLen is how much is between the type and the data.
func (t Type) fixedLen() int {
	switch {
	case t.isName():
		return NameLen
	case t.isSession():
		return sessionLen
	case t == DirectedDatagram:
		return 2 * NameLen
	}
	return 0
}

func parseSession(b []byte) Session {
	u16 := func(i int) uint16 { return binary.LittleEndian.Uint16(b[2*i:]) }
	return Session{
		SourceID: u16(0), DestinationID: u16(1), SendSequence: u16(2), TotalLength: u16(3),
		Offset: u16(4), Length: u16(5), ReceiveSequence: u16(6), BytesReceived: u16(7),
	}
}

// AppendTo appends the packet.
func (m Message) AppendTo(b []byte) []byte {
	if m.HasNetworks {
		b = m.Networks.AppendTo(b)
	}
	b = append(b, m.Flags, byte(m.Type))
	switch {
	case m.Type.isName():
		b = append(b, m.Name[:]...)
	case m.Type.isSession():
		b = m.Session.appendTo(b)
	case m.Type == DirectedDatagram:
		b = append(append(b, m.Receiver[:]...), m.Sender[:]...)
	}
	return append(b, m.Data...)
}

func (s Session) appendTo(b []byte) []byte {
	for _, v := range [...]uint16{
		s.SourceID, s.DestinationID, s.SendSequence, s.TotalLength,
		s.Offset, s.Length, s.ReceiveSequence, s.BytesReceived,
	} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

// String describes the packet on one line.
func (m Message) String() string {
	switch {
	case m.Type.isName():
		return fmt.Sprintf("%v %v%v", m.Type, m.Name, NameFlags(m.Flags))
	case m.Type.isSession():
		s := m.Session
		return fmt.Sprintf("%v %04x > %04x, send %d, receive %d, %d octets at %d of %d", m.Type, s.SourceID,
			s.DestinationID, s.SendSequence, s.ReceiveSequence, s.Length, s.Offset, s.TotalLength)
	case m.Type == DirectedDatagram:
		return fmt.Sprintf("%v %v > %v, %d octets", m.Type, m.Sender, m.Receiver, len(m.Data))
	}
	return fmt.Sprintf("%v, %d octets", m.Type, len(m.Data))
}

// String names the flags that are set, each after ", ".
func (f NameFlags) String() (s string) {
	for _, v := range []struct {
		bit  NameFlags
		name string
	}{
		{NameGroup, "group"}, {NameUsed, "used"}, {NameRegistered, "registered"}, {NameDuplicated, "duplicated"},
		{NameDeregistered, "deregistered"},
	} {
		if f&v.bit != 0 {
			s += ", " + v.name
		}
	}
	return s
}
