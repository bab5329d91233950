package sap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"tapestry/internal/ipxwire"
)

// Operation is what a packet wants.
type Operation uint16

// The operations, as Wireshark names them.
const (
	GeneralQuery    Operation = 1
	GeneralResponse Operation = 2
	NearestQuery    Operation = 3 // NetWare's Get Nearest Server
	NearestResponse Operation = 4
)

// String gives the name, or "operation 7".
func (o Operation) String() string {
	switch o {
	case GeneralQuery:
		return "General Query"
	case GeneralResponse:
		return "General Response"
	case NearestQuery:
		return "Nearest Query"
	case NearestResponse:
		return "Nearest Response"
	}
	return fmt.Sprintf("operation %d", uint16(o))
}

func (o Operation) isQuery() bool    { return o == GeneralQuery || o == NearestQuery }
func (o Operation) isResponse() bool { return o == GeneralResponse || o == NearestResponse }

// The shape of a packet: an operation of two octets, then the type asked for, or entries.
const (
	EntryLen   = 64
	MaxEntries = 7  // that are written into one packet
	maxParsed  = 63 // that are read from one: a packet of 4096 octets, which some routers can be told to send
	headerLen  = 2
	queryLen   = headerLen + 2
)

// Down is the number of hops of a service that is gone.
const Down = 16

// Why octets are no packet.
var (
	ErrShort   = errors.New("ipx sap: packet shorter than a type, or than whole entries of 64 octets")
	ErrEntries = errors.New("ipx sap: more than 63 entries")
)

// NameLen is the length of a name's field.
const NameLen = 48

// Name is the name of a service, with zeros after it. Stations send what they like in it.
type Name [NameLen]byte

// ErrName tells that a name cannot be one.
var ErrName = errors.New("ipx sap: want a name of 1 to 47 printable ASCII characters")

// MakeName gives the name in upper case, as all names are.
func MakeName(s string) (n Name, err error) {
	if s == "" || len(s) >= NameLen {
		return Name{}, ErrName
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return Name{}, ErrName
		}
	}
	copy(n[:], strings.ToUpper(s))
	return n, nil
}

// clean zeroes what follows the first zero.
func (n Name) clean() Name {
	if i := bytes.IndexByte(n[:], 0); i >= 0 {
		clear(n[i:])
	}
	return n
}

// String gives the name up to the first zero in printable ASCII: other octets as \x1b, and a backslash as two.
func (n Name) String() string {
	b := n[:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	s := make([]byte, 0, NameLen)
	for _, c := range b {
		switch {
		case c == '\\':
			s = append(s, `\\`...)
		case c < ' ' || c > '~':
			s = fmt.Appendf(s, `\x%02x`, c)
		default:
			s = append(s, c)
		}
	}
	return string(s)
}

// Entry is one service, and how far it is.
type Entry struct {
	Type Type
	Name Name
	Addr ipxwire.Addr
	Hops uint16
}

// AppendTo appends the 64 octets of the entry.
func (e Entry) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(e.Type))
	b = append(b, e.Name[:]...)
	b = e.Addr.AppendTo(b)
	return binary.BigEndian.AppendUint16(b, e.Hops)
}

// String gives "ALPHA, File Server (SLIST source), 0000cafe:020000000001:0451, 1 hops".
func (e Entry) String() string {
	return fmt.Sprintf("%v, %v, %v, %d hops", e.Name, e.Type, e.Addr, e.Hops)
}

// Message is a view of a packet: no accessor can panic after Parse. It borrows the memory it was parsed from.
type Message []byte

// Parse checks the lengths of a packet: a query has a type, a response one entry at least, and whole ones.
func Parse(b []byte) (Message, error) {
	if len(b) < queryLen {
		return nil, ErrShort
	}
	m := Message(b)
	switch n := len(b) - headerLen; {
	case !m.Operation().isResponse():
	case n%EntryLen != 0:
		return nil, ErrShort
	case n > maxParsed*EntryLen:
		return nil, ErrEntries
	}
	return m, nil
}

// Operation is what the packet wants.
func (m Message) Operation() Operation { return Operation(binary.BigEndian.Uint16(m)) }

// Type is the type that a query asks for, and zero in all else.
func (m Message) Type() Type {
	if !m.Operation().isQuery() {
		return 0
	}
	return Type(binary.BigEndian.Uint16(m[headerLen:]))
}

// Len is the number of entries of a response, and zero of all else.
func (m Message) Len() int {
	if !m.Operation().isResponse() {
		return 0
	}
	return (len(m) - headerLen) / EntryLen
}

// Entry gives entry i of Len.
func (m Message) Entry(i int) Entry {
	b := m[headerLen+i*EntryLen:][:EntryLen]
	return Entry{
		Type: Type(binary.BigEndian.Uint16(b)),
		Name: Name(b[2:50]),
		Addr: ipxwire.Addr{
			Net:    ipxwire.Network(binary.BigEndian.Uint32(b[50:])),
			Node:   ipxwire.Node(b[54:60]),
			Socket: ipxwire.Socket(binary.BigEndian.Uint16(b[60:])),
		},
		Hops: binary.BigEndian.Uint16(b[62:]),
	}
}

// String describes the packet on one line.
func (m Message) String() string {
	var s strings.Builder
	s.WriteString(m.Operation().String())
	if m.Operation().isQuery() {
		fmt.Fprintf(&s, ", %v", m.Type())
	}
	for i := range m.Len() {
		fmt.Fprintf(&s, "; %v", m.Entry(i))
	}
	return s.String()
}

// AppendQuery appends a query.
func AppendQuery(b []byte, op Operation, t Type) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	return binary.BigEndian.AppendUint16(b, uint16(t))
}

// AppendResponse appends a response.
func AppendResponse(b []byte, op Operation, entries ...Entry) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	for _, e := range entries {
		b = e.AppendTo(b)
	}
	return b
}
