package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

// upstream is a server made of a function, on UDP and TCP of one port.
type upstream struct {
	address string
	asked   atomic.Int32
}

func newUpstream(t testing.TB, answer func(u *upstream, network string, m *mdns.Msg) []*mdns.Msg) *upstream {
	t.Helper()
	u := new(upstream)
	pc, l := listenBoth(t)
	u.address = pc.LocalAddr().String()
	handle := mdns.HandlerFunc(func(w mdns.ResponseWriter, m *mdns.Msg) {
		u.asked.Add(1)
		for _, r := range answer(u, w.LocalAddr().Network(), m) {
			_ = w.WriteMsg(r)
		}
	})
	for _, s := range []*mdns.Server{{PacketConn: pc, Handler: handle}, {Listener: l, Handler: handle}} {
		ready, done := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return u
}

// listenBoth finds a port that is free on UDP and TCP.
func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 16 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if l, err := net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			return pc, l
		}
		pc.Close()
	}
	t.Fatal("no port is free")
	return nil, nil
}

func record1(text string) mdns.RR {
	rr, err := mdns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// reply answers with records, of which SOA goes to the authority section.
func reply(m *mdns.Msg, rcode int, records ...string) *mdns.Msg {
	r := new(mdns.Msg).SetRcode(m, rcode)
	r.RecursionAvailable = true
	for _, s := range records {
		if rr := record1(s); rr.Header().Rrtype == mdns.TypeSOA {
			r.Ns = append(r.Ns, rr)
		} else {
			r.Answer = append(r.Answer, rr)
		}
	}
	return r
}

func one(r *mdns.Msg) []*mdns.Msg { return []*mdns.Msg{r} }

func forwardTo(servers ...*upstream) string {
	var all []string
	for _, u := range servers {
		all = append(all, `"`+u.address+`"`)
	}
	return standardTable + "forward_timeout = \"300ms\"\nforward = [" + strings.Join(all, ",") + "]\n"
}

// ask asks until the server has the answer, over UDP.
func ask(t testing.TB, address, name string) *mdns.Msg {
	t.Helper()
	return exchange(t, "udp", address, question(name, mdns.TypeA))
}

func TestForward(t *testing.T) {
	u := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
		return one(reply(m, 0, "www.example.net. 100 A 203.0.113.80", "www.example.net. 60 A 203.0.113.81"))
	})
	clock := &testClock{now: time.Unix(1e9, 0)}
	address := newTestServer(t, forwardTo(u), apps.EnvConfig{Clock: clock}).start(t)

	r := ask(t, address, "wWw.example.net.")
	if r.Authoritative || !r.RecursionAvailable || r.Question[0].Name != "wWw.example.net." || len(r.Answer) != 2 {
		t.Errorf("got %v", r)
	}
	clock.wind(59 * time.Second)
	if got := texts(ask(t, address, "www.example.net.").Answer); got != "www.example.net. 41 A 203.0.113.80; www.example.net. 1 A 203.0.113.81" {
		t.Errorf("after 59 s: %s", got)
	}
	if n := u.asked.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
	clock.wind(time.Second)
	if got := texts(ask(t, address, "www.example.net.").Answer); !strings.HasPrefix(got, "www.example.net. 100 A") {
		t.Errorf("after 60 s: %s", got)
	}
	if n := u.asked.Load(); n != 2 {
		t.Errorf("%d questions, want 2", n)
	}
	if r := ask(t, address, "ns1.example.org."); !r.Authoritative || len(r.Answer) != 1 {
		t.Errorf("of our zone: %v", r)
	}
	if r := ask(t, address, "away.example.org."); texts(r.Answer) != "away.example.org. 3600 CNAME www.example.net.; www.example.net. 100 A 203.0.113.80; www.example.net. 60 A 203.0.113.81" {
		t.Errorf("alias out of our zone: %v", r)
	}
	if n := u.asked.Load(); n != 2 {
		t.Errorf("%d questions, want 2", n)
	}
	m := question("www.example.net.", mdns.TypeA)
	m.RecursionDesired = false
	if r := exchange(t, "udp", address, m); r.Rcode != mdns.RcodeRefused {
		t.Errorf("without RD: %v", r)
	}
}

