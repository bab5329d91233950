package interop

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"tapestry/link/packet"
	"tapestry/link/segment"
	"tapestry/stack"
)

// twin is Open vSwitch and a switch of ours with two links between them, which are a loop.
type twin struct {
	name       string
	ovs        *ovs
	ours       *segment.Segment
	ports      [2]*segment.Port
	host       *stack.Host
	kernel     string // address of Open vSwitch's own interface
	file       string // what crossed the first link
	interfaces [2]string
}

func newTwin(t *testing.T, o *ovs, name, theirs string, ours uint16, subnet string) *twin {
	x := &twin{name: name, ovs: o, kernel: subnet + "1", file: t.TempDir() + "/" + name + ".pcapng"}
	tree := times
	tree.Priority = ours
	x.ours = newSegment(t, segment.Config{Name: name, Tree: &tree})
	x.host = newHost(t, x.ours, segment.PortConfig{Name: "station"}, subnet+"2/26")
	o.vsctl(t, "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail_mode=standalone", "stp_enable=true",
		"other_config:stp-priority="+theirs, "other_config:stp-hello-time=1", "other_config:stp-max-age=6", "other_config:stp-forward-delay=4")
	t.Cleanup(func() { o.vsctl(t, "del-br", name) })
	for i := range x.ports {
		x.join(t, i)
	}
	quiet(t, name)
	ip(t, "address", "add", x.kernel+"/26", "dev", name)
	ip(t, "link", "set", name, "up")
	return x
}

func (x *twin) join(t *testing.T, i int) {
	theirs := x.name + string(rune('0'+i))
	x.interfaces[i] = theirs
	veth(t, theirs, theirs+"p")
	dev := openVeth(t, packet.Config{Interface: theirs + "p", NoChecksum: true})
	if i == 0 {
		dev = captured(t, dev, x.file)
	}
	x.ports[i] = bridge(t, x.ours, dev, segment.PortConfig{})
	x.ovs.vsctl(t, "add-port", x.name, theirs, "--", "set", "port", theirs, "other_config:stp-path-cost=4",
		"other_config:stp-port-num="+strconv.Itoa(i+1))
}

// states are those of a link's ports, ours first.
func (x *twin) states(t *testing.T, i int) string {
	theirs := x.ovs.run(t, "ovs-vsctl", "--db="+x.ovs.database(), "--timeout=5", "--if-exists", "get", "port", x.interfaces[i], "status:stp_state")
	return x.ports[i].Info().State + " " + strings.Trim(strings.TrimSpace(theirs), `"`)
}

// settle waits for a link's states.
func (x *twin) settle(t *testing.T, i int, want string) {
	t.Helper()
	var got string
	defer func() {
		if t.Failed() {
			t.Logf("%s: link %d: %s", x.name, i, got)
		}
	}()
	took := eventually(t, 25*time.Second, x.name+": "+want, func() bool {
		got = x.states(t, i)
		return got == want
	})
	t.Logf("%s: link %d after %v: %s", x.name, i, took.Round(time.Second/10), got)
}

// testTree has Open vSwitch and ours agree on a spanning tree, with either as the root, and again after the
// link in use was lost.
func testTree(t *testing.T, o *ovs) {
	ours := newTwin(t, o, "oursroot", "32768", 4096, "198.51.100.7")
	theirs := newTwin(t, o, "theirroot", "4096", 32768, "203.0.113.7")
	for _, x := range []*twin{ours, theirs} {
		x.settle(t, 0, "forwarding forwarding")
	}
	ours.settle(t, 1, "forwarding blocking")
	theirs.settle(t, 1, "blocking forwarding")
	for _, x := range []*twin{ours, theirs} {
		eventually(t, 5*time.Second, x.name+": the host reaches the kernel", func() bool { return pings(x.host, x.kernel) })
		ip(t, "link", "set", x.interfaces[0]+"p", "down")
	}
	for _, x := range []*twin{ours, theirs} {
		x.settle(t, 1, "forwarding forwarding")
		eventually(t, 10*time.Second, x.name+": the host reaches the kernel over the other link", func() bool { return pings(x.host, x.kernel) })
		x.host.Close()
		x.ours.Close()
		wireshark(t, x.file, "stp.type=0x00", "icmp")
	}
}
