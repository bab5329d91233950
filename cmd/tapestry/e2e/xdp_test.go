package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// xdpLab has the host of plainLab on AF_XDP; keys of the wire follow.
var xdpLab = strings.NewReplacer(`tap     = "tap0"`, `xdp     = "x0"`, "[tap.tap0]", "[xdp.x0]").Replace(plainLab)

// TestXDP has the kernel's clients talk with a host on AF_XDP, at the far end of a veth pair that the lab makes.
func TestXDP(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ping", "nc", "curl")
	for _, tt := range []struct{ name, keys, mode string }{
		{"defaults", "", "driver copy"},
		{"generic", `attach = "generic"`, "generic copy"},
		{"busy polling", "busy_poll = \"50us\"\nbudget = 16\nring = 512", "driver copy busy-poll"},
		{"large frames", "mtu = 9000", "driver copy multi-buffer"},
		{"captured", "capture = \"x0.pcapng\"", "driver copy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t, xdpLab+tt.keys, options{})
			if w := l.info(t).Wires[0]; w.Device != "xdp" || w.Mode != tt.mode {
				t.Errorf("the wire is %+v, want mode %q", w, tt.mode)
			}
			l.sh(t, stillThere)
			l.sh(t, `head -c 5000000 /dev/zero | nc -N 198.51.100.2 9
test "$(nc 2001:db8:51::2 19 </dev/null | head -c 5000000 | wc -c)" = 5000000`)
			s := l.stats(t)
			if s["x0.queue0.rxFrames"] < 1000/9 || s["x0.queue0.txFrames"] < 100 || s["x0.drop.checksum"]+s["link.drop.checksum"] > 0 {
				t.Errorf("the sockets count %d frames in and %d out", s["x0.queue0.rxFrames"], s["x0.queue0.txFrames"])
			}
		})
	}
}

// TestXDPQueues has connections come in on both sockets of an interface with two queues.
func TestXDPQueues(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "nc")
	l := startLab(t, xdpLab+"queues = 2", options{})
	if w := l.info(t).Wires[0]; w.Queues != 2 {
		t.Fatalf("the wire is %+v, want two queues", w)
	}
	l.sh(t, `for i in $(seq 32); do echo hi | nc -N 198.51.100.2 9; done`)
	s := l.stats(t)
	if s["x0.queue0.rxFrames"] == 0 || s["x0.queue1.rxFrames"] == 0 {
		t.Errorf("frames on the queues: %d, %d; want some on each", s["x0.queue0.rxFrames"], s["x0.queue1.rxFrames"])
	}
}

// onExistingVeth runs the lab at one end of a veth pair, and the script in another network namespace, where the kernel has
// the other end.
func onExistingVeth(peer string) []string {
	return inOwnNetwork(`unshare --net sleep 60 &
far=$!
until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add vetha type veth peer name vethb
ip link set vethb netns $far
nsenter -n -t $far sh -euc 'ip address add 198.51.100.1/24 dev vethb; ip address add 2001:db8:51::1/64 dev vethb nodad; ip link set vethb up; ` + peer + `'
ip address add 198.51.100.3/24 dev vetha
ip link set vetha up
export FAR=$far
trap "kill $far; wait $far || true" EXIT`)
}

const wholeFrames = "ethtool -K vethb tx off tso off gso off >/dev/null"

// TestXDPExisting puts a host on an interface that is there, beside the kernel or alone, and leaves it as it was.
func TestXDPExisting(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "unshare", "nsenter", "ethtool", "ping", "curl")
	lab := hostNetns + strings.Replace(xdpLab, `address = ["198.51.100.1/24", "2001:db8:51::1/64"]`, `interface = "vetha"`, 1)
	for _, tt := range []struct {
		name, keys string
		kernel     string // whether the kernel answers beside the host
		words      string // of the warning
	}{
		{"shared", "shared = true", "ping -q -c1 -W5 198.51.100.3", ""},
		{"alone", "", "! ping -q -c1 -W0.2 198.51.100.3", "the kernel's own [198.51.100.3] on vetha are cut off while the lab runs; shared = true lets both use it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options{wrap: onExistingVeth(wholeFrames), flags: []string{"--table"}}
			o.wrap[4] += "\nip -d link show vetha | grep -q prog/xdp && exit 9\nping -q -c1 -W5 198.51.100.1 && echo left as it was"
			script := fmt.Sprintf("nsenter -n -t $FAR sh -euc '%s\n%s'", stillThere, tt.kernel)
			stdout, stderr, err := runLab(t, lab+tt.keys, script, o)
			if err != nil || !strings.HasSuffix(stdout, "left as it was\n") {
				t.Errorf("%v\n%s\n%s", err, stdout, stderr)
			}
			if !strings.Contains(stderr, "AF_XDP on vetha, as configured") || !strings.Contains(stderr, "must send whole frames") {
				t.Errorf("the table does not show the interface and what its other end has to do:\n%s", stderr)
			}
			if tt.words != "" && !strings.Contains(stderr, tt.words) {
				t.Errorf("no warning %q:\n%s", tt.words, stderr)
			}
		})
	}
}

