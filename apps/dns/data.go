package dns

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	mdns "github.com/miekg/dns"
)

const (
	maxCached = 1 << 14 // packed answers from our own data
	maxTurns  = 8       // orders that a rotated answer is kept in
)

// data is all that answers come from. It is replaced as a whole, together with the answers that were made of it.
type data struct {
	zones   map[string]*zone
	hosts   *hostsTable
	clients []netip.Prefix // may have names forwarded
	lab     *labNames      // that zones and hosts were made with

	mu     sync.RWMutex
	cached map[string]*cachedAnswer // by query.key
}

// cachedAnswer is an answer in each order that it is given in.
type cachedAnswer struct {
	turns []*packed
	next  atomic.Uint32
}

func (c *cachedAnswer) turn() *packed {
	if len(c.turns) == 1 {
		return c.turns[0]
	}
	return c.turns[int(c.next.Add(1)-1)%len(c.turns)]
}

// allowed says whether names are forwarded for this client.
func (d *data) allowed(from netip.Addr) bool {
	for _, p := range d.clients {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

// find gives the kept answer of a question. It does not allocate.
func (d *data) find(key []byte) *packed {
	d.mu.RLock()
	c := d.cached[string(key)]
	d.mu.RUnlock()
	if c == nil {
		return nil
	}
	return c.turn()
}

func (d *data) keep(key []byte, c *cachedAnswer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.cached) >= maxCached {
		for k := range d.cached {
			delete(d.cached, k)
			break
		}
	}
	d.cached[string(key)] = c
}

// canKeep says whether an answer is worth keeping: outsiders must not be able to push out others by asking for names
// or types that they make up.
func (a *answer) canKeep(qtype uint16) bool {
	switch {
	case !a.known || a.rcode != mdns.RcodeSuccess:
		return false
	case len(a.answer) > 0:
		return true
	}
	switch qtype {
	case mdns.TypeA, mdns.TypeAAAA, mdns.TypeMX, mdns.TypeHTTPS, mdns.TypeNS, mdns.TypeSOA, mdns.TypePTR, mdns.TypeTXT:
		return true
	}
	return false
}

// packTurns packs an answer, in each of its orders if sets are to be rotated (RFC 1794).
func (a *answer) packTurns(name string, qtype, qclass uint16, rotate bool) (*cachedAnswer, error) {
	n := 1
	if rotate {
		n = min(a.largestSet(), maxTurns)
	}
	c := new(cachedAnswer)
	for range max(n, 1) {
		p, err := a.pack(name, qtype, qclass)
		if err != nil {
			return nil, err
		}
		c.turns = append(c.turns, p)
		a.rotate()
	}
	return c, nil
}

// sets calls visit with each RRset of the answer section.
func (a *answer) sets(visit func(set []mdns.RR)) {
	for rest := a.answer; len(rest) > 0; {
		n, h := 1, rest[0].Header()
		for n < len(rest) && rest[n].Header().Rrtype == h.Rrtype && rest[n].Header().Name == h.Name {
			n++
		}
		visit(rest[:n])
		rest = rest[n:]
	}
}

func (a *answer) largestSet() (n int) {
	a.sets(func(set []mdns.RR) { n = max(n, len(set)) })
	return n
}

// rotate moves the first record of each set to its end. The section is a copy of the zone's.
func (a *answer) rotate() {
	a.answer = slices.Clone(a.answer)
	a.sets(func(set []mdns.RR) {
		first := set[0]
		copy(set, set[1:])
		set[len(set)-1] = first
	})
}
