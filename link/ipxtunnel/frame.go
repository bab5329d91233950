package ipxtunnel

import (
	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// frameOverhead is the most that a frame type puts between the Ethernet header and the packet, and a pad octet.
const frameOverhead = 8 + 1

// framer takes packets out of frames of any type and puts them into frames of one. It belongs to one goroutine at a
// time.
type framer struct {
	kind      ethernet.Kind
	mtu       int // of the segment
	maxPacket int
	drops     *drops
	buf       []byte
	echo      []byte // of a packet that takes the place of another
}

// room is where an echo is written, as long as a packet may be.
func (f *framer) room() []byte {
	if f.echo == nil {
		f.echo = make([]byte, f.maxPacket)
	}
	return f.echo
}

// unframe gives the packet in a frame and who it is from on the wire. It copies: the packet may be written to.
func (f *framer) unframe(fr *link.Frame) (h ipxwire.Header, from, to ethernet.Addr, ok bool) {
	if !wire.Carries(f.mtu, fr) {
		f.drops.long.Add(1)
		return nil, from, to, false
	}
	if fr.GSO != link.GSONone || fr.NeedsChecksum {
		f.drops.other.Add(1)
		return nil, from, to, false
	}
	f.buf = fr.AppendTo(f.buf[:0])
	e, err := ethernet.Parse(f.buf)
	if err != nil || e.Tags() > 0 || !isIPX(e) {
		f.drops.other.Add(1)
		return nil, from, to, false
	}
	h, err = ipxwire.ParseHeader(e.Payload())
	switch {
	case err == ipxwire.ErrShort:
		f.drops.short.Add(1)
	case err != nil:
		f.drops.length.Add(1)
	case h.Len() > f.maxPacket:
		f.drops.long.Add(1)
	default:
		return h, e.Source(), e.Destination(), true
	}
	return nil, from, to, false
}

// isIPX tells the four framings of IPX from everything else.
func isIPX(e ethernet.Header) bool {
	switch e.Kind() {
	case ethernet.KindRaw:
		return true
	case ethernet.KindLLC:
		return e.LLC() == ethernet.LLC{DSAP: ethernet.SAPIPX, SSAP: ethernet.SAPIPX, Control: ethernet.ControlUI}
	}
	return e.Type() == ethernet.TypeIPX
}

// frame puts a packet into a frame. Of an odd packet there is an octet of pad, which a length of 802.3 counts, as the
// drivers of NetWare have it.
func (f *framer) frame(to, from ethernet.Addr, h ipxwire.Header) (link.Frame, bool) {
	if f.kind == ethernet.KindRaw && h.Checksum() != ipxwire.NoChecksum {
		if !h.IsSummed() { // nobody behind us could tell
			f.drops.checksum.Add(1)
			return link.Frame{}, false
		}
		h.SetChecksum(ipxwire.NoChecksum)
	}
	fields := ethernet.Fields{Destination: to, Source: from, Kind: f.kind}
	switch f.kind {
	case ethernet.KindLLC:
		fields.LLC = ethernet.LLC{DSAP: ethernet.SAPIPX, SSAP: ethernet.SAPIPX, Control: ethernet.ControlUI}
	case ethernet.KindII, ethernet.KindSNAP:
		fields.Type = ethernet.TypeIPX
	}
	pad := h.Len() & 1
	b, err := fields.AppendTo(f.buf[:0], h.Len()+pad)
	if err != nil {
		f.drops.long.Add(1)
		return link.Frame{}, false
	}
	b = append(b, h...)
	f.buf = append(b, 0)[:len(b)+pad]
	return link.NewFrame(f.buf), true
}
