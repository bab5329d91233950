package lab

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"tapestry/link/xdp"
)

// onXDP is a lab that is right, on an interface that the kernel uses too. made is one on a pair that the lab makes.
const (
	onXDP = `
netns = "host"
[[host.alpha.interface]]
xdp = "x0"
address = ["198.51.100.2/24"]
[xdp.x0]
interface = "eth1"
`
	made = `
[[host.alpha.interface]]
xdp = "x0"
address = ["198.51.100.2/24"]
[xdp.x0]
address = ["198.51.100.1/24"]
`
)

func TestXDPProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"unknown key", made + "queue = 2\n", []string{`lab.toml:7: xdp.x0.queue: unknown key; did you mean "queues"?`}},
		{"queues", made + "queues = -1\n", []string{`lab.toml:7: xdp.x0.queues: -1 is neither "auto" nor a number of queues from 1 to 256`}},
		{"place", made + "attach = \"genric\"\n", []string{`lab.toml:7: xdp.x0.attach: unknown place of the program "genric"; did you mean "generic"?`}},
		{"ring", made + "ring = 100\n", []string{`lab.toml:7: xdp.x0.ring: 100 is no power of two from 64 to 65536; leave it out for 2048`}},
		{"busy polling", made + "busy_poll = \"1s\"\n", []string{`lab.toml:7: xdp.x0.busy_poll: 1s is longer than 10ms; the usual ones are some 10 µs, like "50us"`}},
		{"budget", made + "budget = 8\n", []string{`lab.toml:7: xdp.x0.budget: is of busy polling; add busy_poll = "50us", or remove this key`}},
		{"shared with nobody", made + "shared = true\n", []string{
			`lab.toml:7: xdp.x0.shared: is for an interface that the kernel uses too; add interface = "eth1", or remove this key`,
		}},
		{"interface in a namespace of its own", strings.Replace(onXDP, `netns = "host"`, "", 1), []string{
			`lab.toml:7: xdp.x0.interface: is an interface of the caller's namespace; set netns = "host" at the top of the file, or remove this key: the lab then makes a veth pair`,
		}},
		{"interface's name", strings.Replace(onXDP, "eth1", "an interface", 1), []string{
			`lab.toml:7: xdp.x0.interface: "an interface" is no interface's name; use up to 15 letters, digits, - and _`,
		}},
		{"address of an interface", onXDP + "address = [\"198.51.100.1/24\"]\n", []string{
			"lab.toml:8: xdp.x0.address: is for the veth pair that the lab makes without interface; remove this key, and give the kernel's side its addresses with `ip address add`",
		}},
		{"one interface for two", onXDP + "[xdp.x1]\ninterface = \"eth1\"\n[[host.beta.interface]]\nxdp = \"x1\"\naddress = [\"198.51.100.3/24\"]\n", []string{
			`lab.toml:9: xdp.x1.interface: eth1 is that of xdp.x0 already; give each its own`,
		}},
		{"two hosts", made + "[[host.beta.interface]]\nxdp = \"x0\"\naddress = [\"198.51.100.3/24\"]\n", []string{
			`lab.toml:8: host.beta.interface[0].xdp: x0 has host alpha on it already; give each host a table [xdp.NAME] with an interface of its own`,
		}},
		{"nobody", made + "[xdp.x1]\n", []string{`lab.toml:7: xdp.x1: no host is on it; give an interface of a host xdp = "x1", or remove this table`}},
		{"unknown", strings.Replace(made, `xdp = "x0"`, `xdp = "y0"`, 1), []string{
			`lab.toml:3: host.alpha.interface[0].xdp: there is no xdp "y0"; did you mean "x0"?`,
			`lab.toml:5: xdp.x0: no host is on it; give an interface of a host xdp = "x0", or remove this table`,
		}},
		{"a tap's name", made + "[tap.x0]\n[[host.beta.interface]]\ntap = \"x0\"\naddress = [\"198.51.100.3/24\"]\n", []string{
			`lab.toml:5: xdp.x0: a tap has this name; give the xdp another one`,
		}},
		{"on a tap, too", strings.Replace(made, `xdp = "x0"`, `xdp = "x0"`+"\ntap = \"t0\"", 1), []string{
			`lab.toml:3: host.alpha.interface[0].xdp: the interface is on tap t0 already; remove one of the two keys`,
		}},
		{"on a segment, too", "[segment.lan]\n" + strings.Replace(made, `xdp = "x0"`, `xdp = "x0"`+"\nsegment = \"lan\"", 1), []string{
			`lab.toml:4: host.alpha.interface[0].xdp: the interface is on segment lan already; remove one of the two keys`,
			`lab.toml:7: xdp.x0: no host is on it; give an interface of a host xdp = "x0", or remove this table`,
		}},
		{"MAC of a shared interface", strings.Replace(onXDP, `xdp = "x0"`, `xdp = "x0"`+"\nmac = \"02:00:5e:10:00:01\"", 1) + "shared = true\n", []string{
			`lab.toml:5: host.alpha.interface[0].mac: the host shares that of eth1 with the kernel; remove this key, or shared`,
		}},
		{"address from the wire", strings.Replace(onXDP, `["198.51.100.2/24"]`, `"auto"`, 1) + "shared = true\n", []string{
			`lab.toml:5: host.alpha.interface[0].address: a host that shares an interface with the kernel hears only of addresses that the file has; give a list, without slaac`,
		}},
		{"responder for unknown addresses", "[[host.alpha.interface]]\nxdp = \"x0\"\naddress = \"auto\"\n[xdp.x0]\nresponder = true\n", []string{
			`lab.toml:3: host.alpha.interface[0].address: the responder of x0 answers for addresses that the file has; give a list, or remove responder there`,
		}},
		{"captured size", made + "snaplen = 96\n", []string{`lab.toml:7: xdp.x0.snaplen: is for a capture; add capture = "x0.pcapng", or remove this key`}},
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

