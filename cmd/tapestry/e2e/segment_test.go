package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// segmentLab has three hosts and the kernel on a switch.
const segmentLab = `
name = "segment"
[segment.lan]
capture = "lan.pcapng"
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.2/24", "2001:db8:51::2/64"]
[host.alpha.app.http]
[[host.beta.interface]]
segment = "lan"
address = ["198.51.100.3/24", "2001:db8:51::3/64"]
[host.beta.app.discard]
[host.beta.app.chargen]
[[host.gamma.interface]]
segment = "lan"
address = ["198.51.100.4/24", "2001:db8:51::4/64"]
[host.gamma.app.echo]
`

// reachSegment has the kernel reach every host, and services on the hosts.
const reachSegment = `for i in 2 3 4; do ping -q -c3 -i0.05 -W2 198.51.100.$i && ping -q -c3 -i0.05 -W2 2001:db8:51::$i; done
curl -fsS http://198.51.100.2/ >/dev/null && curl -fsS 'http://[2001:db8:51::2]/' >/dev/null
nc 2001:db8:51::3 19 </dev/null | head -c 5000000 | wc -c
head -c 5000000 /dev/zero | nc -N 198.51.100.3 9
test "$(printf hello | nc -N 198.51.100.4 7)" = hello && echo all reached`

