package interop

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/packet"
	"tapestry/link/segment"
	"tapestry/link/tap"
	"tapestry/stack"
)

// triangle is a loop of the kernel's bridge and two switches of ours:
//
//	             host
//	              │
//	 near: TAP ── a
//	┌────────┐    │
//	│ kernel │    │ cable
//	└────────┘    │
//	 far: veth ── b
type triangle struct {
	name            string
	a, b            *segment.Segment
	aKernel, aCable *segment.Port
	bKernel, bCable *segment.Port
	host            *stack.Host
	kernel, station string // addresses
	files           []string
}

// Interfaces of the kernel's bridge. The leaf leads nowhere: a bridge tells of topology changes if it is designated for
// some port.
func (x *triangle) near() string { return x.name + "n" }
func (x *triangle) far() string  { return x.name + "f" }
func (x *triangle) leaf() string { return x.name + "l" }

// times are the shortest that IEEE 802.1D-1998 Table 8-3 has for us: 8 s until a port forwards.
var times = segment.TreeConfig{Hello: time.Second, MaxAge: 6 * time.Second, ForwardDelay: 4 * time.Second}

// newTriangle makes the loop. Priorities of 0 mean no spanning tree.
func newTriangle(t *testing.T, name string, kernel, a, b uint16, subnet string) *triangle {
	x := &triangle{name: name, kernel: subnet + "1", station: subnet + "2"}
	x.makeBridge(t, kernel)
	x.a, x.b = x.makeSwitch(t, "a", a), x.makeSwitch(t, "b", b)
	var err error
	if x.aCable, x.bCable, err = segment.Connect(x.a, x.b, segment.PortConfig{}, segment.PortConfig{}); err != nil {
		t.Fatal(err)
	}
	x.host = newHost(t, x.a, segment.PortConfig{Name: "station"}, x.station+"/26")
	x.aKernel = bridge(t, x.a, x.captured(t, openTAP(t, tap.Config{Name: x.near()})), segment.PortConfig{})
	veth(t, x.far(), x.name+"p")
	x.bKernel = bridge(t, x.b, x.captured(t, openVeth(t, packet.Config{Interface: x.name + "p"})), segment.PortConfig{})
	veth(t, x.leaf(), x.name+"q")
	for _, n := range []string{x.near(), x.far(), x.leaf()} {
		ip(t, "link", "set", n, "master", name)
		ip(t, "link", "set", n, "type", "bridge_slave", "cost", "4")
	}
	return x
}

func (x *triangle) makeBridge(t *testing.T, priority uint16) {
	ip(t, "link", "add", x.name, "type", "bridge", "forward_delay", "200", "hello_time", "100", "max_age", "600", "mcast_snooping", "0")
	t.Cleanup(func() { ip(t, "link", "del", x.name) })
	if priority > 0 {
		ip(t, "link", "set", x.name, "type", "bridge", "stp_state", "1", "priority", strconv.Itoa(int(priority)))
	}
	quiet(t, x.name)
	ip(t, "address", "add", x.kernel+"/26", "dev", x.name)
	ip(t, "link", "set", x.name, "up")
}

func (x *triangle) makeSwitch(t *testing.T, name string, priority uint16) *segment.Segment {
	c := segment.Config{Name: x.name + "-" + name}
	if priority > 0 {
		tree := times
		tree.Priority = priority
		c.Tree = &tree
	}
	return newSegment(t, c)
}

// captured has a device of ours captured.
func (x *triangle) captured(t *testing.T, dev link.Device) link.Device {
	file := t.TempDir() + "/" + dev.Info().Name + ".pcapng"
	x.files = append(x.files, file)
	return captured(t, dev, file)
}

// kernelPort is what the kernel says about a port of its bridge.
type kernelPort struct {
	Info struct {
		Data struct {
			State            string `json:"state"`
			Root             string `json:"root_id"`
			DesignatedBridge string `json:"bridge_id"`
			DesignatedCost   uint32 `json:"designated_cost"`
		} `json:"info_slave_data"`
	} `json:"linkinfo"`
}

