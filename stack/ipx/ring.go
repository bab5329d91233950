package ipx

import (
	"encoding/binary"

	"tapestry/internal/ipxwire"
)

// ring is a queue of packets in one piece of memory, which grows to max octets. A record is the port, in two octets,
// and the packet, whose own length field ends it.
type ring struct {
	max  int
	buf  []byte
	head int // where the first record starts
	size int // octets of all records
}

const recordHead = 2 // octets before a packet

// len is how many octets the records take.
func (r *ring) len() int { return r.size }

// push copies the header and the data of a packet in. It reports whether there was room.
func (r *ring) push(id PortID, h, data []byte) bool {
	need := recordHead + len(h) + len(data)
	if r.size+need > r.max {
		return false
	}
	if r.size+need > len(r.buf) {
		r.grow(r.size + need)
	}
	r.write([]byte{byte(id >> 8), byte(id)})
	r.write(h)
	r.write(data)
	return true
}

// grow makes the memory at least need octets, which are not above max.
func (r *ring) grow(need int) {
	n := max(len(r.buf), 1<<10)
	for n < need {
		n *= 2
	}
	buf := make([]byte, min(n, r.max))
	r.copyOut(buf[:r.size], 0)
	r.buf, r.head = buf, 0
}

// write appends b, for which there is memory.
func (r *ring) write(b []byte) {
	tail := r.head + r.size
	if tail >= len(r.buf) {
		tail -= len(r.buf)
	}
	n := copy(r.buf[tail:], b)
	copy(r.buf, b[n:])
	r.size += len(b)
}

// copyOut copies what lies off octets behind the head.
func (r *ring) copyOut(b []byte, off int) {
	at := r.head + off
	if at >= len(r.buf) {
		at -= len(r.buf)
	}
	n := copy(b, r.buf[at:])
	copy(b[n:], r.buf)
}

// pop takes the first packet out: its header into head, as much of its data as there is room for into data. It gives
// the port and the length of the data in the packet. The ring is not empty.
func (r *ring) pop(head *[ipxwire.HeaderLen]byte, data []byte) (PortID, int) {
	var id [recordHead]byte
	r.copyOut(id[:], 0)
	r.copyOut(head[:], recordHead)
	n := int(binary.BigEndian.Uint16(head[2:])) - ipxwire.HeaderLen
	r.copyOut(data[:min(n, len(data))], recordHead+ipxwire.HeaderLen)
	r.drop(recordHead + ipxwire.HeaderLen + n)
	return PortID(binary.BigEndian.Uint16(id[:])), n
}

// drop takes n octets off the front.
func (r *ring) drop(n int) {
	r.size -= n
	if r.head += n; r.head >= len(r.buf) {
		r.head -= len(r.buf)
	}
	if r.size == 0 {
		r.head = 0
	}
}

// count gives the number of packets.
func (r *ring) count() (n uint64) {
	var length [2]byte
	for off := 0; off < r.size; n++ {
		r.copyOut(length[:], off+recordHead+2)
		off += recordHead + int(binary.BigEndian.Uint16(length[:]))
	}
	return n
}

// clear drops all records and their memory.
func (r *ring) clear() { *r = ring{max: r.max} }
