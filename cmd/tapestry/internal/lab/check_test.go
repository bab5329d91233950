package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"tapestry/apps"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack"
)

// registry has apps without behaviour.
var registry = []apps.App{{Name: "echo"}, {Name: "http"}}

// wire and alpha are a lab that is right, to which each test adds what is wrong.
const wire = `
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
`

const alpha = `
[[host.alpha.interface]]
tap = "tap0"
address = ["198.51.100.2/24", "2001:db8:51::2/64"]
`

func TestProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"syntax", "name = \n", []string{`lab.toml:1: unexpected character U+000A at start of value`}},
		{"wrong type", "name = 3\n", []string{`lab.toml:1: name: must be a string, not an integer`}},
		{"unknown key", wire + alpha + "[host.alpha.tcp]\nbaklog = 3\n", []string{
			`lab.toml:9: host.alpha.tcp.baklog: unknown key; did you mean "backlog"?`,
		}},
		{"ways of TCP", wire + alpha + "[host.alpha.tcp]\ncongestion = \"bbr\"\nrecovery = \"frto\"\n", []string{
			`lab.toml:9: host.alpha.tcp.congestion: "bbr" is neither "cubic" nor "reno"`,
			`lab.toml:10: host.alpha.tcp.recovery: "frto" is neither "sack" nor "rack"`,
		}},
		{"key given twice", "name = \"a\"\nname = \"b\"\n", []string{`lab.toml:2: name: key name is already defined`}},
		{"empty", "", []string{`lab.toml:1: the lab has no host; add a table [host.NAME] with an [[host.NAME.interface]]`}},
		{"lab's name", "name = \"My Lab\"\n" + wire + alpha, []string{
			`lab.toml:1: name: "My Lab" is no lab's name; use up to 32 of a-z, 0-9, - and _, a letter or digit first`,
		}},
		{"domain", "domain = \"-.example\"\n" + wire + alpha, []string{
			`lab.toml:1: domain: "-.example" is no domain name in lower case, like lab.example`,
		}},
		{"netns", "netns = \"mine\"\n" + wire + alpha, []string{
			`lab.toml:1: netns: "mine" is neither "own" (a network namespace for this lab) nor "host" (the caller's; needs privileges)`,
		}},
		{"duplicate address", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\n  \"198.51.100.2/24\",\n  \"198.51.100.1/24\",\n]\n", []string{
			`lab.toml:8: host.alpha.interface[0].address[1]: duplicate address: 198.51.100.1 is tap.tap0.address[0] already (line 3); give each its own`,
		}},
		{"address off the wire", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\"203.0.113.2/24\"]\n", []string{
			`lab.toml:6: host.alpha.interface[0].address[0]: 203.0.113.2 is in no subnet of tap0 (198.51.100.0/24, 2001:db8:51::/64); use an address of one of these, or add one of this subnet to tap.tap0.address`,
		}},
		{"network address", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\"198.51.100.0/24\"]\n", []string{
			`lab.toml:6: host.alpha.interface[0].address[0]: 198.51.100.0/24 is the address of the network itself; the first usable one is 198.51.100.1`,
		}},
		{"broadcast address", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\"198.51.100.255/24\"]\n", []string{
			`lab.toml:6: host.alpha.interface[0].address[0]: 198.51.100.255/24 is the broadcast address of its network; the last usable one is 198.51.100.254`,
		}},
		{"router anycast address", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\"2001:db8:51::/64\"]\n", []string{
			`lab.toml:6: host.alpha.interface[0].address[0]: 2001:db8:51::/64 is the subnet's router anycast address (RFC 4291 §2.6.1); the first usable one is 2001:db8:51::1`,
		}},
		{"no prefix length", "[tap.tap0]\naddress = [\"198.51.100.1\"]\n" + alpha, []string{
			`lab.toml:2: tap.tap0.address[0]: 198.51.100.1 has no prefix length; write 198.51.100.1/24, or the length of its subnet`,
		}},
		{"multicast", "[tap.tap0]\naddress = [\"224.0.0.1/24\"]\n" + alpha, []string{
			`lab.toml:2: tap.tap0.address[0]: 224.0.0.1/24 is no address of a station on a wire; use a unicast address`,
		}},
		{"no address at all", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\n", []string{
			`lab.toml:4: host.alpha.interface[0]: the interface has no address; add address = ["198.51.100.2/24"], or "auto" (IPv6 alone), or ipx = { network = "0000cafe" }`,
		}},
		{"dhcp", wire + "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = \"dhcp\"\n", []string{
			`lab.toml:6: host.alpha.interface[0].address: "dhcp" is not there yet; give a list of addresses with their prefix lengths`,
		}},
		{"gateway off link", wire + alpha + "gateway = [\"203.0.113.1\"]\n", []string{
			`lab.toml:8: host.alpha.interface[0].gateway[0]: gateway 203.0.113.1 is in no subnet of this interface (198.51.100.0/24, 2001:db8:51::/64); use an address on the wire`,
		}},
		{"gateway is oneself", wire + alpha + "gateway = [\"198.51.100.2\"]\n", []string{
			`lab.toml:8: host.alpha.interface[0].gateway[0]: 198.51.100.2 is this host's own address; give that of the router`,
		}},
		{"two gateways", wire + alpha + "gateway = [\"198.51.100.1\", \"198.51.100.3\"]\n", []string{
			`lab.toml:8: host.alpha.interface[0].gateway[1]: a second gateway of the same IP version beside 198.51.100.1; leave one`,
		}},
		{"group MAC", wire + alpha + "mac = \"01:00:5e:00:00:01\"\n", []string{
			`lab.toml:8: host.alpha.interface[0].mac: 01:00:5e:00:00:01 is no station's address; the first octet must be even, like 02`,
		}},
		{"bad MAC", wire + alpha + "mac = \"02:00\"\n", []string{
			`lab.toml:8: host.alpha.interface[0].mac: "02:00" is no Ethernet address, like 02:00:5e:10:00:01`,
		}},
		{"IPv6 off", wire + alpha + "ipv6 = false\n", []string{
			`lab.toml:7: host.alpha.interface[0].address[1]: 2001:db8:51::2 needs IPv6, which ipv6 = false switches off; remove one of the two`,
		}},
		{"unknown tap", wire + alpha + "[[host.beta.interface]]\ntap = \"tap1\"\naddress = [\"198.51.100.3/24\"]\n", []string{
			`lab.toml:9: host.beta.interface[0].tap: there is no tap "tap1"; did you mean "tap0"?`,
		}},
		{"two hosts on a tap", wire + alpha + "[[host.beta.interface]]\ntap = \"tap0\"\naddress = [\"198.51.100.3/24\"]\n", []string{
			`lab.toml:9: host.beta.interface[0].tap: tap0 has host alpha on it already; for both, add a table [segment.lan], and give tap0 and the interfaces segment = "lan"`,
		}},
		{"nobody on a tap", wire + "[tap.tap1]\n" + alpha, []string{
			`lab.toml:4: tap.tap1: no host is on it; give an interface of a host tap = "tap1", or remove this table`,
		}},
		{"host without interface", "[host.alpha.app.echo]\n", []string{
			`lab.toml:1: host.alpha: the host has no interface; add [[host.alpha.interface]] with segment or tap, and address`,
		}},
		{"host's name", wire + strings.ReplaceAll(alpha, "alpha", "Alpha_1"), []string{
			`lab.toml:5: host.Alpha_1: "Alpha_1" is no host's name; use up to 63 of a-z, 0-9 and - inside`,
		}},
		{"interface's name", strings.ReplaceAll(wire+alpha, "tap0", "a-name-of-sixteen"), []string{
			`lab.toml:2: tap.a-name-of-sixteen: "a-name-of-sixteen" is no interface's name; use up to 15 letters, digits, - and _`,
		}},
		{"MTU", wire + "mtu = 1000\n" + alpha, []string{
			`lab.toml:4: tap.tap0.mtu: 1000 is outside of 1280 to 65521; the usual one is 1500`,
		}},
		{"device", wire + "device = \"pakket\"\n" + alpha, []string{
			`lab.toml:4: tap.tap0.device: unknown device "pakket"; did you mean "packet"?`,
		}},
		{"existing in an own namespace", wire + "existing = true\n" + alpha, []string{
			`lab.toml:4: tap.tap0.existing: attaches a TAP of the caller's namespace; set netns = "host" at the top and leave device out`,
		}},
		{"snaplen without capture", wire + "snaplen = 96\n" + alpha, []string{
			`lab.toml:4: tap.tap0.snaplen: is for a capture; add capture = "tap0.pcapng", or remove this key`,
		}},
		{"capture's size", wire + "capture = \"x.pcapng\"\ncapture_size = \"ten\"\n" + alpha, []string{
			`lab.toml:5: tap.tap0.capture_size: ten is no size; write octets, or like "64KiB", "100MB"`,
		}},
		{"unknown app", wire + alpha + "[host.alpha.app.htpp]\n", []string{
			`lab.toml:8: host.alpha.app.htpp: unknown app "htpp"; did you mean "http"?`,
		}},
		{"app that is no table", wire + alpha + "[host.alpha.app]\necho = true\n", []string{
			`lab.toml:9: host.alpha.app.echo: want a table: [host.alpha.app.echo]`,
		}},
		{"DNS server", wire + alpha + "[host.alpha]\ndns = [\"ns\"]\n", []string{
			`lab.toml:9: host.alpha.dns[0]: "ns" is no address of a server, like 198.51.100.1 or [2001:db8:51::1]:5353`,
		}},
		{"TCP buffer", wire + alpha + "[host.alpha.tcp]\nsend_buffer = [3, 2, 1]\n", []string{
			`lab.toml:9: host.alpha.tcp.send_buffer: want three sizes in octets that do not fall: [least, default, most], like [4096, 1048576, 6291456]`,
		}},
		{"duration", wire + alpha + "[host.alpha.tcp]\ntime_wait = \"long\"\n", []string{
			`lab.toml:9: host.alpha.tcp.time_wait: "long" is no duration; write it like "30s", "5m" or "2h"`,
		}},
		{"all at once", "nam = \"x\"\n" + wire + "mtu = 1\n" + alpha + "mac = \"x\"\n", []string{
			`lab.toml:1: nam: unknown key; did you mean "name"?`,
			`lab.toml:5: tap.tap0.mtu: 1 is outside of 1280 to 65521; the usual one is 1500`,
			`lab.toml:10: host.alpha.interface[0].mac: "x" is no Ethernet address, like 02:00:5e:10:00:01`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load("lab.toml", []byte(tt.text), registry)
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("error is %v, want Problems", err)
			}
			if diff := cmp.Diff(tt.want, strings.Split(ps.Error(), "\n")); diff != "" {
				t.Errorf("problems of\n%s\n(-want +got)\n%s", tt.text, diff)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	text := `
name = "one"
[tap.tap0]
address = ["198.51.100.1/24"]
mtu = 9000
tso6 = false
capture = "w.pcapng"
capture_size = "2MiB"
[[host.alpha.interface]]
tap = "tap0"
address = ["198.51.100.2/24"]
gateway = ["198.51.100.1"]
[host.alpha]
dns = ["198.51.100.1"]
[host.alpha.tcp]
recovery = "rack"
send_buffer = [1, 2, 3]
keepalive_idle = "off"
time_wait = "5s"
[host.alpha.app.http]
[host.alpha.app.echo]
`
	p, err := Load("/labs/one.toml", []byte(text), registry)
	if err != nil {
		t.Fatal(err)
	}
	w := p.Wires[0]
	if w.MTU != 9000 || w.Off != link.OffloadTSO6 || w.Kind != "auto" || w.Capture != (CapturePlan{"/labs/w.pcapng", 2 << 20, 0}) {
		t.Errorf("wire is %+v", w)
	}
	h := p.Hosts[0]
	want := stack.TCPConfig{Recovery: "rack", SendBuffer: stack.Buffer{Min: 1, Default: 2, Max: 3}, KeepaliveIdle: -1, TimeWait: 5 * time.Second}
	if diff := cmp.Diff(want, h.TCP); diff != "" {
		t.Errorf("TCP (-want +got)\n%s", diff)
	}
	if h.Apps[0].App.Name != "http" || h.Apps[1].App.Name != "echo" {
		t.Errorf("apps are %v, want the file's order", h.Apps)
	}
	if got := h.DNS[0].String(); got != "198.51.100.1:53" {
		t.Errorf("DNS server is %s", got)
	}
	cfg := h.Interfaces[0].Config
	if cfg.Name != "eth0" || cfg.Gateways[0].String() != "198.51.100.1" || !cfg.Addr.IsLocal() {
		t.Errorf("interface is %+v", cfg)
	}
}

func TestStableMAC(t *testing.T) {
	a := stableMAC("lab", "alpha", 0)
	if a != stableMAC("lab", "alpha", 0) {
		t.Error("the address differs from one call to the next")
	}
	seen := map[ethernet.Addr]string{}
	for _, n := range []struct {
		lab, host string
		i         int
	}{{"lab", "alpha", 0}, {"lab", "alpha", 1}, {"lab", "beta", 0}, {"other", "alpha", 0}} {
		a := stableMAC(n.lab, n.host, n.i)
		if a.IsMulticast() || !a.IsLocal() || seen[a] != "" {
			t.Errorf("%v has %s, as %q", n, a, seen[a])
		}
		seen[a] = n.host
	}
}

func TestNameFromFile(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"lab.toml", "lab"}, {"/x/My Lab.toml", "my-lab"}, {"+.toml", "lab"}, {strings.Repeat("n", 60) + ".toml", strings.Repeat("n", 32)},
	} {
		p, err := Load(tt.file, []byte(wire+alpha), registry)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != tt.want {
			t.Errorf("%s gives lab %q, want %q", tt.file, p.Name, tt.want)
		}
	}
}

