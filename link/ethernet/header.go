package ethernet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths in octets, without preamble and FCS.
const (
	HeaderLen = 14   // two addresses and type or length
	MinFrame  = 60   // shorter ones are padded on the wire (IEEE 802.3 §4.2.3.3)
	MaxLength = 1500 // largest value of a length field (IEEE 802.3 §3.2.6)
	TagLen    = 4
	MaxTags   = 2 // an 802.1ad service tag in front of an 802.1Q customer tag
	snapLen   = 8 // LLC with a control field of one octet, OUI, type
)

// Why a frame has no valid header.
var (
	ErrShort  = errors.New("ethernet: short frame")
	ErrLength = errors.New("ethernet: length field exceeds what arrived or 1500")
	ErrTags   = errors.New("ethernet: more than two tags")
)

// Kind is one of the frame types that share a wire.
type Kind uint8

// The frame types, with the names that NetWare gives them in the comment.
const (
	KindII   Kind = iota // Ethernet_II: a type after the addresses (RFC 894)
	KindRaw              // Ethernet_802.3: a length, then IPX at once, known by its checksum FF FF
	KindLLC              // Ethernet_802.2: a length, then LLC (IEEE 802.2 §3)
	KindSNAP             // Ethernet_SNAP: a length, LLC AA AA 03, then OUI and type (RFC 1042)
)

// String gives the kind's name as a lab's configuration spells it.
func (k Kind) String() string {
	switch k {
	case KindII:
		return "ethernet-ii"
	case KindRaw:
		return "802.3"
	case KindLLC:
		return "802.2"
	case KindSNAP:
		return "snap"
	}
	return "invalid"
}

// Header is a checked view of the headers of one frame: no accessor can panic. It borrows the memory it was parsed from.
type Header struct {
	b    []byte // from the destination address on; at least the headers
	size int    // octets of headers and payload, without pad where a length tells
	kind Kind
	tags uint8
	len  uint8 // octets before the payload
}

// Parse checks the headers of a whole frame.
func Parse(b []byte) (Header, error) { return ParseHeader(b, len(b)) }

// ParseHeader checks the headers of a frame of total octets, of which b is the beginning: the first chunk of it, say.
// Headers that do not lie in b are ErrShort.
func ParseHeader(b []byte, total int) (Header, error) {
	h := Header{b: b[:max(0, min(len(b), total))], size: total}
	off, err := h.parseTags()
	if err != nil {
		return Header{}, err
	}
	h.len = uint8(off + 2)
	t := binary.BigEndian.Uint16(h.b[off:])
	if EtherType(t) >= MinEtherType {
		return h, nil
	}
	if t > MaxLength || int(h.len)+int(t) > total {
		return Header{}, ErrLength
	}
	h.size = int(h.len) + int(t)
	return h.parse8023()
}

// parseTags skips the tags and returns where the type or length is.
func (h *Header) parseTags() (int, error) {
	off := 2 * AddrLen
	for {
		if off+2 > len(h.b) {
			return 0, ErrShort
		}
		if t := EtherType(binary.BigEndian.Uint16(h.b[off:])); t != TypeVLAN && t != TypeQinQ {
			return off, nil
		}
		if h.tags == MaxTags {
			return 0, ErrTags
		}
		h.tags++
		off += TagLen
	}
}

// parse8023 tells the three kinds with a length apart by the first octets of what it covers.
func (h Header) parse8023() (Header, error) {
	b := h.b[h.len:min(len(h.b), h.size)]
	switch {
	case len(b) >= 2 && b[0] == 0xff && b[1] == 0xff:
		h.kind = KindRaw
	case len(b) < 3:
		return Header{}, ErrShort
	case b[0] == 0xaa && b[1] == 0xaa && b[2] == 0x03:
		h.kind = KindSNAP
		h.len += snapLen
	default:
		h.kind = KindLLC
		h.len += uint8(llcLen(b[2]))
	}
	if int(h.len) > h.llc()+len(b) {
		return Header{}, ErrShort
	}
	return h, nil
}

