package dns

import (
	"encoding/binary"

	mdns "github.com/miekg/dns"
)

// packed is an answer as it is sent, but for what differs between two who ask the same: ID, RD and RA, the case of the
// question's letters, the OPT record, and the age of what came from another server.
type packed struct {
	full  []byte // header, question and sections
	short []byte // without the additional records that can be left out, nil if there are none
	ttls  []int  // offsets of the TTLs in full, for what ages
}

// delivery is what a reply depends on beside the question.
type delivery struct {
	limit   int  // octets that the reply can have
	payload int  // that this server offers to take over UDP
	ra      bool // recursion is available to this client
	age     uint32
}

// appendPacked appends the answer to reply. What does not fit without its optional part goes out as a header and a
// question with TC set, so that no part of an RRset is ever taken for the whole (RFC 2181 §9).
func (q *query) appendPacked(reply []byte, p *packed, d delivery) []byte {
	limit := d.limit
	if q.edns {
		limit -= optLen
	}
	body, flags := p.full, uint16(0)
	if len(body) > limit && p.short != nil {
		body = p.short
	}
	if len(body) > limit {
		body, flags = body[:q.question], flagTC
	}
	start := len(reply)
	reply = append(reply, body...)
	b := reply[start:]
	if flags != 0 {
		clear(b[offANCount:headerLen])
	}
	copy(b[headerLen:], q.msg[headerLen:q.question]) // the letters as the client wrote them
	for _, at := range p.ttls {
		if at+4 <= len(b) {
			subtract(b[at:], d.age)
		}
	}
	q.patchHeader(b, flags, d.ra)
	return q.appendOPT(reply, start, d.payload, 0)
}

func subtract(ttl []byte, age uint32) {
	t := binary.BigEndian.Uint32(ttl)
	binary.BigEndian.PutUint32(ttl, t-min(t, age))
}

// patchHeader sets what belongs to this request. Z, AD and CD stay zero: nothing here was validated.
func (q *query) patchHeader(b []byte, flags uint16, ra bool) {
	flags |= binary.BigEndian.Uint16(b[offFlags:]) | flagQR | q.flags&(maskOpcode|flagRD)
	if ra {
		flags |= flagRA
	}
	binary.BigEndian.PutUint16(b[offID:], q.id)
	binary.BigEndian.PutUint16(b[offFlags:], flags)
}

// appendError appends an answer without records. The question is repeated if it could be read.
func (q *query) appendError(reply []byte, rcode int, d delivery) []byte {
	start, end := len(reply), max(q.question, headerLen)
	reply = append(reply, q.msg[:end]...)
	b := reply[start:]
	clear(b[offFlags:headerLen])
	if q.question > 0 {
		b[offQDCount+1] = 1
	}
	b[offFlags+1] = byte(rcode & 0xf)
	q.patchHeader(b, 0, d.ra)
	return q.appendOPT(reply, start, d.payload, rcode)
}

// appendOPT answers an OPT record with one, RFC 6891 §6.1.1: the size that this server takes, the upper bits of the
// response code, version 0, and the DO bit of the request (RFC 3225 §3).
func (q *query) appendOPT(reply []byte, start, payload, rcode int) []byte {
	if !q.edns {
		return reply
	}
	b := reply[start:]
	binary.BigEndian.PutUint16(b[offARCount:], binary.BigEndian.Uint16(b[offARCount:])+1)
	do := byte(0)
	if q.do {
		do = 0x80
	}
	return append(reply,
		0,                     // name: the root
		0, byte(mdns.TypeOPT), // type
		byte(payload>>8), byte(payload), // class: UDP payload size
		byte(rcode>>4), 0, do, 0, // TTL: extended RCODE, version, DO and Z
		0, 0, // no options
	)
}

// pack makes the message of an answer to a question; name is in lower case.
func (a *answer) pack(name string, qtype, qclass uint16) (*packed, error) {
	m := mdns.Msg{Compress: true}
	m.Response, m.Authoritative, m.Rcode = true, a.aa, a.rcode
	m.Question = []mdns.Question{{Name: name, Qtype: qtype, Qclass: qclass}}
	m.Answer, m.Ns, m.Extra = a.answer, a.authority, a.glue
	p := new(packed)
	var err error
	if len(a.additional) == 0 {
		p.full, err = m.Pack()
		return p, err
	}
	if p.short, err = m.Pack(); err != nil {
		return nil, err
	}
	m.Extra = append(append([]mdns.RR(nil), a.glue...), a.additional...)
	if p.full, err = m.Pack(); err != nil {
		p.full, p.short = p.short, nil // the optional part made it too large for any message
	}
	return p, nil
}
