package interop

import (
	"net/netip"
	"testing"
	"time"

	"tapestry/link/packet"
	"tapestry/link/segment"
	"tapestry/link/vxlan"
	"tapestry/stack"
)

// Addresses of the tunnel's ends.
const (
	ovsUnder  = "198.51.100.193"
	oursUnder = "198.51.100.194"
	tunnelVNI = 4711
)

// testVXLAN stretches a segment of ours to a bridge of Open vSwitch's, which makes and reads the tunnel's packets itself.
// Our end is a UDP socket of a host of ours, on the wire between the two.
//
//	station ── segment ── vxlan ── host ═══ underlay ═══ bridge under ── tunnel port ── bridge over ── kernel
func testVXLAN(t *testing.T, o *ovs) {
	file := t.TempDir() + "/underlay.pcapng"
	under := makeUnderlay(t, o, file)
	conn, err := under.ListenPacket("udp", oursUnder+":4789")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := vxlan.New(vxlan.Config{Conn: conn, VNI: tunnelVNI, Peers: []netip.AddrPort{netip.MustParseAddrPort(ovsUnder + ":4789")}})
	if err != nil {
		t.Fatal(err)
	}
	s := newSegment(t, segment.Config{Name: "stretched"})
	bridge(t, s, dev, segment.PortConfig{})
	station := newHost(t, s, segment.PortConfig{Name: "station"}, "203.0.113.194/26")

	o.vsctl(t, "add-br", "over", "--", "set", "bridge", "over", "datapath_type=netdev", "fail_mode=standalone",
		"--", "add-port", "over", "tunnel", "--", "set", "interface", "tunnel", "type=vxlan",
		"options:remote_ip="+oursUnder, "options:key=4711")
	t.Cleanup(func() { o.vsctl(t, "del-br", "over") })
	ip(t, "address", "add", "203.0.113.193/26", "dev", "over")
	ip(t, "link", "set", "over", "mtu", "1400", "up")

	eventually(t, 10*time.Second, "the station reaches the kernel through the tunnel", func() bool { return pings(station, "203.0.113.193") })
	run(t, "ping", "-c", "2", "-i", "0.2", "-W", "2", "-s", "1372", "-M", "do", "203.0.113.194")
	station.Close()
	s.Close()
	under.Close()
	wireshark(t, file, "vxlan.vni=4711 icmp", "vxlan.vni=4711 arp")
}

// makeUnderlay makes the wire with a host of ours and Open vSwitch at its ends, and captures it.
func makeUnderlay(t *testing.T, o *ovs, file string) *stack.Host {
	veth(t, "under0", "under0p")
	o.vsctl(t, "add-br", "under", "--", "set", "bridge", "under", "datapath_type=netdev", "fail_mode=standalone",
		"--", "add-port", "under", "under0")
	t.Cleanup(func() { o.vsctl(t, "del-br", "under") })
	ip(t, "address", "add", ovsUnder+"/26", "dev", "under")
	ip(t, "link", "set", "under", "up")

	dev := captured(t, openVeth(t, packet.Config{Interface: "under0p", NoChecksum: true}), file)
	h, err := stack.New(stack.Config{Name: "under"})
	if err != nil {
		dev.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	a := netip.MustParsePrefix(oursUnder + "/26")
	if _, err := h.AddInterface(dev, stack.InterfaceConfig{Addresses: []netip.Prefix{a}, NoIPv6: true}); err != nil {
		t.Fatal(err)
	}
	return h
}
