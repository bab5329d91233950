package dump

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"tapestry/internal/ipxwire"
)

const (
	netbiosVia  = 32 // octets that hold the networks which a broadcast has passed
	netbiosName = 16
)

// nbipx prints NetBIOS over IPX, whose broadcasts begin with the networks that they have passed. So do answers to them,
// which only their length and kind tell from other packets.
func (p *printer) nbipx(b []byte, isBroadcast bool) {
	var via []byte
	if isBroadcast || len(b) == netbiosVia+2+netbiosName && isNameKind(b[netbiosVia+1]) {
		if len(b) < netbiosVia {
			p.short("nbipx", b)
			return
		}
		via, b = b[:netbiosVia], b[netbiosVia:]
	}
	if len(b) < 2 {
		p.short("nbipx", b)
		return
	}
	p.line("nbipx %s", named(nbipxKinds, b[1], "type"))
	switch kind := b[1]; {
	case isNameKind(kind) && len(b) >= 2+netbiosName:
		p.add(" %s", nbName(b[2:]))
		p.flags(b[0], nameFlags)
		p.via(via)
		p.data(b[2+netbiosName:])
	case kind >= 6 && kind <= 8 && len(b) >= 18:
		p.nbSession(b)
		p.via(via)
		p.data(b[18:])
	case kind == 11 && len(b) >= 2+2*netbiosName:
		p.add(" %s > %s", nbName(b[2+netbiosName:]), nbName(b[2:]))
		p.flags(b[0], sessionFlags)
		p.via(via)
		p.data(b[2+2*netbiosName:])
	default:
		p.via(via)
		p.data(b[2:])
	}
}

// nbSession prints the header of a packet in a session; unlike anything else in IPX its numbers are little-endian.
func (p *printer) nbSession(b []byte) {
	le := func(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
	p.add(" %d > %d", le(2), le(4))
	p.flags(b[0], sessionFlags)
	p.add(", seq %d, total %d, at %d, %d octets, ack %d, received %d", le(6), le(8), le(10), le(12), le(14), le(16))
}

func isNameKind(k byte) bool { return k >= 1 && k <= 5 }

// nmpi prints the Name Management Protocol over IPX, with which Microsoft's hosts find each other and send mailslot
// messages without NetBIOS.
func (p *printer) nmpi(b []byte) {
	const header = netbiosVia + 4 + 2*netbiosName
	if len(b) < header {
		p.short("nmpi", b)
		return
	}
	via, b := b[:netbiosVia], b[netbiosVia:]
	p.line("nmpi %s, %s %s", named(nmpiOps, b[0], "opcode"), named(nmpiTypes, b[1], "type"), nbName(b[4:]))
	p.add(" from %s, id 0x%04x", nbName(b[4+netbiosName:]), binary.LittleEndian.Uint16(b[2:]))
	p.via(via)
	p.data(b[4+2*netbiosName:])
}

// nbName gives a name of 15 octets and its type: "ALPHA"<20>.
func nbName(b []byte) string {
	return fmt.Sprintf("%q<%02x>", bytes.TrimRight(b[:netbiosName-1], " "), b[netbiosName-1])
}

// via prints the networks that a broadcast has passed.
func (p *printer) via(b []byte) {
	for i, first := 0, true; i < len(b); i += 4 {
		if n := ipxwire.Network(be32(b[i:])); n != 0 {
			if first {
				p.add(", via")
			}
			p.add(" %v", n)
			first = false
		}
	}
}

// flags prints the names of the bits that are set, the highest first.
func (p *printer) flags(b byte, names [8]string) {
	if b != 0 {
		p.add(", flags")
	}
	for i, name := range names {
		switch {
		case b&(0x80>>i) == 0:
		case name == "":
			p.add(" 0x%02x", 0x80>>i)
		default:
			p.add(" %s", name)
		}
	}
}

// Flags of a name, and of connection control, as Wireshark's fields nmpi.… call them.
var (
	nameFlags    = [8]string{"group", "in_use", "", "", "", "registered", "duplicated", "deregistered"}
	sessionFlags = [8]string{"sys_packet", "ack", "attention", "end_msg", "resend"}
)

var nbipxKinds = map[byte]string{
	1: "Find name", 2: "Name recognized", 3: "Check name", 4: "Name in use", 5: "Deregister name",
	6: "Session data", 7: "Session end", 8: "Session end ACK",
	9: "Status query", 10: "Status response", 11: "Directed datagram",
}