// kernelBridge is what the kernel says about its bridge.
type kernelBridge struct {
	Info struct {
		Data struct {
			ID             string `json:"bridge_id"`
			TopologyChange int    `json:"topology_change"`
		} `json:"info_data"`
	} `json:"linkinfo"`
}

// states are those of the six ports in the loop, in the order a–kernel, kernel–a, a–b, b–a, b–kernel, kernel–b.
func (x *triangle) states(t *testing.T) string {
	near, far := show[kernelPort](t, x.near()), show[kernelPort](t, x.far())
	return strings.Join([]string{
		x.aKernel.Info().State, near.Info.Data.State, x.aCable.Info().State, x.bCable.Info().State,
		x.bKernel.Info().State, far.Info.Data.State,
	}, " ")
}

// settle waits for the states that the tree must come to.
func (x *triangle) settle(t *testing.T, within time.Duration, want string) {
	t.Helper()
	var got string
	took := eventually(t, within, want, func() bool {
		got = x.states(t)
		return got == want
	})
	t.Logf("%s after %v: %s", x.name, took.Round(time.Second/10), got)
}

// agree holds all three to the same tree.
func (x *triangle) agree(t *testing.T, root string) {
	t.Helper()
	a, _ := x.a.Tree()
	b, _ := x.b.Tree()
	if a.Root.String() != root || b.Root.String() != root {
		t.Errorf("root: a says %v, b %v, want %s", a.Root, b.Root, root)
	}
	for _, link := range []struct {
		ours   *segment.Port
		kernel string
	}{{x.aKernel, x.near()}, {x.bKernel, x.far()}} {
		o, k := link.ours.Info().Tree, show[kernelPort](t, link.kernel).Info.Data
		if o == nil {
			t.Fatalf("port %s takes no part in the tree", link.ours.Name())
		}
		if full(k.Root) != root {
			t.Errorf("%s: the kernel says that the root is %s, want %s", link.kernel, full(k.Root), root)
		}
		if o.DesignatedBridge.String() != full(k.DesignatedBridge) || o.DesignatedCost != k.DesignatedCost {
			t.Errorf("%s: designated bridge %v at cost %d, the kernel says %s at %d", link.kernel,
				o.DesignatedBridge, o.DesignatedCost, full(k.DesignatedBridge), k.DesignatedCost)
		}
	}
}

// full puts back the zeros that ip leaves out of identifiers.
func full(id string) string {
	priority, address, _ := strings.Cut(id, ".")
	parts := strings.Split(address, ":")
	for i, p := range parts {
		parts[i] = strings.Repeat("0", max(2-len(p), 0)) + p
	}
	return priority + "." + strings.Join(parts, ":")
}

// loopFree pings through the tree: each request arrives once, and a broadcast leaves nothing that runs around.
func (x *triangle) loopFree(t *testing.T) {
	t.Helper()
	before := count(t, x.host, "icmpInEchos")
	out := run(t, "ping", "-c", "3", "-i", "0.2", "-W", "2", x.station)
	if n := count(t, x.host, "icmpInEchos") - before; n != 3 || !strings.Contains(string(out), " 3 received") {
		t.Errorf("%d echo requests arrived, want 3; ping says:\n%s", n, out)
	}
	frames := x.frames()
	time.Sleep(time.Second) // what is quiet is seen by waiting alone
	if n := x.frames() - frames; n > 20 {
		t.Errorf("%d frames in a second in which nobody sends but bridges", n)
	}
}

// frames are those that crossed the switches' ports in the loop.
func (x *triangle) frames() (n uint64) {
	for _, p := range []*segment.Port{x.aKernel, x.aCable, x.bKernel, x.bCable} {
		s := p.Stats()
		n += s.RxFrames + s.TxFrames
	}
	return n
}

// reachable pings from the host of ours.
func (x *triangle) reachable() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := x.host.Ping(ctx, netip.MustParseAddr(x.kernel), stack.PingOptions{})
	return err == nil
}
