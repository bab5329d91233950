package stack

import (
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// superPieces is how many datagrams a super-frame of ours holds at most: as many as any kernel takes from UDP_SEGMENT.
const superPieces = 64

// longest is what one Datagram may hold: the length of IPv4 counts its header (RFC 791 §3.1), that of IPv6 does not.
func (w *way) longest() int {
	if w.v6 {
		return gsoMax - header.UDPMinimumSize
	}
	return gsoMax - header.IPv4MinimumSize - header.UDPMinimumSize
}

// cursor goes through the datagrams of a batch.
type cursor struct {
	ms  []Datagram
	off int // octets of the first that were taken
}

// next is how long the next datagram is.
func (c *cursor) next() int { return min(c.ms[0].pieceSize(), len(c.ms[0].Data)-c.off) }

// take gives the next datagram.
func (c *cursor) take() []byte {
	m := &c.ms[0]
	b := m.Data[c.off:][:c.next()]
	if c.off += len(b); c.off == len(m.Data) {
		m.N = c.off
		c.ms, c.off = c.ms[1:], 0
	}
	return b
}

// run is what one frame holds: datagrams that have the size of the first, and at the end perhaps a shorter one.
type run struct{ pieces, octets, size int }

// measure finds how many of the next datagrams go into one frame.
func (w *way) measure(c cursor) run {
	size := len(c.take())
	r := run{pieces: 1, octets: size, size: size}
	if !w.tx.Has(link.OffloadUSO) {
		return r
	}
	for n := size; n == size && r.pieces < superPieces && len(c.ms) > 0; r.pieces++ {
		n = c.next()
		if n == 0 || n > size || w.headLen+r.octets+n > buffer.MaxChunkSize {
			break
		}
		r.octets += len(c.take())
	}
	return r
}

// frame makes the frame of the next datagrams, all in one chunk. IPv4 identification counts from id: each socket has
// numbers of its own, and where a router fragments what two of them send, UDP's checksum tells pieces that do not belong
// together (RFC 6864 §4.3).
func (w *way) frame(c *cursor, r run, id uint16) link.Frame {
	v := buffer.NewViewSize(w.headLen + r.octets)
	b := v.AsSlice()
	rest := b[copy(b, w.head[:w.headLen]):]
	for range r.pieces {
		rest = rest[copy(rest, c.take()):]
	}
	length := uint16(header.UDPMinimumSize + r.octets)
	w.finishIP(b[ethernet.HeaderLen:w.l4], length, id)
	udp := header.UDP(b[w.l4:])
	udp.SetLength(length)
	sum := checksum.Combine(w.sum, length)
	f := link.Frame{Data: buffer.MakeWithView(v)}
	if !w.tx.Has(link.OffloadChecksum) && r.pieces == 1 {
		udp.SetChecksum(finalSum(checksum.Checksum(udp, sum)))
		return f
	}
	udp.SetChecksum(sum)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(w.l4), udpChecksum
	if r.pieces > 1 {
		f.GSO, f.GSOSize = link.GSOUDP, uint16(r.size)
	}
	return f
}

func (w *way) finishIP(b []byte, length, id uint16) {
	if w.v6 {
		header.IPv6(b).SetPayloadLength(length)
		return
	}
	ip := header.IPv4(b)
	ip.SetTotalLength(header.IPv4MinimumSize + length)
	ip.SetID(id)
	ip.SetChecksum(^ip.CalculateChecksum())
}

// finalSum is what goes into a checksum field for a sum; zero would say that there is none (RFC 768, RFC 8200 §8.1).
func finalSum(sum uint16) uint16 {
	if sum == 0xffff {
		return sum
	}
	return ^sum
}
