package stack

import (
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
	"tapestry/stack/ipx"
)

// ipxOn makes a host with an interface and a network for each device, each in frames of the next type.
func ipxOn(t *testing.T, c Config, networks []ipx.Network, kinds []ethernet.Kind, devs ...link.Device) *Host {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	for k, d := range devs {
		i, err := h.AddInterface(d, InterfaceConfig{Name: d.Info().Name})
		if err == nil {
			err = i.AddIPX(IPXConfig{Frame: kinds[k], Network: networks[k]})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// hopsTo gives the hops of the host's route to a network, 0 if it has none.
func hopsTo(h *Host, network ipx.Network) (hops uint16) {
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		for _, r := range n.Routes() {
			if r.Network == network && r.Hops < 16 {
				hops = r.Hops
			}
		}
	})
	return hops
}

// TestIPXCarrier: a router whose cable goes tells the others at once that the networks behind it are down, long before
// their age would.
func TestIPXCarrier(t *testing.T) {
	cable := func(a, b string) (link.Device, link.Device) {
		x, y := pipe.New(pipe.Config{Names: [2]string{a, b}})
		return x, y
	}
	router := Config{IPX: ipx.Config{Router: true}}
	a0, r10 := cable("eth0", "eth0")
	r11, r20 := cable("eth1", "eth0")
	r21, c0 := cable("eth1", "eth0")
	raw, llc, snap := ethernet.KindRaw, ethernet.KindLLC, ethernet.KindSNAP
	nets := []ipx.Network{0xcafe, 0xbeef, 0xf00d}
	ipxOn(t, router, nets[:2], []ethernet.Kind{raw, llc}, r10, r11)
	r2 := ipxOn(t, router, nets[1:], []ethernet.Kind{llc, snap}, r20, r21)
	a := ipxOn(t, Config{}, nets[:1], []ethernet.Kind{raw}, a0)
	c := ipxOn(t, Config{}, nets[2:], []ethernet.Kind{snap}, c0)
	eventually(t, "the end of the row is known", func() bool { return hopsTo(a, 0xf00d) > 0 && hopsTo(c, 0xcafe) > 0 })
	server, err := c.ListenPacket("ipx", ":4001")
	if err != nil {
		t.Fatal(err)
	}
	client, err := a.Dial("ipx", ipx.Addr{Net: 0xf00d, Node: c.ipxNode(t), Socket: 0x4001}.String())
	if err != nil {
		t.Fatal(err)
	}
	client.SetDeadline(time.Now().Add(testTimeout))
	server.SetDeadline(time.Now().Add(testTimeout))
	exchange(t, client, server, noise(101))
	r2.Close()
	eventually(t, "the cut is known", func() bool { return hopsTo(a, 0xf00d) == 0 })
	eventually(t, "what was behind the router is gone", func() bool { return hopsTo(c, 0xcafe) == 0 })
}
