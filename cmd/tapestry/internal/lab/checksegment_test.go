package lab

import (
	"errors"

	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"tapestry/link/segment"
)

// lan and its stations are a lab that is right, to which each test adds what is wrong.
const lan = "[segment.lan]\n"

const onLAN = `
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.2/24"]
`

const beta = `
[[host.beta.interface]]
segment = "lan"
address = ["198.51.100.3/24"]
`

func TestSegmentProblems(t *testing.T) {
	core := "[segment.core]\n"
	trunk := "[trunk.up]\nsegments = [\"lan\", \"core\"]\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"unknown segment", lan + strings.Replace(onLAN, `"lan"`, `"lam"`, 1) + beta, []string{
			`lab.toml:4: host.alpha.interface[0].segment: there is no segment "lam"; did you mean "lan"?`,
		}},
		{"no segment at all", onLAN, []string{
			`lab.toml:3: host.alpha.interface[0].segment: there is no segment "lan"; add a table [segment.lan]`,
		}},
		{"nobody on it", lan + wire + alpha, []string{
			`lab.toml:1: segment.lan: nobody is on it; give an interface of a host, or a tap, segment = "lan", or remove this table`,
		}},
		{"one address twice", lan + onLAN + strings.Replace(beta, ".3/", ".2/", 1), []string{
			`lab.toml:9: host.beta.interface[0].address[0]: duplicate address: 198.51.100.2 is host.alpha.interface[0].address[0] already (line 5); give each its own`,
		}},
		{"one address twice over a trunk", lan + core + trunk + onLAN + "[[host.beta.interface]]\nsegment = \"core\"\naddress = [\"198.51.100.2/24\"]\n", []string{
			`lab.toml:11: host.beta.interface[0].address[0]: duplicate address: 198.51.100.2 is host.alpha.interface[0].address[0] already (line 8); give each its own`,
		}},
		{"one Ethernet address twice", lan + onLAN + "mac = \"02:00:5e:10:00:01\"\n" + beta + "mac = \"02:00:5e:10:00:01\"\n", []string{
			`lab.toml:11: host.beta.interface[0].mac: duplicate Ethernet address: 02:00:5e:10:00:01 is that of host.alpha.interface[0] already (line 3); give each its own`,
		}},
		{"TAP and segment", lan + "[tap.tap0]\nsegment = \"lan\"\n" + onLAN + "tap = \"tap0\"\n", []string{
			`lab.toml:8: host.alpha.interface[0].tap: the interface is on segment lan already; remove one of the two keys`,
		}},
		{"TAP that is on a segment", lan + "[tap.tap0]\nsegment = \"lan\"\n" + alpha, []string{
			`lab.toml:6: host.alpha.interface[0].tap: tap0 is on segment lan; write segment = "lan" instead`,
		}},
		{"VLAN out of range", lan + onLAN + "vlan = 4095\n", []string{
			`lab.toml:6: host.alpha.interface[0].vlan: 4095 is outside of 1 to 4094; these are the VLANs that IEEE 802.1Q has`,
		}},
		{"VLANs out of range", lan + "[tap.t1]\nsegment = \"lan\"\ntagged = [10, 0]\n[tap.t2]\nsegment = \"lan\"\ntagged = \"20-10\"\n" + onLAN, []string{
			`lab.toml:4: tap.t1.tagged[1]: 0 is no VLAN; IEEE 802.1Q has 1 to 4094`,
			`lab.toml:7: tap.t2.tagged: 20-10 are no VLANs; write a list like [10, 20], text like "10-19,30", or "all"; IEEE 802.1Q has 1 to 4094`,
		}},
		{"tags to a host", lan + onLAN + "tagged = [10]\n", []string{
			`lab.toml:6: host.alpha.interface[0].tagged: a host speaks no tags; write vlan = 10, and for each other VLAN another [[host.alpha.interface]]`,
		}},
		{"VLAN with and without tag", lan + "[tap.t1]\nsegment = \"lan\"\nvlan = 10\ntagged = \"9-11\"\n" + onLAN, []string{
			`lab.toml:4: tap.t1.vlan: VLAN 10 is among those of tagged; its frames leave either with a tag or without: remove it from one of the two keys`,
		}},
		{"VLAN on a hub", lan + "kind = \"hub\"\n" + onLAN + "vlan = 5\n", []string{
			`lab.toml:7: host.alpha.interface[0].vlan: lan is a hub, which knows no VLANs; remove this key, or write kind = "switch" there`,
		}},
		{"VLAN straight on a TAP", wire + alpha + "vlan = 5\nimpair = \"loss=5%\"\n", []string{
			`lab.toml:8: host.alpha.interface[0].vlan: is for a port of a segment; add segment = "lan" and a table [segment.lan], or remove this key`,
			`lab.toml:9: host.alpha.interface[0].impair: is for a port of a segment; add segment = "lan" and a table [segment.lan], or remove this key`,
		}},
		{"kind", lan + "kind = \"swich\"\n" + onLAN, []string{`lab.toml:2: segment.lan.kind: unknown kind "swich"; did you mean "switch"?`}},
		{"keys of a switch", lan + "kind = \"hub\"\nage = \"1m\"\n" + onLAN, []string{
			`lab.toml:3: segment.lan.age: a hub learns nothing; remove this key, or write kind = "switch"`,
		}},
		{"impairment's key", lan + "impair = { delai = \"10ms\" }\n" + onLAN, []string{
			`lab.toml:2: segment.lan.impair.delai: "10ms": there is no such key, did you mean delay? The keys are loss, burst, gilbert, duplicate, corrupt, delay, jitter, distribution, correlation, reorder, rate, overhead, queue, queue_bytes, discipline, target, interval, mtu, limit, limit_bytes, cut`,
		}},
		{"impairment's value", lan + onLAN + "impair_rx = \"delay=10\"\n", []string{
			`lab.toml:6: host.alpha.interface[0].impair_rx: delay: "10": the unit is missing: want a time such as 10ms, 1.5s or 250us`,
		}},
		{"impairment's type", lan + "impair = 5\n" + onLAN, []string{
			`lab.toml:2: segment.lan.impair: want text like "loss=5%,delay=10ms", or a table like { loss = "5%", delay = "10ms" }`,
		}},
		{"MTU", lan + "mtu = 20\n" + onLAN, []string{`lab.toml:2: segment.lan.mtu: 20 is outside of 68 to 65521; the usual one is 1500`}},
		{"two MTUs", lan + "mtu = 9000\n[tap.tap0]\nsegment = \"lan\"\nmtu = 1500\n" + onLAN, []string{
			`lab.toml:5: tap.tap0.mtu: 1500 differs from the 9000 of segment lan; remove this key`,
		}},
		{"priority without tree", lan + "priority = 4096\n" + onLAN, []string{
			`lab.toml:2: segment.lan.priority: is for a spanning tree; add stp = true, or remove this key`,
		}},
		{"priority", lan + "stp = true\npriority = 5\nhello = \"20s\"\n" + onLAN, []string{
			`lab.toml:3: segment.lan.priority: 5 is no priority of a bridge; use 4096 to 61440 in steps of 4096 (IEEE 802.1D-2004 §9.2.5)`,
			`lab.toml:4: segment.lan.hello: 20s is outside of 1 s to 10 s (IEEE 802.1D-2004 §17.14)`,
		}},
		{"max_age for forward_delay", lan + "stp = true\nforward_delay = \"4s\"\nmax_age = \"20s\"\n" + onLAN, []string{
			`lab.toml:4: segment.lan.max_age: 20s is more than 2 x (forward_delay 4s - 1s) (IEEE 802.1D-1998 §8.10.2); set 6s at most, or forward_delay = "11s", or leave one of the two out`,
		}},
		{"max_age for hello", lan + "stp = true\nhello = \"5s\"\nmax_age = \"6s\"\n" + onLAN, []string{
			`lab.toml:4: segment.lan.max_age: 6s is less than 2 x (hello 5s + 1s) (IEEE 802.1D-1998 §8.10.2); raise it to 12s, or leave it out`,
		}},
		{"forward_delay for hello", lan + "stp = true\nhello = \"5s\"\nforward_delay = \"4s\"\n" + onLAN, []string{
			`lab.toml:4: segment.lan.forward_delay: 4s is too short for hello 5s (IEEE 802.1D-1998 §8.10.2); raise it to 7s, or leave it out`,
		}},
		{"trunk of one", lan + "[trunk.up]\nsegments = [\"lan\", \"lan\"]\n" + onLAN, []string{
			`lab.toml:3: trunk.up.segments: both ends are on segment lan; a trunk joins two different ones`,
		}},
		{"trunk of three", lan + "[trunk.up]\nsegments = [\"lan\", \"core\", \"wan\"]\n" + onLAN, []string{
			`lab.toml:2: trunk.up: a trunk joins two segments; write segments = ["lan", "core"]`,
		}},
		{"trunk to nowhere", lan + trunk + onLAN, []string{
			`lab.toml:3: trunk.up.segments[1]: there is no segment "core"; known are lan`,
		}},
		{"loop", lan + core + trunk + strings.Replace(trunk, "up", "up2", 1) + onLAN, []string{
			`lab.toml:5: trunk.up2: the trunk closes a loop, in which frames would circle for ever; add stp = true to segment.lan and segment.core, or remove it`,
		}},
		{"loop of hubs", lan + "kind = \"hub\"\n" + core + "kind = \"hub\"\n" + trunk + strings.Replace(trunk, "up", "up2", 1) + onLAN, []string{
			`lab.toml:7: trunk.up2: the trunk closes a loop of hubs, in which frames would circle for ever; make one a switch with stp = true, or remove it`,
		}},
		{"name of two ports", lan + "[tap.alpha]\nsegment = \"lan\"\n" + onLAN, []string{
			`lab.toml:5: host.alpha.interface[0]: segment lan has a port alpha already, that of a tap; give one of them another name`,
		}},
		{"segment's name", "[segment.\"a/b\"]\n" + wire + alpha, []string{
			`lab.toml:1: segment.a/b: "a/b" is no name of a segment; use up to 63 letters, digits, - and _`,
			`lab.toml:1: segment.a/b: nobody is on it; give an interface of a host, or a tap, segment = "a/b", or remove this table`,
		}},
		{"segment and TAP of one name", "[segment.tap0]\n" + wire + "segment = \"tap0\"\n" + strings.Replace(onLAN, "lan", "tap0", 1), []string{
			`lab.toml:1: segment.tap0: a tap or xdp has this name; give the segment another one`,
		}},
		{"VXLAN", lan + "mtu = 1500\n[vxlan.vx]\nsegment = \"lan\"\nvni = 16777216\npeer = [\"there\"]\n" + onLAN, []string{
			`lab.toml:3: vxlan.vx.underlay_mtu: the tunnel leaves 1450 octets, and segment lan has an MTU of 1500; set mtu = 1450 there, or raise underlay_mtu`,
			`lab.toml:5: vxlan.vx.vni: 16777216 is outside of 0 to 16777215; it has 24 bits`,
			`lab.toml:6: vxlan.vx.peer[0]: "there" is no address, like 203.0.113.2 or [2001:db8::2]:4789`,
		}},
		{"VXLAN for nobody", lan + "[vxlan.vx]\nsegment = \"lan\"\n" + onLAN, []string{
			`lab.toml:2: vxlan.vx: nobody may send to the tunnel; add peer = ["203.0.113.2"], or for a group allow = ["203.0.113.0/24"]`,
		}},
		{"QEMU", lan + "[qemu.vm]\nsegment = \"lan\"\nmode = \"steam\"\nlisten = \"127.0.0.1\"\n[qemu.vm2]\nsegment = \"lan\"\n" + onLAN, []string{
			`lab.toml:4: qemu.vm.mode: unknown mode "steam"; did you mean "stream"?`,
			`lab.toml:6: qemu.vm2: nothing says where the machine is; add listen = "vm.sock", and start QEMU with -netdev stream,id=n,addr.type=unix,addr.path=vm.sock`,
		}},
		{"unixgram", lan + "[unixgram.u]\nsegment = \"lan\"\n" + onLAN, []string{`lab.toml:2: unixgram.u: the socket has no path; add path = "u.sock"`}},
		{"unixgram at a file", lan + "[unixgram.u]\nsegment = \"lan\"\npath = \"testdata/campus.toml\"\n" + onLAN, []string{
			`lab.toml:4: unixgram.u.path: testdata/campus.toml exists and is no socket; choose another path`,
		}},
		{"replay", lan + "[replay.r]\nsegment = \"lan\"\nfile = \"none.pcapng\"\nfast = true\ntimes = 0\n" + onLAN, []string{
			`lab.toml:4: replay.r.file: stat none.pcapng: no such file or directory; name a capture (pcap or pcapng) that this user can read`,
			`lab.toml:5: replay.r.fast: together with times = 0 nothing would limit the rate; remove one of the two keys`,
		}},
		{"replay of what is no capture", lan + "[replay.r]\nsegment = \"lan\"\nfile = \"testdata/campus.toml\"\nspeed = 0.0\n" + onLAN, []string{
			`lab.toml:4: replay.r.file: testdata/campus.toml: pcap: neither pcap nor pcapng; name a capture (pcap or pcapng) that this user can read`,
			`lab.toml:5: replay.r.speed: 0 is no speed; 2.0 is twice as fast as it was captured`,
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

// TestSameAddressApart has one address where its stations do not hear each other.
func TestSameAddressApart(t *testing.T) {
	for name, text := range map[string]string{
		"segments": lan + "[segment.other]\n" + onLAN + strings.NewReplacer(".3/", ".2/", "lan", "other").Replace(beta),
		"VLANs":    lan + onLAN + "vlan = 10\n" + strings.Replace(beta, ".3/", ".2/", 1) + "vlan = 20\n",
		"VLANs and a TAP in one": lan + "[tap.tap0]\nsegment = \"lan\"\nvlan = 10\naddress = [\"198.51.100.1/24\"]\n" + onLAN + "vlan = 10\n" +
			strings.Replace(beta, ".3/", ".2/", 1) + "vlan = 20\n",
	} {
		if _, err := Load("lab.toml", []byte(text), registry); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSameAddressAtTheKernel has one address in two VLANs that are both the kernel's.
func TestSameAddressAtTheKernel(t *testing.T) {
	stations := onLAN + "vlan = 10\n" + strings.Replace(beta, ".3/", ".2/", 1) + "vlan = 20\n"
	for name, taps := range map[string]string{
		"two TAPs": "[tap.tap0]\nsegment = \"lan\"\nvlan = 10\n[tap.tap1]\nsegment = \"lan\"\nvlan = 20\n",
		"tagged":   "[tap.tap0]\nsegment = \"lan\"\ntagged = [10, 20]\n",
	} {
		if _, err := Load("lab.toml", []byte(lan+taps+stations), registry); err == nil || !strings.Contains(err.Error(), "duplicate address") {
			t.Errorf("%s: %v, want a duplicate address", name, err)
		}
	}
}

// TestTreeTimers: what the file leaves out follows from what it has, and a switch takes it.
func TestTreeTimers(t *testing.T) {
	for _, tt := range []struct {
		keys                 string
		hello, age, forwards time.Duration // in seconds
	}{
		{"", 2, 20, 15},
		{"forward_delay = \"4s\"", 2, 6, 4},
		{"forward_delay = \"30s\"", 2, 20, 30},
		{"max_age = \"40s\"", 2, 40, 21},
		{"max_age = \"6s\"", 2, 6, 15},
		{"hello = \"10s\"", 10, 22, 15},
		{"hello = \"5s\"\nforward_delay = \"7s\"", 5, 12, 7},
	} {
		p, err := Load("lab.toml", []byte(lan+"stp = true\n"+tt.keys+onLAN), registry)
		if err != nil {
			t.Errorf("%s: %v", tt.keys, err)
			continue
		}
		got, want := *p.Segments[0].Tree, segment.TreeConfig{Hello: tt.hello * time.Second, MaxAge: tt.age * time.Second, ForwardDelay: tt.forwards * time.Second}
		if got != want {
			t.Errorf("%s: %+v, want %+v", tt.keys, got, want)
		}
		if err := Check(p); err != nil {
			t.Errorf("%s: %v", tt.keys, err)
		}
	}
}

func TestSegmentPlan(t *testing.T) {
	text := `
seed = 7
[segment.lan]
impair = "delay=1ms"
age = "1m"
stp = true
priority = 4096
jabber = 1000
jabber_shut = "1s"
capture = "lan.pcapng"
[segment.core]
stp = true
[trunk.up]
segments = ["lan", "core"]
tagged = [10, 20]
impair_tx = "loss=1%"
cost = 7
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24"]
vlan = 10
impair_rx = { rate = "1mbit" }
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.2/24"]
vlan = 10
impair = "off"
[[host.alpha.interface]]
segment = "core"
address = ["203.0.113.1/24"]
down = true
queue = 5
`
	p, err := Load("/labs/one.toml", []byte(text), registry)
	if err != nil {
		t.Fatal(err)
	}
	s := p.Segments[0]
	if p.Seed != 7 || s.Age != time.Minute || s.Tree.Priority != 4096 || !s.VLANs || s.Capture.File != "/labs/lan.pcapng" ||
		s.Jabber != (segment.Jabber{Frames: 1000, Shut: time.Second}) {
		t.Errorf("segment is %+v", s)
	}
	var got []string
	for _, s := range p.Segments {
		for _, p := range s.Ports {
			got = append(got, strings.Join([]string{s.Name, p.Name, p.VLAN.String(), p.Tx.String(), p.Rx.String()}, " "))
		}
	}
	want := []string{
		"lan tap0 access 10 delay=1ms rate=1mbit", "lan up trunk 10,20 delay=1ms off", "lan alpha.eth0 access 10 off off",
		"core up trunk 10,20 loss=1% off", "core alpha.eth1 access 1 off off",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got)\n%s", diff)
	}
	if last := p.Segments[1].Ports[1]; !last.Down || last.Queue != 5 {
		t.Errorf("the last port is %+v", last)
	}
}

// TestTunnelMTU has a segment leave room for its tunnels, and for those of segments behind a trunk.
func TestTunnelMTU(t *testing.T) {
	text := lan + "[segment.core]\n[trunk.up]\nsegments = [\"lan\", \"core\"]\n[vxlan.vx]\nsegment = \"core\"\npeer = [\"203.0.113.2\"]\n" + onLAN
	p, err := Load("lab.toml", []byte(text), registry)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := p.Segments[0].MTU, p.Segments[1].MTU; a != 1450 || b != 1450 {
		t.Errorf("MTUs are %d and %d, want 1450", a, b)
	}
}

// TestDrawing holds the drawing of a file to a golden one.
func TestDrawing(t *testing.T) {
	p, err := LoadFile("testdata/campus.toml", registry)
	if err != nil {
		t.Fatal(err)
	}
	checkDrawing(t, p.Diagram(), filepath.Join("testdata", "campus.txt"))
}
