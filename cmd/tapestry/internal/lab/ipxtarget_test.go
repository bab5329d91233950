package lab

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/internal/ipxwire"
)

// namesLAN has hosts that share a network, and such whose network has no number: nobody tells them.
const namesLAN = `
[segment.a]
[segment.b]
[segment.c]
[[host.alpha.interface]]
segment = "a"
mac = "02:00:00:00:00:01"
address = ["198.51.100.2/24"]
ipx = { network = "0000cafe" }
[[host.both.interface]]
segment = "a"
mac = "02:00:00:00:00:02"
ipx = { network = "0000cafe" }
[[host.both.interface]]
segment = "b"
mac = "02:00:00:00:00:03"
ipx = { network = "0000f00d" }
[host.both.ipx]
service = [{ type = "file server", name = "FS9", socket = "0451" }]
[host.both.app.echo]
spx = true
[[host.srv.interface]]
segment = "b"
mac = "02:00:00:00:00:04"
ipx = { network = "0000f00d" }
[host.srv.ipx]
router = true
internal = "0000abcd"
[[host.lone1.interface]]
segment = "c"
mac = "02:00:00:00:00:05"
ipx = { frame = "802.2" }
[[host.lone2.interface]]
segment = "c"
mac = "02:00:00:00:00:06"
ipx = { frame = "802.2" }
[[host.lone3.interface]]
segment = "c"
mac = "02:00:00:00:00:07"
ipx = { frame = "snap" }
`

func TestIPXNames(t *testing.T) {
	l, _ := start(t, namesLAN, "")
	const unknown = "does not know its network's number yet (eth0/"
	for _, tt := range []struct{ name, from, to, want string }{
		{"a network of both", "alpha", "both", "0000cafe:020000000002"},
		{"the second is of both", "srv", "both", "0000f00d:020000000003"},
		{"of both rather than within", "both", "srv", "0000f00d:020000000004"},
		{"within", "alpha", "srv", "0000abcd:000000000001"},
		{"oneself", "alpha", "alpha", "0000cafe:020000000001"},
		{"elsewhere without number", "alpha", "lone1", "host lone1 " + unknown + "802.2)"},
		{"beside without number", "lone1", "lone2", "00000000:020000000006"},
		{"beside in another framing", "lone1", "lone3",
			"host lone3 " + unknown + "snap): no router on this wire has told it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := l.hostCalled(tt.from).ipxAddrOf(l.hostCalled(tt.to))
			got := netAndNode(a)
			if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("ping", func(t *testing.T) { pingNames(t, l) })
	t.Run("connect", func(t *testing.T) { connectNames(t, l) })
}

func pingNames(t *testing.T, l *Lab) {
	if _, err := call[[]PortStatus](t, l, control.Request{Op: "ports.set", Args: []byte(`{"target":"b/both.eth1","up":false}`)}); err != nil {
		t.Fatal(err)
	}
	isDown := func() bool {
		for _, p := range l.hostCalled("both").ipxPorts() {
			if p.Network == 0xf00d {
				return !p.Up
			}
		}
		return false
	}
	for end := time.Now().Add(10 * time.Second); !isDown() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	heard := func() bool { return len(l.hostCalled("alpha").ipxServers()) > 0 }
	for end := time.Now().Add(10 * time.Second); !heard() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	for _, tt := range []struct{ name, host, args, want string }{
		{"without number", "lone1", `{"target":"lone2"}`, "hops=0 time="},
		{"by the name of a server", "alpha", `{"target":"fs9","family":"ipx"}`, "from 0000cafe:020000000002: seq=1"},
		{"no route", "alpha", `{"target":"bad:1"}`, "seq=1: no route to network 00000bad; see tapestry ipx route\n"},
		{"no route to all", "alpha", `{"target":"bad:ffffffffffff"}`, "seq=1: no route to network 00000bad; see"},
		{"port down", "both", `{"target":"f00d:020000000004"}`, "seq=1: network 0000f00d: eth1/802.2 is down\n"},
		{"as a log has it", "alpha", `{"target":"0000cafe.020000000002"}`, "from 0000cafe:020000000002: seq=1"},
		{"configuration", "alpha", `{"target":"both","diag":true}`,
			"PING 0000cafe:020000000002: request for the configuration"},
		{"one octet", "alpha", `{"target":"cafe:020000000002","size":1}`, "020000000002: 1 octet of data\n"},
		{"wrong node", "alpha", `{"target":"cafe:zz"}`, `"zz" is no node; want`},
		{"wrong node in a log", "alpha", `{"target":"cafe.0200000000011"}`, `"0200000000011" is no node`},
		{"wrong network", "alpha", `{"target":"what:1"}`, `"what" is no network number`},
		{"socket", "alpha", `{"target":"cafe:1:4001"}`, `cafe:1:4001 has a socket, 4001; leave it out`},
		{"IPX over IP", "alpha", `{"target":"cafe:1","family":"ip4"}`, "cafe:1 is an address of IPX, not of IP"},
		{"host without IPv4", "alpha", `{"target":"both","family":"ip4"}`, "ping: host both has no IPv4 address"},
		{"host without IPv6", "alpha", `{"target":"alpha","family":"ip6"}`, "ping: host alpha has no IPv6 address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Replace(tt.args, "{", `{"count":1,"timeout":5000000000,`, 1)
			if strings.HasPrefix(tt.name, "no route") {
				args = strings.Replace(tt.args, "{", `{"count":1,"timeout":50000000,`, 1)
			}
			all, err := call[PingEvent](t, l, control.Request{Op: "ping", Host: tt.host, Args: []byte(args)})
			var b bytes.Buffer
			var s PingSummary
			for _, e := range all {
				s.Write(&b, e)
			}
			if err != nil {
				b.WriteString(err.Error())
			}
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("no %q in\n%s", tt.want, b.String())
			}
		})
	}
}

func connectNames(t *testing.T, l *Lab) {
	for _, tt := range []struct{ name, args, want string }{
		{"to a server", `{"address":"FS9:8007"}`, ""},
		{"nobody listens", `{"address":"both:9999"}`, "0000cafe:020000000002:9999 does not answer: " +
			"nobody listens at socket 9999 there, or no such node: SPX cannot tell; see `tapestry ipx sockets --host both`"},
		{"no such node", `{"address":"cafe:9:9999"}`, "or no such node: SPX cannot tell"},
		{"no route", `{"address":"bad:9:9999"}`, "no route to network 00000bad; see tapestry ipx route"},
		{"no socket", `{"address":"both"}`, `"both" has no socket; write it at the end, like both:8007`},
		{"empty socket", `{"address":"both:"}`, `"both:" has no socket; write it at the end, like both:8007`},
		{"address without socket", `{"address":"cafe:2"}`, `"cafe:2" has no socket; write it at the end, like cafe:2:8007`},
		{"of a log, without socket", `{"address":"0000cafe.020000000001"}`,
			`has no socket; write it at the end, like 0000cafe.020000000001:8007`},
		{"socket 0", `{"address":"cafe:2:0"}`,
			`"cafe:2:0" has no socket; write it at the end, like 0000cafe:000000000002:8007`},
		{"wrong socket", `{"address":"both:zz"}`, "zz is no socket; want one to four hexadecimal digits"},
		{"wrong socket of an address", `{"address":"cafe:2:zz"}`, `"zz" is no socket; want one to four hexadecimal digits`},
		{"nobody's name", `{"address":"what:8007"}`, `"what:8007" is neither an address, like`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Replace(tt.args, "{", `{"timeout":50000000,"quiet":50000000,`, 1)
			if tt.want == "" {
				args = strings.Replace(tt.args, "{", `{"timeout":5000000000,"quiet":50000000,`, 1)
			}
			all, err := call[IPXMessage](t, l, control.Request{Op: "ipx.connect", Host: "alpha", Args: []byte(args)})
			if tt.want == "" && (err != nil || all[0].Calling != all[1].Remote) ||
				tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v of %+v, want %s", err, all, tt.want)
			}
		})
	}
}

