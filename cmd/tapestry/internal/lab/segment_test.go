package lab

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"tapestry/apps/all"
	"tapestry/cmd/tapestry/internal/control"
	"tapestry/cmd/tapestry/internal/draw"
	"tapestry/stack"
)

var update = flag.Bool("update", false, "rewrite the drawings in testdata")

func checkDrawing(t *testing.T, d draw.Diagram, file string) {
	t.Helper()
	var b bytes.Buffer
	if err := draw.Text(&b, d, 0); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it)\n%s", file, diff)
	}
}

// threeHosts are on a segment with the kernel.
const threeHosts = `
[segment.lan]
capture = "lan.pcapng"
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.2/24", "2001:db8:51::2/64"]
[[host.beta.interface]]
segment = "lan"
address = ["198.51.100.3/24", "2001:db8:51::3/64"]
[[host.gamma.interface]]
segment = "lan"
address = ["198.51.100.4/24", "2001:db8:51::4/64"]
`

// inFolder gives the text's files a folder of the test's own.
func inFolder(t *testing.T, text string) string {
	return strings.ReplaceAll(text, "lan.pcapng", filepath.Join(t.TempDir(), "lan.pcapng"))
}

// TestExamples has every file to begin with be right, and its drawing a golden one.
func TestExamples(t *testing.T) {
	for name, text := range Examples() {
		p, err := Load(name+".toml", text, all.Apps)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(p); err != nil {
			t.Error(err)
		}
		checkDrawing(t, p.Diagram(), filepath.Join("testdata", name+".txt"))
	}
}

// ping counts the answers that a host gets.
func ping(t *testing.T, from *stack.Host, to string, count int, timeout time.Duration) (answers int) {
	t.Helper()
	for range count {
		ctx, cancel := context.WithTimeout(within(t), timeout)
		if _, err := from.Ping(ctx, netip.MustParseAddr(to), stack.PingOptions{}); err == nil {
			answers++
		}
		cancel()
	}
	return answers
}

func TestSegment(t *testing.T) {
	l, kernel := start(t, inFolder(t, threeHosts), "")
	for _, to := range []string{"198.51.100.2", "198.51.100.3", "2001:db8:51::4"} {
		if ping(t, kernel, to, 1, 5*time.Second) != 1 {
			t.Errorf("the kernel does not reach %s", to)
		}
	}
	if ping(t, l.hosts[1].Host, "198.51.100.4", 1, 5*time.Second) != 1 {
		t.Error("beta does not reach gamma")
	}
	s, err := call[[]SegmentStatus](t, l, control.Request{Op: "segments"})
	if err != nil || s[0][0].Ports != 4 || s[0][0].Up != 4 || s[0][0].Addresses < 4 || s[0][0].Frames < 8 {
		t.Errorf("segments gives %+v, %v", s, err)
	}
	info := l.Info(Place{})
	if len(info.Segments) != 1 || info.Wires[0].Segment != "lan" || info.Hosts[2].Interfaces[0].Wire != "lan" {
		t.Errorf("info gives %+v", info)
	}
}

// TestSegmentChanges has a wire that loses all, one that is cut, and one that is whole again.
func TestSegmentChanges(t *testing.T) {
	l, kernel := start(t, inFolder(t, threeHosts), "")
	const soon = 200 * time.Millisecond
	steps := []struct {
		name, op, args string
		alpha, beta    bool // answer
	}{
		{"whole", "impair", `{}`, true, true},
		{"segment loses all", "impair.set", `{"target":"lan","set":"loss=100%"}`, false, false},
		{"segment is whole", "impair.set", `{"target":"lan","set":"off"}`, true, true},
		{"one port loses all to it", "impair.set", `{"target":"beta","direction":"rx","set":"loss=100%"}`, true, false},
		{"the segment's change is not that port's", "impair.set", `{"target":"lan","direction":"rx","set":"off"}`, true, false},
		{"that port is whole", "impair.set", `{"target":"lan/beta","set":"off"}`, true, true},
		{"one port is cut", "ports.set", `{"target":"lan/alpha","up":false}`, false, true},
		{"and joined", "ports.set", `{"target":"alpha","up":true}`, true, true},
	}
	for _, s := range steps {
		if _, err := call[[]PortStatus](t, l, control.Request{Op: s.op, Args: []byte(s.args)}); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		for to, want := range map[string]bool{"198.51.100.2": s.alpha, "198.51.100.3": s.beta} {
			timeout, count := 5*time.Second, 1
			if !want {
				timeout, count = soon, 2
			}
			if got := ping(t, kernel, to, count, timeout) > 0; got != want {
				t.Errorf("%s: %s answers: %v, want %v", s.name, to, got, want)
			}
		}
	}
}

