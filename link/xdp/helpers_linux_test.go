package xdp

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/packet"
)

// veth makes two interfaces that are each other's wire, up, with a kernel that keeps quiet. What the kernel sends
// through the second is finished: the first could not tell. The first has this many receive queues; the second sends into
// the first of them alone, since linktest wants the order kept.
func veth(t testing.TB, mtu, queues int) (a, b string) { return vethOf(t, mtu, queues, 1) }

func vethOf(t testing.TB, mtu, queues, senders int) (a, b string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.NumRxQueues, attrs.NumTxQueues = "vetha", mtu, queues, senders
	nstest.Veth(t, &netlink.Veth{
		LinkAttrs: attrs, PeerName: "vethb", PeerMTU: uint32(mtu), PeerNumRxQueues: uint32(senders), PeerNumTxQueues: uint32(senders),
	})
	finishSends(t, "vethb")
	nstest.BringUp(t, "vetha", "vethb")
	return "vetha", "vethb"
}

// finishSends switches off on an interface what AF_XDP at its far end cannot express.
func finishSends(t testing.TB, name string) {
	t.Helper()
	ethtoolSet(t, name, "tx", "off", "tso", "off", "gso", "off")
}

func ethtoolSet(t testing.TB, name string, features ...string) {
	t.Helper()
	out, err := exec.Command(nstest.Tool(t, "ethtool"), append([]string{"-K", name}, features...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ethtool -K %s: %v\n%s", name, err, out)
	}
}

// open makes a device, and skips where the kernel lacks AF_XDP or the user the right to it.
func open(t testing.TB, c Config) *Device {
	t.Helper()
	nstest.Require(t)
	d, err := Open(c)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EAFNOSUPPORT) {
		nstest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// openPacket makes a packet socket that sends finished frames only.
func openPacket(t testing.TB, name string) link.Device {
	t.Helper()
	d, err := packet.Open(packet.Config{Interface: name, NoVnetHdr: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}
