package dns

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

// writeZone makes a file in a folder of the test.
func writeZone(t testing.TB, name, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func manyAddresses(owner string, n int) string {
	var b strings.Builder
	for i := range n + 1 {
		fmt.Fprintf(&b, "%s A 198.51.100.%d\n", owner, i)
	}
	return b.String()
}

const apex = "$TTL 1h\n@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns\nns A 198.51.100.1\n" // four lines

func TestZoneErrors(t *testing.T) {
	tests := []struct {
		name string
		zone string
		line int
		want string
	}{
		{"no SOA", "$TTL 1h\n@ NS ns\nns A 198.51.100.1\n", 0, "no SOA record at example.org."},
		{"two SOA records", apex + "@ SOA ns hostmaster 2 1 1 1 1\n", 5, "a second SOA record"},
		{"SOA below the apex", apex + "sub SOA ns hostmaster 2 1 1 1 1\n", 5, "a SOA record below the apex"},
		{"no NS", "$TTL 1h\n@ SOA ns hostmaster 1 1 1 1 1\nns A 198.51.100.1\n", 0, "has no NS record at its apex"},
		{"name server without address", "$TTL 1h\n@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns.example.net\n", 3, "the name server ns.example.net.example.org. is in this zone and has no address"},
		{"glue missing", apex + "sub NS ns.sub\n", 5, "the name server ns.sub.example.org. is in this zone and has no address"},
		{"CNAME and other data", apex + "a CNAME ns\na A 198.51.100.2\n", 5, "has a CNAME and other records"},
		{"CNAME at the apex", apex + "@ CNAME www.example.net.\n", 5, "has a CNAME and other records"},
		{"two CNAMEs", apex + "a CNAME ns\na CNAME b\nb A 198.51.100.2\n", 6, "has two records of type CNAME"},
		{"out of zone", apex + "www.example.net. A 198.51.100.2\n", 5, "www.example.net. is outside of the zone example.org."},
		{"wildcard of name servers", apex + "*.x NS ns\n", 5, "a wildcard of type NS"},
		{"not class IN", apex + "a CH TXT x\n", 5, "the class is CH"},
		{"no data", apex + "a A\n", 5, "the A record has no data"},
		{"not an address", apex + "a A 198.51.100.256\n", 5, "bad A A"},
		{"unknown type", apex + "a BOGUS x\n", 5, "BOGUS"},
		{"type before the class", apex + "a A IN 198.51.100.2\n", 5, "bad A A"},
		{"label of 64", apex + strings.Repeat("a", 64) + " A 198.51.100.2\n", 5, "bad owner name"},
		{"no owner", " SOA ns hostmaster 1 1 1 1 1\n", 1, "the record has no owner"},
		{"unclosed parenthesis", "$TTL 1h\n@ SOA ns hostmaster ( 1 1 1 1 1\n", 0, "unbalanced brace"},
		{"closed twice", "$TTL 1h\n@ SOA ns hostmaster ( 1 1 1 1 1 ) )\n", 2, "extra closing brace"},
		{"TTL too large", apex + "a 4294967290 A 198.51.100.2\n", 5, "larger than 2147483647"},
		{"unknown directive", "$ORIGN example.org.\n" + apex, 0, ""},
		{"included file missing", apex + "$INCLUDE nothing.inc\n", 5, "failed to open"},
		{"include of another folder", apex + "$INCLUDE ../secret\n", 5, "failed to open"},
		{"include of an absolute name", apex + "$INCLUDE /etc/passwd\n", 5, "failed to open"},
		{"include of a folder", apex + "$INCLUDE .\n", 0, "is a directory"},
		{"include of itself", apex + "$INCLUDE example.org.zone\n", 5, "too deeply nested"},
		{"generated bomb", apex + "$GENERATE 0-99999999 a$ A 198.51.100.2\n", 5, "bad range"},
		{"set that no message carries", apex + bigSet(), 0, "octets of type TXT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := writeZone(t, "example.org.zone", tt.zone)
			_, err := load(table(t, "\nzones = ['"+file+"']\n"))
			if err == nil {
				t.Fatal("no error")
			}
			place := file
			if tt.line > 0 {
				place += fmt.Sprintf(":%d: ", tt.line)
			}
			if !strings.Contains(err.Error(), "config:2: zones[0]: "+place) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q\nwant the place %s and %q", err, place, tt.want)
			}
		})
	}
}

func bigSet() string {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "a TXT \"%d %s\"\n", i, strings.Repeat("x", 240))
	}
	return b.String()
}

