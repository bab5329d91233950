package dns

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"go.uber.org/goleak"

	"tapestry/apps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testHost is a host of a lab.
type testHost struct {
	mu    sync.Mutex
	names map[string][]netip.Addr
}

func (*testHost) Name() string   { return "alpha" }
func (*testHost) Domain() string { return "lab.example" }
func (*testHost) Addresses() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("198.51.100.2/24"), netip.MustParsePrefix("2001:db8:51::2/64")}
}
func (h *testHost) Names() map[string][]netip.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := make(map[string][]netip.Addr)
	for k, v := range h.names {
		m[k] = v
	}
	return m
}

func newTestHost() *testHost {
	return &testHost{names: map[string][]netip.Addr{
		"alpha": {netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("2001:db8:51::2")},
		"beta":  {netip.MustParseAddr("198.51.100.3")},
	}}
}

// testClock is wound by the test.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}
func (c *testClock) wind(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
func (*testClock) AfterFunc(time.Duration, func()) apps.Timer { return noTimer{} }

type noTimer struct{}

func (noTimer) Stop() bool { return true }

// table is the app's table, with files relative to testdata.
func table(t testing.TB, text string) apps.Config {
	t.Helper()
	d, err := apps.ParseConfig("config", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d.Dir = "testdata"
	return d.Table()
}

const standardTable = `
zones = ["example.org.zone", "course.zone", "best.be.dns"]
boot = "named.boot"
hosts = "hosts"
`

// newTestServer makes a server whose sockets are on loopback ports that were free. The caller runs or closes it.
func newTestServer(t testing.TB, text string, e apps.EnvConfig) *server {
	t.Helper()
	if e.Host == nil {
		e.Host = newTestHost()
	}
	s, err := newServer(apps.NewEnv(e), table(t, "port = 0\naddress = [\"127.0.0.1\"]\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*server)
}

// start runs the server until the test ends.
func (s *server) start(t testing.TB) (address string) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s.socks.streams[0].Addr().String()
}

// memory makes a server that is called directly.
func memory(t testing.TB, text string) *server {
	s := newTestServer(t, text, apps.EnvConfig{})
	t.Cleanup(s.close)
	return s
}

var (
	client = netip.MustParseAddrPort("127.0.0.1:40000")
	local  = netip.MustParseAddrPort("127.0.0.1:53")
)

// call sends a message through the handler of datagrams.
func (s *server) call(t testing.TB, m *mdns.Msg) *mdns.Msg {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := s.inline(make([]byte, 0, 1500), b, client, local)
	if out == nil {
		return nil
	}
	r := new(mdns.Msg)
	if err := r.Unpack(out); err != nil {
		t.Fatalf("the answer %x does not parse: %v", out, err)
	}
	return r
}

func question(name string, qtype uint16) *mdns.Msg {
	m := new(mdns.Msg)
	m.SetQuestion(name, qtype)
	m.Id = 0x4711
	return m
}

// texts are records as "owner ttl type data", with single blanks.
func texts(rrs []mdns.RR) string {
	var all []string
	for _, rr := range rrs {
		if rr.Header().Rrtype != mdns.TypeOPT {
			all = append(all, strings.Replace(strings.Join(strings.Fields(rr.String()), " "), " IN ", " ", 1))
		}
	}
	return strings.Join(all, "; ")
}

func TestAnswers(t *testing.T) {
	const soa = "example.org. 300 SOA ns1.example.org. hostmaster.example.org. 2026010100 43200 900 1814400 300"
	tests := []struct {
		name  string
		qname string
		qtype uint16
		rcode int
		noAA  bool
		ans   string
		auth  string
		extra string
	}{
		{name: "address", qname: "ns1.example.org.", qtype: mdns.TypeA, ans: "ns1.example.org. 3600 A 198.51.100.53"},
		{name: "AAAA", qname: "ns1.example.org.", qtype: mdns.TypeAAAA, ans: "ns1.example.org. 3600 AAAA 2001:db8::53"},
		{name: "case of the question is kept", qname: "nS1.eXample.ORG.", qtype: mdns.TypeA, ans: "nS1.eXample.ORG. 3600 A 198.51.100.53"},
		{name: "no data", qname: "mail.example.org.", qtype: mdns.TypeAAAA, auth: soa},
		{name: "no name", qname: "nobody.example.org.", qtype: mdns.TypeA, rcode: mdns.RcodeNameError, auth: soa},
		{name: "empty non-terminal", qname: "b.c.example.org.", qtype: mdns.TypeA, auth: soa},
		{name: "below an empty non-terminal", qname: "x.b.c.example.org.", qtype: mdns.TypeA, rcode: mdns.RcodeNameError, auth: soa},
		{name: "alias", qname: "www.example.org.", qtype: mdns.TypeA,
			ans: "www.example.org. 3600 CNAME Web.example.org.; web.example.org. 3600 A 198.51.100.80; web.example.org. 3600 A 198.51.100.81; web.example.org. 3600 A 198.51.100.82"},
		{name: "alias itself", qname: "www.example.org.", qtype: mdns.TypeCNAME, ans: "www.example.org. 3600 CNAME Web.example.org."},
		{name: "alias without such data", qname: "www.example.org.", qtype: mdns.TypeMX, ans: "www.example.org. 3600 CNAME Web.example.org.", auth: soa},
		{name: "aliases in a circle", qname: "loop1.example.org.", qtype: mdns.TypeA,
			ans: "loop1.example.org. 3600 CNAME loop2.example.org.; loop2.example.org. 3600 CNAME loop1.example.org."},
		{name: "alias to nothing", qname: "dangling.example.org.", qtype: mdns.TypeA, rcode: mdns.RcodeNameError,
			ans: "dangling.example.org. 3600 CNAME nothing.example.org.", auth: soa},
		{name: "alias out of our zones", qname: "away.example.org.", qtype: mdns.TypeA, ans: "away.example.org. 3600 CNAME www.example.net."},
		{name: "wildcard", qname: "any.thing.wild.example.org.", qtype: mdns.TypeA, ans: "any.thing.wild.example.org. 3600 A 198.51.100.99"},
		{name: "wildcard without such data", qname: "any.wild.example.org.", qtype: mdns.TypeMX, auth: soa},
		{name: "wildcard asked by name", qname: "*.wild.example.org.", qtype: mdns.TypeTXT, ans: "*.wild.example.org. 3600 TXT \"wild\""},
		{name: "name beside a wildcard", qname: "host.wild.example.org.", qtype: mdns.TypeTXT, auth: soa},
		{name: "below a name beside a wildcard", qname: "x.host.wild.example.org.", qtype: mdns.TypeTXT, rcode: mdns.RcodeNameError, auth: soa},
		{name: "wildcard's own parent", qname: "wild.example.org.", qtype: mdns.TypeA, auth: soa},
		{name: "referral", qname: "host.sub.example.org.", qtype: mdns.TypeA, noAA: true,
			auth:  "sub.example.org. 3600 NS ns.sub.example.org.; sub.example.org. 3600 NS ns1.example.org.",
			extra: "ns.sub.example.org. 3600 A 198.51.100.153; ns1.example.org. 3600 A 198.51.100.53; ns1.example.org. 3600 AAAA 2001:db8::53"},
		{name: "referral at the cut", qname: "sub.example.org.", qtype: mdns.TypeNS, noAA: true,
			auth:  "sub.example.org. 3600 NS ns.sub.example.org.; sub.example.org. 3600 NS ns1.example.org.",
			extra: "ns.sub.example.org. 3600 A 198.51.100.153; ns1.example.org. 3600 A 198.51.100.53; ns1.example.org. 3600 AAAA 2001:db8::53"},
		{name: "glue is no answer", qname: "ns.sub.example.org.", qtype: mdns.TypeA, noAA: true,
			auth:  "sub.example.org. 3600 NS ns.sub.example.org.; sub.example.org. 3600 NS ns1.example.org.",
			extra: "ns.sub.example.org. 3600 A 198.51.100.153; ns1.example.org. 3600 A 198.51.100.53; ns1.example.org. 3600 AAAA 2001:db8::53"},
		{name: "DS at the cut is ours to deny", qname: "sub.example.org.", qtype: mdns.TypeDS, auth: soa},
		{name: "DNAME", qname: "x.old.example.org.", qtype: mdns.TypeA,
			ans: "old.example.org. 3600 DNAME new.example.org.; x.old.example.org. 3600 CNAME x.new.example.org.; x.new.example.org. 3600 A 198.51.100.11"},
		{name: "MX with addresses", qname: "example.org.", qtype: mdns.TypeMX, ans: "example.org. 3600 MX 10 mail.example.org.", extra: "mail.example.org. 3600 A 198.51.100.25"},
		{name: "SRV with addresses", qname: "_http._tcp.example.org.", qtype: mdns.TypeSRV, ans: "_http._tcp.example.org. 3600 SRV 0 5 80 Web.example.org.",
			extra: "Web.example.org. 3600 A 198.51.100.80; Web.example.org. 3600 A 198.51.100.81; Web.example.org. 3600 A 198.51.100.82"},
		{name: "NS with addresses", qname: "example.org.", qtype: mdns.TypeNS, ans: "example.org. 3600 NS ns1.example.org.; example.org. 3600 NS ns.example.net.",
			extra: "ns1.example.org. 3600 A 198.51.100.53; ns1.example.org. 3600 AAAA 2001:db8::53"},
		{name: "ANY gets one set", qname: "ns1.example.org.", qtype: mdns.TypeANY, ans: "ns1.example.org. 3600 A 198.51.100.53"},
		{name: "unknown type", qname: "ns1.example.org.", qtype: 65280, auth: soa},
		{name: "out of zone", qname: "www.example.net.", qtype: mdns.TypeA, rcode: mdns.RcodeRefused, noAA: true},
		{name: "root", qname: ".", qtype: mdns.TypeNS, rcode: mdns.RcodeRefused, noAA: true},

		{name: "course: TTL in front of the class", qname: "example.com.", qtype: mdns.TypeMX,
			ans: "example.com. 172800 MX 10 mail.example.com.; example.com. 172800 MX 20 mail.example.net.", extra: "mail.example.com. 172800 A 172.168.1.2"},
		{name: "course: durations", qname: "example.com.", qtype: mdns.TypeSOA, ans: "example.com. 172800 SOA ns1.example.com. hostmaster.example.com. 2023013100 43200 900 1814400 7200"},

		{name: "book: minimum is the TTL", qname: "toto.line.be.", qtype: mdns.TypeA, ans: "toto.line.be. 43200 A 193.75.199.2"},
		{name: "book: CNAME", qname: "www.line.be.", qtype: mdns.TypeA, ans: "www.line.be. 43200 CNAME toto.line.be.; toto.line.be. 43200 A 193.75.199.2"},
		{name: "book: reverse zone", qname: "1.4.95.130.in-addr.arpa.", qtype: mdns.TypePTR, ans: "1.4.95.130.in-addr.arpa. 86400 PTR localhost.ecel.uwa.edu.au."},
		{name: "book: loopback zone", qname: "1.0.0.127.in-addr.arpa.", qtype: mdns.TypePTR, ans: "1.0.0.127.in-addr.arpa. 86400 PTR localhost."},
		{name: "book: class omitted", qname: "best.be.", qtype: mdns.TypeNS, ans: "best.be. 3600 NS ns.best.be.", extra: "ns.best.be. 3600 A 193.74.105.205"},

		{name: "hosts: several addresses", qname: "s1.", qtype: mdns.TypeA, ans: "s1. 60 A 167.91.45.121"},
		{name: "hosts: name in no zone", qname: "Dialup.", qtype: mdns.TypeA, ans: "dialup. 60 A 193.75.199.10"},
		{name: "hosts: a zone's name wins", qname: "line.be.", qtype: mdns.TypeA, auth: "line.be. 43200 SOA line.be. line.be. 1995061403 300 60 1209600 43200"},
		{name: "hosts: name that the zone lacks", qname: "server1.central.example.org.", qtype: mdns.TypeA, ans: "server1.central.example.org. 60 A 167.91.45.121"},
		{name: "hosts: AAAA", qname: "six.", qtype: mdns.TypeAAAA, ans: "six. 60 AAAA 2001:db8::1"},
		{name: "hosts: no such type", qname: "six.", qtype: mdns.TypeA},
		{name: "hosts: PTR", qname: "10.199.75.193.in-addr.arpa.", qtype: mdns.TypePTR, ans: "10.199.75.193.in-addr.arpa. 60 PTR line.be."},

		{name: "lab: A", qname: "beta.lab.example.", qtype: mdns.TypeA, ans: "beta.lab.example. 60 A 198.51.100.3"},
		{name: "lab: AAAA", qname: "alpha.lab.example.", qtype: mdns.TypeAAAA, ans: "alpha.lab.example. 60 AAAA 2001:db8:51::2"},
		{name: "lab: NS", qname: "lab.example.", qtype: mdns.TypeNS, ans: "lab.example. 60 NS alpha.lab.example.",
			extra: "alpha.lab.example. 60 A 198.51.100.2; alpha.lab.example. 60 AAAA 2001:db8:51::2"},
		{name: "lab: PTR", qname: "3.100.51.198.in-addr.arpa.", qtype: mdns.TypePTR, ans: "3.100.51.198.in-addr.arpa. 60 PTR beta.lab.example."},
		{name: "lab: PTR of IPv6", qname: "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", qtype: mdns.TypePTR,
			ans: "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 PTR alpha.lab.example."},
	}
	s := memory(t, standardTable)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, from := range []string{"composed", "kept"} {
				r := s.call(t, question(tt.qname, tt.qtype))
				if r.Id != 0x4711 || !r.Response || !r.RecursionDesired || r.RecursionAvailable || r.Truncated || r.Zero || r.AuthenticatedData || r.CheckingDisabled {
					t.Errorf("%s: header %+v", from, r.MsgHdr)
				}
				if r.Rcode != tt.rcode || r.Authoritative == tt.noAA {
					t.Errorf("%s: rcode %s, AA %v", from, mdns.RcodeToString[r.Rcode], r.Authoritative)
				}
				if r.Question[0].Name != tt.qname || r.Question[0].Qtype != tt.qtype {
					t.Errorf("%s: question %v", from, r.Question)
				}
				for _, sec := range []struct {
					name      string
					got, want string
				}{{"answer", texts(r.Answer), tt.ans}, {"authority", texts(r.Ns), tt.auth}, {"additional", texts(r.Extra), tt.extra}} {
					if !strings.EqualFold(sec.got, sec.want) {
						t.Errorf("%s: %s\n got %s\nwant %s", from, sec.name, sec.got, sec.want)
					}
				}
			}
		})
	}
}
