package lab

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"tapestry/cmd/tapestry/internal/control"
	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
	"tapestry/link/ipxtunnel"
	"tapestry/link/tap"
	"tapestry/stack"
	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// oldLAN has two networks with a router between, in different framings, a server, and one host without IPX.
const oldLAN = `
[segment.lan]
[segment.dmz]
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24"]
[ipxtunnel.dos]
segment = "lan"
listen = "127.0.0.1:0"
[[host.alpha.interface]]
segment = "lan"
mac = "02:00:00:00:00:0a"
address = ["198.51.100.2/24"]
ipx = [{ network = "0000cafe" }, { network = "0000beef", frame = "ethernet-ii" }]
[[host.gate.interface]]
segment = "lan"
mac = "02:00:00:00:00:01"
ipx = { network = "0000cafe" }
[[host.gate.interface]]
segment = "dmz"
mac = "02:00:00:00:00:02"
ipx = { network = "0000f00d", frame = "snap" }
[host.gate.ipx]
router = true
internal = "0000abcd"
service = [{ type = "file server", name = "FS1", socket = "0451" }]
[[host.omega.interface]]
segment = "dmz"
mac = "02:00:00:00:00:0c"
ipx = { frame = "snap" }
[host.omega.app.echo]
spx = true
[[host.late.interface]]
segment = "dmz"
mac = "02:00:00:00:00:0d"
ipx = { frame = "auto" }
[[host.plain.interface]]
segment = "lan"
address = ["198.51.100.3/24"]
`

