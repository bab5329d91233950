package stack

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// toGroup is an IPv6 packet to a group, or to another address of the same group of stations.
func toGroup(dst netip.Addr) []byte {
	f := ip6(peer6, dst, 17, make([]byte, 8))
	copy(f, header.EthernetAddressFromMulticastIPv6Address(toAddress(dst)))
	return f
}

func arpRequest(sender, target netip.Addr) []byte {
	b := arpAnnouncement(peerMAC, sender)
	copy(b[ethernet.HeaderLen+24:], target.AsSlice())
	return b
}

func arpReply(sender netip.Addr) []byte {
	b := arpRequest(sender, sender)
	b[ethernet.HeaderLen+7] = 2
	return b
}

func TestWants(t *testing.T) {
	var (
		other4  = netip.MustParseAddr("198.51.100.9")
		other   = ethernet.Addr{0x02, 0, 0, 0, 0, 0x0c}
		all     = ethernet.Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		address = netip.MustParseAddr
	)
	tests := []struct {
		name  string
		frame []byte
		want  bool
	}{
		{"nothing", nil, true}, // is counted as short
		{"half a header", all[:], true},
		{"to the host", etherFrame(peerMAC, hostMAC, ethernet.TypeIPv4, nil), true},
		{"to another station", etherFrame(peerMAC, other, ethernet.TypeIPv4, nil), false},
		{"to everybody", etherFrame(peerMAC, all, ethernet.TypeIPv4, nil), true},
		{"of another protocol", etherFrame(peerMAC, all, 0x8137, nil), true},
		{"request for the host", arpRequest(peer4, host4), true},
		{"request for another", arpRequest(peer4, other4), false},
		{"probe for the host", arpRequest(netip.IPv4Unspecified(), host4), true},
		{"claim of the host's address", arpAnnouncement(peerMAC, host4), true},
		{"request for another with the host's address", arpRequest(host4, other4), true},
		{"claim of another's address", arpAnnouncement(peerMAC, other4), false},
		{"reply to everybody", arpReply(other4), true},
		{"cut request", arpRequest(peer4, other4)[:30], true},
		{"all nodes", toGroup(address("ff02::1")), true},
		{"all routers", toGroup(address("ff02::2")), false},
		{"routers of groups", toGroup(address("ff02::16")), false},
		{"another group with the same station", toGroup(address("ff05::2")), true},
		{"the host's solicited-node group", toGroup(address("ff02::1:ff00:2")), true},
		{"another solicited-node group", toGroup(address("ff02::1:ff00:9")), false},
		{"cut packet", toGroup(address("ff02::2"))[:53], true},
	}
	s := newBareStation(t, InterfaceConfig{NoSLAAC: true})
	i, err := s.host.interfaceNamed("eth0")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := i.nic.wants.frame(tt.frame); got != tt.want {
				t.Errorf("got %v, want %v of %x", got, tt.want, tt.frame)
			}
			for n := range tt.frame {
				i.nic.wants.frame(tt.frame[:n])
			}
		})
	}
}

// TestWantsFollows: what is wanted is of the addresses that the host has, whoever gave them to it.
func TestWantsFollows(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	i, err := s.host.interfaceNamed("eth0")
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, frame []byte, want bool) {
		t.Helper()
		if got := i.nic.wants.frame(frame); got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	own := linkLocal(t, s.host).WithZone("").As16()
	solicitation := toGroup(netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: own[13], 14: own[14], 15: own[15]}))
	check("link-local address", solicitation, true)

	more4, more6 := netip.MustParsePrefix("203.0.113.7/24"), netip.MustParsePrefix("2001:db8:52::77/64")
	request, asked := arpRequest(peer4, more4.Addr()), toGroup(netip.MustParseAddr("ff02::1:ff00:77"))
	for _, p := range []netip.Prefix{more4, more6} {
		if err := s.host.AddAddress("eth0", p); err != nil {
			t.Fatal(err)
		}
		if err := s.host.AddAddress("eth0", p); err == nil {
			t.Errorf("%s was added twice", p)
		}
	}
	check("added IPv4 address", request, true)
	check("added IPv6 address", asked, true)
	for _, p := range []netip.Prefix{more4, more6} {
		if err := s.host.RemoveAddress("eth0", p); err != nil {
			t.Fatal(err)
		}
	}
	check("removed IPv4 address", request, false)
	check("removed IPv6 address", asked, false)
	check("address that stays", arpRequest(peer4, host4), true)
}

// TestWantsJoined: an application that joins a group of the link's own protocols gets what is sent to it.
func TestWantsJoined(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	group := netip.MustParseAddr("ff02::2")
	c := udpAt(t, s.host, "udp6", "[::]:4321")
	datagram := func() []byte {
		f := ip6(peer6, group, 17, udpDatagram(addrPortOf(peer6, 1), addrPortOf(group, 4321), []byte("routers"), 0))
		copy(f, header.EthernetAddressFromMulticastIPv6Address(toAddress(group)))
		return f
	}
	before := s.stat("ethernet.drop.otherhost")
	s.sendBytes(datagram())
	s.settle("ethernet.drop.otherhost", before+1)
	if err := c.JoinGroup("eth0", group); err != nil {
		t.Fatal(err)
	}
	s.sendBytes(datagram())
	if b, ok := s.receive(c, 5*time.Second); !ok || string(b) != "routers" {
		t.Errorf("got %q, %v, want the datagram", b, ok)
	}
}

// filteringDevice notes what it was told.
type filteringDevice struct {
	*pipe.End
	wants func(head []byte) bool
}

func (d *filteringDevice) SetFilter(f func(head []byte) bool) { d.wants = f }

// TestFilter: a device that can filter is told what is wanted before a frame is read.
func TestFilter(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	d := &filteringDevice{End: a}
	if _, err := h.AddInterface(d, InterfaceConfig{Addr: hostMAC, Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24)}}); err != nil {
		t.Fatal(err)
	}
	if d.wants == nil || !d.wants(arpRequest(peer4, host4)) || d.wants(arpRequest(peer4, peer4)) {
		t.Error("the device was not told what the interface wants")
	}
}

func TestWantsNoAllocation(t *testing.T) {
	var (
		w     wants
		drops atomic.Uint64
	)
	w.init(hostMAC, &drops)
	frames := [][]byte{arpRequest(peer4, host4), toGroup(netip.MustParseAddr("ff02::1:ff00:9"))}
	if n := testing.AllocsPerRun(100, func() {
		for _, f := range frames {
			w.frame(f)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
	if drops.Load() == 0 {
		t.Error("no drop was counted")
	}
}
