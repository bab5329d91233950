package stack

import (
	"encoding/binary"
	"math"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// echo answers an echo request with the request itself, turned around (RFC 792, RFC 4443 §4.2): as the engine does, with
// identification, flags and type of service of an IPv4 request, and the traffic class of an IPv6 one. Neither is rate
// limited. Only the first chunk is written, and a chunk that somebody else holds is copied before.
func (r *receiver) echo(s *shortcuts, h []byte) bool {
	d := &r.d
	m := h[d.off-transportHead : d.off]
	if d.v6 && m[0] != uint8(header.ICMPv6EchoRequest) || !d.v6 && m[0] != uint8(header.ICMPv4Echo) || s.raw.Load() > 0 {
		return false
	}
	d.key.echo = true
	if d.path = d.nic.path(&d.key); d.path == nil {
		return false
	}
	b := d.nic.wayBack(d.path)
	if !b.ok || transportHead+d.size > b.room {
		return false
	}
	sum, ok := d.echoSum(m)
	if !ok {
		return false
	}
	r.turn(h, b, sum)
	f := *d.frame
	*d.frame = link.Frame{}
	f.DataValid = false
	if d.v6 {
		r.tally.echo6++
	} else {
		r.tally.echo4++
	}
	r.emit()
	r.push(f)
	return true
}

// echoSum verifies the checksum of request m and gives that of the reply.
func (d *datagram) echoSum(m []byte) (reply uint16, ok bool) {
	rest := checksum.Combine(uint16(m[1]), d.frame.Data.Checksum(d.off-4)) // all but type and checksum
	field := binary.BigEndian.Uint16(m[2:])
	if !d.v6 {
		request := checksum.Combine(uint16(header.ICMPv4Echo)<<8, rest)
		return ^rest, checksum.Combine(request, field) == math.MaxUint16 // the type of the reply is 0
	}
	rest = checksum.Combine(rest, checksum.Combine(d.path.pseudo, uint16(transportHead+d.size)))
	request := checksum.Combine(uint16(header.ICMPv6EchoRequest)<<8, rest)
	return ^checksum.Combine(uint16(header.ICMPv6EchoReply)<<8, rest), field == ^request
}

// turn makes the reply's headers of the request's, which are in h.
func (r *receiver) turn(h []byte, b *wayBack, sum uint16) {
	d := &r.d
	var head [plain6 + 4]byte
	copy(head[:], b.head[:b.ready])
	ip, m := head[ethernet.HeaderLen:b.ready], head[b.ready:b.ready+4]
	was := h[ethernet.HeaderLen:b.ready]
	if d.v6 {
		ip[0], ip[1] = 6<<4|was[0]&15, was[1]&0xf0 // the traffic class, without the flow label
		copy(ip[4:7], was[4:7])
		m[0] = uint8(header.ICMPv6EchoReply)
	} else {
		copy(ip[1:8], was[1:8]) // type of service, length, identification, flags
		ip[9] = protoICMP4
		binary.BigEndian.PutUint16(ip[10:], ^checksum.Checksum(ip, 0))
		m[0] = uint8(header.ICMPv4EchoReply)
	}
	m[1] = h[b.ready+1]
	binary.BigEndian.PutUint16(m[2:], sum)
	d.frame.Overwrite(0, head[:b.ready+4])
}
