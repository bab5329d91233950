package wire

import (
	"encoding/binary"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Lengths in octets.
const (
	maxPacket   = 65535
	checksumLen = 2
)

// Now is i as it is now: without carrier once down is closed.
func Now(i link.Info, down <-chan struct{}) link.Info {
	select {
	case <-down:
		i.Up, i.Changed = false, nil
	default:
	}
	return i
}

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
	n := f.Len() - ethernet.HeaderLen
	if n > mtu && isTagged(f) {
		n -= ethernet.TagLen
	}
	return n >= 0 && n <= mtu
}

// isTagged reports whether the EtherType is that of a VLAN tag (IEEE 802.1Q §9.4: 0x8100, 0x88a8).
func isTagged(f *link.Frame) bool {
	var t [2]byte
	f.Data.ReadAt(t[:], ethernet.HeaderLen-2)
	typ := ethernet.EtherType(binary.BigEndian.Uint16(t[:]))
	return typ == ethernet.TypeVLAN || typ == ethernet.TypeQinQ
}

// IsReady reports whether f leaves nothing to be done but what o has.
func IsReady(f *link.Frame, o link.Offload) bool {
	if f.GSO == link.GSONone {
		return !f.NeedsChecksum || o.Has(link.OffloadChecksum)
	}
	return f.GSO <= link.GSOUDP && o.Has(f.GSO.Offload())
}
