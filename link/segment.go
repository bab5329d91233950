package link

import (
	"encoding/binary"
	"errors"
	"fmt"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// MaxSegments is how many frames Segment makes of one super-frame at most: 64 KiB at the smallest payload that a TCP
// of ours is asked for (32 octets). A bogus GSOSize of 1 must not turn one frame into 65,000.
const MaxSegments = 2048

// TCP flags (RFC 9293 §3.1).
const (
	tcpFIN = 1 << 0
	tcpSYN = 1 << 1
	tcpRST = 1 << 2
	tcpPSH = 1 << 3
	tcpURG = 1 << 5
	tcpCWR = 1 << 7
)

var errSegment = errors.New("link: super-frame cannot be segmented")

// Fit appends to dst what a device whose transmit offloads are tx can take in place of f: f itself, f with its checksum
// finished, or its segments. It owns f from then on; the caller owns what was appended. With an error, nothing was
// appended and f was released.
func Fit(dst []Frame, f Frame, tx Offload) ([]Frame, error) {
	if f.GSO != GSONone && !tx.Has(f.GSO.Offload()) {
		defer f.Release()
		return Segment(dst, &f, tx)
	}
	if f.GSO == GSONone && !tx.Has(OffloadChecksum) {
		if err := FinishChecksum(&f); err != nil {
			f.Release()
			return dst, err
		}
	}
	return append(dst, f), nil
}

// Offload is what a device must have to take a super-frame of this kind; of an unknown kind, more than there is.
func (g GSO) Offload() Offload {
	switch g {
	case GSOTCPv4:
		return OffloadTSO4
	case GSOTCPv6:
		return OffloadTSO6
	case GSOUDP:
		return OffloadUSO
	}
	return ^Offload(0)
}

// Segment appends to dst the frames that f, a super-frame, stands for. Each has its checksum finished, or NeedsChecksum
// set if tx has OffloadChecksum. Headers are copied, payload chunks are shared. f stays the caller's, who also owns the
// segments. With an error nothing was appended.
//
// Segment i of TCP: sequence number and IPv4 identification advance, CWR stays on the first (RFC 3168 §6.1.2), FIN and
// PSH on the last alone. Headers that no sender of super-frames makes (IP fragments, IPv6 extension headers, SYN, RST)
// are errors.
func Segment(dst []Frame, f *Frame, tx Offload) ([]Frame, error) {
	s := segmenter{partial: tx.Has(OffloadChecksum)}
	if err := s.parse(f); err != nil {
		return dst, err
	}
	l := f.Data.AsViewList()
	r := chunkReader{v: l.Front()}
	r.skip(s.headLen)
	for off := 0; off < s.payload; off += s.size {
		n := min(s.size, s.payload-off)
		dst = append(dst, s.segment(&r, off, n))
	}
	return dst, nil
}

// segmenter holds the headers of a super-frame while it is taken apart.
type segmenter struct {
	head    [14 + 2*4 + 60 + 60]byte // the longest headers: two tags, all options
	l3, l4  int                      // where the network and the transport header start
	headLen int
	payload int // octets after the headers
	size    int // payload octets of a segment
	field   int // where the checksum field is
	udp     bool
	v6      bool
	noSum   bool // UDP over IPv4 without a checksum
	partial bool // leave the payload out of the checksum
}

func (s *segmenter) parse(f *Frame) error {
	if f.GSO == GSONone || f.GSO > GSOUDP {
		return fmt.Errorf("%w: kind %v", errSegment, f.GSO)
	}
	n, _ := f.Data.ReadAt(s.head[:], 0)
	b := s.head[:n]
	if err := s.parseEthernet(b, f.GSO); err != nil {
		return err
	}
	parse := s.parseTCP
	if s.udp {
		parse = s.parseUDP
	}
	if err := parse(b, f); err != nil {
		return err
	}
	if f.NeedsChecksum && (int(f.CsumStart) != s.l4 || s.l4+int(f.CsumOffset) != s.field) {
		return fmt.Errorf("%w: checksum offsets %d+%d are not those of the transport header", errSegment, f.CsumStart, f.CsumOffset)
	}
	s.size, s.payload = int(f.GSOSize), f.Len()-s.headLen
	if s.size == 0 || s.payload <= 0 {
		return fmt.Errorf("%w: %d octets of payload in segments of %d", errSegment, s.payload, s.size)
	}
	if (s.payload+s.size-1)/s.size > MaxSegments {
		return fmt.Errorf("%w: segments of %d octets are too many", errSegment, s.size)
	}
	return s.parseIP(b, f.Len()-s.l3)
}

// parseEthernet finds the network header behind at most two tags, and the transport header.
func (s *segmenter) parseEthernet(b []byte, kind GSO) error {
	off := 12
	tag := func() bool {
		return off+4 <= len(b) && (b[off] == 0x81 && b[off+1] == 0 || b[off] == 0x88 && b[off+1] == 0xa8)
	}
	for i := 0; i < 2 && tag(); i++ {
		off += 4
	}
	if off+3 > len(b) {
		return fmt.Errorf("%w: short Ethernet header", errSegment)
	}
	s.l3, s.udp = off+2, kind == GSOUDP
	t := binary.BigEndian.Uint16(b[off:])
	switch {
	case t == 0x0800 && kind != GSOTCPv6 && b[s.l3]>>4 == 4:
		s.l4 = s.l3 + int(b[s.l3]&15)*4
	case t == 0x86dd && kind != GSOTCPv4 && b[s.l3]>>4 == 6:
		s.v6, s.l4 = true, s.l3+40
	default:
		return fmt.Errorf("%w: EtherType 0x%04x in a super-frame of kind %v", errSegment, t, kind)
	}
	if s.l4 < s.l3+20 || s.l4 > len(b) {
		return fmt.Errorf("%w: short IP header", errSegment)
	}
	return nil
}

// parseIP checks what the IP header says of the rest of the frame, length octets from its start.
func (s *segmenter) parseIP(b []byte, length int) error {
	ip, proto := b[s.l3:s.l4], byte(6)
	if s.udp {
		proto = 17
	}
	if s.v6 {
		if int(binary.BigEndian.Uint16(ip[4:])) != length-40 || ip[6] != proto {
			return fmt.Errorf("%w: IPv6 length or next header %d", errSegment, ip[6])
		}
		return nil
	}
	const fragment = 0x3fff // more fragments, fragment offset
	if int(binary.BigEndian.Uint16(ip[2:])) != length || ip[9] != proto || binary.BigEndian.Uint16(ip[6:])&fragment != 0 {
		return fmt.Errorf("%w: IPv4 length, fragment offset or protocol %d", errSegment, ip[9])
	}
	return nil
}

func (s *segmenter) parseTCP(b []byte, _ *Frame) error {
	if s.l4+20 > len(b) {
		return fmt.Errorf("%w: short TCP header", errSegment)
	}
	tcp := b[s.l4:]
	s.headLen, s.field = s.l4+int(tcp[12]>>4)*4, s.l4+tcpChecksum
	if s.headLen < s.l4+20 || s.headLen > len(b) {
		return fmt.Errorf("%w: TCP data offset %d", errSegment, tcp[12]>>4)
	}
	if tcp[13]&(tcpSYN|tcpRST) != 0 {
		return fmt.Errorf("%w: TCP flags 0x%02x", errSegment, tcp[13])
	}
	return nil
}

func (s *segmenter) parseUDP(b []byte, f *Frame) error {
	s.headLen, s.field = s.l4+8, s.l4+udpChecksum
	if s.headLen > len(b) || int(binary.BigEndian.Uint16(b[s.l4+4:])) != f.Len()-s.l4 {
		return fmt.Errorf("%w: UDP length", errSegment)
	}
	s.noSum = !s.v6 && !f.NeedsChecksum && binary.BigEndian.Uint16(b[s.field:]) == 0
	return nil
}

// segment makes the frame of the n octets at payload octet off, which r gives.
func (s *segmenter) segment(r *chunkReader, off, n int) Frame {
	var h [len(s.head)]byte
	copy(h[:], s.head[:s.headLen])
	s.patchIP(h[s.l3:s.l4], off, n)
	if s.udp {
		binary.BigEndian.PutUint16(h[s.l4+4:], uint16(8+n))
	} else {
		s.patchTCP(h[s.l4:s.headLen], off, n)
	}
	if !s.noSum {
		binary.BigEndian.PutUint16(h[s.field:], s.pseudoSum(h[:], n))
	}
	f := NewFrame(h[:s.headLen])
	r.appendTo(&f, n)
	if s.noSum {
		return f
	}
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(s.l4), uint16(s.field-s.l4)
	if !s.partial {
		_ = FinishChecksum(&f) // the field is in the headers: parse has seen them
	}
	return f
}

func (s *segmenter) patchIP(ip []byte, off, n int) {
	if s.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(s.headLen-s.l4+n))
		return
	}
	id := binary.BigEndian.Uint16(ip[4:]) + uint16(off/s.size)
	binary.BigEndian.PutUint16(ip[2:], uint16(s.headLen-s.l3+n))
	binary.BigEndian.PutUint16(ip[4:], id) // RFC 6864 §4.1: needed by none with DF, unique otherwise
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], ^checksum.Checksum(ip, 0))
}