func TestLoadFile(t *testing.T) {
	if _, err := LoadFile(t.TempDir(), registry); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder gives %v", err)
	}
	if _, err := LoadFile(filepath.Join(t.TempDir(), "none.toml"), registry); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(string(defaultLab))
	f.Add(wire + alpha)
	f.Add(string(segmentLab))
	f.Add(string(xdpLab))
	f.Add("procs=\"auto\"\n[tap.t]\nqueues=-1\nspin=\"off\"\nfilter=true\nsegment=\"x\"\n[xdp.t]\nbusy_poll=\"x\"\n[[host.h.interface]]\nxdp=\"t\"\ntap=\"t\"\n")
	f.Add("[segment.a]\nimpair={loss=1}\n[segment.b]\n[trunk.t]\nsegments=[\"a\",\"b\"]\n[trunk.u]\nsegments=[\"b\",\"a\"]\ntagged=\"all\"\n" +
		"[vxlan.v]\nsegment=\"a\"\npeer=[\"::1\"]\n[qemu.q]\nlisten=\"x:1\"\n[replay.r]\nfile=\"/\"\n[[host.h.interface]]\nsegment=\"b\"\nvlan=-1\n")
	f.Add("[tap.a]\naddress=1\n[[host.b.interface]]\naddress=[{}]\nipx=[]\n[host.b.app]\necho={x=[[1],[2]]}\n")
	f.Add("host.a.interface = [{tap = \"x\", address = [\"::/0\"]}, {}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Load("lab.toml", []byte(text), registry)
		if (p == nil) == (err == nil) {
			t.Fatalf("plan %v and error %v", p, err)
		}
		var ps Problems
		if err != nil && (!errors.As(err, &ps) || len(ps) == 0) {
			t.Fatalf("error %v is not Problems", err)
		}
		for _, e := range ps {
			if e.Line < 1 || e.Line > strings.Count(text, "\n")+2 {
				t.Errorf("%v is at line %d of %q", e, e.Line, text)
			}
		}
	})
}

// A file without an end, or one that is no lab's at all, is an error before it fills the memory.
func TestLoadFileIsLimited(t *testing.T) {
	for _, name := range []string{"/dev/zero", t.TempDir()} {
		if _, err := LoadFile(name, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
}
