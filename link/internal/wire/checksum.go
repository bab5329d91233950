package wire

import (
	"tapestry/link"
	"tapestry/link/ethernet"
)

// MarkChecksum sets NeedsChecksum for a frame of which only that is known, by its headers: TCP or UDP over IPv4, or
// over IPv6 without extension headers. Another frame is left as it is.
func MarkChecksum(f *link.Frame) {
	var b [ethernet.HeaderLen + ethernet.TagLen + 40]byte
	n, _ := f.Data.ReadAt(b[:], 0)
	l3 := ethernet.HeaderLen
	if isTagged(f) {
		l3 += ethernet.TagLen
	}
	start, proto := transport(b[l3-2 : max(l3-2, n)])
	offset, ok := map[byte]uint16{6: 16, 17: 6}[proto] // RFC 9293 §3.1, RFC 768
	if start += l3; ok && start+int(offset)+checksumLen <= f.Len() {
		f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(start), offset
	}
}

// transport finds the transport header in b, which starts with the EtherType: where it starts after the EtherType, and
// its protocol; zero if there is none.
func transport(b []byte) (start int, proto byte) {
	switch {
	case len(b) >= 22 && b[0] == 0x08 && b[1] == 0x00 && b[2]>>4 == 4 && b[2]&15 >= 5: // RFC 791 §3.1
		return int(b[2]&15) * 4, b[2+9]
	case len(b) >= 42 && b[0] == 0x86 && b[1] == 0xdd && b[2]>>4 == 6: // RFC 8200 §3
		return 40, b[2+6]
	}
	return 0, 0
}
