package tap

import (
	"encoding/binary"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link"
)

// udp is a datagram, or several of equal size, between two stations.
type udp struct {
	from, to [6]byte
	src, dst netip.AddrPort
	payload  []byte
}

// parseUDP takes a frame apart, without what devices use.
func parseUDP(f *link.Frame) (udp, bool) {
	b := f.AppendTo(nil)
	if len(b) < 14 {
		return udp{}, false
	}
	p := udp{to: [6]byte(b), from: [6]byte(b[6:])}
	l4 := 0
	var src, dst netip.Addr
	switch typ := binary.BigEndian.Uint16(b[12:]); {
	case typ == 0x0800 && len(b) >= 42 && b[23] == 17:
		src, dst = netip.AddrFrom4([4]byte(b[26:])), netip.AddrFrom4([4]byte(b[30:]))
		l4 = 34
	case typ == 0x86dd && len(b) >= 62 && b[20] == 17:
		src, dst = netip.AddrFrom16([16]byte(b[22:])), netip.AddrFrom16([16]byte(b[38:]))
		l4 = 54
	default:
		return udp{}, false
	}
	p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b[l4:]))
	p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[l4+2:]))
	p.payload = b[l4+8:]
	return p, true
}

// reply sends the same back.
func (p udp) reply() udp {
	p.from, p.to, p.src, p.dst = p.to, p.from, p.dst, p.src
	return p
}

// frame gives the datagram with a partial checksum, or the super-frame of datagrams of size octets.
func (p udp) frame(size int) link.Frame {
	b, n := append(p.to[:], p.from[:]...), 8+len(p.payload)
	l4 := 34
	if p.src.Addr().Is4() {
		b = append(b, 8, 0, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(20+n))
		b = append(b, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0)
	} else {
		l4 = 54
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
		b = append(b, 17, 64)
	}
	b = append(append(b, p.src.Addr().AsSlice()...), p.dst.Addr().AsSlice()...)
	if l4 == 34 {
		binary.BigEndian.PutUint16(b[24:], ^checksum.Checksum(b[14:34], 0))
	}
	b = binary.BigEndian.AppendUint16(b, p.src.Port())
	b = binary.BigEndian.AppendUint16(b, p.dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	b = binary.BigEndian.AppendUint16(b, p.pseudoSum(n))
	f := link.NewFrame(append(b, p.payload...))
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(l4), 6
	if size > 0 {
		f.GSO, f.GSOSize = link.GSOUDP, uint16(size)
	}
	return f
}

// pseudoSum sums the pseudo-header of n octets (RFC 768, RFC 8200 §8.1).
func (p udp) pseudoSum(n int) uint16 {
	sum := checksum.Checksum(p.src.Addr().AsSlice(), 17)
	return checksum.Combine(checksum.Checksum(p.dst.Addr().AsSlice(), sum), uint16(n))
}
