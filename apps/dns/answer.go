package dns

import (
	mdns "github.com/miekg/dns"
)

const (
	maxChain       = 16 // aliases that one answer follows
	maxAdditionals = 16 // names whose addresses are added
)

// answer is the records of a reply, before they are packed.
type answer struct {
	rcode      int
	aa         bool
	answer     []mdns.RR
	authority  []mdns.RR
	glue       []mdns.RR // addresses without which a referral is of no use, RFC 9471 §3
	additional []mdns.RR // can be left out

	known   bool   // the names are in our data, so that outsiders cannot make up more of them
	outside string // the name where a chain of aliases left our data
}

// lookup answers a question from the data, RFC 1034 §4.3.2. The name is in lower case.
func (d *data) lookup(name string, qtype uint16) *answer {
	a := &answer{aa: true, known: true}
	for range maxChain {
		next := d.step(a, name, qtype)
		if next == "" || a.has(next) {
			break
		}
		name = next
	}
	d.addAddresses(a)
	return a
}

// step answers for one name of a chain and gives the next, if there is one.
func (d *data) step(a *answer, name string, qtype uint16) (next string) {
	z := d.zoneFor(name, qtype)
	if z != nil {
		next = z.lookup(a, name, qtype)
		if a.rcode != mdns.RcodeNameError {
			return next
		}
	}
	switch {
	case d.hosts.lookup(a, name, qtype):
		a.rcode, a.authority = mdns.RcodeSuccess, nil
	case z == nil && len(a.answer) == 0:
		a.rcode, a.aa, a.known = mdns.RcodeRefused, false, false
	case z == nil:
		a.outside = name
	}
	return ""
}

// zoneFor finds the deepest zone that name is in. A DS record at an apex belongs to the zone above, RFC 4035 §3.1.4.1.
func (d *data) zoneFor(name string, qtype uint16) *zone {
	from := name
	if qtype == mdns.TypeDS && d.zones[name] != nil && name != "." {
		if z := d.zoneFor(parent(name), mdns.TypeNone); z != nil {
			return z
		}
	}
	for {
		if z := d.zones[from]; z != nil {
			return z
		}
		if from == "." {
			return nil
		}
		from = parent(from)
	}
}

// lookup is steps 3 and 4 of RFC 1034 §4.3.2 in one zone.
func (z *zone) lookup(a *answer, name string, qtype uint16) (next string) {
	if owner, n := z.cut(name, qtype); n != nil {
		if n.set(mdns.TypeDNAME) != nil {
			return z.rename(a, owner, n, name)
		}
		z.refer(a, n)
		return ""
	}
	if n := z.nodes[name]; n != nil {
		return z.answerNode(a, n, name, qtype)
	}
	a.known = false
	if n := z.wildcard(name); n != nil {
		return z.answerNode(a, n, name, qtype)
	}
	a.rcode = mdns.RcodeNameError
	a.authority = []mdns.RR{z.negativeSOA()}
	return ""
}

// answerNode answers with what a name has, and says so if that is nothing (RFC 2308 §2.2).
func (z *zone) answerNode(a *answer, n *node, name string, qtype uint16) (next string) {
	set := n.set(qtype)
	if qtype == mdns.TypeANY && len(n.sets) > 0 {
		set = n.sets[0].rrs // RFC 8482 §4.1: one RRset is enough
	}
	if len(set) > 0 {
		a.add(set, name)
		return ""
	}
	if alias := n.set(mdns.TypeCNAME); len(alias) > 0 {
		a.add(alias, name)
		return mdns.CanonicalName(alias[0].(*mdns.CNAME).Target)
	}
	a.authority = []mdns.RR{z.negativeSOA()}
	return ""
}

// add takes a set into the answer. The owner is written as in the question, which packs shorter.
func (a *answer) add(set []mdns.RR, name string) {
	for _, rr := range set {
		if rr.Header().Name != name {
			rr = mdns.Copy(rr)
			rr.Header().Name = name
		}
		a.answer = append(a.answer, rr)
	}
}

// has says whether a chain came to this name before.
func (a *answer) has(name string) bool {
	for _, rr := range a.answer {
		if rr.Header().Name == name {
			return true
		}
	}
	return false
}

// refer names the servers of a delegated zone and the addresses of those that this zone knows.
func (z *zone) refer(a *answer, n *node) {
	a.aa = a.aa && len(a.answer) > 0
	a.known = false // names below it are not
	a.authority = n.set(mdns.TypeNS)
	for _, rr := range a.authority {
		host := z.nodes[mdns.CanonicalName(rr.(*mdns.NS).Ns)]
		a.glue = append(a.glue, host.set(mdns.TypeA)...)
		a.glue = append(a.glue, host.set(mdns.TypeAAAA)...)
	}
}

// rename follows a DNAME: it is answered together with the CNAME that it means for this name, RFC 6672 §3.2.
func (z *zone) rename(a *answer, owner string, n *node, name string) (next string) {
	d := n.set(mdns.TypeDNAME)[0].(*mdns.DNAME)
	a.known = false
	a.add(n.set(mdns.TypeDNAME), owner)
	next = name[:len(name)-len(owner)] + trimRoot(mdns.CanonicalName(d.Target))
	if _, err := mdns.PackDomainName(next, make([]byte, maxName+1), 0, nil, false); err != nil {
		a.rcode = mdns.RcodeYXDomain
		return ""
	}
	h := mdns.RR_Header{Name: name, Rrtype: mdns.TypeCNAME, Class: mdns.ClassINET, Ttl: d.Hdr.Ttl}
	a.answer = append(a.answer, &mdns.CNAME{Hdr: h, Target: next})
	return next
}

// addAddresses adds what who asked will ask next: the addresses of the servers that the answer names, RFC 1034 §4.3.2 step 6.
func (d *data) addAddresses(a *answer) {
	seen := make(map[string]bool)
	for _, rr := range a.answer {
		name := target(rr)
		if name == "" || seen[name] || a.has(name) || len(seen) >= maxAdditionals {
			continue
		}
		seen[name] = true
		if z := d.zoneFor(name, mdns.TypeA); z != nil {
			if _, hidden := z.cut(name, mdns.TypeA); hidden == nil {
				a.additional = append(a.additional, z.nodes[name].set(mdns.TypeA)...)
				a.additional = append(a.additional, z.nodes[name].set(mdns.TypeAAAA)...)
			}
		}
	}
}

// target is the host that a record names, if its addresses are worth adding (RFC 1035 §3.3, RFC 2782).
func target(rr mdns.RR) string {
	switch rr := rr.(type) {
	case *mdns.NS:
		return mdns.CanonicalName(rr.Ns)
	case *mdns.MX:
		return mdns.CanonicalName(rr.Mx)
	case *mdns.SRV:
		return mdns.CanonicalName(rr.Target)
	}
	return ""
}
