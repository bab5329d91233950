package stack

import (
	"net/netip"
	"testing"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// attached is a nic that tells how many caches were made small when it was attached.
type attached struct {
	*nic
	caches int
}

func (a *attached) Attach(d netstack.NetworkDispatcher) {
	if d != nil {
		a.caches = smallNeighborCaches(d)
	}
	a.nic.Attach(d)
}

// TestSmallNeighborCaches fails when the engine's own fields are no longer what smallNeighborCaches looks for.
func TestSmallNeighborCaches(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	a := &attached{nic: newNIC(&Interface{host: s.host, id: 9}, s.end, InterfaceConfig{Addr: peerMAC})}
	if e := s.host.ns.CreateNICWithOptions(9, a, netstack.NICOptions{Disabled: true}); e != nil {
		t.Fatal(e)
	}
	if a.caches != 2 {
		t.Errorf("%d caches were made small, want those of IPv4 and IPv6: each interface costs 80 KB", a.caches)
	}
	if n := smallNeighborCaches(struct{ netstack.NetworkDispatcher }{}); n != 0 {
		t.Errorf("found %d caches in what is no interface of the engine", n)
	}
	if n := smallNeighborCaches(nil); n != 0 {
		t.Errorf("found %d caches in nothing", n)
	}
}

// TestManyNeighbors: a small cache grows.
func TestManyNeighbors(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	const want = 600
	a := netip.MustParseAddr("198.51.100.0")
	for range want {
		a = a.Next()
		if err := s.host.AddNeighbor(Neighbor{Addr: a, Link: peerMAC, Interface: "eth0"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.host.Neighbors()); n != want {
		t.Errorf("got %d neighbours, want %d", n, want)
	}
}
