package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nameLab serves the sample zones of apps/dns. Those on the kernel's side may transfer zones over IPv4 alone.
const nameLab = `
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]

[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  [host.alpha.app.dns]
  zones    = ["zones/example.org.zone", "zones/course.zone", "zones/best.be.dns"]
  boot     = "zones/named.boot"
  hosts    = "zones/hosts"
  transfer = ["198.51.100.0/24"]
  version  = "Tapestry"
`

// sampleZones are the files in apps/dns/testdata.
func sampleZones(t testing.TB) map[string]string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "apps", "dns", "testdata")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files["zones/"+e.Name()] = string(b)
	}
	return files
}

// TestDig runs one dig a row; what it prints must hold what is wanted, in this order.
func TestDig(t *testing.T) {
	t.Parallel()
	need(t, "dig")
	l := startLab(t, nameLab, options{files: sampleZones(t)})
	tests := []struct {
		name, args string
		want       []string
	}{
		{"A of the lab", "alpha.lab.example +short", []string{"198.51.100.2\n"}},
		{"AAAA of the lab", "alpha.lab.example AAAA +short", []string{"2001:db8:51::2\n"}},
		{"PTR of the lab", "-x 198.51.100.2 +short", []string{"alpha.lab.example.\n"}},
		{"PTR of the lab, IPv6", "-x 2001:db8:51::2 +short", []string{"alpha.lab.example.\n"}},
		{"MX", "example.org MX +short", []string{"10 mail.example.org.\n"}},
		{"SOA", "example.org SOA +short", []string{"ns1.example.org. hostmaster.example.org. 2026010100 43200 900 1814400 300\n"}},
		{"TXT", "example.org TXT +short", []string{`"a text" "in two strings"`}},
		{"SRV", "_http._tcp.example.org SRV +short", []string{"0 5 80 Web.example.org.\n"}},
		{"alias", "www.example.org +noall +answer", []string{"CNAME", "A\t198.51.100.80", "A\t198.51.100.81"}},
		{"wildcard", "any.wild.example.org +short", []string{"198.51.100.99\n"}},
		{"DNAME", "x.old.example.org +noall +answer", []string{"DNAME", "CNAME", "198.51.100.11"}},
		{"delegation", "a.sub.example.org +norecurse", []string{"NOERROR", "ANSWER: 0, AUTHORITY: 2", "198.51.100.153"}},
		{"no such name", "none.example.org", []string{"NXDOMAIN", " aa", "AUTHORITY: 1", "SOA"}},
		{"no such type", "mail.example.org AAAA", []string{"NOERROR", "ANSWER: 0, AUTHORITY: 1", "SOA"}},
		{"another's name", "www.example.net", []string{"REFUSED"}},
		{"capitals", "WWW.Example.ORG +short", []string{"198.51.100.80"}},
		{"TCP", "+tcp example.org MX", []string{"10 mail.example.org.", "(TCP)"}},
		{"IPv6", "-6 example.org MX +short", []string{"10 mail.example.org.\n"}},
		{"EDNS", "+bufsize=4096 example.org MX", []string{"EDNS: version: 0", "udp: 1232"}},
		{"no EDNS", "+noedns example.org MX", []string{"ADDITIONAL: 1\n", "10 mail.example.org."}},
		{"EDNS version", "+edns=1 +noednsneg example.org MX", []string{"BADVERS"}},
		{"truncated", "+noedns +ignore big.example.org TXT", []string{" tc"}},
		{"and asked again", "+noedns +notcp big.example.org TXT", []string{"(TCP)"}},
		{"course", "example.com MX +short", []string{"20 mail.example.net.\n"}},
		{"best.be", "ns.best.be +short", []string{"193.74.105.205\n"}},
		{"named.hosts", "sibere.line.be +short", []string{"193.75.158.189\n"}},
		{"named.rev", "1.4.95.130.in-addr.arpa PTR +short", []string{"localhost.ecel.uwa.edu.au.\n"}},
		{"named.local", "1.0.0.127.in-addr.arpa PTR +short", []string{"localhost.\n"}},
		{"hosts file", "six.example.org AAAA +short", []string{"2001:db8::1\n"}},
		{"hosts file, a name in no zone", "router. +short", []string{"139.41.34.1\n"}},
		{"version", "version.bind CH TXT +short", []string{`"Tapestry"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := "@198.51.100.2 "
			if strings.Contains(tt.args, "-6") {
				server = "@2001:db8:51::2 "
			}
			out := l.sh(t, "dig +time=2 +tries=1 "+server+tt.args)
			rest := out
			for _, want := range tt.want {
				i := strings.Index(rest, want)
				if i < 0 {
					t.Fatalf("dig %s: no %q (in this order) in\n%s", tt.args, want, out)
				}
				rest = rest[i:]
			}
			if strings.Contains(out, "Warning") || strings.Contains(out, "WARNING") && !strings.Contains(out, "recursion requested but not available") {
				t.Errorf("dig %s warns:\n%s", tt.args, out)
			}
		})
	}
}

// TestZoneTransfer gives what was transferred to BIND's checker.
func TestZoneTransfer(t *testing.T) {
	t.Parallel()
	need(t, "dig", "named-checkzone")
	l := startLab(t, nameLab, options{files: sampleZones(t)})
	for _, zone := range []string{"example.org", "example.com", "best.be", "line.be", "0.0.127.in-addr.arpa", "4.95.130.in-addr.arpa"} {
		t.Run(zone, func(t *testing.T) {
			out, errs, err := l.try(limit, "dig @198.51.100.2 "+zone+` AXFR +onesoa +noall +answer >out
test -s out
named-checkzone -i none -k ignore `+zone+` out`)
			if err != nil || !strings.HasSuffix(out, "OK\n") {
				t.Errorf("%v: %s%s\n%s", err, out, errs, l.sh(t, "cat out"))
			}
		})
	}
	if out := l.sh(t, "dig @2001:db8:51::2 example.org AXFR +time=2 +tries=1 || true"); !strings.Contains(out, "Transfer failed") {
		t.Errorf("a zone goes to those who may not have it:\n%s", out)
	}
	if out := l.sh(t, "dig @198.51.100.2 example.net AXFR +time=2 +tries=1 || true"); !strings.Contains(out, "Transfer failed") {
		t.Errorf("a zone that is not there is transferred:\n%s", out)
	}
}