func TestXDPPlan(t *testing.T) {
	tests := []struct {
		name, text string
		want       XDPPlan
		sockets    int
	}{
		{"a pair", made, XDPPlan{Queues: 1}, 1},
		{"all of an interface", onXDP, XDPPlan{}, 0},
		{"as many as processors", onXDP + "queues = \"auto\"\n", XDPPlan{Queues: autoQueues}, 0},
		{"everything", onXDP + "shared = true\nqueues = 2\nattach = \"generic\"\nzero_copy = false\nbusy_poll = \"50us\"\nbudget = 8\nring = 512\nresponder = true\n",
			XDPPlan{Shared: true, Responder: true, Queues: 2, Attach: xdp.AttachGeneric, NoZero: true, Spin: 50 * time.Microsecond, Budget: 8, Ring: 512}, 2},
		{"no busy polling", made + "busy_poll = \"off\"\nattach = \"driver\"\n", XDPPlan{Queues: 1, Attach: xdp.AttachDriver}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Load("lab.toml", []byte(tt.text), registry)
			if err != nil {
				t.Fatal(err)
			}
			w := p.Wires[0]
			if diff := cmp.Diff(&tt.want, w.XDP); diff != "" || w.sockets() != tt.sockets {
				t.Errorf("%d sockets, want %d (-want +got)\n%s", w.sockets(), tt.sockets, diff)
			}
			if cfg := p.Hosts[0].Interfaces[0].Config; cfg.Addr.IsZero() != tt.want.Shared {
				t.Errorf("the host has %s, want the interface's own address: %v", cfg.Addr, tt.want.Shared)
			}
			if err := Check(p); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestXDPNetworks has an address twice where it is on two networks: those behind interfaces that the file does not know.
func TestXDPNetworks(t *testing.T) {
	second := strings.NewReplacer("alpha", "beta", "x0", "x1", "eth1", "eth2", `netns = "host"`, "").Replace(onXDP)
	if _, err := Load("lab.toml", []byte(onXDP+second), registry); err != nil {
		t.Error(err)
	}
}

func TestXDPDiagram(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a pair", made, "veth pair, AF_XDP"},
		{"an interface", onXDP, "AF_XDP on eth1"},
		{"a shared one", onXDP + "shared = true\n", "beside the kernel"},
	} {
		p, err := Load("lab.toml", []byte(tt.text), registry)
		if err != nil {
			t.Fatal(err)
		}
		b := p.Diagram().Boxes[0]
		if b.Kind != "xdp" || b.Name != "x0" || !strings.Contains(strings.Join(b.Lines, "\n"), tt.want) {
			t.Errorf("%s: the box is %+v, want a line %q", tt.name, b, tt.want)
		}
	}
}
