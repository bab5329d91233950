package dump

import "fmt"

// Kinds of packets of the NetWare Core Protocol.
const (
	ncpCreate    = 0x1111
	ncpRequest   = 0x2222
	ncpReply     = 0x3333
	ncpWatchdog  = 0x3e3e
	ncpLIPEcho   = 0x4c69
	ncpDestroy   = 0x5555
	ncpBurst     = 0x7777
	ncpBusy      = 0x9999
	ncpBroadcast = 0xbbbb
)

// ncp prints the header of a request or reply to a file server; the functions are not for here.
func (p *printer) ncp(b []byte) {
	const header, replyHeader = 6, 8
	if len(b) < header {
		p.short("ncp", b)
		return
	}
	switch kind := be16(b); kind {
	case ncpBurst:
		p.ncpBurst(b)
		return
	case ncpLIPEcho:
		p.line("ncp %s", ncpTypes[kind])
		p.data(b[2:])
		return
	default:
		p.line("ncp %s, seq %d, connection %d, task %d", ncpType(kind), b[2], int(b[5])<<8|int(b[3]), b[4])
	}
	switch kind := be16(b); {
	case kind == ncpRequest && len(b) > header:
		p.add(", function 0x%02x", b[6])
		b = b[header+1:]
	case (kind == ncpReply || kind == ncpBusy) && len(b) >= replyHeader:
		p.add(", completion %d, status 0x%02x", b[6], b[7])
		b = b[replyHeader:]
	default:
		b = b[header:]
	}
	p.data(b)
}

func ncpType(kind uint16) string {
	if s, ok := ncpTypes[kind]; ok {
		return s
	}
	return fmt.Sprintf("type 0x%04x", kind)
}

// ncpBurst prints the header of a packet in a burst of many.
func (p *printer) ncpBurst(b []byte) {
	const header = 36
	if len(b) < header {
		p.short("ncp", b)
		return
	}
	p.line("ncp %s, flags 0x%02x, stream %d", ncpTypes[ncpBurst], b[2], b[3])
	p.add(", connection %d > %d, packet %d, delay %d", be32(b[4:]), be32(b[8:]), be32(b[12:]), be32(b[16:]))
	p.add(", burst %d, ack %d, %d octets", be16(b[20:]), be16(b[22:]), be32(b[24:]))
	p.add(", at %d, %d here, %d missing", be32(b[28:]), be16(b[32:]), be16(b[34:]))
	p.data(b[header:])
}

// serial prints what NetWare servers tell each other to find copies of one licence.
func (p *printer) serial(b []byte) {
	const header = 6
	if len(b) < header {
		p.short("nw_serial", b)
		return
	}
	p.line("nw_serial serial number %s", hexed(b[:header]))
	p.data(b[header:])
}

// ipxMessage prints what a server asks or tells a station's shell, and the answer, and reports whether it is that:
// others use the shell's sockets, too.
func (p *printer) ipxMessage(b []byte) bool {
	if len(b) < 2 || messageSigns[b[1]] == "" {
		return false
	}
	p.line("ipxmsg %s, connection %d", messageSigns[b[1]], b[0])
	p.data(b[2:])
	return true
}
