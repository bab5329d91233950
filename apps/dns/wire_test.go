package dns

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ns1 is "ns1.example.org A IN" behind a header.
const ns1 = "03 6e7331 07 6578616d706c65 03 6f7267 00 0001 0001"

func TestRequests(t *testing.T) {
	const none = "-"
	tests := []struct {
		name    string
		request string
		want    string // ID, flags and counts
	}{
		{"plain", "abcd 0000 0001 0000 0000 0000" + ns1, "abcd 8400 0001 0001 0000 0000"},
		{"RD is copied", "abcd 0100 0001 0000 0000 0000" + ns1, "abcd 8500 0001 0001 0000 0000"},
		{"Z, AD and CD are not", "abcd 0070 0001 0000 0000 0000" + ns1, "abcd 8400 0001 0001 0000 0000"},
		{"AA, TC, RA and RCODE of a request mean nothing", "abcd 0685 0001 0000 0000 0000" + ns1, "abcd 8400 0001 0001 0000 0000"},
		{"a response", "abcd 8000 0001 0000 0000 0000" + ns1, none},
		{"a response that is malformed", "abcd 8000 0009 0000 0000 0000", none},
		{"less than a header", "abcd 0000 0001 0000 0000 00", none},
		{"no question", "abcd 0000 0000 0000 0000 0000", "abcd 8001 0000 0000 0000 0000"},
		{"two questions", "abcd 0000 0002 0000 0000 0000" + ns1 + ns1, "abcd 8001 0000 0000 0000 0000"},
		{"an answer in a question", "abcd 0000 0001 0001 0000 0000" + ns1, "abcd 8001 0000 0000 0000 0000"},
		{"question cut", "abcd 0000 0001 0000 0000 0000 03 6e7331", "abcd 8001 0000 0000 0000 0000"},
		{"type cut", "abcd 0000 0001 0000 0000 0000 00 0001 00", "abcd 8001 0000 0000 0000 0000"},
		{"name points to itself", "abcd 0000 0001 0000 0000 0000 c00c 0001 0001", "abcd 8001 0000 0000 0000 0000"},
		{"label of type 01", "abcd 0000 0001 0000 0000 0000 41 00 0001 0001", "abcd 8001 0000 0000 0000 0000"},
		{"octets behind the message", "abcd 0000 0001 0000 0000 0000" + ns1 + "00", "abcd 8001 0001 0000 0000 0000"},
		{"IQUERY", "abcd 0800 0001 0000 0000 0000" + ns1, "abcd 8804 0000 0000 0000 0000"},
		{"STATUS", "abcd 1000 0000 0000 0000 0000", "abcd 9004 0000 0000 0000 0000"},
		{"NOTIFY", "abcd 2000 0001 0000 0000 0000" + ns1, "abcd a004 0000 0000 0000 0000"},
		{"UPDATE", "abcd 2800 0001 0000 0000 0000" + ns1, "abcd a804 0000 0000 0000 0000"},
		{"class CH", "abcd 0000 0001 0000 0000 0000 00 0010 0003", "abcd 8005 0001 0000 0000 0000"},
		{"class ANY", "abcd 0000 0001 0000 0000 0000 00 0001 00ff", "abcd 8005 0001 0000 0000 0000"},
		{"type 0", "abcd 0000 0001 0000 0000 0000 00 0000 0001", "abcd 8001 0001 0000 0000 0000"},
		{"type OPT as a question", "abcd 0000 0001 0000 0000 0000 00 0029 0001", "abcd 8001 0001 0000 0000 0000"},
		{"type MAILB", "abcd 0000 0001 0000 0000 0000 00 00fd 0001", "abcd 8004 0001 0000 0000 0000"},
		{"AXFR over UDP", "abcd 0000 0001 0000 0000 0000 00 00fc 0001", "abcd 8001 0001 0000 0000 0000"},
		{"EDNS", "abcd 0000 0001 0000 0000 0001" + ns1 + "00 0029 04d0 00000000 0000", "abcd 8400 0001 0001 0000 0001"},
		{"EDNS with unknown options", "abcd 0000 0001 0000 0000 0001" + ns1 + "00 0029 04d0 00000000 0006 fde9 0002 0102", "abcd 8400 0001 0001 0000 0001"},
		{"EDNS version 1", "abcd 0000 0001 0000 0000 0001" + ns1 + "00 0029 04d0 00010000 0000", "abcd 8000 0001 0000 0000 0001"},
		{"EDNS twice", "abcd 0000 0001 0000 0000 0002" + ns1 + "00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000", "abcd 8001 0001 0000 0000 0001"},
		{"EDNS with a name", "abcd 0000 0001 0000 0000 0001" + ns1 + "01 61 00 0029 04d0 00000000 0000", "abcd 8001 0001 0000 0000 0000"},
		{"EDNS with a pointer to the root", "abcd 0000 0001 0000 0000 0001" + ns1 + "c01c 0029 04d0 00000000 0000", "abcd 8001 0001 0000 0000 0000"},
		{"option cut", "abcd 0000 0001 0000 0000 0001" + ns1 + "00 0029 04d0 00000000 0005 fde9 0002 01", "abcd 8001 0001 0000 0000 0000"},
		{"another additional record", "abcd 0000 0001 0000 0000 0001" + ns1 + "c00c 0001 0001 00000000 0004 01020304", "abcd 8400 0001 0001 0000 0000"},
		{"more records than are there", "abcd 0000 0001 0000 0000 0008" + ns1, "abcd 8001 0001 0000 0000 0000"},
	}
	s := memory(t, standardTable)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.inline(nil, unhex(t, tt.request), client, local)
			if tt.want == none {
				if got != nil {
					t.Errorf("answered with %x", got)
				}
				return
			}
			if len(got) < headerLen || !bytes.Equal(got[:headerLen], unhex(t, tt.want)) {
				t.Errorf("%s\n got %x\nwant %s", tt.request, got, tt.want)
			}
		})
	}
}

