package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ipxLab has two networks with a router between, in frames of one type, and a server behind it. The kernel hears all of
// the first: it is a hub.
const ipxLab = `
name = "ipx"
[segment.lan]
kind = "hub"
[segment.dmz]
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24"]
[[host.alpha.interface]]
segment = "lan"
mac = "02:00:00:00:00:0a"
address = ["198.51.100.2/24"]
ipx = { network = "0000cafe", frame = "FRAME" }
[[host.gate.interface]]
segment = "lan"
mac = "02:00:00:00:00:01"
ipx = { network = "0000cafe", frame = "FRAME" }
[[host.gate.interface]]
segment = "dmz"
mac = "02:00:00:00:00:02"
ipx = { network = "0000f00d", frame = "FRAME" }
[host.gate.ipx]
router = true
[[host.omega.interface]]
segment = "dmz"
mac = "02:00:00:00:00:0c"
ipx = { frame = "FRAME" }
[host.omega.ipx]
service = [{ type = "file server", name = "FS1", socket = "0451" }]
[host.omega.app.echo]
spx = true
[host.omega.app.http]
spx = true
`

// TestIPX has hosts find each other in each framing: by RIP and SAP, with ping and over SPX, as tshark sees it too.
func TestIPX(t *testing.T) {
	t.Parallel()
	need(t, "tcpdump", "tshark")
	for _, tt := range []struct{ frame, filter string }{
		{"ethernet-ii", "eth.type == 0x8137"},
		{"802.3", "eth.len && !llc"},
		{"802.2", "llc.dsap == 0xe0 && llc.ssap == 0xe0 && llc.control == 0x03"},
		{"snap", "llc.oui == 0 && llc.type == 0x8137"},
	} {
		t.Run(tt.frame, func(t *testing.T) {
			t.Parallel()
			l := startLab(t, strings.ReplaceAll(ipxLab, "FRAME", tt.frame), options{})
			awaitServer(t, l, "alpha", "FS1")
			l.sh(t, `tcpdump -Z root -U --immediate-mode -i tap0 -w tap.pcap 2>tcpdump.log & d=$!
until grep -q listening tcpdump.log; do sleep 0.05; done
"$PROGRAM" ping -c 3 -i 0.05 0000f00d:02000000000c >ping.txt
"$PROGRAM" ping -c 1 --diagnostic gate >diag.txt
echo hello | "$PROGRAM" ipx connect omega:8007 >echo.txt
printf 'GET / HTTP/1.0\r\n\r\n' | "$PROGRAM" ipx connect omega:8080 >http.txt
sleep 0.2; kill -INT $d; wait $d`)
			checkIPXTools(t, l)
			checkIPXWire(t, l, tt.filter)
		})
	}
}

// awaitServer waits until a host knows a server by SAP, and the way there.
func awaitServer(t *testing.T, l *runningLab, host, name string) {
	t.Helper()
	var out string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if out = l.tool(t, "slist", "--host", host); strings.Contains(out, "\n"+name+" ") {
			return
		}
	}
	t.Fatalf("host %s does not hear of %s: %s", host, name, out)
}

func checkIPXTools(t *testing.T, l *runningLab) {
	t.Helper()
	for _, c := range []struct{ file, want string }{
		{"ping.txt", "56 bytes from 0000f00d:02000000000c: seq=3 hops=1 time="},
		{"ping.txt", "3 received, 0% packet loss"},
		{"diag.txt", "router 0000cafe:020000000001 (LAN board)"}, {"echo.txt", "hello\n"}, {"http.txt", "200 OK"},
	} {
		b, err := os.ReadFile(filepath.Join(l.dir, c.file))
		if err != nil || !strings.Contains(string(b), c.want) {
			t.Errorf("%s: %v, no %q in %s", c.file, err, c.want, b)
		}
	}
	var routes []struct {
		Network     string
		Hops, Ticks int
		NextHop     string `json:"next_hop"`
	}
	err := json.Unmarshal([]byte(l.tool(t, "ipx", "route", "--json")), &routes)
	if err != nil || len(routes) != 2 || routes[1].Network != "0000f00d" || routes[1].Hops != 1 || routes[1].Ticks != 2 || routes[1].NextHop != "020000000001" {
		t.Errorf("routes: %v %+v", err, routes)
	}
	for _, c := range []struct{ args, want string }{
		{"slist", "FS1     0000f00d  02000000000c  2     0004 File Server"},
		{"ipx servers", "0004  FS1   0000f00d  02000000000c  0451    2"},
		{"ipx ports --host omega", "up, learned"}, {"ipx sockets --host omega", "*:8007"},
		{"ipx stats --host gate", "ipxAdvSysForwPackets"},
		{"netstat -a --host omega", "spx"}, {"info", "0000f00d:02000000000c"},
	} {
		if out := l.tool(t, strings.Fields(c.args)...); !strings.Contains(out, c.want) {
			t.Errorf("%s: no %q in\n%s", c.args, c.want, out)
		}
	}
}

