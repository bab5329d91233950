package lab

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/stack"
)

// ipxAlone is a lab without IP, without a wire of the kernel's.
const ipxAlone = `name = "x"
[segment.lan]
[[host.alpha.interface]]
segment = "lan"
mac = "02:00:00:00:00:0a"
ipx = { network = "0000cafe" }
[[host.pc.interface]]
segment = "lan"
mac = "02:00:00:00:00:0c"
ipx = {}
`

func TestTableOfFamilies(t *testing.T) {
	app, ip := "[host.alpha.app.echo]\nspx = true\n", "[[host.web.interface]]\nsegment = \"lan\"\naddress = [\"198.51.100.2/24\"]\n[host.web.app.echo]\n"
	for _, tt := range []struct {
		name, text    string
		want, without []string
	}{
		{"IPX alone", ipxAlone, []string{"tapestry ping|netstat|stats|dump --lab x", "a shell in its namespace", "HOST   IPX ON"},
			[]string{"WIRE", "APP", "curl", "|arp|", "\n\n\n"}},
		{"apps over SPX", ipxAlone + app, []string{"alpha  echo  spx 8007  sends"}, []string{"WIRE", "tcp 7", "udp 7", "curl", "\n\n\n"}},
		{"a host with IP beside", ipxAlone + app + ip, []string{"alpha  echo  spx 8007      sends", "web    echo  tcp 7, udp 7", "curl --cacert /ca"},
			[]string{"WIRE", "\n\n\n"}},
		{"IPv6 without an address", strings.Replace(ipxAlone, "ipx = {}", "ipx = {}\nipv6 = true", 1), []string{"curl --cacert /ca"}, []string{"WIRE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := start(t, tt.text, "")
			var b strings.Builder
			if err := l.Info(Place{Socket: "/control", CA: "/ca"}).WriteTable(&b); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(b.String(), want) {
					t.Errorf("the table lacks %q:\n%s", want, b.String())
				}
			}
			for _, not := range tt.without {
				if strings.Contains(b.String(), not) {
					t.Errorf("the table has %q:\n%s", not, b.String())
				}
			}
		})
	}
}

// TestRoutesOfFamilies: where IPv6 is off there is no route of it. The engine adds such a route a moment after the start,
// to the interface of alpha before that of pc.
func TestRoutesOfFamilies(t *testing.T) {
	l, _ := start(t, strings.Replace(ipxAlone, "ipx = {}", "ipx = {}\nipv6 = true", 1), "")
	has := func(host string) bool {
		routes, err := call[[]stack.Route](t, l, control.Request{Op: "route", Host: host})
		return err == nil && slices.ContainsFunc(routes[0], func(r stack.Route) bool { return r.Destination.String() == "fe80::/64" })
	}
	for ctx := within(t); !has("pc"); runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal("the host with IPv6 has no fe80::/64")
		}
	}
	if has("alpha") {
		t.Error("the host without IPv6 has fe80::/64")
	}
}
