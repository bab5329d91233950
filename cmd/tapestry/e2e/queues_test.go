package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// echoLab is a host that sends back what it gets; keys of the wire follow.
const echoLab = `
[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  [host.alpha.app.echo]
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
`

// stat is a counter.
type stat struct {
	Name  string
	Value uint64
}

// wireStats are the counters of the first wire, also of one that leads to a segment.
func (l *runningLab) wireStats(t testing.TB) map[string]uint64 {
	t.Helper()
	m := make(map[string]uint64)
	for _, s := range l.info(t).Wires[0].Stats {
		m[s.Name] = s.Value
	}
	return m
}

// stats reads `tapestry stats`.
func (l *runningLab) stats(t testing.TB) map[string]uint64 {
	t.Helper()
	var all []stat
	if err := json.Unmarshal([]byte(l.tool(t, "stats", "-a", "--json")), &all); err != nil {
		t.Fatal(err)
	}
	m := make(map[string]uint64)
	for _, s := range all {
		m[s.Name] = s.Value
	}
	return m
}

// sums are what a connection sends, and what else may cross meanwhile: neighbour discovery, a line of TCP that was lost.
const (
	flowOctets = 400_000
	others     = 40_000
)

// queueOf gives the queue that a connection's octets came in on and left by, which must be one.
func queueOf(t *testing.T, l *runningLab, host string) int {
	t.Helper()
	before := l.wireStats(t)
	if got := l.sh(t, fmt.Sprintf("head -c %d /dev/zero | nc -N %s 7 | wc -c", flowOctets, host)); strings.TrimSpace(got) != strconv.Itoa(flowOctets) {
		t.Fatalf("%s octets came back, want %d", got, flowOctets)
	}
	after := l.wireStats(t)
	var in, out [2]uint64
	for q := range in {
		name := fmt.Sprintf("tap0.queue%d.", q)
		in[q], out[q] = after[name+"rxOctets"]-before[name+"rxOctets"], after[name+"txOctets"]-before[name+"txOctets"]
	}
	queue := 0
	if in[1] > in[0] {
		queue = 1
	}
	if in[queue] < flowOctets || out[queue] < flowOctets || in[1-queue] > others || out[1-queue] > others {
		t.Errorf("a connection to %s crossed queues: octets in %v, out %v", host, in, out)
	}
	return queue
}

// TestQueues has the kernel's side open connections to a host with two queues: each crosses one of them, both ways, and
// both are used. A capture around the device changes nothing of that.
func TestQueues(t *testing.T) {
	t.Parallel()
	needRoot(t) // for the program
	need(t, "nc")
	for _, tt := range []struct{ name, keys string }{
		{"plain", "queues = 2"},
		{"on a segment", "queues = 2\nsegment = \"lan\"\n[segment.lan]\nimpair = \"delay=100us\""},
		{"captured", "queues = 2\nsnaplen = 64\ncapture = \"wire.pcapng\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lab := echoLab + tt.keys
			if strings.Contains(lab, "segment.lan") {
				lab = strings.Replace(lab, `tap     = "tap0"`, `segment = "lan"`, 1)
			}
			l := startLab(t, lab, options{})
			if w := l.info(t).Wires[0]; w.Queues != 2 || w.Steering.By != "eBPF program" {
				t.Fatalf("the wire is %+v, want two queues and a steering program", w)
			}
			var used [2]int
			for i := range 16 {
				used[queueOf(t, l, []string{"198.51.100.2", "2001:db8:51::2"}[i%2])]++
			}
			if used[0] == 0 || used[1] == 0 {
				t.Errorf("connections on the queues: %v, want some on each", used)
			}
		})
	}
}

// TestProcs has the file say how many processors the program uses.
func TestProcs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, keys string
		env        []string
		want       string
	}{
		{"adapted", "", []string{"GOMAXPROCS="}, "1 at the moment"},
		{"by the file", "procs = 3\n", []string{"GOMAXPROCS=2"}, "3, by procs in the lab's file"},
		{"by the environment", "", []string{"GOMAXPROCS=2"}, "2 at the moment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, stderr, err := runLab(t, tt.keys+echoLab, "true", options{env: tt.env, flags: []string{"--table"}})
			if _, got, _ := strings.Cut(lineWith(stderr, "processors "), " "); err != nil || strings.TrimSpace(got) != tt.want {
				t.Errorf("%v, the table says %q, want %q\n%s", err, got, tt.want, stderr)
			}
		})
	}
}

