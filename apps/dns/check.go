package dns

import (
	"fmt"
	"strings"

	mdns "github.com/miekg/dns"
)

const maxFindings = 10 // errors that one zone is reported with

// checker collects what is wrong with a zone. Errors keep it from being served; warnings are logged.
type checker struct {
	z        *zone
	errors   []*zoneError
	warnings []*zoneError
}

// check examines a zone that was read: its own rules (RFC 1034 §4.2.1, RFC 2181 §6 and §10) and what its author most
// probably did not mean.
func (z *zone) check(all []record) *checker {
	c := &checker{z: z}
	c.apex(all)
	for _, r := range all {
		if !mdns.IsSubDomain(z.origin, mdns.CanonicalName(r.rr.Header().Name)) {
			c.err(r, fmt.Sprintf("%s is outside of the zone %s", r.rr.Header().Name, z.origin),
				"move the record to its own zone, or remove the final dot if the name is relative")
			continue
		}
		c.record(r)
	}
	if len(all) > len(z.records) {
		c.duplicates(all)
	}
	c.sizes()
	return c
}

func (c *checker) err(r record, problem, remedy string) {
	if len(c.errors) < maxFindings {
		c.errors = append(c.errors, &zoneError{r.file, r.line, problem, remedy})
	}
}

func (c *checker) warn(r record, problem, remedy string) {
	if len(c.warnings) < maxFindings {
		c.warnings = append(c.warnings, &zoneError{r.file, r.line, problem, remedy})
	}
}

// apex wants one SOA record, which is at the apex, and NS records there.
func (c *checker) apex(all []record) {
	count := 0
	for _, r := range all {
		if r.rr.Header().Rrtype != mdns.TypeSOA {
			continue
		}
		switch count++; {
		case mdns.CanonicalName(r.rr.Header().Name) != c.z.origin:
			c.err(r, "a SOA record below the apex of "+c.z.origin, "give that zone a file of its own, and NS records here")
		case count > 1:
			c.err(r, "a second SOA record", "leave one")
		}
	}
	if c.z.nodes[c.z.origin].set(mdns.TypeNS) == nil {
		c.err(record{file: c.z.file}, "the zone "+c.z.origin+" has no NS record at its apex", "add \"@ NS name\" with the name of this server")
	}
}

func (c *checker) record(r record) {
	h := r.rr.Header()
	owner := mdns.CanonicalName(h.Name)
	n := c.z.nodes[owner]
	if h.Rrtype == mdns.TypeCNAME && len(n.sets) > 1 {
		c.err(r, h.Name+" has a CNAME and other records", "an alias has nothing else, RFC 1034 §3.6.2: remove one of them")
	}
	if s := n.set(h.Rrtype); len(s) > 1 && (h.Rrtype == mdns.TypeCNAME || h.Rrtype == mdns.TypeDNAME) && mdns.IsDuplicate(s[1], r.rr) {
		c.err(r, h.Name+" has two records of type "+mdns.Type(h.Rrtype).String(), "leave one")
	}
	if strings.HasPrefix(owner, "*.") && (h.Rrtype == mdns.TypeNS || h.Rrtype == mdns.TypeDNAME) {
		c.err(r, "a wildcard of type "+mdns.Type(h.Rrtype).String(), "write the names out: what it would mean is not defined, RFC 4592 §4.2")
	}
	if at, hidden := c.z.cut(owner, mdns.TypeNS); hidden != nil && (at != owner || !isCutType(h.Rrtype)) && !isAddress(h.Rrtype) {
		c.warn(r, h.Name+" is not served: "+at+" is delegated or renamed", "move the record to the delegated zone")
	}
	c.targets(r, owner)
}

func isCutType(t uint16) bool {
	return t == mdns.TypeNS || t == mdns.TypeDS || t == mdns.TypeNSEC || t == mdns.TypeRRSIG
}
func isAddress(t uint16) bool { return t == mdns.TypeA || t == mdns.TypeAAAA }

// targets looks at the hosts that a record names, if they are ours.
func (c *checker) targets(r record, owner string) {
	name := target(r.rr)
	if name == "" || name == "." || !mdns.IsSubDomain(c.z.origin, name) {
		return
	}
	kind := mdns.Type(r.rr.Header().Rrtype).String()
	n := c.z.nodes[name]
	if n == nil && r.rr.Header().Rrtype != mdns.TypeNS {
		n = c.z.wildcard(name)
	}
	if n.set(mdns.TypeCNAME) != nil {
		c.warn(r, kind+" names the alias "+name, "name the host itself, RFC 2181 §10.3")
		return
	}
	if n.set(mdns.TypeA) != nil || n.set(mdns.TypeAAAA) != nil {
		return
	}
	if at, hidden := c.z.cut(name, mdns.TypeA); hidden != nil && (r.rr.Header().Rrtype != mdns.TypeNS || at != owner) {
		return // the delegated zone knows its addresses
	}
	const remedy = "add its address; a name of another zone ends with a dot"
	if r.rr.Header().Rrtype == mdns.TypeNS {
		c.err(r, "the name server "+name+" is in this zone and has no address", remedy)
		return
	}
	c.warn(r, kind+" names "+name+", which has no address", remedy)
}

func (c *checker) duplicates(all []record) {
	kept := make(map[mdns.RR]bool, len(c.z.records))
	for _, r := range c.z.records {
		kept[r.rr] = true
	}
	for _, r := range all {
		if !kept[r.rr] {
			c.warn(r, "the record is there twice: "+strings.ReplaceAll(r.rr.String(), "\t", " "), "remove one")
		}
	}
}

// sizes refuses a set that no message can carry.
func (c *checker) sizes() {
	for name, n := range c.z.nodes {
		for _, s := range n.sets {
			size := 0
			for _, rr := range s.rrs {
				size += mdns.Len(rr)
			}
			if size > maxRRset {
				c.err(record{file: c.z.file}, fmt.Sprintf("%s has %d octets of type %s", name, size, mdns.Type(s.rrtype)), "no message carries more than 65535")
			}
		}
	}
}
