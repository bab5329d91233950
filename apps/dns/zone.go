package dns

import (
	mdns "github.com/miekg/dns"
)

// zone is one zone in memory. It is not changed after it was built.
type zone struct {
	origin  string // lower case, with its final dot
	file    string // empty for a zone of the lab
	soa     *mdns.SOA
	nodes   map[string]*node // by owner in lower case; names that only have names below them too
	records []record         // as they were read
}

// record is a resource record and where it was read.
type record struct {
	rr   mdns.RR
	file string
	line int
}

// node is what a name has. There are few types to a name, so that a list is searched.
type node struct{ sets []rrset }

// rrset is all records of a name and type, RFC 2181 §5.
type rrset struct {
	rrtype uint16
	rrs    []mdns.RR
}

func (n *node) set(t uint16) []mdns.RR {
	if n == nil {
		return nil
	}
	for i := range n.sets {
		if n.sets[i].rrtype == t {
			return n.sets[i].rrs
		}
	}
	return nil
}

// newZone puts records in order. They were checked for nothing but their syntax: [zone.check] does that.
func newZone(origin, file string, records []record) *zone {
	z := &zone{origin: mdns.CanonicalName(origin), file: file, nodes: make(map[string]*node)}
	for _, r := range records {
		if z.add(r.rr) {
			z.records = append(z.records, r)
		}
	}
	if s := z.nodes[z.origin].set(mdns.TypeSOA); len(s) > 0 {
		z.soa = s[0].(*mdns.SOA)
	}
	return z
}

// add reports whether rr is new: a record that is there twice is one (RFC 2181 §5).
func (z *zone) add(rr mdns.RR) bool {
	owner := mdns.CanonicalName(rr.Header().Name)
	n := z.node(owner)
	for i := range n.sets {
		s := &n.sets[i]
		if s.rrtype != rr.Header().Rrtype {
			continue
		}
		for _, have := range s.rrs {
			if mdns.IsDuplicate(have, rr) {
				return false
			}
		}
		s.rrs = append(s.rrs, rr)
		s.levelTTL()
		return true
	}
	n.sets = append(n.sets, rrset{rr.Header().Rrtype, []mdns.RR{rr}})
	return true
}

// levelTTL gives the records of a set one TTL, the lowest: RFC 2181 §5.2.
func (s *rrset) levelTTL() {
	low := s.rrs[0].Header().Ttl
	for _, rr := range s.rrs {
		low = min(low, rr.Header().Ttl)
	}
	for _, rr := range s.rrs {
		rr.Header().Ttl = low
	}
}

// node finds or makes the name and the empty names between it and the apex (RFC 8020 §2: they exist).
func (z *zone) node(owner string) *node {
	if n := z.nodes[owner]; n != nil {
		return n
	}
	n := new(node)
	z.nodes[owner] = n
	if owner != z.origin && mdns.IsSubDomain(z.origin, owner) {
		z.node(parent(owner))
	}
	return n
}

// parent is the name without its first label; of the root, the root.
func parent(name string) string {
	if i, end := mdns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// negativeSOA is what goes with an answer that says that there is nothing, with the TTL of RFC 2308 §3.
func (z *zone) negativeSOA() mdns.RR {
	s := *z.soa
	s.Hdr.Ttl = min(s.Hdr.Ttl, s.Minttl)
	return &s
}

// cut finds the delegation or the DNAME that name is at or below, from the apex down: the first one hides the rest.
func (z *zone) cut(name string, qtype uint16) (owner string, n *node) {
	above := mdns.CountLabel(z.origin)
	at := mdns.Split(name)
	for i := len(at) - above; i >= 0; i-- {
		owner = z.origin
		if i < len(at) {
			owner = name[at[i]:]
		}
		n := z.nodes[owner]
		if n == nil {
			return "", nil
		}
		// The DS record of a delegation is on the parent's side, RFC 4035 §3.1.4.1.
		isCut := owner != z.origin && n.set(mdns.TypeNS) != nil && (owner != name || qtype != mdns.TypeDS)
		if isCut || owner != name && n.set(mdns.TypeDNAME) != nil {
			return owner, n
		}
	}
	return "", nil
}

// wildcard finds the node that answers for a name which does not exist: "*" below its closest encloser, RFC 4592 §3.3.1.
func (z *zone) wildcard(name string) *node {
	for name != z.origin {
		name = parent(name)
		if z.nodes[name] != nil {
			return z.nodes["*."+trimRoot(name)]
		}
	}
	return nil
}

// trimRoot makes a name that can follow a label and a dot.
func trimRoot(name string) string {
	if name == "." {
		return ""
	}
	return name
}
