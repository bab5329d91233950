package wire

import "tapestry/link"

// Lengths in octets (IEEE 802.3 §3.1, IEEE 802.1Q §9.3).
const (
	HeaderLen   = 14 // of Ethernet
	TagLen      = 4  // of a VLAN tag
	maxPacket   = 65535
	checksumLen = 2
)

// Carries reports whether f may be on a wire of this MTU: its length is in bounds, and its metadata points nowhere
// but into it.
func Carries(mtu int, f *link.Frame) bool {
	if f.NeedsChecksum && int(f.CsumStart)+int(f.CsumOffset)+checksumLen > f.Len() {
		return false
	}
	if f.GSO != link.GSONone {
		if f.GSO > link.GSOUDP || f.GSOSize == 0 {
			return false
		}
		mtu = maxPacket
	}
	n := f.Len() - HeaderLen
	if n > mtu && isTagged(f) {
		n -= TagLen
	}
	return n >= 0 && n <= mtu
}

// isTagged reports whether the EtherType is that of a VLAN tag (IEEE 802.1Q §9.4: 0x8100, 0x88a8).
func isTagged(f *link.Frame) bool {
	var t [2]byte
	f.Data.ReadAt(t[:], HeaderLen-2)
	return t == [2]byte{0x81, 0x00} || t == [2]byte{0x88, 0xa8}
}

// IsReady reports whether f leaves nothing to be done but what o has.
func IsReady(f *link.Frame, o link.Offload) bool {
	switch f.GSO {
	case link.GSONone:
		return !f.NeedsChecksum || o.Has(link.OffloadChecksum)
	case link.GSOTCPv4:
		return o.Has(link.OffloadTSO4)
	case link.GSOTCPv6:
		return o.Has(link.OffloadTSO6)
	case link.GSOUDP:
		return o.Has(link.OffloadUSO)
	}
	return false
}
