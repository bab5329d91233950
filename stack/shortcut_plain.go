package stack

import (
	"encoding/binary"
	"math"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// What is plain, as far as the frame alone tells. Offsets are of the fixed headers (RFC 791 §3.1, RFC 8200 §3, RFC 768).
const (
	plain4 = ethernet.HeaderLen + header.IPv4MinimumSize // where the transport header starts
	plain6 = ethernet.HeaderLen + header.IPv6MinimumSize

	protoICMP4 = uint8(header.ICMPv4ProtocolNumber)
	protoICMP6 = uint8(header.ICMPv6ProtocolNumber)
	protoUDP   = uint8(header.UDPProtocolNumber)

	transportHead = 8 // of UDP and of an echo request
)

// parse reads the headers of f, whose first chunk is h and holds an Ethernet header to this interface. It is false if f
// is not plain; f is unchanged but for padding that was cut off.
func (d *datagram) parse(f *link.Frame, h []byte, v6 bool) bool {
	d.v6, d.frame = v6, f
	var end int
	if v6 {
		end = d.parseIPv6(h)
	} else {
		end = d.parseIPv4(h)
	}
	l4 := d.off - transportHead
	if end == 0 || end < d.off || end > f.Len() || !d.mayTrust(f, l4) {
		return false
	}
	d.size = end - d.off
	if !d.isSegmented(f, l4) {
		return false
	}
	if end < f.Len() {
		f.Data.Truncate(int64(end))
	}
	return true
}

// parseIPv4 gives where the packet ends, 0 if it is not plain.
func (d *datagram) parseIPv4(h []byte) int {
	if len(h) < plain4+transportHead {
		return 0
	}
	p := h[ethernet.HeaderLen : plain4+transportHead]
	const fragment = 0xbfff // all but "don't fragment"
	if p[0] != 0x45 || binary.BigEndian.Uint16(p[6:])&fragment != 0 || p[8] == 0 || p[9] != protoUDP && p[9] != protoICMP4 {
		return 0
	}
	d.off, d.proto = plain4+transportHead, p[9]
	d.key = pathKey{}
	copy(d.key.src[:], p[12:16])
	copy(d.key.dst[:], p[16:20])
	return ethernet.HeaderLen + int(binary.BigEndian.Uint16(p[2:]))
}

// parseIPv6 is parseIPv4 for IPv6.
func (d *datagram) parseIPv6(h []byte) int {
	if len(h) < plain6+transportHead {
		return 0
	}
	p := h[ethernet.HeaderLen : plain6+transportHead]
	if p[0]>>4 != 6 || p[7] == 0 || p[6] != protoUDP && p[6] != protoICMP6 {
		return 0
	}
	d.off, d.proto = plain6+transportHead, p[6]
	d.key.src, d.key.dst, d.key.v6, d.key.echo = [16]byte(p[8:24]), [16]byte(p[24:40]), true, false
	return plain6 + int(binary.BigEndian.Uint16(p[4:]))
}

// mayTrust says whether what the frame tells of its checksum can be understood here, and notes whether it is as good.
func (d *datagram) mayTrust(f *link.Frame, l4 int) bool {
	if f.NeedsChecksum && (d.proto != protoUDP || int(f.CsumStart) != l4 || f.CsumOffset != udpChecksum) {
		return false
	}
	d.trusted = f.NeedsChecksum || f.DataValid || d.nic.trust
	return true
}

// isSegmented notes into what size of datagrams a frame is to be taken apart, and reports whether that can be done.
func (d *datagram) isSegmented(f *link.Frame, l4 int) bool {
	d.segment = 0
	switch f.GSO {
	case link.GSONone:
		return true
	case link.GSOUDP:
		d.segment = int(f.GSOSize)
		return d.proto == protoUDP && f.NeedsChecksum && d.segment > 0 && d.size > 0 && d.off+d.size == f.Len() &&
			d.count() <= link.MaxSegments && l4+transportHead+d.segment <= d.nic.deviceInfo().MTU+ethernet.HeaderLen
	}
	return false
}

// headerValid verifies the checksum of the IPv4 header.
func (d *datagram) headerValid(h []byte) bool {
	return d.v6 || d.trusted || checksum.Checksum(h[ethernet.HeaderLen:plain4], 0) == math.MaxUint16
}

// udpValid verifies the checksum of a datagram whose path is known (RFC 768, RFC 8200 §8.1).
func (d *datagram) udpValid(u []byte) bool {
	if d.trusted {
		return true
	}
	if binary.BigEndian.Uint16(u[udpChecksum:]) == 0 {
		return !d.v6
	}
	sum := checksum.Combine(d.path.pseudo, uint16(transportHead+d.size))
	return checksum.Combine(sum, d.frame.Data.Checksum(d.off-transportHead)) == math.MaxUint16
}
