package stack

import (
	"encoding/binary"
	"fmt"

	"gvisor.dev/gvisor/pkg/buffer"
	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// How IPX stands in a frame. What precedes the packet is Novell's (NE2000 and ODI drivers, as Wireshark knows them):
//
//	Ethernet_II     type 8137
//	Ethernet_802.3  length, and the packet at once: its checksum field, always FFFF, is the mark
//	Ethernet_802.2  length, LLC E0 E0 03
//	Ethernet_SNAP   length, LLC AA AA 03, OUI 00-00-00, type 8137
//
// A frame has an even number of octets: one octet of pad follows where it would be odd, and the length field counts
// it. So it is in captures of Microsoft's stations (802.2: a packet of 80 octets, an odd frame, has
// length 84, not 83), while others send odd frames; the packet's own length tells where it ends, so a receiver takes
// both. Padding to 60 octets is the wire's, as with all frames of the host: a network card does it, a TAP or a cable
// in memory needs none.

// ipxHeadMax is the longest header in front of a packet: that of SNAP.
const ipxHeadMax = ethernet.HeaderLen + 8

// ipxHead is what stands in front of each packet of a port; the destination and the length differ.
type ipxHead struct {
	octets [ipxHeadMax]byte
	size   int
	kind   ethernet.Kind
}

func newIPXHead(k ethernet.Kind, source ethernet.Addr) (ipxHead, error) {
	f := ethernet.Fields{Source: source, Kind: k, Type: ethernet.TypeIPX}
	switch k {
	case ethernet.KindII, ethernet.KindRaw, ethernet.KindSNAP:
	case ethernet.KindLLC:
		f.LLC = ethernet.LLC{DSAP: ethernet.SAPIPX, SSAP: ethernet.SAPIPX, Control: ethernet.ControlUI}
	default:
		return ipxHead{}, fmt.Errorf("frame type %d is none: want ethernet-ii, 802.3, 802.2 or snap", k)
	}
	b, err := f.AppendTo(nil, ipxwire.HeaderLen)
	if err != nil {
		return ipxHead{}, err
	}
	h := ipxHead{size: len(b), kind: k}
	copy(h.octets[:], b)
	return h, nil
}

// room is the largest packet that a device of that MTU takes in such a frame, whose length field goes to 1500.
func (h *ipxHead) room(mtu int) int {
	if h.kind != ethernet.KindII {
		mtu = min(mtu, ethernet.MaxLength)
	}
	return min(mtu-(h.size-ethernet.HeaderLen), ipxwire.Max)
}

// frame copies a packet that has room into a frame of pooled memory.
func (h *ipxHead) frame(to ipxwire.Node, packet []byte, mtu int) link.Frame {
	n := h.size + len(packet)
	size := n
	if n%2 != 0 && len(packet) < h.room(mtu) {
		size++
	}
	v := buffer.NewViewSize(size) // of zeros
	b := v.AsSlice()
	copy(b, h.octets[:h.size])
	copy(b, to[:])
	if h.kind != ethernet.KindII {
		binary.BigEndian.PutUint16(b[ethernet.HeaderLen-2:], uint16(size-ethernet.HeaderLen))
	}
	copy(b[h.size:], packet)
	return link.Frame{Data: buffer.MakeWithView(v)}
}

// ipxKind tells which frame type of IPX a frame has.
func ipxKind(h ethernet.Header) (k ethernet.Kind, ok bool) {
	switch k = h.Kind(); k {
	case ethernet.KindRaw:
		return k, true
	case ethernet.KindLLC:
		l := h.LLC()
		return k, l.DSAP == ethernet.SAPIPX && l.Control == ethernet.ControlUI
	}
	return k, h.Type() == ethernet.TypeIPX
}