func TestForwardNegative(t *testing.T) {
	u := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
		const soa = "example.net. 600 SOA ns.example.net. hostmaster.example.net. 1 1 1 1 30"
		switch m.Question[0].Name {
		case "nobody.example.net.":
			return one(reply(m, mdns.RcodeNameError, soa))
		case "nosoa.example.net.":
			return one(reply(m, mdns.RcodeNameError))
		case "broken.example.net.":
			return one(reply(m, mdns.RcodeServerFailure))
		}
		return one(reply(m, 0, soa))
	})
	clock := &testClock{now: time.Unix(1e9, 0)}
	address := newTestServer(t, forwardTo(u), apps.EnvConfig{Clock: clock}).start(t)
	for _, tt := range []struct {
		name, qname string
		rcode       int
		kept        time.Duration
	}{
		{"name error", "nobody.example.net.", mdns.RcodeNameError, 30 * time.Second},
		{"no data", "nodata.example.net.", mdns.RcodeSuccess, 30 * time.Second},
		{"without SOA", "nosoa.example.net.", mdns.RcodeNameError, 0},
		{"failure", "broken.example.net.", mdns.RcodeServerFailure, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(wind time.Duration, want int32) {
				t.Helper()
				clock.wind(wind)
				before := u.asked.Load()
				if r := ask(t, address, tt.qname); r.Rcode != tt.rcode {
					t.Errorf("got %v", r)
				}
				if n := u.asked.Load() - before; n != want {
					t.Errorf("%d questions, want %d", n, want)
				}
			}
			check(0, 1)
			if tt.kept > 0 {
				check(tt.kept-time.Second, 0)
			}
			check(time.Second, 1)
		})
	}
}

func TestForwardChecksAnswers(t *testing.T) {
	const good = "www.example.net. 60 A 203.0.113.80"
	const bad = "www.example.net. 60 A 203.0.113.66"
	forge := func(m *mdns.Msg, change func(*mdns.Msg)) *mdns.Msg {
		r := reply(m, 0, bad)
		change(r)
		return r
	}
	for _, tt := range []struct {
		name   string
		change func(*mdns.Msg)
	}{
		{"another ID", func(r *mdns.Msg) { r.Id++ }},
		{"another question", func(r *mdns.Msg) { r.Question[0].Name = "example.net." }},
		{"another type", func(r *mdns.Msg) { r.Question[0].Qtype = mdns.TypeAAAA }},
		{"no response", func(r *mdns.Msg) { r.Response = false }},
		{"no question", func(r *mdns.Msg) { r.Question = nil }},
		{"another opcode", func(r *mdns.Msg) { r.Opcode = mdns.OpcodeNotify }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
				return []*mdns.Msg{forge(m, tt.change), reply(m, 0, good)}
			})
			address := newTestServer(t, forwardTo(u), apps.EnvConfig{}).start(t)
			if got := texts(ask(t, address, "www.example.net.").Answer); got != good {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestForwardToSeveral(t *testing.T) {
	silent := newUpstream(t, func(*upstream, string, *mdns.Msg) []*mdns.Msg { return nil })
	refuses := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
		return one(reply(m, mdns.RcodeRefused))
	})
	knows := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
		return one(reply(m, 0, m.Question[0].Name+" 60 A 203.0.113.80"))
	})
	address := newTestServer(t, forwardTo(silent, refuses, knows), apps.EnvConfig{}).start(t)
	for _, name := range []string{"a.example.net.", "b.example.net."} {
		if r := ask(t, address, name); len(r.Answer) != 1 {
			t.Errorf("%s: %v", name, r)
		}
	}
	if s, k := silent.asked.Load(), knows.asked.Load(); s != 1 || k != 2 {
		t.Errorf("the silent server was asked %d times, the other %d: want 1 and 2", s, k)
	}
	only := newTestServer(t, forwardTo(silent), apps.EnvConfig{}).start(t)
	for range 2 {
		if r := ask(t, only, "c.example.net."); r.Rcode != mdns.RcodeServerFailure {
			t.Errorf("nobody answers: %v", r)
		}
	}
	if n := silent.asked.Load(); n != 2 {
		t.Errorf("the silent server was asked %d times, want 2: a failure is kept", n)
	}
}