// TestSegment has the kernel and hosts on a switch reach each other, over every device that the kernel's port can be.
func TestSegment(t *testing.T) {
	t.Parallel()
	need(t, "ping", "nc", "curl")
	tests := []struct {
		name string
		o    func(t *testing.T) options
		keys string // of the tap
	}{
		{"TAP", func(*testing.T) options { return options{} }, ""},
		{"veth", func(*testing.T) options { return options{} }, `device = "packet"`},
		{"ordinary user", asNobodyHere, ""},
		{"ordinary user, veth", asNobodyHere, `device = "packet"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lab := strings.Replace(segmentLab, "[tap.tap0]\n", "[tap.tap0]\n"+tt.keys+"\n", 1)
			out := mustRun(t, lab, reachSegment, tt.o(t))
			if strings.Count(out, " 0% packet loss") != 6 || !strings.HasSuffix(out, "\n5000000\nall reached\n") {
				t.Error(out)
			}
		})
	}
}

func asNobodyHere(t *testing.T) options { return asNobody(t) }

// TestSegmentHosts has tools act in each of the hosts, which find each other by name.
func TestSegmentHosts(t *testing.T) {
	t.Parallel()
	l := startLab(t, segmentLab, options{})
	for _, pair := range [][2]string{{"alpha", "beta"}, {"beta", "gamma"}, {"gamma", "alpha.lab.example"}} {
		out := l.tool(t, "ping", "--host", pair[0], "-c", "2", "-i", "0.05", pair[1])
		if !strings.Contains(out, "2 received, 0% packet loss") {
			t.Errorf("%s to %s: %s", pair[0], pair[1], out)
		}
		if out := l.tool(t, "netstat", "-i", "--host", pair[0], "--json"); !strings.Contains(out, `"eth0"`) {
			t.Errorf("interfaces of %s: %s", pair[0], out)
		}
	}
	var table []struct{ MAC, Port string }
	if err := json.Unmarshal([]byte(l.tool(t, "mac", "lan", "--json")), &table); err != nil || len(table) < 3 {
		t.Errorf("the switch knows %v, %v", table, err)
	}
	if out := l.tool(t, "info"); !strings.Contains(out, "lan      switch  1500  4") || !strings.Contains(out, "tap0 on lan") {
		t.Errorf("info: %s", out)
	}
}

// TestImpair has the kernel's ping see what is changed while the lab runs. Both ways lose 30 %, so an echo comes back in
// 0.49 of the cases: of 400, 196 are expected, and 10 is the standard deviation; the bounds are 7 of them away.
func TestImpair(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, segmentLab, options{})
	received := func(count int, args string) int {
		t.Helper()
		out, _, _ := l.try(30*time.Second, fmt.Sprintf("ping -q -c%d -i0.005 -W1 %s || true", count, args))
		m := regexp.MustCompile(`(\d+) received`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no count in %s", out)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	l.sh(t, "ping -q -c1 -W2 198.51.100.2; ping -q -c1 -W2 198.51.100.3")
	// Neighbours stay known: a request for one would be lost, too.
	l.sh(t, `ip neigh replace 198.51.100.2 lladdr $(ip neigh show 198.51.100.2 | sed 's/.*lladdr \([^ ]*\).*/\1/') dev tap0`)
	l.tool(t, "impair", "lan", "loss=30%")
	if n := received(400, "198.51.100.2"); n < 126 || n > 266 {
		t.Errorf("%d of 400 echoes come back, want 196, and 126 to 266 by all odds", n)
	}
	if out := l.tool(t, "impair", "lan", "--json"); !strings.Contains(out, `"impair": "loss=30%"`) {
		t.Errorf("impair: %s", out)
	}
	l.tool(t, "impair", "lan", "off")
	if n := received(100, "198.51.100.2"); n != 100 {
		t.Errorf("%d of 100 echoes come back on a perfect wire", n)
	}
	l.tool(t, "impair", "lan/alpha", "delay=50ms")
	if out := l.sh(t, "ping -q -c3 -i0.05 -W2 198.51.100.2"); !regexp.MustCompile(`= 1\d\d\.\d+/`).MatchString(out) {
		t.Errorf("the shortest round trip is not 100 ms and a little: %s", out)
	}
	l.tool(t, "impair", "lan/alpha", "off")
	l.tool(t, "ports", "lan", "alpha", "down")
	if n := received(10, "198.51.100.2"); n != 0 {
		t.Errorf("%d echoes cross a cable that is cut", n)
	}
	if n := received(10, "198.51.100.3"); n != 10 {
		t.Errorf("%d of 10 echoes come from another port", n)
	}
	l.tool(t, "ports", "lan", "alpha", "up")
	if n := received(10, "198.51.100.2"); n != 10 {
		t.Errorf("%d of 10 echoes cross the cable that was mended", n)
	}
}

// TestSegmentCapture has tshark read what entered the segment: every frame, once.
func TestSegmentCapture(t *testing.T) {
	t.Parallel()
	need(t, "ping", "tshark")
	l := startLab(t, segmentLab, options{})
	l.sh(t, "ping -q -c20 -i0.01 198.51.100.2; ping -q -c20 -i0.01 2001:db8:51::3")
	l.tool(t, "ping", "--host", "beta", "-c", "5", "-i", "0.01", "198.51.100.4")
	l.stop(t)
	file := filepath.Join(l.dir, "lan.pcapng")
	for _, c := range []struct {
		name, filter string
		want         int
	}{
		{"echoes of the kernel's", "icmp && ip.addr == 198.51.100.2", 40},
		{"echoes over IPv6", "icmpv6.type == 128 || icmpv6.type == 129", 40},
		{"echoes between hosts", "icmp && ip.addr == 198.51.100.4", 10},
		{"malformed frames", "_ws.malformed || _ws.short", 0},
	} {
		out, errs := reader(t, "tshark", "-n", "-r", file, "-Y", c.filter)
		if n := strings.Count(out, "\n"); n != c.want || strings.Contains(errs, "tshark:") {
			t.Errorf("%s: %d, want %d %s\n%.600s", c.name, n, c.want, errs, out)
		}
	}
	if out, _ := reader(t, "tshark", "-nr", file, "-c1", "-T", "fields", "-e", "frame.interface_name"); out != "lan\n" {
		t.Errorf("the interface's name is %q", out)
	}
}

// TestDraw holds a drawing of a file to a golden one, and SVG, also of the running lab, to be a document with all in it.
func TestDraw(t *testing.T) {
	t.Parallel()
	l := startLab(t, segmentLab, options{})
	want, err := os.ReadFile(filepath.Join("testdata", "segment.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.tool(t, "draw", "lab.toml"); got != string(want) {
		t.Errorf("got\n%swant testdata/segment.txt\n%s", got, want)
	}
	if out := l.tool(t, "draw"); !strings.Contains(out, "host gamma") || !strings.Contains(out, "↑") {
		t.Errorf("the running lab: %s", out)
	}
	l.tool(t, "draw", "-o", "file.svg", "lab.toml")
	l.tool(t, "draw", "-o", "running.svg")
	for _, name := range []string{"file.svg", "running.svg"} {
		b, err := os.ReadFile(filepath.Join(l.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all := svgTexts(t, b)
		for _, want := range []string{"lab segment", "switch lan", "tap tap0", "host alpha", "2001:db8:51::4/64"} {
			if !strings.Contains(all, want+"\n") {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}

// svgTexts reads a document to its end and gives its texts, a line each.
func svgTexts(t *testing.T, doc []byte) string {
	t.Helper()
	var texts strings.Builder
	for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return texts.String()
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if s, ok := tok.(xml.CharData); ok {
			texts.Write(append(s, '\n'))
		}
	}
}