func TestSegmentCommandErrors(t *testing.T) {
	l, _ := start(t, inFolder(t, threeHosts), "")
	for _, tt := range []struct{ name, op, args, want string }{
		{"no such target", "impair.set", `{"target":"lam","set":"off"}`, `no segment and no port "lam"; did you mean "lan"?`},
		{"no target", "impair.set", `{"set":"off"}`, "name a segment"},
		{"off at the end", "impair.set", `{"target":"lan","set":"loss=5%,delay=1ms off"}`, "off takes away loss=5% delay=1ms in front of it"},
		{"direction", "impair.set", `{"target":"lan","direction":"up","set":"off"}`, `"up" is neither tx`},
		{"impairment", "impair.set", `{"target":"lan","set":"los=5%"}`, "did you mean loss"},
		{"cut a segment", "ports.set", `{"target":"lan"}`, "is a segment; name one of its ports"},
		{"ports of a port", "ports", `{"segment":"alpha"}`, `has no segment "alpha"`},
		{"static address of nobody", "mac.add", `{"mac":"02:00:00:00:00:07","port":"alhpa"}`, `no port "alhpa"; did you mean "alpha"?`},
		{"bad address", "mac.add", `{"mac":"02","port":"alpha"}`, "02"},
		{"delete what is not there", "mac.delete", `{"mac":"02:00:00:00:00:07"}`, "does not know"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := call[any](t, l, control.Request{Op: tt.op, Args: []byte(tt.args)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

func TestMACTable(t *testing.T) {
	l, kernel := start(t, inFolder(t, threeHosts), "")
	ping(t, kernel, "198.51.100.2", 1, 5*time.Second)
	steps := []struct {
		op, args, has, hasNot string
	}{
		{"mac.add", `{"mac":"02:00:00:00:00:07","port":"beta"}`, "02:00:00:00:00:07  -     beta   static", ""},
		{"mac.delete", `{"mac":"02:00:00:00:00:07"}`, "learned", "static"},
		{"mac.flush", `{}`, "", "gamma"}, // which has nothing to say
	}
	for _, s := range steps {
		if _, err := call[[]MACEntry](t, l, control.Request{Op: s.op, Args: []byte(s.args)}); err != nil {
			t.Fatalf("%s: %v", s.op, err)
		}
		all, err := call[[]MACEntry](t, l, control.Request{Op: "mac", Args: []byte(`{"segment":"lan"}`)})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		WriteMACs(&b, all[0])
		if !strings.Contains(b.String(), s.has) || s.hasNot != "" && strings.Contains(b.String(), s.hasNot) {
			t.Errorf("after %s: want %q and no %q in\n%s", s.op, s.has, s.hasNot, b.String())
		}
	}
}

// TestTrunk has two segments with a cable that is slow one way, and cut then.
func TestTrunk(t *testing.T) {
	text := `
[segment.lan]
[segment.core]
[trunk.up]
segments = ["lan", "core"]
impair_tx = "delay=30ms"
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24"]
[[host.alpha.interface]]
segment = "core"
address = ["198.51.100.2/24"]
`
	l, kernel := start(t, text, "")
	r, err := kernel.Ping(within(t), netip.MustParseAddr("198.51.100.2"), stack.PingOptions{})
	if err != nil || r.RTT < 30*time.Millisecond {
		t.Errorf("a ping takes %v, %v; want 30 ms at least", r.RTT, err)
	}
	got, err := call[[]PortStatus](t, l, control.Request{Op: "impair.set", Args: []byte(`{"target":"up","direction":"rx","set":"loss=100%"}`)})
	if err != nil || len(got[0]) != 2 || got[0][0].Tx.Impair != "loss=100%" || got[0][1].Tx.Impair != "delay=30ms" {
		t.Errorf("impair gives %+v, %v", got, err)
	}
	ends, err := call[[]PortStatus](t, l, control.Request{Op: "ports.set", Args: []byte(`{"target":"lan/up"}`)})
	if err != nil || ends[0][0].State != "shut" {
		t.Errorf("ports gives %+v, %v", ends, err)
	}
	if far, _ := l.impaired("core/up"); far[0].State != "no carrier" || far[0].Up {
		t.Errorf("the far end is %+v", far)
	}
	if ping(t, kernel, "198.51.100.2", 2, 100*time.Millisecond) != 0 {
		t.Error("a ping crosses a cable that is cut")
	}
}

// TestJoints has a process and a capture on a segment, and another lab's segment behind a tunnel.
func TestJoints(t *testing.T) {
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace.pcapng")
	source, kernel := start(t, strings.ReplaceAll(threeHosts, "lan.pcapng", trace), "")
	ping(t, kernel, "198.51.100.2", 3, 5*time.Second)
	if err := source.Close(); err != nil {
		t.Fatal(err)
	}
	text := `
[segment.lan]
kind = "hub" # a switch learns that both ends of the capture's traffic are behind its port
[unixgram.probe]
segment = "lan"
path = "` + dir + `/probe.sock"
[replay.trace]
segment = "lan"
file = "` + trace + `"
max_pause = "10ms"
after = "100ms"
[qemu.vm]
segment = "lan"
listen = "` + dir + `/vm.sock"
[qemu.pair]
segment = "lan"
mode = "dgram"
listen = "` + dir + `/a.sock"
connect = "` + dir + `/b.sock"
[vxlan.vx]
segment = "lan"
local = "127.0.0.1:0"
peer = ["127.0.0.1:9"]
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.77/24"]
`
	p, err := Load("lab.toml", []byte(text), all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(p); err != nil {
		t.Error(err)
	}
	l, err := Start(p, Config{})
	if err != nil {
		t.Fatal(err)
	}
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/me.sock", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	hello := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, make([]byte, 46)...)
	if _, err := heard.WriteTo(hello, &net.UnixAddr{Name: dir + "/probe.sock", Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	echoes := 0
	heard.SetReadDeadline(time.Now().Add(5 * time.Second))
	for b := make([]byte, 2000); echoes < 3; {
		n, err := heard.Read(b)
		if err != nil {
			t.Fatalf("%d of 3 echoes of the capture heard: %v", echoes, err)
		}
		if n > 34 && b[12] == 8 && b[13] == 0 && b[23] == 1 && b[34] == 8 {
			echoes++
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(dir + "/*.sock"); len(left) != 1 {
		t.Errorf("sockets left: %v, want the test's own alone", left)
	}
}

// TestRunningDrawing holds a running lab's drawing to its configuration and its counters.
func TestRunningDrawing(t *testing.T) {
	l, kernel := start(t, inFolder(t, threeHosts), "")
	ping(t, kernel, "198.51.100.2", 1, 5*time.Second)
	if _, err := call[[]PortStatus](t, l, control.Request{Op: "impair.set", Args: []byte(`{"target":"beta","set":"loss=5%"}`)}); err != nil {
		t.Fatal(err)
	}
	parts, err := call[draw.Diagram](t, l, control.Request{Op: "draw"})
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	d := parts[0]
	d.Boxes = append(d.Boxes, parts[1].Boxes...)
	var b bytes.Buffer
	if err := draw.Text(&b, d, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"switch lan", "host alpha", "tap tap0", "2001:db8:51::4/64", "loss=5%", "↑"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the drawing lacks %q:\n%s", want, b.String())
		}
	}
}

// TestNobodyThere: what is flooded is not sent to a process that has not come, and what cannot be delivered to one that
// is gone counts as dropped.
func TestNobodyThere(t *testing.T) {
	dir := t.TempDir()
	text := lan + "kind = \"hub\"\n[unixgram.probe]\nsegment = \"lan\"\npath = \"" + dir + "/probe.sock\"\n" +
		"[unixgram.other]\nsegment = \"lan\"\npath = \"" + dir + "/other.sock\"\n" + onLAN
	p, err := Load("lab.toml", []byte(text), all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Start(p, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	say := func(to string) net.Conn {
		t.Helper()
		here := &net.UnixAddr{Name: dir + "/at-" + to, Net: "unixgram"}
		c, err := net.DialUnix("unixgram", here, &net.UnixAddr{Name: dir + "/" + to + ".sock", Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		c.Write(append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, make([]byte, 46)...))
		return c
	}
	probe := l.portsNamed("probe")[0]
	until := func(what string, is func(PortStatus) bool) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); !is(probe.status()); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: the port is %+v", what, probe.status())
			}
		}
	}
	say("other").Close()
	until("before anybody came", func(s PortStatus) bool {
		return s.State == "nobody there" && l.portsNamed("other")[0].status().Counters.RxFrames == 1
	})
	if s := probe.status(); s.Counters.TxDropped != 0 || s.Counters.TxFrames != 0 {
		t.Errorf("to nobody: %+v, want neither frames nor drops", s.Counters)
	}
	somebody := say("probe")
	until("somebody came", func(s PortStatus) bool { return s.State == "forwarding" })
	somebody.Close()
	os.Remove(dir + "/at-other")
	say("other").Close()
	until("who came is gone", func(s PortStatus) bool { // frames of the host may be in the same batch
		return s.State == "nobody there" && s.Counters.TxDropped >= 1 && s.Drops["device"] == s.Counters.TxDropped
	})
}

// TestTreeLog: a switch tells of a new root, with its segment named once, and not while the lab is taken down.
func TestTreeLog(t *testing.T) {
	text := "[segment.a]\nstp = true\n[segment.b]\nstp = true\n[trunk.up]\nsegments = [\"a\", \"b\"]\n" + strings.Replace(onLAN, "lan", "a", 1)
	p, err := Load("lab.toml", []byte(text), all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	l, err := Start(p, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); !strings.Contains(log.String(), `"spanning tree"`) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	before := log.String()
	if strings.Count(before, "\n") != 1 || strings.Count(before, "segment=") != 1 {
		t.Errorf("logged:\n%s\nwant one line with one segment", before)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if after := log.String(); after != before {
		t.Errorf("logged while closing:\n%s", strings.TrimPrefix(after, before))
	}
}

// lockedBuffer is a buffer for a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
