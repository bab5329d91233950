package segment

import (
	"encoding/binary"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// class is what the stations of several ports have in common: what is made for one of them serves the others.
type class struct {
	mtu     int
	offload link.Offload
}

// fits reports whether the station can take f as it is.
func (c class) fits(f *link.Frame) bool { return wire.IsReady(f, c.offload) && c.carries(f) }

// carries reports whether f, or each segment of it, is within the MTU.
func (c class) carries(f *link.Frame) bool {
	return wire.Carries(c.mtu, f) && (f.GSO == link.GSONone || segmentLen(f) <= c.mtu)
}

// fit appends to dst what the station can take in place of f, which it owns.
func (c class) fit(dst []link.Frame, f link.Frame) ([]link.Frame, reason) {
	if !c.carries(&f) {
		f.Release()
		return dst, dropMTU
	}
	dst, err := link.Fit(dst, f, c.offload)
	if err != nil {
		return dst, dropFit
	}
	return dst, dropNone
}

// segmentLen is the longest layer-3 packet that a super-frame is segmented into. Of headers that cannot be read, and so
// cannot be segmented, it is a guess.
func segmentLen(f *link.Frame) int {
	var b [ethernet.HeaderLen + ethernet.MaxTags*ethernet.TagLen + 60 + 20]byte // as far as the TCP data offset
	n, _ := f.Data.ReadAt(b[:], 0)
	l3 := ethernet.HeaderLen
	for range ethernet.MaxTags {
		if t := ethernet.EtherType(binary.BigEndian.Uint16(b[l3-2:])); t != ethernet.TypeVLAN && t != ethernet.TypeQinQ {
			break
		}
		l3 += ethernet.TagLen
	}
	l4 := l3 + 40 // RFC 8200 §3
	if b[l3]>>4 == 4 {
		l4 = l3 + int(b[l3]&15)*4 // RFC 791 §3.1
	}
	header := 8 // RFC 768
	if f.GSO != link.GSOUDP && l4+12 < n {
		header = int(b[l4+12]>>4) * 4 // RFC 9293 §3.1
	}
	return l4 - l3 + header + int(f.GSOSize)
}
