package dns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	mdns "github.com/miekg/dns"
)

const (
	hostsTTL     = 60 // seconds: the file may be another at the next start
	maxHostsLine = 4096
	maxHosts     = 1 << 20 // lines of a hosts file
)

// hostsTable is a hosts file (RFC 952's successor in practice: one address and its names a line). One name may be on
// several lines, and one address too.
type hostsTable struct {
	addrs map[string][]netip.Addr // by name in lower case
	names map[string][]string     // by the name of the address under in-addr.arpa or ip6.arpa
}

func newHosts() *hostsTable {
	return &hostsTable{addrs: make(map[string][]netip.Addr), names: make(map[string][]string)}
}

// readHosts adds the lines of a file. An error names the line.
func (t *hostsTable) readHosts(r io.Reader) (line int, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxHostsLine)
	for s.Scan() {
		if line++; line > maxHosts {
			return line, fmt.Errorf("more than %d lines", maxHosts)
		}
		text, _, _ := strings.Cut(s.Text(), "#")
		if f := strings.Fields(text); len(f) > 0 {
			if err := t.readLine(f); err != nil {
				return line, err
			}
		}
	}
	if err := s.Err(); err != nil {
		return line + 1, err
	}
	return line, nil
}

var errNoName = errors.New("an address without a name: write it as \"address name alias…\"")

func (t *hostsTable) readLine(f []string) error {
	addr, err := netip.ParseAddr(f[0])
	if err != nil || addr.Zone() != "" {
		return fmt.Errorf("%q is no address: write the line as \"address name alias…\"", f[0])
	}
	if len(f) < 2 {
		return errNoName
	}
	for _, name := range f[1:] {
		if _, ok := mdns.IsDomainName(name); !ok || strings.ContainsRune(name, '\\') {
			return fmt.Errorf("%q is no host name", name)
		}
	}
	t.add(addr, f[1:]...)
	return nil
}

// add enters an address with its names, of which the first is what the address is called.
func (t *hostsTable) add(addr netip.Addr, names ...string) {
	addr = addr.Unmap()
	for _, name := range names {
		name = mdns.CanonicalName(name)
		if !slices.Contains(t.addrs[name], addr) {
			t.addrs[name] = append(t.addrs[name], addr)
		}
	}
	rev := reverse(addr)
	if name := mdns.Fqdn(names[0]); !slices.Contains(t.names[rev], name) {
		t.names[rev] = append(t.names[rev], name)
	}
}

// reverse is the name of an address: RFC 1035 §3.5, RFC 3596 §2.5.
func reverse(a netip.Addr) string {
	name, _ := mdns.ReverseAddr(a.String()) // fails for what is no address only
	return name
}

// lookup answers A, AAAA and PTR. A name that is there without that type has no such record.
func (t *hostsTable) lookup(a *answer, name string, qtype uint16) bool {
	addrs, names := t.addrs[name], t.names[name]
	if len(addrs) == 0 && len(names) == 0 {
		return false
	}
	for _, addr := range addrs {
		if rr := addressRecord(name, addr, hostsTTL); rr.Header().Rrtype == qtype {
			a.answer = append(a.answer, rr)
		}
	}
	for _, target := range names {
		if qtype == mdns.TypePTR {
			a.answer = append(a.answer, &mdns.PTR{Hdr: header(name, mdns.TypePTR, hostsTTL), Ptr: target})
		}
	}
	a.known = true
	return true
}

// addressRecord is the A or AAAA record of an address.
func addressRecord(name string, addr netip.Addr, ttl uint32) mdns.RR {
	if addr.Is4() {
		return &mdns.A{Hdr: header(name, mdns.TypeA, ttl), A: addr.AsSlice()}
	}
	return &mdns.AAAA{Hdr: header(name, mdns.TypeAAAA, ttl), AAAA: addr.AsSlice()}
}

func header(name string, rrtype uint16, ttl uint32) mdns.RR_Header {
	return mdns.RR_Header{Name: name, Rrtype: rrtype, Class: mdns.ClassINET, Ttl: ttl}
}

// merge adds the entries of another table.
func (t *hostsTable) merge(o *hostsTable) {
	for name, addrs := range o.addrs {
		t.addrs[name] = append(t.addrs[name], addrs...)
	}
	for rev, names := range o.names {
		t.names[rev] = append(t.names[rev], names...)
	}
}