// TestIPXLab has hosts find each other, and what they know listed.
func TestIPXLab(t *testing.T) {
	l, _ := start(t, oldLAN, "")
	text := func(op, host string, write func(*bytes.Buffer) error) func() string {
		return func() string {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Errorf("%s in %s: %v", op, host, err)
			}
			return b.String()
		}
	}
	routes := func(host string) func() string {
		return text("ipx.route", host, func(b *bytes.Buffer) error {
			v, err := call[[]IPXRoute](t, l, control.Request{Op: "ipx.route", Host: host})
			for i := range v[0] {
				v[0][i].Expires = 0 // it passes
			}
			return firstErr(err, WriteIPXRoutes(b, v[0]))
		})
	}
	servers := func(host string) func() string {
		return text("ipx.servers", host, func(b *bytes.Buffer) error {
			v, err := call[[]IPXServer](t, l, control.Request{Op: "ipx.servers", Host: host})
			return firstErr(err, WriteServerList(b, v[0]))
		})
	}
	ports := func(host string) func() string {
		return text("ipx.ports", host, func(b *bytes.Buffer) error {
			v, err := call[[]IPXPort](t, l, control.Request{Op: "ipx.ports", Host: host})
			return firstErr(err, WriteIPXPorts(b, v[0]))
		})
	}
	for _, tt := range []struct {
		name string
		get  func() string
		want string
	}{
		{"ports that know their numbers", ports("alpha"), `
INTERFACE         NETWORK   NODE          FRAME        MAX PACKET  CHECKSUM  TICKS  STATE
eth0/802.2        0000cafe  02000000000a  802.2        576         no        1      up
eth0/ethernet-ii  0000beef  02000000000a  ethernet-ii  576         no        1      up
`},
		{"port that learns its number", ports("omega"), `
INTERFACE  NETWORK   NODE          FRAME  MAX PACKET  CHECKSUM  TICKS  STATE
eth0/snap  0000f00d  02000000000c  snap   576         no        1      up, learned
`},
		{"port that finds its framing out", ports("late"), `
INTERFACE  NETWORK   NODE          FRAME  MAX PACKET  CHECKSUM  TICKS  STATE
eth0/snap  0000f00d  02000000000d  snap   576         no        1      up, learned
`},
		{"routes of a host", routes("alpha"), `
NETWORK   HOPS  TICKS  NEXT HOP      INTERFACE         AGES IN
0000abcd  1     2      020000000001  eth0/802.2        -
0000beef  0     1      on link       eth0/ethernet-ii  -
0000cafe  0     1      on link       eth0/802.2        -
0000f00d  1     2      020000000001  eth0/802.2        -
`},
		{"routes of the router", routes("gate"), `
NETWORK   HOPS  TICKS  NEXT HOP   INTERFACE   AGES IN
0000abcd  0     1      this host  local       static
0000cafe  0     1      on link    eth0/802.2  -
0000f00d  0     1      on link    eth1/snap   -
`},
		{"servers", servers("omega"), `
SERVER  NETWORK   NODE ADDRESS  HOPS  TYPE
FS1     0000abcd  000000000001  1     0004 File Server (SLIST source)

Total of 1 server found
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if got = "\n" + tt.get(); got == tt.want {
					return
				}
			}
			t.Errorf("-want +got\n%s", cmp.Diff(tt.want, got))
		})
	}
	t.Run("ping", func(t *testing.T) { pingIPX(t, l) })
	t.Run("ping all", func(t *testing.T) { pingAll(t, l) })
	t.Run("connect", func(t *testing.T) { connectSPX(t, l) })
	t.Run("commands", func(t *testing.T) { commandsIPX(t, l) })
}

func firstErr(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func pingIPX(t *testing.T, l *Lab) {
	for _, tt := range []struct{ name, host, args, want string }{
		{"a neighbour", "alpha", `{"target":"0000cafe:020000000001","count":1}`,
			"from 0000cafe:020000000001: seq=1 hops=0 time="},
		{"through the router", "alpha", `{"target":"f00d:02000000000c","count":1}`,
			"from 0000f00d:02000000000c: seq=1 hops=1 time="},
		{"by name", "omega", `{"target":"alpha","family":"ipx","count":1}`,
			"from 0000cafe:02000000000a: seq=1 hops=1 time="},
		{"by name, to one without IP", "alpha", `{"target":"omega","count":1}`,
			"from 0000f00d:02000000000c: seq=1 hops=1 time="},
		{"on the network of both", "omega", `{"target":"gate.lab.example","family":"ipx","count":1}`,
			"from 0000f00d:020000000002: seq=1"},
		{"oneself", "alpha", `{"target":"cafe:02000000000a","count":1}`, "from 0000cafe:02000000000a: seq=1 hops=0"},
		{"configuration", "alpha", `{"target":"gate","diag":true,"count":1}`,
			"from 0000cafe:020000000001: seq=1 hops=0 time="},
		{"what it tells", "alpha", `{"target":"gate","diag":true,"count":1}`,
			"router 0000cafe:020000000001 (LAN board)"},
		{"too much", "alpha", `{"target":"gate","family":"ipx","size":1000,"count":1}`,
			"seq=1: 1000 octets of data do not fit into the packet"},
		{"nobody", "alpha", `{"target":"cafe:020000000009","count":1,"timeout":50000000}`, "no answer to seq=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := call[PingEvent](t, l, control.Request{Op: "ping", Host: tt.host, Args: []byte(tt.args)})
			var b bytes.Buffer
			var s PingSummary
			for _, e := range all {
				s.Write(&b, e)
			}
			if err != nil || !strings.Contains(b.String(), tt.want) {
				t.Errorf("%v, %s", err, b.String())
			}
		})
	}
}

// pingAll asks all nodes of a network, each of which answers once; the one that asks is not among them.
func pingAll(t *testing.T, l *Lab) {
	for _, tt := range []struct{ name, args, told string }{
		{"echo", `{"target":"f00d:ffffffffffff","count":1,"timeout":300000000}`, ""},
		{"configuration", `{"target":"f00d:ffffffffffff","diag":true,"count":1,"timeout":1500000000}`,
			"configuration response"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := call[PingEvent](t, l, control.Request{Op: "ping", Host: "omega", Args: []byte(tt.args)})
			var from []string
			var b bytes.Buffer
			var s PingSummary
			for i, e := range all {
				s.Write(&b, e)
				if i > 0 {
					from = append(from, e.From)
				}
				if i > 0 && (e.Seq != 1 || e.More != (i > 1) || !strings.Contains(e.Told, tt.told)) {
					t.Errorf("event %d: %+v", i, e)
				}
			}
			s.Finish(&b)
			slices.Sort(from)
			want := []string{"0000f00d:020000000002", "0000f00d:02000000000d"}
			const summary = "1 received, +1 from others, 0% packet loss"
			if err != nil || !slices.Equal(from, want) || !strings.Contains(b.String(), summary) {
				t.Errorf("%v, from %v, want %v\n%s", err, from, want, b.String())
			}
		})
	}
}

func connectSPX(t *testing.T, l *Lab) {
	for _, tt := range []struct{ name, host, args, want string }{
		{"what was sent", "alpha", `{"address":"omega:8007","data":"aGVsbG8K"}`, "hello\n"},
		{"by address", "gate", `{"address":"f00d:02000000000c:8007","data":"aGVsbG8K"}`, "hello\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := call[IPXMessage](t, l, control.Request{Op: "ipx.connect", Host: tt.host, Args: []byte(tt.args)})
			var got string
			for _, m := range all {
				got += string(m.Data)
			}
			if err != nil || got != tt.want || all[1].Remote != "0000f00d:02000000000c:8007" || !all[1].SPX2 {
				t.Errorf("%v, %q of %+v", err, got, all)
			}
		})
	}
}

func commandsIPX(t *testing.T, l *Lab) {
	for _, tt := range []struct{ name, op, host, args, want string }{
		{"add a route", "ipx.route.add", "alpha", `{"network":"dddd","gateway":"cafe:1"}`, ""},
		{"delete it", "ipx.route.delete", "alpha", `{"network":"dddd"}`, ""},
		{"delete it again", "ipx.route.delete", "alpha", `{"network":"dddd"}`,
			"host alpha has no static route to 0000dddd"},
		{"route for all others", "ipx.route.add", "alpha", `{"network":"default","gateway":"cafe:1"}`, ""},
		{"delete that", "ipx.route.delete", "alpha", `{"network":"default"}`, ""},
		{"no gateway", "ipx.route.add", "alpha", `{"network":"dddd","gateway":"1"}`,
			`"1" is no address of a router; want network and node`},
		{"gateway elsewhere", "ipx.route.add", "alpha", `{"network":"dddd","gateway":"f00d:1"}`,
			"host alpha is not on network 0000f00d"},
		{"no network", "ipx.route.add", "alpha", `{"network":"x","gateway":"cafe:1"}`, `"x" is no network number`},
		{"host without IPX", "ipx.route", "plain", ``,
			`host plain has no IPX; add ipx = { network = "0000cafe" } to one of its interfaces`},
		{"connection without socket", "ipx.connect", "alpha", `{"address":"gate"}`,
			`"gate" has no socket; write it at the end, like gate:8007`},
		{"connection to nobody", "ipx.connect", "alpha", `{"address":"what:1"}`,
			`"what:1" is neither an address, like 0000cafe:020000000001:8007, nor`},
		{"connection from there", "ipx.connect", "plain", `{"address":"gate:8007"}`, "host plain has no IPX"},
		{"ping from there", "ping", "plain", `{"target":"cafe:1"}`, "ping: host plain has no IPX"},
		{"ping to there", "ping", "alpha", `{"target":"plain","family":"ipx"}`, "host plain has no IPX"},
		{"ping to nobody", "ping", "alpha", `{"target":"what","family":"ipx"}`,
			`ping: "what" is neither an address, like 0000cafe:020000000001, nor a host of this lab`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := call[any](t, l, control.Request{Op: tt.op, Host: tt.host, Args: []byte(tt.args)})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
	i, _ := call[Info](t, l, control.Request{Op: "info"})
	var b bytes.Buffer
	if err := i[0].WriteTable(&b); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"alpha  eth0/ethernet-ii  0000beef:02000000000a  ethernet-ii  no",
		"gate   internal          0000abcd:000000000001  -            yes",
		"tapestry ping 0000cafe:020000000001, tapestry ipx ports|route|servers|sockets|stats --lab lab --host alpha",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("info does not say %q:\n%s", want, b.String())
		}
	}
	if env := strings.Join(i[0].Environ(), "\n"); !strings.Contains(env,
		"TAPESTRY_HOST_ALPHA_IPX=0000cafe:02000000000a") {
		t.Error(env)
	}
	socks, err := call[[]OpenSocket](t, l, control.Request{Op: "netstat", Host: "alpha"})
	if err != nil || !strings.Contains(textOf(t, socks[0]), "ipx    0       0       *:0453") {
		t.Errorf("netstat: %v\n%s", err, textOf(t, socks[0]))
	}
	stats, err := call[[]stack.Stat](t, l, control.Request{Op: "ipx.stats", Host: "gate"})
	if err != nil || len(stats[0]) < 10 {
		t.Errorf("stats: %v, %v", err, stats)
	}
}

func textOf(t *testing.T, s []OpenSocket) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSockets(&b, s, true); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDrawIPX(t *testing.T) {
	p, err := Load("oldlan.toml", []byte(oldLAN), registry)
	if err != nil {
		t.Fatal(err)
	}
	checkDrawing(t, p.Diagram(), "testdata/oldlan.txt")
}

func TestPlanIPX(t *testing.T) {
	const text = `
[segment.lan]
mtu = 9000
[ipxtunnel.dos]
segment = "lan"
frame = "Ethernet_802.3"
listen = "198.51.100.1"
allow = ["198.51.100.0/24"]
max_clients = 8
timeout = "1m"
keep_alive = "10s"
[ipxtunnel.away]
segment = "lan"
frame = "snap"
connect = "203.0.113.2:2130"
network = "f00d"
stations = 4
max_packet = 1000
[[host.alpha.interface]]
segment = "lan"
ipx = [{ frame = "802.3", network = "cafe" }, { frame = "ii", max_packet = 9000, checksum = true, ticks = 3 }]
[host.alpha.ipx]
update = "10s"
age = "20s"
gap = "1ms"
errors = true
error_rate = 3
max_routes = 7
route = [{ network = "default", gateway = "cafe:020000000009", hops = 2 }]
service = [{ type = 0x640, socket = "e885", name = "RPC", address = "f00d:5", hops = 3 }]
[host.alpha.spx]
spx2 = false
window = 8
idle = "10s"
`
	p, err := Load("lab.toml", []byte(text), registry)
	if err != nil {
		t.Fatal(err)
	}
	h := p.Hosts[0]
	ignore := cmpopts.IgnoreFields(ipx.Config{}, "Output", "Random", "Log", "OnError")
	if diff := cmp.Diff(&HostIPXPlan{
		Config: ipx.Config{Name: "ALPHA", SendErrors: true, ErrorRate: 3, Update: 10 * time.Second,
			Age: 20 * time.Second, Gap: time.Millisecond, MaxRoutes: 7},
		Routes: []IPXRoutePlan{{Network: 0xfffffffe,
			Gateway: ipxwire.Addr{Net: 0xcafe, Node: ipxwire.Node{2, 0, 0, 0, 0, 9}}, Hops: 2, Ticks: 3}},
		Services: []IPXServicePlan{{Type: 0x640, Name: "RPC", Hops: 3,
			Addr: ipxwire.Addr{Net: 0xf00d, Node: ipxwire.Node{0, 0, 0, 0, 0, 5}, Socket: 0xe885}}},
	}, h.IPX, ignore); diff != "" {
		t.Errorf("host's IPX (-want +got)\n%s", diff)
	}
	if got, want := h.Interfaces[0].IPX[1].config(),
		(stack.IPXConfig{Frame: ethernet.KindII, MaxPacket: 9000, Checksum: true, Ticks: 3}); got != want {
		t.Errorf("second framing %+v, want %+v", got, want)
	}
	if diff := cmp.Diff(spx.Config{NoSPX2: true, Window: 8, Idle: 10 * time.Second}, h.SPX,
		cmpopts.IgnoreFields(spx.Config{}, "Waker", "Clock")); diff != "" {
		t.Errorf("SPX (-want +got)\n%s", diff)
	}
	if !h.Interfaces[0].Config.NoIPv6 {
		t.Error("an interface with IPX alone speaks IPv6")
	}
	server, client := p.Joints[0].Tunnel, p.Joints[1].Tunnel
	wire := ipxtunnel.Wire{Frame: ethernet.KindRaw, Network: 0xcafe, MTU: 9000} // the number is the hosts'
	if got := server.Server; got.Wire != wire || got.MaxClients != 8 || got.Timeout != time.Minute || got.KeepAlive != 10*time.Second ||
		len(got.Allow) != 1 || server.Listen != netip.MustParseAddrPort("198.51.100.1:213") {
		t.Errorf("server %+v at %v", got, server.Listen)
	}
	wire = ipxtunnel.Wire{Frame: ethernet.KindSNAP, Network: 0xf00d, MTU: 9000, MaxPacket: 1000}
	if got := client.Client; got.Wire != wire || got.Stations != 4 || got.Server != netip.MustParseAddrPort("203.0.113.2:2130") {
		t.Errorf("client %+v", got)
	}
}

// The kernel's filter of a TAP lets IPX in frames with a type through only where the host has such.
func TestAcceptIPX(t *testing.T) {
	for _, tt := range []struct {
		name, keys string
		want       []ethernet.EtherType
	}{
		{"none", "", []ethernet.EtherType{ethernet.TypeIPv4, ethernet.TypeARP, ethernet.TypeIPv6}},
		{"802.2", "ipx = {}\n", []ethernet.EtherType{ethernet.TypeIPv4, ethernet.TypeARP, ethernet.TypeIPv6}},
		{"Ethernet II", "ipx = { frame = \"ethernet-ii\" }\n",
			[]ethernet.EtherType{ethernet.TypeIPv4, ethernet.TypeARP, ethernet.TypeIPv6, ethernet.TypeIPX}},
		{"auto", "ipx = { frame = \"auto\" }\n",
			[]ethernet.EtherType{ethernet.TypeIPv4, ethernet.TypeARP, ethernet.TypeIPv6, ethernet.TypeIPX}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Load("lab.toml", []byte(wire+alpha+tt.keys), registry)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tap.Accept{Types: tt.want, LLC: true}, p.Wires[0].accept()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What tapestry defaults ipx prints is the lab of examples/oldlan.
func TestDefaultIPX(t *testing.T) {
	want, err := os.ReadFile("../../../../examples/oldlan/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(ipxLab)); diff != "" {
		t.Errorf("ipx.toml is not examples/oldlan/lab.toml (-want +got)\n%s", diff)
	}
}
