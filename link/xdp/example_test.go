package xdp_test

import (
	"fmt"
	"net/netip"

	"tapestry/link/xdp"
)

// A device that shares an interface with the kernel: it takes what is for one address and leaves the rest.
func ExampleOpen() {
	d, err := xdp.Open(xdp.Config{
		Interface: "eth1",
		Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.2")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	fmt.Println(d.Info().Name, d.Mode())
}

// A host that answers pings although its process sleeps.
func ExampleDevice_ResponderStats() {
	d, err := xdp.Open(xdp.Config{
		Interface: "eth1",
		Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("2001:db8::2")},
		Responder: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	fmt.Println(d.Mode().Responder, d.ResponderStats().Echo4)
}
