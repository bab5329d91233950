package stack

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tapestry/link/pipe"
)

// TestSmallMTU holds that a device which is too narrow for IPv6 gets an interface with IPv4 alone, and gets it at all: the
// engine's first report of group memberships would never end.
func TestSmallMTU(t *testing.T) {
	for _, mtu := range []int{68, 576, 1279, 1280} {
		for _, noIPv6 := range []bool{false, true} {
			a, b := pipe.New(pipe.Config{MTU: mtu})
			defer b.Close()
			h, err := New(Config{Name: "alpha"})
			if err != nil {
				t.Fatal(err)
			}
			added := make(chan error, 1)
			go func() { // ends when the interface is there
				_, err := h.AddInterface(a, InterfaceConfig{NoIPv6: noIPv6, Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24)}})
				added <- err
			}()
			select {
			case err := <-added:
				if err != nil {
					t.Fatalf("MTU %d: %v", mtu, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("MTU %d: no interface after 10 s", mtu)
			}
			i := h.Interfaces()[0]
			if i.MTU != mtu {
				t.Errorf("MTU %d, want %d", i.MTU, mtu)
			}
			if got := hasIPv6(i); got != (mtu >= minMTU6 && !noIPv6) {
				t.Errorf("MTU %d, NoIPv6 %v: has IPv6 addresses: %v", mtu, noIPv6, got)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func hasIPv6(i InterfaceInfo) bool {
	for _, p := range i.Addresses {
		if p.Addr().Is6() {
			return true
		}
	}
	return false
}

func TestSmallMTURefusesIPv6(t *testing.T) {
	a, b := pipe.New(pipe.Config{MTU: 1279})
	defer b.Close()
	h, err := New(Config{Name: "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	_, err = h.AddInterface(a, InterfaceConfig{Addresses: []netip.Prefix{netip.PrefixFrom(host6, 64)}})
	if err == nil || !strings.Contains(err.Error(), "IPv6 needs an MTU of 1280") {
		t.Errorf("%v, want an error about the MTU", err)
	}
}
