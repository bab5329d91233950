package stack

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
)

func isARPAnnouncement(b []byte) bool {
	return len(b) >= 42 && b[12] == 8 && b[13] == 6 &&
		bytes.Equal(b[28:32], host4.AsSlice()) && bytes.Equal(b[38:42], host4.AsSlice())
}

func isNeighborAdvertisement(b []byte) bool {
	return len(b) >= 86 && b[12] == 0x86 && b[20] == 58 && b[54] == 136 && bytes.Equal(b[62:78], host6.AsSlice())
}

func TestAnnounceStaticAddresses(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	arp := s.expect("a gratuitous ARP request", isARPAnnouncement)
	if got := ethernet.Addr(arp[22:28]); got != hostMAC {
		t.Errorf("announced station %v, want %v", got, hostMAC)
	}
	na := s.expect("an unsolicited neighbour advertisement", isNeighborAdvertisement)
	sum := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, toAddress(host6), header.IPv6AllNodesMulticastAddress, uint16(len(na)-54))
	if checksum.Checksum(na[54:], sum) != 0xffff {
		t.Error("the advertisement's checksum is wrong")
	}
}

func TestDefendAddress(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	s.expect("the first announcement", isARPAnnouncement)
	s.sendBytes(arpAnnouncement(peerMAC, peer4)) // its own address
	claim := arpAnnouncement(peerMAC, host4)
	s.sendBytes(claim)
	s.expect("an announcement in defence", isARPAnnouncement)
	s.sendBytes(claim)
	s.settle("address.conflicts", 2)
	if n := s.stat("address.conflicts"); n != 2 {
		t.Errorf("address.conflicts = %d, want 2", n)
	}
}

// Each address has an interval of its own, and IPv6 addresses are defended like the others.
func TestDefendEachAddress(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	s.expect("the first ARP announcement", isARPAnnouncement)
	s.expect("the first advertisement", isNeighborAdvertisement)
	s.sendBytes(arpAnnouncement(peerMAC, host4))
	s.expect("an ARP announcement in defence", isARPAnnouncement)
	claim := neighborAdvertisement(peerMAC, host6)
	s.sendBytes(claim)
	s.expect("an advertisement in defence", isNeighborAdvertisement)
	s.sendBytes(neighborAdvertisement(peerMAC, peer6)) // its own address
	s.sendBytes(claim)
	s.settle("address.conflicts", 3)
	if n := s.stat("address.conflicts"); n != 3 {
		t.Errorf("address.conflicts = %d, want 3", n)
	}
}

func TestAddressesAreUsableAtOnce(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	want := []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)}
	got := s.host.Interfaces()[0].Addresses
	for _, p := range got {
		if !slices.Contains(want, p) && !p.Addr().IsLinkLocalUnicast() {
			t.Errorf("%v is none of the addresses that were given", p)
		}
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("addresses %v lack %v", got, p)
		}
	}
}

// routerAdvertisement announces a prefix for SLAAC (RFC 4861 §4.2, §4.6.2).
func routerAdvertisement(prefix netip.Prefix) []byte {
	router := netip.MustParseAddr("fe80::1")
	b := make([]byte, 16+32)
	b[0], b[4] = 134, 64
	binary.BigEndian.PutUint16(b[6:], 1800)
	o := b[16:]
	o[0], o[1], o[2], o[3] = 3, 4, byte(prefix.Bits()), 0xc0
	binary.BigEndian.PutUint32(o[4:], 7200)
	binary.BigEndian.PutUint32(o[8:], 3600)
	copy(o[16:], prefix.Addr().AsSlice())
	all := header.IPv6AllNodesMulticastAddress
	sum := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, toAddress(router), all, uint16(len(b)))
	binary.BigEndian.PutUint16(b[2:], ^checksum.Checksum(b, sum))
	f := ip6(router, netip.MustParseAddr("ff02::1"), 58, b)
	copy(f, header.EthernetAddressFromMulticastIPv6Address(all))
	return f
}

func TestSLAAC(t *testing.T) {
	prefix := netip.MustParsePrefix("2001:db8:77::/64")
	for _, tt := range []struct {
		name string
		conf InterfaceConfig
		want bool
	}{
		{"on", InterfaceConfig{}, true},
		{"off", InterfaceConfig{NoSLAAC: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newBareStation(t, tt.conf)
			before := s.stat("icmp6InRouterAdvertisements")
			s.sendBytes(routerAdvertisement(prefix))
			s.settle("icmp6InRouterAdvertisements", before+1)
			has := func() bool {
				return slices.ContainsFunc(s.host.Interfaces()[0].Addresses, func(p netip.Prefix) bool { return prefix.Contains(p.Addr()) })
			}
			for end := time.Now().Add(5 * time.Second); tt.want && !has() && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			if has() != tt.want {
				t.Errorf("an address of %v: %v, want %v", prefix, has(), tt.want)
			}
			defaultRoute := slices.ContainsFunc(s.host.Routes(), func(r Route) bool { return r.Destination.Bits() == 0 })
			if defaultRoute != tt.want {
				t.Errorf("a default route: %v, want %v", defaultRoute, tt.want)
			}
		})
	}
}

func TestLinkLocal(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	deadline := time.Now().Add(5 * time.Second)
	for {
		if slices.ContainsFunc(s.host.Interfaces()[0].Addresses, func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no link-local address: %v", s.host.Interfaces()[0].Addresses)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDuplicateLinkLocal(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{})
	isProbe := func(b []byte) bool { // a neighbour solicitation from the unspecified address (RFC 4862 §5.4.2)
		return len(b) >= 78 && b[12] == 0x86 && b[20] == 58 && b[54] == 135 && b[62] == 0xfe && bytes.Equal(b[22:38], make([]byte, 16))
	}
	probe := s.expect("a probe of its link-local address", isProbe)
	target := netip.AddrFrom16([16]byte(probe[62:78]))
	na := neighborAdvertisement(peerMAC, target)
	s.sendBytes(na)
	s.settle("address.conflicts", 1)
	if slices.ContainsFunc(s.host.Interfaces()[0].Addresses, func(p netip.Prefix) bool { return p.Addr() == target }) {
		t.Errorf("the duplicate address %v is in use", target)
	}
}

func TestNoIPv6(t *testing.T) {
	s := newBareStation(t, InterfaceConfig{NoIPv6: true, Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24)}})
	s.expect("the first announcement", isARPAnnouncement)
	for {
		select {
		case b := <-s.out:
			if b[12] == 0x86 {
				t.Fatalf("an IPv6 frame left: %x", b)
			}
		case <-time.After(1500 * time.Millisecond): // longer than the delay of the first router solicitation
			return
		}
	}
}
