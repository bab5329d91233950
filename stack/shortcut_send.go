package stack

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
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
		r.write()
	}
}

// send sends what waits.
func (r *receiver) send() {
	r.emit()
	r.write()
}

// write tells the host what was counted, so that whoever gets an answer finds it counted, and sends.
func (r *receiver) write() {
	if r.tally != (tally{}) {
		r.nic.iface.host.shortcuts.settle(&r.tally)
		r.tally = tally{}
	}
	if len(r.out) > 0 {
		r.nic.answer(r.queue, r.out)
		clear(r.out)
		r.out = r.out[:0]
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
		if id := uint16(r.ids.Uint64()); id != 0 && id <= math.MaxUint16-maxBurst { // those of a burst count on
			return id
		}
	}
}

// finish sets what differs among the IP headers of answers.
func (r *receiver) finish(b *wayBack, ip []byte) {
	if b.ready == plain6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-header.IPv6MinimumSize))
		return
	}
	length, id := uint16(len(ip)), r.identification()
	binary.BigEndian.PutUint16(ip[2:], length)
	binary.BigEndian.PutUint16(ip[4:], id)
	binary.BigEndian.PutUint16(ip[10:], ^checksum.Combine(b.sum, checksum.Combine(length, id)))
}