func TestZoneWarnings(t *testing.T) {
	tests := []struct {
		name string
		zone string
		want string
	}{
		{"MX to an alias", apex + "@ MX 10 a\na CNAME ns\n", "5: MX names the alias a.example.org."},
		{"NS to an alias", apex + "@ NS a\na CNAME ns\n", "5: NS names the alias a.example.org."},
		{"MX to nothing", apex + "@ MX 10 mail.example.net\n", "5: MX names mail.example.net.example.org., which has no address"},
		{"the same twice", apex + "a A 198.51.100.2\nA A 198.51.100.2\n", "6: the record is there twice"},
		{"hidden by a delegation", apex + "sub NS ns\nx.sub TXT x\n", "6: x.sub.example.org. is not served: sub.example.org. is delegated"},
		{"beside a delegation", apex + "sub NS ns\nsub TXT x\n", "6: sub.example.org. is not served"},
		{"nothing", apex + "@ MX 10 mail\nmail A 198.51.100.2\nsub NS ns.sub\nns.sub A 198.51.100.3\nsub DS 1 8 2 00\n* A 198.51.100.4\n@ MX 20 any\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(table(t, "zones = ['"+writeZone(t, "example.org.zone", tt.zone)+"']"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range s.warnings {
				got = append(got, w.Error())
			}
			if all := strings.Join(got, "\n"); !strings.Contains(all, tt.want) || (tt.want == "") != (all == "") {
				t.Errorf("warnings %q, want %q", all, tt.want)
			}
		})
	}
}

// $INCLUDE must not follow a link out of the zone's folder.
func TestIncludeStaysInItsFolder(t *testing.T) {
	secret := writeZone(t, "secret", "root:x:0:0\n")
	file := writeZone(t, "example.org.zone", apex+"$INCLUDE link\n")
	if err := os.Symlink(secret, filepath.Join(filepath.Dir(file), "link")); err != nil {
		t.Skip(err)
	}
	_, err := load(table(t, "zones = ['"+file+"']"))
	if err == nil || strings.Contains(err.Error(), "root:") {
		t.Errorf("error %v", err)
	}
}