func TestForwardTruncated(t *testing.T) {
	u := newUpstream(t, func(_ *upstream, network string, m *mdns.Msg) []*mdns.Msg {
		r := reply(m, 0, "www.example.net. 60 A 203.0.113.80")
		if network == "udp" {
			r.Truncated, r.Answer = true, nil
		}
		return one(r)
	})
	address := newTestServer(t, forwardTo(u), apps.EnvConfig{}).start(t)
	if r := ask(t, address, "www.example.net."); len(r.Answer) != 1 || r.Truncated {
		t.Errorf("got %v", r)
	}
}

func TestForwardWithoutEDNS(t *testing.T) {
	u := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
		if m.IsEdns0() != nil {
			return one(reply(m, mdns.RcodeFormatError))
		}
		return one(reply(m, 0, "www.example.net. 60 A 203.0.113.80"))
	})
	address := newTestServer(t, forwardTo(u), apps.EnvConfig{}).start(t)
	if r := ask(t, address, "www.example.net."); len(r.Answer) != 1 {
		t.Errorf("got %v", r)
	}
}

// Many who ask the same at once make one question; who asks for what is known does not wait for them.
func TestForwardJoins(t *testing.T) {
	release := make(chan struct{})
	u := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg {
		<-release
		return one(reply(m, 0, "www.example.net. 60 A 203.0.113.80"))
	})
	counters := new(apps.CounterSet)
	s := newTestServer(t, strings.Replace(forwardTo(u), "300ms", "10s", 1), apps.EnvConfig{Counters: counters})
	address := s.start(t)
	const clients = 20
	var wg sync.WaitGroup
	for i := range clients {
		network := []string{"udp", "tcp"}[i%2]
		wg.Go(func() {
			if r := exchange(t, network, address, question("www.example.net.", mdns.TypeA)); len(r.Answer) != 1 {
				t.Errorf("got %v", r)
			}
		})
	}
	for range 1000 {
		if counters.Value("dns.forward.joined") == clients-1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if r := ask(t, address, "ns1.example.org."); len(r.Answer) != 1 {
		t.Errorf("beside them: %v", r)
	}
	close(release)
	wg.Wait()
	if n := u.asked.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
}

func TestForwardIsForClients(t *testing.T) {
	u := newUpstream(t, func(_ *upstream, _ string, m *mdns.Msg) []*mdns.Msg { return one(reply(m, 0)) })
	address := newTestServer(t, forwardTo(u)+"allow = [\"203.0.113.0/24\"]\n", apps.EnvConfig{}).start(t)
	if r := ask(t, address, "www.example.net."); r.Rcode != mdns.RcodeRefused || r.RecursionAvailable || u.asked.Load() != 0 {
		t.Errorf("got %v", r)
	}
	s := memory(t, forwardTo(u))
	for _, tt := range []struct {
		from string
		want bool
	}{{"127.0.0.1", true}, {"198.51.100.9", true}, {"2001:db8:51::9", true}, {"203.0.113.9", false}, {"2001:db8:52::9", false}} {
		if got := s.data.Load().allowed(netip.MustParseAddr(tt.from)); got != tt.want {
			t.Errorf("%s: %v", tt.from, got)
		}
	}
}

// A server that is asked by itself ends in an error and not in a storm.
func TestForwardToItself(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := portOf(free.LocalAddr())
	free.Close()
	s, err := newServer(apps.NewEnv(apps.EnvConfig{}), table(t, fmt.Sprintf(
		"address = [\"127.0.0.1\"]\nport = %d\nforward = [\"127.0.0.1:%d\"]\nforward_timeout = \"100ms\"\n", p, p)))
	if err != nil {
		t.Skip(err) // somebody took the port
	}
	if r := ask(t, s.(*server).start(t), "www.example.net."); r.Rcode != mdns.RcodeServerFailure {
		t.Errorf("got %v", r)
	}
}

