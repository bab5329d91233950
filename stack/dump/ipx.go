package dump

import "tapestry/internal/ipxwire"

// How many entries of a packet's list are shown: as many as routers write into one packet, and a few more.
const (
	ipxList = 50
	sapList = 10 // whose entries are longer
)

func (p *printer) ipx(b []byte) {
	if h := p.ipxHeader(b, false); h != nil {
		p.ipxData(h)
	}
}

// ipxHeader prints the line of a packet, and gives a view of as much of it as there is; nil if that is nothing. What is
// quoted may end early.
func (p *printer) ipxHeader(b []byte, isQuoted bool) ipxwire.Header {
	if len(b) < ipxwire.HeaderLen {
		p.short("ipx", b)
		return nil
	}
	n := int(be16(b[2:]))
	h := ipxwire.Header(b[:min(max(n, ipxwire.HeaderLen), len(b))])
	p.line("ipx %s > %s, %s", ipxAddr(h.Source()), ipxAddr(h.Destination()), ipxType(h.Type()))
	p.add(", %d hops, %d octets", h.Hops(), n)
	p.ipxChecksum(h, n)
	p.cut(b, ipxwire.HeaderLen, n, isQuoted)
	return h
}

// ipxChecksum tells about a real checksum, which few senders write.
func (p *printer) ipxChecksum(h ipxwire.Header, n int) {
	switch {
	case h.Checksum() == ipxwire.NoChecksum:
	case n == len(h) && !h.IsSummed():
		p.add(", bad checksum 0x%04x", h.Checksum())
	default:
		p.add(", checksum 0x%04x", h.Checksum())
	}
}

// ipxData prints what a packet carries. As in Wireshark the sockets tell, the lower one first, unless the higher one is
// of name queries; then the packet type does. SPX comes first here, though: Wireshark takes SPX from or to the sockets
// 4001 and 4003 for messages of a NetWare server. Diagnostics come last, as Wireshark has none.
func (p *printer) ipxData(h ipxwire.Header) {
	b := h.Data()
	low, high := h.Source().Socket, h.Destination().Socket
	if low > high {
		low, high = high, low
	}
	switch {
	case h.Type() == ipxwire.TypeSPX:
		p.spx(h)
	case len(b) == 0:
	case high != socketNameQuery && p.ipxSocket(low, h, b):
	case p.ipxSocket(high, h, b):
	case h.Type() == ipxwire.TypeNCP:
		p.ncp(b)
	case h.Type() == ipxwire.TypeError:
		p.ipxError(b)
	case high == ipxwire.SocketDiagnostic || low == ipxwire.SocketDiagnostic:
		p.diagnostic(b, h)
	default:
		p.data(b)
	}
}

// ipxSocket prints what is for or from a well-known socket, and reports whether it is one.
func (p *printer) ipxSocket(s ipxwire.Socket, h ipxwire.Header, b []byte) bool {
	switch s {
	case ipxwire.SocketNCP:
		p.ncp(b)
	case ipxwire.SocketSAP:
		p.sap(b)
	case ipxwire.SocketRIP:
		p.ipxRIP(b)
	case ipxwire.SocketNetBIOS:
		p.nbipx(b, h.Type() == ipxwire.TypeNetBIOS)
	case ipxwire.SocketSerial:
		p.serial(b)
	case socketNameQuery, socketMailslot:
		p.nmpi(b)
	case socketMessage, socketMessage1:
		return p.ipxMessage(b)
	default:
		return false
	}
	return true
}

// ipxAddr gives an address with its socket's name: 0000cafe:020000000001:0452 (SAP).
func ipxAddr(a ipxwire.Addr) string {
	if name, ok := ipxSockets[a.Socket]; ok {
		return a.String() + " (" + name + ")"
	}
	return a.String()
}