func TestIncludedErrorNamesItsFile(t *testing.T) {
	file := writeZone(t, "example.org.zone", apex+"$INCLUDE more.inc\n")
	inc := filepath.Join(filepath.Dir(file), "more.inc")
	if err := os.WriteFile(inc, []byte("a A 198.51.100.2\n\nb CNAME a\nb TXT x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load(table(t, "zones = ['"+file+"']"))
	if err == nil || !strings.Contains(err.Error(), inc+":3: b.example.org. has a CNAME") {
		t.Errorf("error %v", err)
	}
}

func TestMasterFileForms(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"TTL and class", "a 300 IN A 198.51.100.2", "a.example.org. 300 A 198.51.100.2"},
		{"class and TTL", "a IN 300 A 198.51.100.2", "a.example.org. 300 A 198.51.100.2"},
		{"units", "a 1w2d3h4m5s A 198.51.100.2", "a.example.org. 788645 A 198.51.100.2"},
		{"blank owner", "a A 198.51.100.2\n  TXT x", "a.example.org. 3600 A 198.51.100.2; a.example.org. 3600 TXT \"x\""},
		{"origin", "$ORIGIN sub\na A 198.51.100.2\n@ TXT x", "a.sub.example.org. 3600 A 198.51.100.2; sub.example.org. 3600 TXT \"x\""},
		{"TTL directive", "$TTL 2d\na A 198.51.100.2", "a.example.org. 172800 A 198.51.100.2"},
		{"comment with quotes", "a TXT \"one;two\" ; three", "a.example.org. 3600 TXT \"one;two\""},
		{"parentheses", "a MX ( 10 ; comment\n b\n )", "a.example.org. 3600 MX 10 b.example.org."},
		{"unknown type", "a TYPE65280 \\# 2 0102", "a.example.org. 3600 TYPE65280 \\# 2 0102"},
		{"escaped owner", "\\097 A 198.51.100.2", "a.example.org. 3600 A 198.51.100.2"},
		{"lower case type and class", "a in a 198.51.100.2", "a.example.org. 3600 A 198.51.100.2"},
		{"generated", "$GENERATE 1-2 h$ 60 A 198.51.100.$", "h1.example.org. 60 A 198.51.100.1; h2.example.org. 60 A 198.51.100.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all, err := readZone(writeZone(t, "z", apex+tt.line+"\n"), "example.org.")
			if err != nil {
				t.Fatal(err)
			}
			var rrs []mdns.RR
			for _, r := range all[3:] {
				rrs = append(rrs, r.rr)
			}
			if got := strings.ReplaceAll(texts(rrs), "CLASS1 ", ""); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The texts as they are printed.
func TestPrintedZones(t *testing.T) {
	_, err := load(table(t, "[[zone]]\nname = \"line.be\"\nfile = \"named.hosts.verbatim\""))
	if err == nil || !strings.Contains(err.Error(), "testdata/named.hosts.verbatim:") || !strings.Contains(err.Error(), "extra closing brace") {
		t.Errorf("book: error %v", err)
	}
	s := memory(t, `zones = ["course-verbatim.zone"]`)
	if r := s.call(t, question("3w.example.com.", mdns.TypeMX)); len(r.Answer) != 2 {
		t.Errorf("course: 3w in the first column is an owner: %v", r)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := []struct{ name, table, want string }{
		{"unknown key", `zonse = ["x"]`, "zonse"},
		{"no such file", `zones = ["nothing.zone"]`, "config:1: zones[0]: testdata/nothing.zone: no such file or directory; name a file"},
		{"a folder", `zones = ["."]`, "is a directory"},
		{"the same zone twice", `zones = ["example.org.zone", "example.org.zone"]`, "zones[1]: the zone example.org. is also in testdata/example.org.zone"},
		{"zone without a file", "[[zone]]\nname = \"example.org\"", "zone[0]: no file"},
		{"zone without a name", "[[zone]]\nfile = \"named.hosts\"", "zone[0].name: \"\" is no zone name"},
		{"zone of another name", "[[zone]]\nname = \"example.net\"\nfile = \"example.org.zone\"", "failed"},
		{"forward", `forward = ["ns.example.org"]`, `forward[0]: "ns.example.org" is no address; write 203.0.113.53`},
		{"allow", `allow = ["198.51.100.0/33"]`, `allow[0]: "198.51.100.0/33" is no subnet`},
		{"payload", `payload = 100`, "payload: 100 is out of range; choose from 512 to 4096"},
		{"idle", `idle_timeout = "2h"`, "idle_timeout: 2h0m0s is out of range"},
		{"hosts file missing", `hosts = "nothing"`, "hosts: testdata/nothing: no such file"},
		{"boot file missing", `boot = "nothing"`, "boot: testdata/nothing: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(table(t, tt.table))
			if err == nil || tt.want != "failed" && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestHostsErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no name", "127.0.0.1 localhost\n198.51.100.2 # nothing\n", ":2: an address without a name"},
		{"no address", "localhost 127.0.0.1\n", `:1: "localhost" is no address`},
		{"zone of an interface", "fe80::1%eth0 x\n", `:1: "fe80::1%eth0" is no address`},
		{"name too long", "198.51.100.2 " + strings.Repeat("a", 64) + "\n", "is no host name"},
		{"line too long", "198.51.100.2 a\n# " + strings.Repeat("a", 5000) + "\n", ":2: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(table(t, "hosts = '"+writeZone(t, "hosts", tt.text)+"'"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestBootErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"secondary", "directory .\nsecondary example.org 203.0.113.53 x\n", ":2: secondary zones are not served"},
		{"unknown", "options forward-only\n", `:1: unknown directive "options"`},
		{"primary without file", "primary example.org\n", ":1: write"},
		{"forwarder", "forwarders 203.0.113.53 x\n", `:1: "x" is no address`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(table(t, "boot = '"+writeZone(t, "named.boot", tt.text)+"'"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	s := memory(t, "")
	p := portOfTCP(s)
	_, err := newServer(apps.NewEnv(apps.EnvConfig{}), table(t, fmt.Sprintf("address = [\"127.0.0.1\"]\nport = %d\n", p)))
	if err == nil || !strings.Contains(err.Error(), "config:1: address[0]: ") {
		t.Errorf("error %v", err)
	}
}

// FuzzZone: no file makes the reader or the checks panic, and what is accepted answers questions about itself.
func FuzzZone(f *testing.F) {
	for _, name := range []string{"example.org.zone", "course.zone", "named.hosts", "named.hosts.verbatim", "named.rev"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if strings.Contains(strings.ToUpper(string(b)), "$GENERATE") {
			t.Skip("slow, and bounded elsewhere")
		}
		all, err := readZone(writeZone(t, "z.zone", string(b)), "example.org.")
		if err != nil {
			return
		}
		z := newZone(apexOf(all, "example.org."), "z.zone", all)
		if z.soa == nil || len(z.check(all).errors) > 0 {
			return
		}
		d := &data{zones: map[string]*zone{z.origin: z}, hosts: newHosts()}
		for _, r := range all {
			h := r.rr.Header()
			a := d.lookup(mdns.CanonicalName(h.Name), h.Rrtype)
			if _, err := a.pack(mdns.CanonicalName(h.Name), h.Rrtype, mdns.ClassINET); err != nil {
				t.Fatalf("%v: %v", r.rr, err)
			}
		}
	})
}

func portOfTCP(s *server) int { return s.socks.streams[0].Addr().(*net.TCPAddr).Port }

// Files that include each other often are given up early.
func TestIncludeBomb(t *testing.T) {
	file := writeZone(t, "example.org.zone", apex+"$INCLUDE 1\n")
	for i := 1; i < 7; i++ {
		text := strings.Repeat(fmt.Sprintf("$INCLUDE %d\n", i+1), 100)
		if i == 6 {
			text = "; nothing\n"
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), fmt.Sprint(i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := load(table(t, "zones = ['"+file+"']"))
	if err == nil || !strings.Contains(err.Error(), "more than 1024 included files") {
		t.Errorf("error %v", err)
	}
}