func (s *segmenter) patchTCP(tcp []byte, off, n int) {
	binary.BigEndian.PutUint32(tcp[4:], binary.BigEndian.Uint32(tcp[4:])+uint32(off))
	if off > 0 {
		tcp[13] &^= tcpCWR
	}
	if off+n < s.payload {
		tcp[13] &^= tcpFIN | tcpPSH
	}
	// RFC 9293 §3.1: the urgent pointer counts from the sequence number of its own segment.
	if urgent := int(binary.BigEndian.Uint16(tcp[18:])); tcp[13]&tcpURG != 0 {
		if urgent <= off {
			tcp[13] &^= tcpURG
		}
		binary.BigEndian.PutUint16(tcp[18:], uint16(max(urgent-off, 0)))
	}
}

// pseudoSum sums the pseudo-header of a segment (RFC 9293 §3.1, RFC 8200 §8.1).
func (s *segmenter) pseudoSum(h []byte, n int) uint16 {
	addrs, proto := h[s.l3+12:s.l3+20], uint16(6)
	if s.v6 {
		addrs = h[s.l3+8 : s.l3+40]
	}
	if s.udp {
		proto = 17
	}
	sum := checksum.Checksum(addrs, proto)
	return checksum.Combine(sum, uint16(s.headLen-s.l4+n))
}

// chunkReader walks over the chunks of a frame.
type chunkReader struct {
	v   *buffer.View
	off int // octets of v that were read
}

func (r *chunkReader) skip(n int) {
	r.off += n
	for r.v != nil && r.off >= r.v.Size() {
		r.off -= r.v.Size()
		r.v = r.v.Next()
	}
}

// appendTo appends the next n octets to f. The memory is shared: Buffer.Append would fill up f's last chunk by copying.
func (r *chunkReader) appendTo(f *Frame, n int) {
	for n > 0 && r.v != nil {
		v := r.v.Clone()
		v.TrimFront(r.off)
		v.CapLength(n)
		part := buffer.MakeWithView(v)
		took := int(part.Size())
		f.Data.Merge(&part)
		n -= took
		r.skip(took)
	}
}
