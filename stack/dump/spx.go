package dump

import "fmt"

// spxFlags are the flags of connection control, the highest first, as Wireshark's fields spx.ctl call them.
var spxFlags = [8]string{"sys", "send_ack", "attn", "eom", "v2", "neg_size", "reserved", "ext_header"}

// Flags and lengths that decide what follows.
const (
	spxV2      = 0x08
	spxHeader  = 12
	spx2Header = 14
)

// spx prints a packet of SPX and SPX II. The latter's header is longer, but for the first packet of a connection, which
// is for whoever listens.
func (p *printer) spx(b []byte) {
	if len(b) < spxHeader {
		p.short("spx", b)
		return
	}
	head := spxHeader
	if b[0]&spxV2 != 0 && be16(b[4:]) != 0xffff {
		head = spx2Header
	}
	if len(b) < head {
		p.short("spx", b)
		return
	}
	p.line("spx %d > %d", be16(b[2:]), be16(b[4:]))
	p.flags(b[0], spxFlags)
	p.add(", type %s, seq %d, ack %d, alloc %d", spxType(b[1]), be16(b[6:]), be16(b[8:]), be16(b[10:]))
	if head == spx2Header {
		p.add(", size %d", be16(b[12:]))
	}
	p.add(", %d octets", len(b)-head)
	p.data(b[head:])
}

// spxType gives a datastream type with its name if SPX itself uses it.
func spxType(t byte) string {
	switch t {
	case 0xfc:
		return "0xfc (Orderly-Release Request)"
	case 0xfd:
		return "0xfd (Orderly-Release)"
	case 0xfe:
		return "0xfe (End-of-Connection)"
	case 0xff:
		return "0xff (End-of-Connection Acknowledgment)"
	}
	return fmt.Sprintf("0x%02x", t)
}
