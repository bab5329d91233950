package stack

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// maxOut is how many answers wait at the most.
const maxOut = 64

// answer sends what a receiver collected, on the queue where the questions came in unless the device knows better.
func (n *nic) answer(q link.Queue, frames []link.Frame) {
	if n.steer != nil {
		n.write(frames, 0)
		return
	}
	q.WriteFrames(frames)
}

// push has a frame sent at the end of the batch.
func (r *receiver) push(f link.Frame) {
	r.out = append(r.out, f)
	if len(r.out) >= maxOut {
		r.send()
	}
}

// piece gives n octets of f from off on in one piece: in place where they lie in one chunk, else in memory of the
// receiver, which the next call takes again.
func (r *receiver) piece(f *link.Frame, off, n int) []byte {
	l := f.Data.AsViewList()
	v := l.Front()
	for ; v != nil && off >= v.Size(); v = v.Next() {
		off -= v.Size()
	}
	if v == nil || n == 0 {
		return nil
	}
	if b := v.AsSlice()[off:]; len(b) >= n {
		return b[:n:n]
	}
	if r.memo == nil {
		r.memo = scratchPool.Get().(*[64 << 10]byte)
	}
	k := 0
	for ; v != nil && k < n; v = v.Next() {
		k += copy(r.memo[k:n], v.AsSlice()[off:])
		off = 0
	}
	return r.memo[:k:k]
}

// room gives memory for an answer of n octets, empty. It is good until the batch ends.
func (r *receiver) room(n int) []byte {
	if r.reply == nil {
		r.reply = scratchPool.Get().(*[64 << 10]byte)
	}
	return r.reply[:0:n]
}

// identification gives a number for the IPv4 header, never 0, that nobody can guess: answers are not atomic datagrams
// (RFC 6864 §4.3), since the engine, too, sends them without "don't fragment".
func (r *receiver) identification() uint16 {
	if r.ids == nil {
		var seed [32]byte
		rng := r.nic.iface.host.ns.SecureRNG()
		for i := 0; i < len(seed); i += 4 {
			binary.BigEndian.PutUint32(seed[i:], rng.Uint32())
		}
		r.ids = rand.NewChaCha8(seed)
	}
	for {
		if id := uint16(r.ids.Uint64()); id != 0 {
			return id
		}
	}
}

// sendUDP answers d with payload, which must fit into b.room.
func (r *receiver) sendUDP(d *datagram, b *wayBack, payload []byte) {
	length := transportHead + len(payload)
	v := buffer.NewViewSize(b.ready + length)
	p := v.AsSlice()
	copy(p, b.head[:b.ready])
	u := p[b.ready:]
	copy(u[transportHead:], payload)
	binary.BigEndian.PutUint16(u, d.to.Port())
	binary.BigEndian.PutUint16(u[2:], d.from.Port())
	binary.BigEndian.PutUint16(u[4:], uint16(length))
	sum := checksum.Checksum(u, checksum.Combine(d.path.pseudo, uint16(length)))
	if sum != math.MaxUint16 { // one that computes to zero is sent as all ones (RFC 768)
		sum = ^sum
	}
	binary.BigEndian.PutUint16(u[udpChecksum:], sum)
	r.finish(d, b, p[ethernet.HeaderLen:])
	r.tally.udpOut++ // first: what is sent is counted
	r.push(link.Frame{Data: buffer.MakeWithView(v)})
}

// finish sets what differs among the IP headers of answers.
func (r *receiver) finish(d *datagram, b *wayBack, ip []byte) {
	if d.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-header.IPv6MinimumSize))
		return
	}
	length, id := uint16(len(ip)), r.identification()
	binary.BigEndian.PutUint16(ip[2:], length)
	binary.BigEndian.PutUint16(ip[4:], id)
	binary.BigEndian.PutUint16(ip[10:], ^checksum.Combine(b.sum, checksum.Combine(length, id)))
}