// Kind is the frame type.
func (h Header) Kind() Kind { return h.kind }

// Destination is the address of the receiver.
func (h Header) Destination() Addr { return Addr(h.b[0:6]) }

// Source is the address of the sender.
func (h Header) Source() Addr { return Addr(h.b[6:12]) }

// Tags is how many tags there are.
func (h Header) Tags() int { return int(h.tags) }

// Tag is the i-th tag, the outermost first; the zero tag if there is none.
func (h Header) Tag(i int) Tag {
	if i < 0 || i >= int(h.tags) {
		return Tag{}
	}
	off := 2*AddrLen + i*TagLen
	return parseTag(h.b[off : off+TagLen])
}

// Type is the protocol of the payload: of Ethernet II, and of SNAP where the OUI says that an EtherType follows
// (RFC 1042, and 00-00-F8 of IEEE 802.1H). Zero otherwise.
func (h Header) Type() EtherType {
	switch h.kind {
	case KindII:
		return EtherType(binary.BigEndian.Uint16(h.b[h.len-2:]))
	case KindSNAP:
		if oui := h.OUI(); oui == (OUI{}) || oui == OUIBridge {
			return EtherType(h.PID())
		}
	}
	return 0
}

// LLC is the LLC header of 802.2 and SNAP; the zero value of the others.
func (h Header) LLC() LLC {
	if h.kind != KindLLC && h.kind != KindSNAP {
		return LLC{}
	}
	return parseLLC(h.b[h.llc():h.len])
}

// OUI tells who numbers the protocols of a SNAP frame; zero for the others.
func (h Header) OUI() OUI {
	if h.kind != KindSNAP {
		return OUI{}
	}
	return OUI(h.b[h.len-5 : h.len-2])
}

// PID is the protocol number of a SNAP frame, which means what the OUI's owner says; zero for the others.
func (h Header) PID() uint16 {
	if h.kind != KindSNAP {
		return 0
	}
	return binary.BigEndian.Uint16(h.b[h.len-2:])
}

// Len is how many octets lie before the payload.
func (h Header) Len() int { return int(h.len) }

// PayloadLen is how many octets of payload there are: as the length says, or for Ethernet II all that arrived, so that
// a pad is in it.
func (h Header) PayloadLen() int { return h.size - int(h.len) }

// Payload is the payload, as far as it lies in the memory that was parsed. Raw 802.3 has its FF FF in it, which
// is IPX's checksum field.
func (h Header) Payload() []byte { return h.b[h.len:min(len(h.b), h.size)] }

// llc is where the LLC header starts.
func (h Header) llc() int { return HeaderLen + int(h.tags)*TagLen }

// Fields gives the header's content as a struct, to change and to write.
func (h Header) Fields() Fields {
	f := Fields{
		Destination: h.Destination(), Source: h.Source(), Kind: h.kind, LLC: h.LLC(), OUI: h.OUI(), Type: h.Type(),
	}
	if h.kind == KindSNAP {
		f.Type = EtherType(h.PID())
	}
	for i := range h.Tags() {
		f.Tags = append(f.Tags, h.Tag(i))
	}
	return f
}

// String describes the frame on one line: addresses, tags, kind or type, payload octets.
func (h Header) String() string { return string(h.AppendText(nil)) }

// AppendText appends String to b.
func (h Header) AppendText(b []byte) []byte {
	b = append(b, h.Source().String()...)
	b = append(b, " > "...)
	b = append(b, h.Destination().String()...)
	for i := range h.Tags() {
		b = fmt.Appendf(b, ", %v", h.Tag(i))
	}
	switch h.kind {
	case KindII:
		b = fmt.Appendf(b, ", %v", h.Type())
	case KindRaw:
		b = append(b, ", 802.3 raw"...)
	case KindLLC:
		b = fmt.Appendf(b, ", 802.2 %v", h.LLC())
	case KindSNAP:
		b = fmt.Appendf(b, ", SNAP %v %v", h.OUI(), EtherType(h.PID()))
	}
	return fmt.Appendf(b, ", %d octets", h.PayloadLen())
}
