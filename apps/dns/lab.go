package dns

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

// Timers of the zones that are made of the lab's names, in seconds. They are short: the names of a lab change.
const (
	labTTL      = 60
	labNegative = 10
	labRefresh  = 3600
	labRetry    = 600
	labExpire   = 86400
)

// labNames are the names that the host knows, sorted into those of its domain and others.
type labNames struct {
	domain string // with its final dot; empty if the lab has none
	server string // the name of this host
	names  map[string][]netip.Addr
	other  map[string][]netip.Addr
}

// newLabNames asks the host. Its own addresses count even if the lab does not know its name.
func newLabNames(h apps.HostControl) *labNames {
	l := &labNames{names: make(map[string][]netip.Addr), other: make(map[string][]netip.Addr)}
	if h.Domain() != "" {
		l.domain = mdns.CanonicalName(h.Domain())
	}
	for name, addrs := range h.Names() {
		l.add(name, addrs)
	}
	l.server = l.qualify(cmp.Or(h.Name(), "localhost"))
	if l.domain != "" && len(l.names[l.server]) == 0 {
		for _, p := range h.Addresses() {
			if a := p.Addr(); !a.IsLoopback() && !a.IsLinkLocalUnicast() {
				l.add(h.Name(), []netip.Addr{a})
			}
		}
	}
	return l
}

// qualify completes a name of one label with the domain.
func (l *labNames) qualify(name string) string {
	if l.domain == "" || strings.Contains(strings.TrimSuffix(name, "."), ".") || mdns.IsFqdn(name) {
		return mdns.CanonicalName(name)
	}
	return mdns.CanonicalName(name + "." + trimRoot(l.domain))
}

func (l *labNames) add(name string, addrs []netip.Addr) {
	if _, ok := mdns.IsDomainName(name); !ok || name == "" {
		return
	}
	name = l.qualify(name)
	m := l.other
	if l.domain != "" && mdns.IsSubDomain(l.domain, name) {
		m = l.names
	}
	for _, a := range addrs {
		if a = a.Unmap().WithZone(""); !slices.Contains(m[name], a) {
			m[name] = append(m[name], a)
		}
	}
}

func (l *labNames) equal(o *labNames) bool {
	return o != nil && l.domain == o.domain && l.server == o.server &&
		maps.EqualFunc(l.names, o.names, slices.Equal) && maps.EqualFunc(l.other, o.other, slices.Equal)
}

// zones makes the zone of the domain and the reverse zones of its addresses: one for each /24 and each /64, so that
// names of addresses that nobody has are denied rather than refused.
func (l *labNames) zones(serial uint32) map[string]*zone {
	if l.domain == "" {
		return nil
	}
	records := map[string][]record{l.domain: l.apex(l.domain, serial)}
	for _, name := range slices.Sorted(maps.Keys(l.names)) {
		for _, a := range l.names[name] {
			records[l.domain] = append(records[l.domain], record{rr: addressRecord(name, a, labTTL)})
			rev := reverse(a)
			origin := reverseZone(a, rev)
			if records[origin] == nil {
				records[origin] = l.apex(origin, serial)
			}
			records[origin] = append(records[origin], record{rr: &mdns.PTR{Hdr: header(rev, mdns.TypePTR, labTTL), Ptr: name}})
		}
	}
	zones := make(map[string]*zone, len(records))
	for origin, r := range records {
		zones[origin] = newZone(origin, "", r)
	}
	return zones
}

func (l *labNames) apex(origin string, serial uint32) []record {
	soa := &mdns.SOA{Hdr: header(origin, mdns.TypeSOA, labTTL), Ns: l.server, Mbox: "hostmaster." + trimRoot(l.domain),
		Serial: serial, Refresh: labRefresh, Retry: labRetry, Expire: labExpire, Minttl: labNegative}
	ns := &mdns.NS{Hdr: header(origin, mdns.TypeNS, labTTL), Ns: l.server}
	return []record{{rr: soa}, {rr: ns}}
}

// reverseZone is the name of the /24 or the /64 that an address is in.
func reverseZone(a netip.Addr, rev string) string {
	drop := 1 // labels of the host part: one octet
	if a.Is6() {
		drop = 16 // nibbles
	}
	for range drop {
		rev = parent(rev)
	}
	return rev
}

// fill adds names outside of the domain to the hosts.
func (l *labNames) fill(t *hostsTable) {
	for _, name := range slices.Sorted(maps.Keys(l.other)) {
		for _, a := range l.other[name] {
			t.add(a, name)
		}
	}
}