// TestFilter has the kernel send frames that are not the host's: they never come in, and the kernel counts them.
func TestFilter(t *testing.T) {
	t.Parallel()
	need(t, "ip", "ping")
	const elsewhere = `ip neigh replace 198.51.100.77 lladdr 02:00:5e:10:00:77 dev tap0
ping -q -c20 -i0.01 -W0.1 198.51.100.77 || true`
	const unserved = `ip -6 neigh replace 2001:db8:51::77 lladdr 02:00:5e:10:00:02 dev tap0
ping -q -c20 -i0.01 -W0.1 2001:db8:51::77 || true`
	const only4 = `
[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  mac     = "02:00:5e:10:00:02"
  address = ["198.51.100.2/24"]
  ipv6    = false
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
`
	tests := []struct {
		name, lab, send string
		user            bool // an ordinary one
		by              string
		isKept          bool // away from the host
	}{
		{"other station", echoLab, elsewhere, false, "eBPF program", true},
		{"other station, ordinary user", echoLab, elsewhere, true, "built in", true},
		{"other protocol", only4, unserved, false, "eBPF program", true},
		{"no filter", echoLab + "filter = false", elsewhere, false, "off", false},
		{"all is captured", echoLab + `capture = "wire.pcapng"`, elsewhere, false, "off", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var o options
			if tt.user {
				o = openToAll(t)
			} else {
				needRoot(t)
			}
			l := startLab(t, tt.lab, o)
			if w := l.info(t).Wires[0]; w.Filter.By != tt.by {
				t.Fatalf("the filter is %+v, want %s", w.Filter, tt.by)
			}
			before, dropped := l.received(t), l.kernelDropped(t)
			l.sh(t, tt.send)
			in, out := l.received(t)-before, l.kernelDropped(t)-dropped
			if isKept := out >= 20 && in < 15; isKept != tt.isKept {
				t.Errorf("of 20 frames and a few for the host itself %d came in and the kernel dropped %d; want them kept back: %v", in, out, tt.isKept)
			}
			l.sh(t, "ping -q -c1 198.51.100.2")
		})
	}
}

// received counts the frames that came in to the host.
func (l *runningLab) received(t testing.TB) uint64 {
	t.Helper()
	var all []struct {
		Counters struct {
			Frames uint64 `json:"rx_frames"`
		}
	}
	if err := json.Unmarshal([]byte(l.tool(t, "netstat", "-i", "--json")), &all); err != nil || len(all) != 1 {
		t.Fatalf("netstat -i --json: %v, %d interfaces", err, len(all))
	}
	return all[0].Counters.Frames
}

// kernelDropped counts what the kernel's interface did not send to the host.
func (l *runningLab) kernelDropped(t testing.TB) uint64 {
	t.Helper()
	var all []struct {
		Stats struct {
			Tx struct{ Dropped uint64 }
		} `json:"stats64"`
	}
	out := l.sh(t, "ip -s -j link show tap0")
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		t.Fatalf("ip -s -j link: %v\n%s", err, out)
	}
	return all[0].Stats.Tx.Dropped
}

// openToAll has the program run as an ordinary user, with a TAP.
func openToAll(t testing.TB) options {
	t.Helper()
	need(t, "unshare")
	o := asNobody(t)
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: ", err)
	}
	o.wrap = append(inMountNamespace(tunNode("666")), o.wrap...)
	return o
}

// TestWithoutPrograms holds that who may not load programs gets a lab that does the same, and is told.
func TestWithoutPrograms(t *testing.T) {
	t.Parallel()
	need(t, "nc", "ping")
	o := openToAll(t)
	o.flags = []string{"--table"}
	stdout, stderr, err := runLab(t, echoLab+"queues = 2", `
for i in 1 2 3 4 5 6 7 8; do head -c 400000 /dev/zero | nc -N 198.51.100.2 7 | wc -c; done
ping -q -c1 2001:db8:51::2 >&2`, o)
	if err != nil || stdout != strings.Repeat("400000\n", 8) {
		t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
	}
	if f := strings.Fields(lineWith(stderr, "built in")); len(f) < 6 || f[0] != "tap0" || f[1] != "2" {
		t.Errorf("the table does not say that what is built in steers and filters:\n%s", stderr)
	}
	for _, want := range []string{"steering is built in: tap: load the steering program: needs CAP_BPF", "filter is built in: tap: load the filter program: needs CAP_BPF",
		`msg="no steering program: the kernel chooses the queue of a flow" wire=tap0`} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no word of %q:\n%s", want, stderr)
		}
	}
}
