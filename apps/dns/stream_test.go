package dns

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
	"tapestry/internal/nstest"
)

func dial(t testing.TB, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// exchange asks over a socket.
func exchange(t testing.TB, network, address string, m *mdns.Msg) *mdns.Msg {
	t.Helper()
	c := mdns.Conn{Conn: dial(t, network, address), UDPSize: 4096}
	if err := c.WriteMsg(m); err != nil {
		t.Fatal(err)
	}
	r, err := c.ReadMsg()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSockets(t *testing.T) {
	address := newTestServer(t, standardTable, apps.EnvConfig{}).start(t)
	for _, network := range []string{"udp", "tcp"} {
		r := exchange(t, network, address, question("big.example.org.", mdns.TypeTXT))
		if whole := network == "tcp"; r.Truncated == whole || (len(r.Answer) == 60) != whole {
			t.Errorf("%s: TC %v, %d records", network, r.Truncated, len(r.Answer))
		}
	}
}

// framed puts the length before each message.
func framed(t testing.TB, msgs ...*mdns.Msg) (b []byte) {
	t.Helper()
	for _, m := range msgs {
		p, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
	}
	return b
}

func TestPipelining(t *testing.T) {
	c := dial(t, "tcp", newTestServer(t, standardTable, apps.EnvConfig{}).start(t))
	var asked []*mdns.Msg
	for i := range 50 {
		m := question("ns1.example.org.", mdns.TypeA)
		m.Id = uint16(i)
		asked = append(asked, m)
	}
	b := framed(t, asked...)
	for i := 0; i < len(b); i += 7 { // segments that end anywhere
		if _, err := c.Write(b[i:min(i+7, len(b))]); err != nil {
			t.Fatal(err)
		}
	}
	d := mdns.Conn{Conn: c}
	for i := range asked {
		r, err := d.ReadMsg()
		if err != nil || int(r.Id) != i || len(r.Answer) != 1 {
			t.Fatalf("answer %d: %v, %v", i, r, err)
		}
	}
}

// What cannot be answered ends the session; the others go on.
func TestStreamErrors(t *testing.T) {
	address := newTestServer(t, standardTable, apps.EnvConfig{}).start(t)
	for _, tt := range []struct{ name, sent string }{
		{"no message", "0000"},
		{"a response", "000c abcd 8000 0001 0000 0000 0000"},
		{"less than a header", "0003 abcdef"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, "tcp", address)
			if _, err := c.Write(unhex(t, tt.sent)); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
				t.Errorf("got %x, %v", b, err)
			}
		})
	}
	c := dial(t, "tcp", address)
	if _, err := c.Write(unhex(t, "ffff abcd")); err != nil { // a message that never comes
		t.Fatal(err)
	}
	if r := exchange(t, "tcp", address, question("ns1.example.org.", mdns.TypeA)); len(r.Answer) != 1 {
		t.Errorf("beside it: %v", r)
	}
}

func TestIdleSessionIsClosed(t *testing.T) {
	c := dial(t, "tcp", newTestServer(t, "idle_timeout = \"50ms\"", apps.EnvConfig{}).start(t))
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("got %x, %v", b, err)
	}
}

func TestTransfer(t *testing.T) {
	address := newTestServer(t, standardTable+"transfer = [\"127.0.0.1\"]\n", apps.EnvConfig{}).start(t)
	tr := new(mdns.Transfer)
	ch, err := tr.In(new(mdns.Msg).SetAxfr("Example.org."), address)
	if err != nil {
		t.Fatal(err)
	}
	var all []mdns.RR
	for e := range ch {
		if e.Error != nil {
			t.Fatal(e.Error)
		}
		all = append(all, e.RR...)
	}
	file, err := readZone("testdata/example.org.zone", "example.org.")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(file)+1 || all[0].Header().Rrtype != mdns.TypeSOA || all[len(all)-1].Header().Rrtype != mdns.TypeSOA {
		t.Errorf("%d records for %d in the file", len(all), len(file))
	}
	for i, r := range file[1:] {
		if !strings.EqualFold(texts(all[i+1:i+2]), texts([]mdns.RR{r.rr})) {
			t.Errorf("got %v, want %v", all[i+1], r.rr)
		}
	}
	if r := exchange(t, "tcp", address, new(mdns.Msg).SetAxfr("www.example.org.")); r.Rcode != mdns.RcodeNotAuth {
		t.Errorf("a name within a zone: %v", r)
	}
}

