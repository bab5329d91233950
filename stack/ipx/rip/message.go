package rip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"tapestry/internal/ipxwire"
)

// Operation is what a packet wants.
type Operation uint16

// The operations.
const (
	Request  Operation = 1
	Response Operation = 2
)

// String gives the name, or "operation 7".
func (o Operation) String() string {
	switch o {
	case Request:
		return "Request"
	case Response:
		return "Response"
	}
	return fmt.Sprintf("operation %d", uint16(o))
}

// The shape of a packet: an operation of two octets, then entries.
const (
	EntryLen   = 8
	MaxEntries = 50  // that are written into one packet
	maxParsed  = 511 // that are read from one: a packet of 4096 octets, which some routers can be told to send
	headerLen  = 2
)

// Down is the number of hops of a network that cannot be reached.
const Down = 16

// Reserved network numbers.
const (
	All     = ipxwire.AllNetworks         // in a request: every route
	Default = ipxwire.Network(0xfffffffe) // the route for networks without one
)

// Why octets are no packet.
var (
	ErrShort   = errors.New("ipx rip: packet shorter than an operation and whole entries of 8 octets")
	ErrEntries = errors.New("ipx rip: more than 511 entries")
)

// Entry is one network, and how far it is. In a request only the network counts.
type Entry struct {
	Network ipxwire.Network
	Hops    uint16
	Ticks   uint16 // of 1/18 s
}

// AppendTo appends the eight octets of the entry.
func (e Entry) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.Network))
	b = binary.BigEndian.AppendUint16(b, e.Hops)
	return binary.BigEndian.AppendUint16(b, e.Ticks)
}

// String gives "0000cafe 1 hops 2 ticks".
func (e Entry) String() string { return fmt.Sprintf("%v %d hops %d ticks", e.Network, e.Hops, e.Ticks) }

// Message is a view of a packet: no accessor can panic after Parse. It borrows the memory it was parsed from.
type Message []byte

// Parse checks that b is an operation and whole entries.
func Parse(b []byte) (Message, error) {
	switch n := len(b) - headerLen; {
	case n < 0 || n%EntryLen != 0:
		return nil, ErrShort
	case n > maxParsed*EntryLen:
		return nil, ErrEntries
	}
	return Message(b), nil
}

// Operation is what the packet wants.
func (m Message) Operation() Operation { return Operation(binary.BigEndian.Uint16(m)) }

// Len is the number of entries.
func (m Message) Len() int { return (len(m) - headerLen) / EntryLen }

// Entry gives entry i of Len.
func (m Message) Entry(i int) Entry {
	b := m[headerLen+i*EntryLen:]
	return Entry{
		Network: ipxwire.Network(binary.BigEndian.Uint32(b)),
		Hops:    binary.BigEndian.Uint16(b[4:]),
		Ticks:   binary.BigEndian.Uint16(b[6:]),
	}
}

// String describes the packet on one line.
func (m Message) String() string {
	var s strings.Builder
	s.WriteString(m.Operation().String())
	for i := range m.Len() {
		if e := m.Entry(i); m.Operation() == Request {
			fmt.Fprintf(&s, ", %v", e.Network)
		} else {
			fmt.Fprintf(&s, ", %v", e)
		}
	}
	return s.String()
}

// Append appends a packet.
func Append(b []byte, op Operation, entries ...Entry) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	for _, e := range entries {
		b = e.AppendTo(b)
	}
	return b
}
