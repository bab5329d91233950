//go:build soak

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bulk is how much each transfer moves: more than a sequence number's quarter, and far more than any buffer.
const bulk = 1 << 30

// bulkLab takes keys of the wire.
const bulkLab = `name = "bulk"
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
%s
[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  [host.alpha.app.discard]
  [host.alpha.app.chargen]
  [host.alpha.app.http]
  root    = "www"
  methods = ["GET", "HEAD", "PUT"]
`

// transfer moves bulk octets between the kernel and $A, or to or from $URL; the script fails if they are not the same.
type transfer struct{ name, script, counter string }

var transfers = []transfer{
	{"discard", `head -c $N /dev/zero | nc -N $A 9`, "discard.tcp.octets"},
	{"chargen", `rm -f pattern; mkfifo pattern; $CLIENT pattern $N >pattern & nc -d $A 19 | head -c $N | cmp - pattern`, ""},
	{"put", `curl -fsS -T noise $URL/put; [ "$(sha256sum <www/put)" = "$(cat sum)" ]; rm www/put`, ""},
	{"get", `[ "$(curl -fsS $URL/noise | sha256sum)" = "$(cat sum)" ]`, ""},
}

// TestSoakBulk moves 1 GiB each way with every offload on, and with each off, and compares every octet.
func TestSoakBulk(t *testing.T) {
	need(t, "nc", "curl", "sha256sum", "cmp", "mkfifo")
	tests := []struct {
		name, keys string
		without    []string // the offloads that info must not name
	}{
		{"all offloads", "", nil},
		{"no checksum", "checksum = false", []string{"checksum", "tso4", "tso6", "uso"}}, // the others need it
		{"no tso4", "tso4 = false", []string{"tso4"}},
		{"no tso6", "tso6 = false", []string{"tso6"}},
		{"only checksum", "tso4 = false\ntso6 = false\nuso = false", []string{"tso4", "tso6", "uso"}},
		{"veth", `device = "packet"`, nil},
		{"veth without checksum", "device = \"packet\"\nchecksum = false", []string{"checksum", "tso4", "tso6", "uso"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := client(t)
			o.files = map[string]string{"www/index.html": "here\n"}
			l := startLab(t, fmt.Sprintf(bulkLab, tt.keys), o)
			offloads := l.info(t).Wires[0].Offloads
			t.Logf("offloads in use: %s", offloads)
			for _, word := range tt.without {
				if strings.Contains(offloads, word) {
					t.Errorf("%q is in use: %s", word, offloads)
				}
			}
			l.sh(t, fmt.Sprintf("$CLIENT noise %d >noise; sha256sum <noise >sum; ln noise www/noise", bulk))
			for _, x := range transfers {
				t.Run(x.name+" IPv4", func(t *testing.T) { l.move(t, x, "198.51.100.2", "http://198.51.100.2") })
				t.Run(x.name+" IPv6", func(t *testing.T) { l.move(t, x, "2001:db8:51::2", "http://[2001:db8:51::2]") })
			}
			u := usageOf(t, l.pid(t))
			t.Logf("resident after %d GiB: %v", 2*len(transfers), u)
		})
	}
}

// move runs a transfer, and holds its counter against what was sent.
func (l *runningLab) move(t *testing.T, x transfer, address, url string) {
	before := l.counters(t)
	began := time.Now()
	_, stderr, err := l.try(5*time.Minute, fmt.Sprintf("N=%d; A=%s; URL='%s'\n%s", bulk, address, url, x.script))
	took := time.Since(began)
	if err != nil {
		t.Fatalf("%v after %v\n%s\nlab: %s", err, took, stderr, l.stderr.String())
	}
	after := l.counters(t)
	if x.counter != "" && after[x.counter]-before[x.counter] != bulk {
		t.Errorf("%s grew by %d, want %d", x.counter, after[x.counter]-before[x.counter], uint64(bulk))
	}
	t.Logf("%.2f Gbit/s (%v), %d segments sent again", bulk*8/took.Seconds()/1e9, took.Round(time.Millisecond),
		after["tcpRetransSegs"]-before["tcpRetransSegs"])
}