func TestShutdownWhileAsking(t *testing.T) {
	u := newUpstream(t, func(*upstream, string, *mdns.Msg) []*mdns.Msg { return nil })
	s := newTestServer(t, strings.Replace(forwardTo(u), "300ms", "1h", 1), apps.EnvConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	for _, network := range []string{"udp", "tcp"} {
		c := mdns.Conn{Conn: dial(t, network, s.socks.streams[0].Addr().String())}
		if err := c.WriteMsg(question(network+".example.net.", mdns.TypeA)); err != nil {
			t.Fatal(err)
		}
	}
	for u.asked.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve does not return")
	}
}

func TestCacheIsBounded(t *testing.T) {
	clock := &testClock{now: time.Unix(1e9, 0)}
	c := newCache(100, clock)
	for i := range 1000 {
		key := questionKey(fmt.Sprintf("h%d.example.net.", i), mdns.TypeA)
		c.keep(key, failure(key))
		if p, _ := c.find(key); p == nil {
			t.Fatalf("entry %d was not kept", i)
		}
	}
	if n := len(c.entries); n != 100 {
		t.Errorf("%d entries, want 100", n)
	}
}

func TestLifetimes(t *testing.T) {
	const soa = "example.net. 600 SOA ns.example.net. hostmaster.example.net. 1 1 1 1 "
	m := question("www.example.net.", mdns.TypeA)
	for _, tt := range []struct {
		name string
		msg  *mdns.Msg
		want uint32
	}{
		{"the lowest", reply(m, 0, "www.example.net. 60 CNAME a.example.net.", "a.example.net. 50 A 203.0.113.1"), 50},
		{"zero", reply(m, 0, "www.example.net. 0 A 203.0.113.1"), 0},
		{"a day at most", reply(m, 0, "www.example.net. 9999999 A 203.0.113.1"), 86400},
		{"highest bit", reply(m, 0, "www.example.net. 2147483648 A 203.0.113.1"), 0},
		{"minimum", reply(m, 3, soa+"30"), 30},
		{"TTL of the SOA record", reply(m, 3, soa+"9999"), 600},
		{"three hours at most", reply(m, 3, strings.Replace(soa, "600", "99999", 1)+"99999"), 10800},
		{"alias to nothing", reply(m, 3, "www.example.net. 60 CNAME a.example.net.", soa+"300"), 60},
		{"alias without SOA", reply(m, 0, "www.example.net. 60 CNAME a.example.net."), 0},
		{"failure", reply(m, mdns.RcodeServerFailure), 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.msg.Pack()
			if err != nil {
				t.Fatal(err)
			}
			if _, ttl, ok := lifetime(b); !ok || ttl != tt.want {
				t.Errorf("%d, %v, want %d", ttl, ok, tt.want)
			}
			for i := headerLen; i < len(b); i++ {
				if _, _, ok := lifetime(b[:i]); ok {
					t.Errorf("%d octets of %d are taken for the whole", i, len(b))
				}
			}
		})
	}
}

// FuzzTidy: no answer of another server makes us panic, and what is kept parses with any age.
func FuzzTidy(f *testing.F) {
	m := question("www.example.net.", mdns.TypeA)
	key := questionKey("www.example.net.", mdns.TypeA)
	for _, r := range []*mdns.Msg{
		reply(m, 0, "www.example.net. 60 A 203.0.113.1"),
		reply(m, 3, "example.net. 600 SOA ns.example.net. hostmaster.example.net. 1 1 1 1 30"),
	} {
		b, _ := r.Pack()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		request := newRequest(key, false)
		if len(b) >= 2 {
			copy(request, b[:2])
		}
		if !answers(b, request) {
			return
		}
		msg, err := tidy(b, key)
		if err != nil {
			return
		}
		offsets, _, ok := lifetime(msg)
		if !ok {
			t.Fatalf("%x: what was packed does not walk", msg)
		}
		var q query
		if q.parse(request) != accept {
			t.Fatal("our own question does not parse")
		}
		out := q.appendPacked(nil, &packed{full: msg, ttls: offsets}, delivery{limit: maxMessage, age: 7})
		if err := new(mdns.Msg).Unpack(out); err != nil {
			t.Fatalf("%x: %v", out, err)
		}
	})
}
