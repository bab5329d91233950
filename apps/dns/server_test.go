package dns

import (
	"testing"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// The same questions on the machine's sockets and on our own stack, over IPv4 and IPv6.
func TestOnEveryNetwork(t *testing.T) {
	for _, tt := range []struct{ name, config string }{
		{"inline", standardTable},
		{"with forwarding", standardTable + "forward = [\"203.0.113.53\"]\nforward_timeout = \"100ms\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := apptest.Case{App: App, Config: tt.config, Dir: "testdata", Env: apps.EnvConfig{Host: newTestHost()}}
			apptest.TestServer(t, c, askEverywhere)
		})
	}
}

func askEverywhere(t *testing.T, s *apptest.Server) {
	networks := []string{"udp4", "tcp4"}
	if s.OnStack {
		networks = append(networks, "udp6", "tcp6")
	}
	for _, network := range networks {
		d := mdns.Conn{Conn: s.Dial(t, network, port), UDPSize: 4096}
		for _, q := range []struct {
			name    string
			qtype   uint16
			rcode   int
			answers int
		}{
			{"alpha.lab.example.", mdns.TypeA, mdns.RcodeSuccess, 1},
			{"www.example.org.", mdns.TypeA, mdns.RcodeSuccess, 4},
			{"nobody.example.org.", mdns.TypeA, mdns.RcodeNameError, 0},
			{"s1.", mdns.TypeA, mdns.RcodeSuccess, 1},
		} {
			for range 2 {
				if err := d.WriteMsg(question(q.name, q.qtype)); err != nil {
					t.Fatal(err)
				}
				r, err := d.ReadMsg()
				if err != nil {
					t.Fatalf("%s: %s: %v", network, q.name, err)
				}
				if r.Rcode != q.rcode || len(r.Answer) != q.answers {
					t.Errorf("%s: %s: %v", network, q.name, r)
				}
			}
		}
	}
	if s.Counters.Value("dns."+countCached) == 0 {
		t.Error("no answer was kept")
	}
}