// checkIPXWire looks at what the kernel heard.
func checkIPXWire(t *testing.T, l *runningLab, framing string) {
	t.Helper()
	count := func(filter string) int {
		out, errs := reader(t, "tshark", "-n", "-r", filepath.Join(l.dir, "tap.pcap"), "-Y", filter)
		if strings.Contains(errs, "tshark:") {
			t.Error(errs)
		}
		return strings.Count(out, "\n")
	}
	all := count("ipx")
	for _, c := range []struct {
		name, filter string
		least, most  int
	}{
		{"in the framing", "ipx && " + framing, all, all},
		{"echoes and answers", "ipx.packet_type == 2", 6, 6},
		{"diagnostics", "ipx.socket == 0x0456", 2, 2},
		{"SPX", "spx", 8, 1000},
		{"malformed", "_ws.malformed || _ws.short || _ws.expert.severity >= 0x600000", 0, 0},
	} {
		if n := count(c.filter); n < c.least || n > c.most || all == 0 {
			t.Errorf("%s: %d frames of %d, want %d to %d", c.name, n, all, c.least, c.most)
		}
	}
}

// TestNoIPX has tools tell what to do where a host has no IPX.
func TestNoIPX(t *testing.T) {
	t.Parallel()
	l := startLab(t, "", options{})
	for _, args := range []string{"ipx route", "slist", "ipx connect alpha:8007", "ping 0000cafe:020000000001",
		"ipx route add f00d cafe:1"} {
		_, stderr, err := l.outside(limit, append([]string{program}, strings.Fields(args)...)...)
		want := `host alpha has no IPX; add ipx = { network = "0000cafe" } to one of its interfaces`
		if status(err) != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s; want %s", args, status(err), stderr, want)
		}
	}
}

// TestOldLAN runs the example of an old office, with an emulator on its wire where there is one.
func TestOldLAN(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../examples/oldlan/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	l := startLab(t, string(text), options{})
	awaitServer(t, l, "pc", "CLOCK")
	for _, c := range []struct{ name, script, want string }{
		{"servers", `"$PROGRAM" slist`, "FS1     00000f51  000000000001  2     0004 File Server"},
		{"across two routers", `"$PROGRAM" ping -c 2 -i 0.05 --host pc --ipx fs1`,
			"from 00000f51:000000000001: seq=2 hops=1"},
		{"across framings", `"$PROGRAM" ping -c 2 -i 0.05 --ipx pc`, "from 0000beef:02000000000c: seq=2 hops=1"},
		{"clock", `"$PROGRAM" ipx connect --host pc fs1:8013 </dev/null`, "UTC"},
		{"web", `printf 'GET / HTTP/1.0\r\n\r\n' | "$PROGRAM" ipx connect --host fs1 alpha:8080`, "200 OK"},
		{"IP beside", `curl -fsS -o /dev/null -w '%{http_code}' http://198.51.100.2/`, "200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := l.sh(t, c.script); !strings.Contains(out, c.want) {
				t.Errorf("no %q in %s", c.want, out)
			}
		})
	}
	t.Run("cut", func(t *testing.T) { cutDMZ(t, l) })
	t.Run("DOSBox", func(t *testing.T) { joinDOSBox(t, l) })
}

// cutDMZ pulls the router's plug in the next room: everybody is told at once, and again when it is back.
func cutDMZ(t *testing.T, l *runningLab) {
	for _, c := range []struct {
		change string
		want   bool
	}{{"down", false}, {"up", true}} {
		l.tool(t, "ports", "dmz", "gate.eth1", c.change)
		var out string
		has := !c.want
		for end := time.Now().Add(20 * time.Second); has != c.want && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			out = l.tool(t, "ipx", "route") + l.tool(t, "slist")
			has = strings.Contains(out, "0000f00d") && strings.Contains(out, "FS1")
		}
		if has != c.want {
			t.Errorf("%s: way to the next room %t, want %t: %s", c.change, has, c.want, out)
		}
	}
}

// joinDOSBox starts an emulator that joins the wire: it and the hosts of its network ping each other.
func joinDOSBox(t *testing.T, l *runningLab) {
	need(t, "dosbox")
	conf, err := os.ReadFile("../../../examples/oldlan/dosbox.conf")
	if err != nil {
		t.Fatal(err)
	}
	const commands = "\nmount c %q\nc:\nipxnet ping > ping.txt\nipxnet status > status.txt\necho done > done.txt\n"
	writeFile(t, l.dir, "dosbox.conf", string(conf)+fmt.Sprintf(commands, l.dir), l.o.uid)
	l.sh(t, `export SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy
dosbox -conf dosbox.conf >dosbox.log 2>&1 & d=$!
for i in $(seq 300); do test -e DONE.TXT && break; sleep 0.1; done
for i in $(seq 300); do "$PROGRAM" ipx tunnels --json >tunnels.txt; grep -q joined tunnels.txt && break; sleep 0.1; done
node=$(sed -n 's/.*"node": "\(.*\)".*/\1/p' tunnels.txt)
"$PROGRAM" ping -c 2 -i 0.05 "0000cafe:$node" >emulator.txt || true
kill $d; wait $d || true`)
	for _, c := range []struct{ file, want string }{
		{"STATUS.TXT", "CONNECTED -- Server at 198.51.100.1"},
		{"PING.TXT", "Response from 2.0.0.0, port 10 "}, // 02000000000a, as the emulator writes a node
		{"emulator.txt", "2 received, 0% packet loss"},
	} {
		b, err := os.ReadFile(filepath.Join(l.dir, c.file))
		if err != nil || !strings.Contains(string(b), c.want) {
			t.Errorf("%s: %v, no %q in %s", c.file, err, c.want, b)
		}
	}
}
