package interop

import (
	"os/exec"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link/segment"
	"tapestry/link/segment/stp"
)

func needBridge(t *testing.T) {
	nstest.Require(t)
	needTUN(t)
	nstest.Tool(t, "ping")
	out, err := exec.Command(nstest.Tool(t, "ip"), "link", "add", "probe", "type", "bridge").CombinedOutput()
	if err != nil {
		nstest.Skip(t, "this kernel makes no bridge: "+string(out))
	}
	ip(t, "link", "del", "probe")
}

// TestKernelStorm shows that the loop is one: without a tree, a single broadcast runs around in it for ever.
func TestKernelStorm(t *testing.T) {
	needBridge(t)
	x := newTriangle(t, "kstorm", 0, 0, 0, "198.51.100.")
	x.reachable()
	eventually(t, 10*time.Second, "a storm of 2000 frames", func() bool { return x.frames() > 2000 })
	x.aCable.Shut()
	time.Sleep(300 * time.Millisecond) // what is in queues is delivered
	before := x.frames()
	time.Sleep(300 * time.Millisecond)
	if n := x.frames() - before; n > 20 {
		t.Errorf("%d frames after the loop was cut", n)
	}
}

// TestKernelIsRoot has the kernel's bridge be the root: ours agree, block one end of the cable between them, and open it
// when the kernel's port to a is lost. The kernel hears of our topology change and forgets what it learned.
func TestKernelIsRoot(t *testing.T) {
	needBridge(t)
	t.Parallel()
	x := newTriangle(t, "kroot", 4096, 8192, 12288, "198.51.100.1")
	x.settle(t, 15*time.Second, "forwarding forwarding forwarding blocking forwarding forwarding")
	x.agree(t, full(show[kernelBridge](t, x.name).Info.Data.ID))
	x.loopFree(t)

	x.aKernel.Shut() // the kernel's side keeps its carrier, and its table
	x.settle(t, 20*time.Second, "shut forwarding forwarding forwarding forwarding forwarding")
	eventually(t, 5*time.Second, "the kernel hears of the topology change", func() bool {
		return show[kernelBridge](t, x.name).Info.Data.TopologyChange == 1
	})
	x.kernelHeals(t)
	x.bKnows(t, x.bCable)
	x.loopFree(t)
	x.readable(t)
}

// kernelHeals waits until the kernel reaches the host of ours over the other way. The host says nothing of its own, so
// that nothing but the topology change makes the kernel forget where it was.
func (x *triangle) kernelHeals(t *testing.T) {
	t.Helper()
	ping := nstest.Tool(t, "ping")
	took := eventually(t, 15*time.Second, "the kernel finds the host on the other way", func() bool {
		// The kernel looks at ages when it collects, up to its ageing time later; setting that has it collect at once.
		ip(t, "link", "set", x.name, "type", "bridge", "ageing_time", "30000")
		return exec.Command(ping, "-c", "1", "-W", "1", x.station).Run() == nil
	})
	t.Logf("%s: the kernel finds the host again after %v", x.name, took.Round(time.Second/10))
}

// bKnows holds where b believes the host to be.
func (x *triangle) bKnows(t *testing.T, want *segment.Port) {
	t.Helper()
	addr := x.host.Interfaces()[0].Link
	for _, e := range x.b.Addrs() {
		if e.Addr == addr && e.Port != want.Name() {
			t.Errorf("%s: b has the host behind %s, want %s", x.name, e.Port, want.Name())
		}
	}
}

// TestSwitchIsRoot has a switch of ours be the root: the kernel agrees, blocks its port to the other one, and opens it
// when its root port loses its link. Ours forget what they learned.
func TestSwitchIsRoot(t *testing.T) {
	needBridge(t)
	t.Parallel()
	x := newTriangle(t, "oroot", 32768, 4096, 8192, "203.0.113.")
	a, _ := x.a.Tree()
	x.settle(t, 15*time.Second, "forwarding forwarding forwarding forwarding forwarding blocking")
	x.agree(t, a.ID.String())
	x.loopFree(t)

	ip(t, "link", "set", x.near(), "down")
	eventually(t, 20*time.Second, "the kernel's other port forwards", func() bool {
		return show[kernelPort](t, x.far()).Info.Data.State == stp.Forwarding.String()
	})
	took := eventually(t, 15*time.Second, "the host finds the kernel on the other way", x.reachable)
	t.Logf("%s: the host finds the kernel again after %v", x.name, took.Round(time.Second/10))
	x.loopFree(t)
	x.readable(t) // which shows the kernel's topology change on the far link, where ours sends none
}

// readable has Wireshark read what was captured. With either root, somebody tells of a topology change on the far link.
func (x *triangle) readable(t *testing.T) {
	t.Helper()
	x.host.Close()
	x.a.Close()
	x.b.Close()
	wireshark(t, x.files[0], "stp.type=0x00", "icmp", "arp")
	wireshark(t, x.files[1], "stp.type=0x00", "stp.type=0x80", "arp")
}
