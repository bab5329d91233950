package stack

import (
	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// headersMax is how long the headers of a frame are at most: two tags, SNAP.
const headersMax = ethernet.HeaderLen + ethernet.MaxTags*ethernet.TagLen + 8

// receiveOther takes up what is neither IPv4, IPv6 nor ARP in plain Ethernet II: tagged frames, the frames with a
// length, and the protocols beside the engine's.
func (r *receiver) receiveOther(f *link.Frame) {
	n := r.nic
	if k := len(f.Head()); k < headersMax && k < f.Len() {
		n.makeContiguous(f)
	}
	h, err := ethernet.ParseHeader(f.Head(), f.Len())
	if err != nil {
		n.drops.malformed.Add(1)
		return
	}
	for i := range h.Tags() {
		if h.Tag(i).VID != 0 { // a tag with VID 0 carries a priority only (IEEE 802.1Q §9.6)
			n.drops.vlan.Add(1)
			return
		}
	}
	if r.takeIPX(f, h) {
		return
	}
	if r.ipx.node != nil {
		r.endIPX()
	}
	if pad := f.Len() - h.Len() - h.PayloadLen(); pad > 0 {
		f.Data.Truncate(int64(f.Len() - pad))
	}
	if n.handlers.deliver(framingOf(h), f) {
		return
	}
	switch t := h.Type(); t {
	case ethernet.TypeIPv4, ethernet.TypeIPv6, ethernet.TypeARP: // with a priority tag, or in SNAP (RFC 1042)
		n.deliver(f, t, h.Len())
	default:
		n.drops.unknown.Add(1)
	}
}

// framingOf tells which handler a frame is for.
func framingOf(h ethernet.Header) Framing {
	fr := Framing{Kind: h.Kind(), Type: h.Type()}
	if fr.Kind == ethernet.KindLLC {
		fr.SAP = h.LLC().DSAP
	}
	return fr
}

// packetType tells for whom a frame was, from its destination address.
func packetType(eth []byte) tcpip.PacketType {
	switch dst := ethernet.Addr(eth[:ethernet.AddrLen]); {
	case !dst.IsMulticast():
		return tcpip.PacketHost
	case dst.IsBroadcast():
		return tcpip.PacketBroadcast
	}
	return tcpip.PacketMulticast
}
