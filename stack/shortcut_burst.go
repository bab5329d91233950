package stack

import (
	"encoding/binary"
	"math"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Limits of a burst: how many datagrams, as Linux has it (UDP_MAX_SEGMENTS), and octets of payload. With headers it is
// no longer than the largest chunk that is pooled, nor than what IPv4 can say.
const (
	maxBurst  = 128
	burstRoom = 64<<10 - plain6 - transportHead
)

// burst collects answers that follow each other on one way, from one port to one, of one size but for the last, which
// may be shorter. Where the device takes super-frames of UDP they leave as one; one alone is a frame like any other. A
// burst ends with the batch, or before anything else is sent.
type burst struct {
	path          *path
	back          *wayBack
	from, to      uint16
	size          int // of each
	count, octets int
}

// room gives memory for an answer of n octets, empty. It is good until the next answer.
func (r *receiver) room(n int) []byte {
	if r.reply == nil {
		r.reply = scratchPool.Get().(*[64 << 10]byte)
	}
	if r.burst.octets+n > len(r.reply) {
		r.emit()
	}
	off := r.burst.octets
	return r.reply[off : off : off+n]
}

// sendUDP answers d with payload, which is not empty and must fit into b.room. It lies where room said, or elsewhere.
func (r *receiver) sendUDP(d *datagram, b *wayBack, payload []byte) {
	u := &r.burst
	from, to := d.to.Port(), d.from.Port()
	if u.count > 0 && (u.path != d.path || u.from != from || u.to != to || len(payload) > u.size || u.octets+len(payload) > burstRoom) {
		r.emit()
	}
	if u.count == 0 {
		*u = burst{path: d.path, back: b, from: from, to: to, size: len(payload)}
	}
	copy(r.reply[u.octets:], payload)
	u.count++
	u.octets += len(payload)
	if len(payload) < u.size || u.count == maxBurst || !b.bursts {
		r.emit()
	}
}

// emit ends the burst.
func (r *receiver) emit() {
	u := &r.burst
	if u.count == 0 {
		return
	}
	b, length := u.back, transportHead+u.octets
	v := buffer.NewViewSize(b.ready + length)
	p := v.AsSlice()
	copy(p, b.head[:b.ready])
	h := p[b.ready:]
	binary.BigEndian.PutUint16(h, u.from)
	binary.BigEndian.PutUint16(h[2:], u.to)
	binary.BigEndian.PutUint16(h[4:], uint16(length))
	copy(h[transportHead:], r.reply[:u.octets])
	f := link.Frame{Data: buffer.MakeWithView(v)}
	sum := checksum.Combine(u.path.pseudo, uint16(length))
	if u.count > 1 {
		f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(b.ready), udpChecksum
		f.GSO, f.GSOSize = link.GSOUDP, uint16(u.size)
	} else if sum = checksum.Checksum(h, sum); sum != math.MaxUint16 { // a zero is sent as all ones (RFC 768)
		sum = ^sum
	}
	binary.BigEndian.PutUint16(h[udpChecksum:], sum)
	r.finish(b, p[ethernet.HeaderLen:])
	r.tally.udpOut += uint64(u.count)
	u.count, u.octets = 0, 0
	r.push(f)
}