// TestXDPSaysWhatIsMissing has each precondition missing.
func TestXDPSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "unshare")
	existing := hostNetns + strings.Replace(xdpLab, `address = ["198.51.100.1/24", "2001:db8:51::1/64"]`, `interface = "vetha"`, 1)
	const pair = "ip link add vetha type veth peer name vethb; ip link set vethb up; ip link set vetha up\n"
	for _, tt := range []struct {
		name, lab string
		options   options
		status    int
		want      []string
	}{
		{"the right to load programs", xdpLab, asNobody(t), 125, []string{"this user may not load an XDP program: it takes CAP_BPF and CAP_NET_ADMIN outside of any user namespace", "[tap.x0] in place of [xdp.x0] runs as any user"}},
		{"the interface", existing, options{wrap: inOwnNetwork("true")}, 125, []string{`no interface "vetha" in this network namespace`}},
		{"whole frames from the other end", existing, options{wrap: inOwnNetwork(pair)}, 0, []string{
			"vethb, the other end of vetha, must send whole frames", "`ethtool -K vethb tx off tso off gso off`"}},
		{"an address of its own", existing + "shared = true", options{wrap: inOwnNetwork(pair + "ip address add 198.51.100.2/24 dev vetha")}, 125, []string{
			"198.51.100.2 is the kernel's own address on vetha: give the host another one"}},
		{"queues", existing + "queues = 3", options{wrap: inOwnNetwork(pair)}, 125, []string{"3 queues, vetha has", "ethtool -L"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := runLab(t, tt.lab, "true", tt.options)
			if status(err) != tt.status || stdout != "" || !holdsLine(stderr, tt.want) {
				t.Errorf("%v, want status %d and a line with %q\n%s\n%s", err, tt.status, tt.want, stdout, stderr)
			}
		})
	}
}

// TestXDPResponder has the program answer before the host is asked: the host counts none of it, and the rest reaches it.
func TestXDPResponder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ping", "curl")
	l := startLab(t, xdpLab+"responder = true", options{})
	if w := l.info(t).Wires[0]; !strings.HasSuffix(w.Mode, " responder") {
		t.Fatalf("the wire is %+v, want a responder", w)
	}
	before := l.stats(t)
	l.sh(t, "ping -q -c10 -i0.01 198.51.100.2; ping -q -c10 -i0.01 2001:db8:51::2")
	after := l.stats(t)
	for name, want := range map[string]uint64{"x0.responder.arp": 1, "x0.responder.echo4": 10, "x0.responder.echo6": 10, "x0.responder.solicit": 1, "icmpInEchos": 0} {
		if got := after[name] - before[name]; got < want || want == 0 && got != 0 {
			t.Errorf("%s grew by %d, want %d", name, got, want)
		}
	}
	l.sh(t, stillThere)
}

// TestXDPResponderOff has a peer that would not take the program's answers: the host gives them, and the lab says so.
func TestXDPResponderOff(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "unshare", "nsenter", "ethtool", "ping", "curl")
	lab := hostNetns + strings.Replace(xdpLab, `address = ["198.51.100.1/24", "2001:db8:51::1/64"]`, `interface = "vetha"`, 1)
	o := options{wrap: onExistingVeth(wholeFrames + "; ethtool -K vethb gro off"), flags: []string{"--table"}}
	stdout, stderr, err := runLab(t, lab+"shared = true\nresponder = true", fmt.Sprintf("nsenter -n -t $FAR sh -euc '%s'", stillThere), o)
	if err != nil || !strings.Contains(stderr, "x0: the responder is off, and the host answers") {
		t.Errorf("%v, want a word on the responder\n%s\n%s", err, stdout, stderr)
	}
}
