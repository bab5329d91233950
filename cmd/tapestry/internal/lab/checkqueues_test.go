package lab

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"tapestry/link/ethernet"
	"tapestry/link/tap"
)

// tapOnLAN is a lab that is right, whose TAP is a port of a segment.
const tapOnLAN = `
[segment.lan]
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.2/24"]
[tap.tap0]
segment = "lan"
address = ["198.51.100.1/24"]
`

func TestQueueProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"queues", wire + "queues = 257\n" + alpha, []string{`lab.toml:4: tap.tap0.queues: 257 is neither "auto" nor a number of queues from 1 to 256`}},
		{"queues as a word", wire + "queues = \"many\"\n" + alpha, []string{`lab.toml:4: tap.tap0.queues: many is neither "auto" nor a number of queues from 1 to 256`}},
		{"queues of a packet device", wire + "device = \"packet\"\nqueues = 2\n" + alpha, []string{
			`lab.toml:5: tap.tap0.queues: a packet device has one queue; set device = "tap", or remove this key`,
		}},
		{"steering of one queue", wire + "steering = true\n" + alpha, []string{
			`lab.toml:4: tap.tap0.steering: is a choice among several queues; add queues = 2, or remove this key`,
		}},
		{"filter on a segment", tapOnLAN + "filter = true\n", []string{
			`lab.toml:9: tap.tap0.filter: keeps back what is not for one host, and behind tap0 are all stations of segment lan; remove this key`,
		}},
		{"filter of a water device", wire + "device = \"water\"\nfilter = true\n" + alpha, []string{
			`lab.toml:5: tap.tap0.filter: a water device has no filter; set device = "tap", or remove this key`,
		}},
		{"spin", wire + "spin = \"1s\"\n" + alpha, []string{`lab.toml:4: tap.tap0.spin: 1s is longer than 10ms; the usual ones are some 10 µs, like "50us"`}},
		{"spin that is no time", wire + "spin = \"fast\"\n" + alpha, []string{`lab.toml:4: tap.tap0.spin: "fast" is no duration; write it like "30s", "5m" or "2h"`}},
		{"spin of a water device", wire + "device = \"water\"\nspin = \"off\"\n" + alpha, []string{
			`lab.toml:5: tap.tap0.spin: a water device does not; set device = "tap", or remove this key`,
		}},
		{"processors", "procs = 0\n" + wire + alpha, []string{`lab.toml:1: procs: 0 is neither "auto" nor a number of processors from 1 to 1024`}},
		{"part of a processor", "procs = 1.5\n" + wire + alpha, []string{`lab.toml:1: procs: 1.5 is neither "auto" nor a number of processors from 1 to 1024`}},
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

func TestSpinPlan(t *testing.T) {
	for key, want := range map[string]time.Duration{"": 0, "spin = \"off\"": -1, "spin = \"20us\"": 20 * time.Microsecond, "device = \"packet\"\nspin = \"1ms\"": time.Millisecond} {
		p, err := Load("lab.toml", []byte(wire+key+"\n"+alpha), registry)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Wires[0].Spin; got != want {
			t.Errorf("%s gives %v, want %v", key, got, want)
		}
	}
}

func TestQueuePlan(t *testing.T) {
	all := &tap.Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4, ethernet.TypeARP, ethernet.TypeIPv6}, LLC: true}
	only4 := &tap.Accept{Types: all.Types[:2], LLC: true}
	const v4 = "[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\"198.51.100.2/24\"]\nipv6 = false\n"
	tests := []struct {
		name, text string
		procs      int
		queues     int
		noSteer    bool
		accept     *tap.Accept
	}{
		{"defaults", wire + alpha, 0, 1, false, all},
		{"without IPv6", wire + v4, 0, 1, false, only4},
		{"all that is captured", wire + "capture = \"x.pcapng\"\n" + alpha, 0, 1, false, nil},
		{"a capture of what is for the host", wire + "capture = \"x.pcapng\"\nfilter = true\n" + alpha, 0, 1, false, all},
		{"no filter", wire + "filter = false\n" + alpha, 0, 1, false, nil},
		{"a segment behind it", tapOnLAN, 0, 1, false, nil},
		{"two queues on a segment", tapOnLAN + "queues = 2\n", 0, 2, false, nil},
		{"two queues", "procs = 2\n" + wire + "queues = 2\n" + alpha, 2, 2, false, all},
		{"no steering", "procs = \"auto\"\n" + wire + "queues = 3\nsteering = false\n" + alpha, 0, 3, true, all},
		{"a queue for each processor", wire + "queues = \"auto\"\n" + alpha, 0, min(runtime.NumCPU(), maxAutoQueues), false, all},
		{"a device without queues", wire + "device = \"packet\"\n" + alpha, 0, 1, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Load("lab.toml", []byte(tt.text), registry)
			if err != nil {
				t.Fatal(err)
			}
			w := p.Wires[0]
			if p.Procs != tt.procs || w.queues() != tt.queues || w.NoSteer != tt.noSteer {
				t.Errorf("%d processors, %d queues, no steering %v; want %d, %d, %v", p.Procs, w.queues(), w.NoSteer, tt.procs, tt.queues, tt.noSteer)
			}
			if diff := cmp.Diff(tt.accept, w.accept()); diff != "" {
				t.Errorf("accepted (-want +got)\n%s", diff)
			}
		})
	}
}
