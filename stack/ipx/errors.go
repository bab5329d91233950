package ipx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"tapestry/internal/ipxwire"
)

// ErrorNumber is what went wrong with a packet, in the error protocol (Xerox, Internet Transport Protocols, XSIS
// 028112, Error Protocol; 4.3BSD's netns has the same numbers).
type ErrorNumber uint16

// The errors: the first four happened at the destination, the others on the way there.
const (
	ErrorUnspecified        ErrorNumber = 0
	ErrorChecksum           ErrorNumber = 1
	ErrorNoSocket           ErrorNumber = 2
	ErrorResources          ErrorNumber = 3
	ErrorUnspecifiedOnRoute ErrorNumber = 0x200
	ErrorChecksumOnRoute    ErrorNumber = 0x201
	ErrorUnreachable        ErrorNumber = 0x202
	ErrorTooOld             ErrorNumber = 0x203 // too many hops
	ErrorTooBig             ErrorNumber = 0x204 // the parameter is the most that the next link takes
)

// String says what went wrong.
func (e ErrorNumber) String() string {
	switch e {
	case ErrorUnspecified:
		return "unspecified error"
	case ErrorChecksum:
		return "bad checksum"
	case ErrorNoSocket:
		return "no such socket"
	case ErrorResources:
		return "no room"
	case ErrorUnspecifiedOnRoute:
		return "unspecified error on the way"
	case ErrorChecksumOnRoute:
		return "bad checksum on the way"
	case ErrorUnreachable:
		return "unreachable"
	case ErrorTooOld:
		return "too many hops"
	case ErrorTooBig:
		return "too big"
	}
	return fmt.Sprintf("error %04x", uint16(e))
}

// ErrorMessage is a packet of the error protocol: number, parameter, and the start of the packet that it is about.
type ErrorMessage struct {
	Number ErrorNumber
	Param  uint16
	Packet []byte // header and some data
}

// errorQuote is how much of a packet is sent back: its header, and as much as SPX has.
const errorQuote = ipxwire.HeaderLen + 12

const errorHead = 4 // octets before the quoted packet

var errErrorShort = errors.New("ipx: short error packet")

// ParseErrorMessage reads the data of an error packet. Packet borrows b.
func ParseErrorMessage(b []byte) (ErrorMessage, error) {
	if len(b) < errorHead+ipxwire.HeaderLen {
		return ErrorMessage{}, errErrorShort
	}
	return ErrorMessage{
		Number: ErrorNumber(binary.BigEndian.Uint16(b)),
		Param:  binary.BigEndian.Uint16(b[2:]),
		Packet: b[errorHead:],
	}, nil
}

// AppendTo appends the data of an error packet.
func (e ErrorMessage) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(e.Number))
	b = binary.BigEndian.AppendUint16(b, e.Param)
	return append(b, e.Packet...)
}

// errorSocket hears what others say about packets of this node's.
type errorSocket struct{ n *Node }

// Describe names the owner of the socket.
func (*errorSocket) Describe() SocketInfo { return SocketInfo{Owner: "error"} }

// Receive counts an error and tells it.
func (s *errorSocket) Receive(now time.Time, _ PortID, h ipxwire.Header) {
	e, err := ParseErrorMessage(h.Data())
	if err != nil || h.Type() != ipxwire.TypeError {
		s.n.stats.drop.errors++
		return
	}
	s.n.stats.errorsIn++
	if s.n.cfg.OnError != nil {
		s.n.cfg.OnError(now, h, e)
	}
}

// complain tells the sender of a packet what became of it, if the configuration wants that. Nobody hears of an error
// about an error, a broadcast, or a packet from nobody.
func (n *Node) complain(now time.Time, p *port, h Header, number ErrorNumber, param uint16) {
	dst, src := h.Destination(), h.Source()
	if !n.cfg.SendErrors || h.Type() == ipxwire.TypeError {
		return
	}
	if dst.Node.IsGroup() || src.Node.IsZero() || n.arrived.from.IsZero() {
		return
	}
	if !n.errors.take(now, n.cfg.ErrorRate) {
		n.stats.drop.errorRate++
		return
	}
	n.stats.errorsOut++
	var room [errorHead + errorQuote]byte
	e := ErrorMessage{Number: number, Param: param, Packet: h[:min(len(h), errorQuote)]}
	to := n.Source(p.id, h)
	to.Socket = ipxwire.SocketError
	f := Fields{Type: ipxwire.TypeError, Destination: to, Source: Addr{Socket: ipxwire.SocketError}}
	n.sendBack(now, p.id, f, e.AppendTo(room[:0]))
}

// bucket lets a number of events pass in a second, and as many at once.
type bucket struct {
	full time.Time // when none will have passed for long enough
}

// take reports whether one more may pass.
func (b *bucket) take(now time.Time, rate int) bool {
	each := time.Second / time.Duration(rate)
	if b.full.Before(now) {
		b.full = now
	}
	if b.full.Sub(now)+each > time.Second {
		return false
	}
	b.full = b.full.Add(each)
	return true
}
