package stack

import (
	"net/netip"
	"slices"
	"testing"

	"tapestry/link/ethernet"
)

func TestAddresses(t *testing.T) {
	h := newStation(t, InterfaceConfig{}).host
	second := netip.MustParsePrefix("198.51.100.3/24")
	onLink := func() (n int) {
		for _, r := range h.Routes() {
			if r.Destination == second.Masked() {
				n++
			}
		}
		return n
	}
	if err := h.AddAddress("eth0", second); err != nil {
		t.Fatal(err)
	}
	if n := onLink(); n != 1 {
		t.Errorf("%d routes for a subnet with two addresses, want 1", n)
	}
	if err := h.AddAddress("eth0", second); err == nil {
		t.Error("an address was added twice")
	}
	if err := h.RemoveAddress("eth0", second); err != nil {
		t.Fatal(err)
	}
	if n := onLink(); n != 1 {
		t.Errorf("%d routes after one of two addresses was removed, want 1", n)
	}
	if err := h.RemoveAddress("eth0", netip.PrefixFrom(host4, 24)); err != nil {
		t.Fatal(err)
	}
	if n := onLink(); n != 0 {
		t.Errorf("%d routes after the last address was removed, want none", n)
	}
	for _, bad := range []string{"0.0.0.0/0", "224.0.0.1/4", "::/0", "ff02::1/64"} {
		if err := h.AddAddress("eth0", netip.MustParsePrefix(bad)); err == nil {
			t.Errorf("%s was taken as an address", bad)
		}
	}
	if err := h.AddAddress("eth9", second); err == nil {
		t.Error("an interface that is not there was accepted")
	}
}

func TestRoutes(t *testing.T) {
	h := newStation(t, InterfaceConfig{}).host
	for _, tt := range []struct {
		name string
		dst  string
		gw   string
		ok   bool
	}{
		{"default", "0.0.0.0/0", "198.51.100.1", true},
		{"default, IPv6", "::/0", "fe80::1", true},
		{"gateway off the link", "203.0.113.0/24", "203.0.113.1", false},
		{"gateway of the other version", "203.0.113.0/24", "2001:db8:51::1", false},
		{"on link", "203.0.113.0/24", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Route{Destination: netip.MustParsePrefix(tt.dst), Interface: "eth0"}
			if tt.gw != "" {
				r.Gateway = netip.MustParseAddr(tt.gw)
			}
			if err := h.AddRoute(r); (err == nil) != tt.ok {
				t.Fatalf("AddRoute: %v, want success %v", err, tt.ok)
			}
			if has := slices.Contains(h.Routes(), r); has != tt.ok {
				t.Errorf("in the table: %v, want %v", has, tt.ok)
			}
			if err := h.RemoveRoute(r); (err == nil) != tt.ok {
				t.Errorf("RemoveRoute: %v, want success %v", err, tt.ok)
			}
		})
	}
}

func TestNeighbors(t *testing.T) {
	h := newStation(t, InterfaceConfig{}).host
	want := Neighbor{Addr: peer4, Link: peerMAC, State: "static", Interface: "eth0"}
	if ns := h.Neighbors(); !slices.Contains(ns, want) {
		t.Errorf("neighbours %v lack %v", ns, want)
	}
	if err := h.RemoveNeighbor("eth0", peer4); err != nil {
		t.Fatal(err)
	}
	if ns := h.Neighbors(); slices.ContainsFunc(ns, func(n Neighbor) bool { return n.Addr == peer4 }) {
		t.Errorf("%v was removed and is in %v", peer4, ns)
	}
	if err := h.RemoveNeighbor("eth0", peer4); err == nil {
		t.Error("a neighbour was removed twice")
	}
	if err := h.AddNeighbor(Neighbor{Addr: peer4, Link: ethernet.Addr{2}, Interface: "eth9"}); err == nil {
		t.Error("an interface that is not there was accepted")
	}
}
