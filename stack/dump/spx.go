package dump

import (
	"fmt"

	"tapestry/internal/ipxwire"
	"tapestry/stack/spx"
)

// spxFlags are the flags of connection control, the highest first, as Wireshark's fields spx.ctl.… call them.
var spxFlags = [8]string{"sys", "send_ack", "attn", "eom", "v2", "neg_size", "reserved", "ext_header"}

// spx prints a packet of SPX or SPX II.
func (p *printer) spx(packet ipxwire.Header) {
	if len(packet) < spx.HeaderLen {
		p.short("spx", packet.Data())
		return
	}
	h := spx.Header(packet) // the lengths that matter were checked: what is cut off is missed in the line of IPX
	p.line("spx %d > %d", h.SourceID(), h.DestinationID())
	p.flags(byte(h.Control()), spxFlags)
	p.add(", type %s", spxType(h.Stream()))
	p.add(", seq %d, ack %d, alloc %d", h.Sequence(), h.Acknowledge(), h.Allocation())
	if len(h)-len(h.Data()) > spx.HeaderLen {
		p.add(", size %d", h.Size())
	}
	p.add(", %d octets", len(h.Data()))
	p.data(h.Data())
}

// spxType gives a datastream type, with its name if SPX itself uses it. Wireshark names the last two.
func spxType(t uint8) string {
	s := fmt.Sprintf("0x%02x", t)
	switch t {
	case spx.StreamReleaseRequest:
		s += " (Orderly-Release Request)"
	case spx.StreamRelease:
		s += " (Orderly-Release)"
	case spx.StreamEnd:
		s += " (End-of-Connection)"
	case spx.StreamEndAck:
		s += " (End-of-Connection Acknowledgment)"
	}
	return s
}