// Every beginning of a request that is not all of it is refused or ignored, and none is answered.
func TestTruncatedRequests(t *testing.T) {
	s := memory(t, standardTable)
	whole := unhex(t, "abcd 0000 0001 0000 0000 0001"+ns1+"00 0029 04d0 00008000 0006 fde9 0002 0102")
	for i := range whole {
		out := s.inline(nil, whole[:i], client, local)
		if i < headerLen && out != nil {
			t.Errorf("%d octets are answered with %x", i, out)
		}
		if i >= headerLen && (len(out) < headerLen || out[3]&0xf != mdns.RcodeFormatError) {
			t.Errorf("%d octets are answered with %x", i, out)
		}
	}
	if out := s.inline(nil, whole, client, local); len(out) < headerLen || out[3]&0xf != 0 {
		t.Errorf("the whole is answered with %x", out)
	}
}

func TestNameLimits(t *testing.T) {
	s := memory(t, standardTable)
	label := "3f" + strings.Repeat("61", 63)
	for _, tt := range []struct {
		name  string
		qname string
		want  byte
	}{
		{"255 octets", label + label + label + "3d" + strings.Repeat("62", 61) + "00", mdns.RcodeRefused},
		{"256 octets", label + label + label + "3e" + strings.Repeat("62", 62) + "00", mdns.RcodeFormatError},
		{"127 labels", strings.Repeat("0161", 127) + "00", mdns.RcodeRefused},
		{"128 labels", strings.Repeat("0161", 128) + "00", mdns.RcodeFormatError},
		{"any octet", "04 00 ff 2e 5c 00", mdns.RcodeRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := s.inline(nil, unhex(t, "abcd 0000 0001 0000 0000 0000"+tt.qname+"0001 0001"), client, local)
			if len(out) < headerLen || out[3]&0xf != tt.want {
				t.Errorf("answered with %x, want rcode %d", out, tt.want)
			}
		})
	}
}

