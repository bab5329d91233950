package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestMTU has wires from the smallest to the largest MTU carry what just fits, fragments of what does not, and TCP.
func TestMTU(t *testing.T) {
	t.Parallel()
	need(t, "ping", "curl")
	for _, tt := range []struct {
		mtu  int
		ipv6 bool
	}{{68, false}, {128, false}, {576, false}, {1280, true}, {9000, true}, {65521, true}} {
		t.Run(fmt.Sprint(tt.mtu), func(t *testing.T) {
			t.Parallel()
			lab := strings.Replace(webLab, "[tap.tap0]", fmt.Sprintf("[tap.tap0]\nmtu = %d", tt.mtu), 1)
			if !tt.ipv6 {
				lab = strings.NewReplacer(`, "2001:db8:51::1/64"]`, "]", `, "2001:db8:51::2/64"]`, "]\nipv6 = false").Replace(lab)
			}
			l := startLab(t, lab, options{files: webFiles()})
			l.sh(t, "head -c 1000000 /dev/urandom >big; cp big www/big")
			fits(t, l, "198.51.100.2", tt.mtu-28)
			l.sh(t, "curl -fsS http://198.51.100.2/big | cmp - big")
			if tt.mtu < 100 {
				return // the kernel's smallest segments (TCP_MIN_SND_MSS) are larger
			}
			l.sh(t, "curl -fsS -T big http://198.51.100.2/put; cmp www/put big")
			if tt.ipv6 {
				fits(t, l, "2001:db8:51::2", tt.mtu-48)
				l.sh(t, "curl -fsS 'http://[2001:db8:51::2]/big' | cmp - big; curl -fsS -T big 'http://[2001:db8:51::2]/put'; cmp www/put big")
			}
		})
	}
}

// fits pings with what fills a frame, and with twice as much.
func fits(t *testing.T, l *runningLab, host string, size int) {
	t.Helper()
	l.sh(t, fmt.Sprintf("ping -q -c2 -i0.05 -W2 -M do -s %d %s; ping -q -c2 -i0.05 -W2 -s %d %s", size, host, min(2*size+1, 65000), host))
}

// routedLab is webLab with a way out of the wire.
var routedLab = strings.Replace(webLab, `[host.alpha.app.http]`, `gateway = ["198.51.100.1", "2001:db8:51::1"]
  [host.alpha.app.http]`, 1)

// clientBehindRouter puts a client into a namespace $c behind the kernel, whose link to it is narrower than the wire and
// than the client knows.
//
//	alpha ── 1500 ── kernel ── 1300 │ 1500 ── client 203.0.113.2, 2001:db8:99::2
const clientBehindRouter = `
unshare --net sleep 60 & c=$!
until test "$(readlink /proc/$c/ns/net)" != "$(readlink /proc/self/ns/net)"; do sleep 0.01; done
ip link add router type veth peer name client
ip link set client netns $c
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip addr add 203.0.113.1/24 dev router
ip addr add 2001:db8:99::1/64 dev router nodad
ip link set router mtu 1300 up
inside() { nsenter --target $c --net -- "$@"; }
inside ip link set lo up
inside ip addr add 203.0.113.2/24 dev client
inside ip addr add 2001:db8:99::2/64 dev client nodad
inside ip link set client up
inside ip route add default via 203.0.113.1
inside ip route add default via 2001:db8:99::1
`

// TestPathMTU holds that a host learns the MTU of a path whose narrow part neither end sees: from the kernel's own ICMP
// errors, after which nothing is lost.
func TestPathMTU(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "unshare", "nsenter", "curl", "ping")
	l := startLab(t, routedLab, options{files: webFiles()})
	l.sh(t, clientBehindRouter+`
head -c 5000000 /dev/urandom >big; cp big www/big
inside ping -q -c1 -W2 198.51.100.2
inside ping -q -c1 -W2 2001:db8:51::2
for host in 198.51.100.2 '[2001:db8:51::2]'; do
	inside curl -fsS --max-time 20 "http://$host/big" | cmp - big
	inside curl -fsS --max-time 20 -T big "http://$host/put"
	cmp www/put big
done
kill $c`)
	stats := l.tool(t, "stats")
	for _, counter := range []string{"icmpInDestUnreachs ", "icmp6InPktTooBigs "} {
		if lineWith(stats, counter) == "" {
			t.Errorf("no %s: the path was not narrow:\n%s", counter, stats)
		}
	}
}

// TestTwoHosts has two hosts on wires of their own reach each other through the kernel: one's name server asks the other's.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "dig", "ip")
	l := startLab(t, `
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
[tap.tap1]
address = ["203.0.113.1/24", "2001:db8:99::1/64"]

[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  gateway = ["198.51.100.1", "2001:db8:51::1"]
  [host.alpha.app.dns]
  forward = ["203.0.113.2"]

[host.beta]
  [[host.beta.interface]]
  tap     = "tap1"
  address = ["203.0.113.2/24", "2001:db8:99::2/64"]
  gateway = ["203.0.113.1", "2001:db8:99::1"]
  [host.beta.app.dns]
  zones = ["example.org.zone"]
  lab   = false
`, options{files: map[string]string{"example.org.zone": "$TTL 1h\n@ SOA ns host 1 2 3 4 5\n NS ns\nns A 203.0.113.2\nwww A 203.0.113.80\n"}})
	l.sh(t, "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	for _, target := range []string{"203.0.113.2", "2001:db8:99::2", "beta", "beta.lab.example"} {
		l.tool(t, "ping", "--host", "alpha", "-c2", "-i0.05", "-s2000", target)
	}
	l.tool(t, "ping", "--host", "beta", "-c2", "-i0.05", "198.51.100.2")
	if out := l.sh(t, "dig @198.51.100.2 www.example.org +short +tries=1"); out != "203.0.113.80\n" {
		t.Errorf("forwarded: %q", out)
	}
	if out := l.sh(t, "dig @198.51.100.2 +tcp none.example.org +tries=1"); !strings.Contains(out, "NXDOMAIN") {
		t.Errorf("forwarded:\n%s", out)
	}
}