// A zone that takes several messages.
func TestLargeTransfer(t *testing.T) {
	file := writeZone(t, "example.org.zone", apex+"$GENERATE 1-5000 host$ 60 A 198.51.100.1\n")
	address := newTestServer(t, "zones = ['"+file+"']\ntransfer = [\"127.0.0.0/8\"]\n", apps.EnvConfig{}).start(t)
	ch, err := new(mdns.Transfer).In(new(mdns.Msg).SetAxfr("example.org."), address)
	if err != nil {
		t.Fatal(err)
	}
	messages, records := 0, 0
	for e := range ch {
		if e.Error != nil {
			t.Fatal(e.Error)
		}
		messages, records = messages+1, records+len(e.RR)
	}
	if records != 5004 || messages < 2 {
		t.Errorf("%d records in %d messages, want 5004", records, messages)
	}
}

func TestTransferIsRefused(t *testing.T) {
	address := newTestServer(t, standardTable+"transfer = [\"203.0.113.0/24\"]\n", apps.EnvConfig{}).start(t)
	if r := exchange(t, "tcp", address, new(mdns.Msg).SetAxfr("example.org.")); r.Rcode != mdns.RcodeRefused || len(r.Answer) > 0 {
		t.Errorf("got %v", r)
	}
}

// A server that is never run gives its port back when it is run with a context that ended.
func TestEndedContext(t *testing.T) {
	s := newTestServer(t, "", apps.EnvConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", s.socks.streams[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestDig(t *testing.T) {
	dig := nstest.Tool(t, "dig")
	s := newTestServer(t, standardTable+"transfer = [\"127.0.0.1\"]\n", apps.EnvConfig{})
	host, port, _ := net.SplitHostPort(s.start(t))
	for _, tt := range []struct {
		name, args, want string
	}{
		{"short", "alpha.lab.example +short", "198.51.100.2\n"},
		{"reverse", "-x 198.51.100.3 +short", "beta.lab.example.\n"},
		{"reverse IPv6", "-x 2001:db8:51::2 +short", "alpha.lab.example.\n"},
		{"over TCP", "+tcp www.example.org +short", "Web.example.org.\n198.51.100.80\n198.51.100.81\n198.51.100.82\n"},
		{"cut, then TCP", "big.example.org TXT +short", "\"string 60 of a set that does not fit\"\n"},
		{"referral", "host.sub.example.org", "ns.sub.example.org.\t3600\tIN\tA\t198.51.100.153"},
		{"NXDOMAIN", "nobody.example.org", "status: NXDOMAIN"},
		{"cookie is no matter", "+cookie ns1.example.org", "status: NOERROR"},
		{"DNSSEC OK", "+dnssec ns1.example.org", "flags: do; udp: 1232"},
		{"EDNS version", "+edns=7 +noednsneg ns1.example.org", "status: BADVERS"},
		{"no EDNS", "+noedns ns1.example.org +short", "198.51.100.53\n"},
		{"pipelined", "+tcp +keepopen ns1.example.org +short mail.example.org +short", "198.51.100.53\n198.51.100.25\n"},
		{"zone", "example.org AXFR +noall +answer", "x.new.example.org.\t3600\tIN\tA\t198.51.100.11"},
		{"refused", "example.net", "status: REFUSED"},
		{"header only", "+header-only ns1.example.org", "status: FORMERR"},
		{"opcode", "+opcode=status ns1.example.org", "status: NOTIMP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"@" + host, "-p", port, "+time=5", "+tries=1"}, strings.Fields(tt.args)...)
			out, err := exec.CommandContext(t.Context(), dig, args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), "WARNING: ") && !strings.Contains(string(out), "recursion") {
				t.Errorf("dig %v: %v\n%s\nwant %q", tt.args, err, out, tt.want)
			}
		})
	}
}

// The zones that are accepted here are accepted by another checker.
func TestNamedCheckzone(t *testing.T) {
	tool := nstest.Tool(t, "named-checkzone")
	for _, z := range [][2]string{{"example.org", "example.org.zone"}, {"example.com", "course.zone"}, {"line.be", "named.hosts"}, {"4.95.130.in-addr.arpa", "named.rev"}, {"best.be", "best.be.dns"}} {
		cmd := exec.CommandContext(t.Context(), tool, "-i", "local", z[0], z[1])
		cmd.Dir = "testdata"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", z[1], err, out)
		}
	}
}
