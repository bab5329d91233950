package stack

import (
	"net/netip"
	"testing"
)

// Every counter has a name of its own, and each reading lists the same names in the same order.
func TestStatsNames(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	first, second := s.host.Stats(), s.host.Stats()
	if len(first) != len(second) {
		t.Fatalf("%d counters, then %d", len(first), len(second))
	}
	seen := map[string]bool{}
	for i, x := range first {
		if x.Name != second[i].Name {
			t.Errorf("counter %d is %s, then %s", i, x.Name, second[i].Name)
		}
		if seen[x.Name] {
			t.Errorf("two counters are called %s", x.Name)
		}
		seen[x.Name] = true
	}
}

func TestStatsCount(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	c, err := s.host.Inline("udp", ":7", func(reply, request []byte, _, _ netip.AddrPort) []byte { return append(reply, request...) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	src, dst := netip.AddrPortFrom(peer4, 999), netip.AddrPortFrom(host4, 7)
	for range 3 {
		s.sendBytes(ip4(peer4, host4, udpProto, udpDatagram(src, dst, []byte("x"), 0), 0, false))
	}
	closed := netip.AddrPortFrom(host4, 8)
	s.sendBytes(ip4(peer4, host4, udpProto, udpDatagram(src, closed, []byte("x"), 0), 0, false))
	s.settle("udpNoPorts", 1)
	for name, want := range map[string]uint64{
		"inline.hits": 3, "inline.replies": 3, "inline.drop": 0, "ipInReceives": 4, "ipInDelivers": 4, "icmpOutDestUnreachs": 1, "ifInPkts.eth0": 4,
	} {
		if got := s.stat(name); got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
}
