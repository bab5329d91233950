package dns

import (
	"net/netip"

	mdns "github.com/miekg/dns"
)

// transferSize is about what one message of a zone transfer holds.
const transferSize = 16 << 10

// transfer sends a whole zone to those who may have it: RFC 5936. IXFR is answered with the whole zone too, which
// RFC 1995 §4 allows. It reports whether the session goes on.
func (s *server) transfer(q *query, from netip.AddrPort, write func([]byte) error) bool {
	name, ok := q.text()
	z := s.data.Load().zones[name]
	dv := s.delivery(q, true, false)
	switch {
	case !ok:
		return write(s.refuse(nil, q, mdns.RcodeFormatError, dv)) == nil
	case !s.mayTransfer(from.Addr()):
		return write(s.refuse(nil, q, mdns.RcodeRefused, dv)) == nil
	case z == nil:
		return write(s.refuse(nil, q, mdns.RcodeNotAuth, dv)) == nil // RFC 5936 §2.2.1
	}
	s.counters.Add("transfers", 1)
	for part := range z.parts() {
		a := &answer{aa: true, answer: part}
		p, err := a.pack(name, q.qtype, q.qclass)
		if err != nil || write(q.appendPacked(nil, p, dv)) != nil {
			return false
		}
	}
	return true
}

func (s *server) mayTransfer(from netip.Addr) bool {
	for _, p := range s.cfg.transfer {
		if p.Contains(from.WithZone("")) {
			return true
		}
	}
	return false
}

// parts gives the records in the order of a transfer, a message at a time: the SOA record is first and last,
// RFC 5936 §2.2.
func (z *zone) parts() func(yield func([]mdns.RR) bool) {
	return func(yield func([]mdns.RR) bool) {
		part, size := []mdns.RR{z.soa}, mdns.Len(z.soa)
		for _, r := range z.records {
			if r.rr.Header().Rrtype == mdns.TypeSOA {
				continue
			}
			if n := mdns.Len(r.rr); size+n > transferSize && len(part) > 0 {
				if !yield(part) {
					return
				}
				part, size = nil, 0
			}
			part, size = append(part, r.rr), size+mdns.Len(r.rr)
		}
		yield(append(part, z.soa))
	}
}
