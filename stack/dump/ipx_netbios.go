package dump

import (
	"bytes"
	"fmt"

	"tapestry/stack/ipx/netbios"
)

// Flags of a name, and of connection control, the highest first, as Wireshark's fields nmpi.… call them.
var (
	nameFlags    = [8]string{"group", "in_use", "", "", "", "registered", "duplicated", "deregistered"}
	sessionFlags = [8]string{"sys_packet", "ack", "attention", "end_msg", "resend"}
)

// nbipx prints NetBIOS over IPX, whose broadcasts begin with the networks that they have passed.
func (p *printer) nbipx(b []byte, isBroadcast bool) {
	m, err := netbios.Parse(b, isBroadcast)
	if err != nil {
		p.short("nbipx", b)
		return
	}
	p.line("nbipx %v", m.Type)
	switch m.Type {
	case netbios.FindName, netbios.NameRecognized, netbios.CheckName, netbios.NameInUse, netbios.DeregisterName:
		p.add(" %s", nbName(m.Name))
		p.flags(m.Flags, nameFlags)
	case netbios.SessionData, netbios.SessionEnd, netbios.SessionEndACK:
		p.nbSession(m)
	case netbios.DirectedDatagram:
		p.add(" %s > %s", nbName(m.Sender), nbName(m.Receiver))
		p.flags(m.Flags, sessionFlags)
	}
	p.via(m.Networks)
	p.data(m.Data)
}

func (p *printer) nbSession(m netbios.Message) {
	s := m.Session
	p.add(" %d > %d", s.SourceID, s.DestinationID)
	p.flags(m.Flags, sessionFlags)
	p.add(", seq %d, total %d, at %d, %d octets", s.SendSequence, s.TotalLength, s.Offset, s.Length)
	p.add(", ack %d, received %d", s.ReceiveSequence, s.BytesReceived)
}

// nmpi prints the Name Management Protocol over IPX, with which Microsoft's hosts find each other and send mailslot
// messages without NetBIOS.
func (p *printer) nmpi(b []byte) {
	m, err := netbios.ParseNMPI(b)
	if err != nil {
		p.short("nmpi", b)
		return
	}
	p.line("nmpi %v, %v %s from %s, id 0x%04x", m.Opcode, m.NameType, nbName(m.Requested), nbName(m.Source), m.ID)
	p.via(m.Networks)
	p.data(m.Data)
}

// nbName gives a name and its type: "ALPHA"<20>.
func nbName(n netbios.Name) string {
	return fmt.Sprintf("%q<%02x>", bytes.TrimRight(n[:len(n)-1], " "), n.Kind())
}

// via prints the networks that a broadcast has passed.
func (p *printer) via(networks netbios.List) {
	if networks == (netbios.List{}) {
		return
	}
	p.add(", via")
	for _, n := range networks {
		if n != 0 {
			p.add(" %v", n)
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