func TestEDNS(t *testing.T) {
	s := memory(t, standardTable+"payload = 1400\n")
	m := question("ns1.example.org.", mdns.TypeA)
	m.SetEdns0(4096, true)
	for _, from := range []string{"composed", "kept"} {
		o := s.call(t, m).IsEdns0()
		if o == nil || o.UDPSize() != 1400 || !o.Do() || o.Version() != 0 || len(o.Option) != 0 {
			t.Errorf("%s: OPT %v", from, o)
		}
	}
	if o := s.call(t, question("ns1.example.org.", mdns.TypeA)).IsEdns0(); o != nil {
		t.Errorf("OPT %v in answer to none", o)
	}
	m.IsEdns0().SetVersion(3)
	r := s.call(t, m)
	if r.Rcode != mdns.RcodeBadVers || r.IsEdns0().Version() != 0 || len(r.Answer) != 0 {
		t.Errorf("version 3: %v", r)
	}
}

func TestTruncation(t *testing.T) {
	s := memory(t, standardTable)
	big := question("big.example.org.", mdns.TypeTXT)
	for _, size := range []uint16{0, 100, 512, 1232, 65535} {
		for _, from := range []string{"composed", "kept"} {
			m := big.Copy()
			limit := minPayload
			if size > 0 {
				m.SetEdns0(size, false)
				limit = min(max(int(size), minPayload), s.cfg.Payload)
			}
			b, _ := m.Pack()
			out := s.inline(nil, b, client, local)
			r := new(mdns.Msg)
			if err := r.Unpack(out); err != nil || !r.Truncated || len(out) > limit || len(r.Answer) != 0 || r.Rcode != 0 {
				t.Errorf("size %d, %s: %d octets, %v, %v", size, from, len(out), err, r)
			}
			if (r.IsEdns0() != nil) != (size > 0) {
				t.Errorf("size %d, %s: OPT %v", size, from, r.IsEdns0())
			}
		}
	}
}

// Addresses that can be left out are, and the answer is whole without them.
func TestOptionalPartIsLeftOut(t *testing.T) {
	file := writeZone(t, "many.example.zone", "$TTL 1h\n@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns\nns A 198.51.100.1\n"+
		"@ MX 10 mail\n"+manyAddresses("mail", 40))
	s := memory(t, "zones = ['"+file+"']")
	r := s.call(t, question("many.example.", mdns.TypeMX))
	if r.Truncated || len(r.Answer) != 1 || len(r.Extra) != 0 {
		t.Errorf("got %v", r)
	}
	m := question("many.example.", mdns.TypeMX)
	m.SetEdns0(1232, false)
	if r := s.call(t, m); r.Truncated || len(r.Extra) != 42 { // with the OPT record
		t.Errorf("with room: TC %v, %d additional records", r.Truncated, len(r.Extra))
	}
}