func TestIsIPXTarget(t *testing.T) {
	for _, tt := range []struct {
		target string
		want   bool
	}{
		{"0000cafe:020000000001", true}, {"cafe:zz", true}, {"0000cafe.020000000001", true},
		{"0000cafe.020000000001.4001", true},
		{"0000cafe:02:00:00:00:00:01", true}, {"02:00:00:00:00:01", true}, {"cafe:1:2", true},
		{"198.51.100.1", false}, {"2001:db8::1", false}, {"1::2", false}, {"2001:db8::zz", false}, {"beef.de", false},
		{"deadbeef.facade", false}, {"alpha.lab.example", false}, {"alpha", false}, {"cafe", false}, {"", false},
	} {
		if got := isIPXTarget(tt.target); got != tt.want {
			t.Errorf("%q: %v", tt.target, got)
		}
	}
}

// Numbers of SAP stand in JSON as in everything else that shows them.
func TestServerJSON(t *testing.T) {
	b, err := json.Marshal(IPXServer{
		Type: 4, TypeName: "File Server", Name: "FS1", Network: 0xf00d, Node: ipxwire.Node{5: 1}, Socket: 0x451,
	})
	const want = `{"type":"0004","type_name":"File Server","name":"FS1",` +
		`"network":"0000f00d","node":"000000000001","socket":"0451"`
	if err != nil || !strings.HasPrefix(string(b), want) {
		t.Errorf("%v, %s", err, b)
	}
	var s IPXServer
	if err := json.Unmarshal(b, &s); err != nil || s.Type != 4 || s.Socket != 0x451 {
		t.Errorf("%v, %+v", err, s)
	}
}

// A listing without anything in it says why.
func TestEmptyIPX(t *testing.T) {
	var b bytes.Buffer
	if err := firstErr(WriteIPXRoutes(&b, nil), WriteIPXTunnels(&b, nil)); err != nil ||
		!strings.Contains(b.String(), "no network is known") || !strings.Contains(b.String(), "nobody has joined") {
		t.Errorf("%v, %s", err, b.String())
	}
}