func TestSources(t *testing.T) {
	s := memory(t, standardTable)
	b, _ := question("ns1.example.org.", mdns.TypeA).Pack()
	for _, tt := range []struct {
		name     string
		from, to string
		want     bool
	}{
		{"a resolver", "198.51.100.9:40000", "198.51.100.2:53", true},
		{"an old name server", "198.51.100.9:53", "198.51.100.2:53", true},
		{"port 0", "198.51.100.9:0", "198.51.100.2:53", false},
		{"echo", "198.51.100.9:7", "198.51.100.2:53", false},
		{"chargen", "198.51.100.9:19", "198.51.100.2:53", false},
		{"to a group", "198.51.100.9:40000", "224.0.0.251:53", false},
		{"from a group", "[ff02::1]:40000", "[2001:db8::53]:53", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := s.inline(nil, b, netip.MustParseAddrPort(tt.from), netip.MustParseAddrPort(tt.to))
			if (out != nil) != tt.want {
				t.Errorf("answered: %v", out != nil)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	m := question("VERSION.bind.", mdns.TypeTXT)
	m.Question[0].Qclass = mdns.ClassCHAOS
	if r := memory(t, "").call(t, m); r.Rcode != mdns.RcodeRefused {
		t.Errorf("not configured: %v", r)
	}
	if r := memory(t, `version = "none of your business"`).call(t, m); len(r.Answer) != 1 || !strings.Contains(r.Answer[0].String(), "none of your business") {
		t.Errorf("configured: %v", r)
	}
}

func TestRotation(t *testing.T) {
	s := memory(t, standardTable+"rotate = true\n")
	var firsts []string
	for range 6 {
		r := s.call(t, question("web.example.org.", mdns.TypeA))
		firsts = append(firsts, r.Answer[0].(*mdns.A).A.String()[len("198.51.100."):])
	}
	if got := strings.Join(firsts, " "); got != "80 81 82 80 81 82" {
		t.Errorf("first addresses %s", got)
	}
}

func TestLabChanges(t *testing.T) {
	h := newTestHost()
	s := newTestServer(t, "", apps.EnvConfig{Host: h})
	t.Cleanup(s.close)
	ask := func(name string) string { return texts(s.call(t, question(name, mdns.TypeA)).Answer) }
	serial := func() uint32 {
		return s.call(t, question("lab.example.", mdns.TypeSOA)).Answer[0].(*mdns.SOA).Serial
	}
	before := serial()
	if got := ask("beta.lab.example."); got != "beta.lab.example. 60 A 198.51.100.3" {
		t.Fatal(got)
	}
	s.reload()
	if serial() != before {
		t.Error("the serial changed without a change")
	}
	h.mu.Lock()
	h.names["beta"] = []netip.Addr{netip.MustParseAddr("198.51.100.33")}
	h.mu.Unlock()
	s.reload()
	if got := ask("beta.lab.example."); got != "beta.lab.example. 60 A 198.51.100.33" {
		t.Errorf("after the change: %s", got)
	}
	if serial() <= before {
		t.Error("the serial did not grow")
	}
}

// allocations of a question that was asked before: the promise of the inline path.
func TestKeptAnswerDoesNotAllocate(t *testing.T) {
	s := memory(t, standardTable+"rotate = true\n")
	for _, name := range []string{"ns1.example.org.", "www.example.org.", "s1.", "alpha.lab.example.", "big.example.org."} {
		m := question(name, mdns.TypeA)
		m.SetEdns0(1232, false)
		b, _ := m.Pack()
		reply := make([]byte, 0, 1500)
		s.inline(reply, b, client, local)
		if n := testing.AllocsPerRun(1000, func() { s.inline(reply, b, client, local) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkInline(b *testing.B) {
	s := memory(b, standardTable)
	for _, tt := range []struct{ name, qname string }{
		{"kept", "ns1.example.org."}, {"wildcard", "x.wild.example.org."}, {"nxdomain", "x.example.org."},
	} {
		m := question(tt.qname, mdns.TypeA)
		m.SetEdns0(1232, false)
		request, _ := m.Pack()
		b.Run(tt.name, func(b *testing.B) {
			reply := make([]byte, 0, 1500)
			b.ReportAllocs()
			for b.Loop() {
				if len(s.inline(reply, request, client, local)) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
}

// FuzzInline holds what is true of every reply: its size, ID and QR bit, and that it parses.
func FuzzInline(f *testing.F) {
	s := memory(f, standardTable+"rotate = true\nversion = \"x\"\n")
	for _, name := range []string{"ns1.example.org.", "www.example.org.", "x.wild.example.org.", "host.sub.example.org.", "x.old.example.org.", "s1.", "."} {
		for _, qtype := range []uint16{mdns.TypeA, mdns.TypeANY, mdns.TypeTXT, mdns.TypeDS} {
			m := question(name, qtype)
			b, _ := m.Pack()
			f.Add(b)
			m.SetEdns0(1232, true)
			b, _ = m.Pack()
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			out := s.inline(make([]byte, 0, 1500), b, client, local)
			if len(out) == 0 {
				continue
			}
			if len(b) < headerLen || b[2]&0x80 != 0 {
				t.Fatalf("%x is answered with %x", b, out)
			}
			if len(out) > s.cfg.Payload || !bytes.Equal(out[:2], b[:2]) || out[2]&0x80 == 0 || (out[2]^b[2])&0x79 != 0 {
				t.Fatalf("%x is answered with %x", b, out)
			}
			if err := new(mdns.Msg).Unpack(out); err != nil {
				t.Fatalf("%x is answered with %x: %v", b, out, err)
			}
		}
	})
}
