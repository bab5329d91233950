package stack

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/gopacket/pcapgo"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// openHost is a host with sockets of every kind open, for hostile frames.
func openHost(t testing.TB) *station {
	s := newStation(t, InterfaceConfig{})
	for _, network := range []string{"tcp", "udp"} {
		switch network {
		case "tcp":
			l, err := s.host.Listen("tcp", ":80")
			if err != nil {
				t.Fatal(err)
			}
			go func() { // ends with the host
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					c.Close()
				}
			}()
		case "udp":
			s.listenUDP("udp", ":53")
		}
	}
	if _, err := s.host.Inline("udp", ":7", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		return append(reply, request...)
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { // a connection half open towards the station; ends with the context
		if c, err := s.host.DialContext(ctx, "tcp", net.JoinHostPort(peer4.String(), "80")); err == nil {
			c.Close()
		}
	}()
	return s
}

// frameSeeds are frames of every kind that the host understands.
func frameSeeds() [][]byte {
	src, dst := netip.AddrPortFrom(peer4, 999), netip.AddrPortFrom(host4, 7)
	src6, dst6 := netip.AddrPortFrom(peer6, 999), netip.AddrPortFrom(host6, 7)
	u4, u6 := udpDatagram(src, dst, []byte("hello"), 0), udpDatagram(src6, dst6, []byte("hello"), 0)
	syn := make([]byte, 24)
	binary.BigEndian.PutUint16(syn, 999)
	binary.BigEndian.PutUint16(syn[2:], 80)
	syn[12], syn[13], syn[20], syn[21], syn[22] = 6<<4, 2, 2, 4, 5
	quoted := ip4(host4, peer4, 6, syn, 0, false)[14:]
	return [][]byte{
		ip4(peer4, host4, udpProto, u4, 0, false),
		ip4(peer4, host4, udpProto, u4[:8], 0, true), ip4(peer4, host4, udpProto, u4[8:], 8, false),
		ip6(peer6, host6, udpProto, u6),
		ip6Fragment(peer6, host6, udpProto, u6[:8], 0, true), ip6Fragment(peer6, host6, udpProto, u6[8:], 8, false),
		ip4(peer4, host4, 6, syn, 0, false), ip6(peer6, host6, 6, syn),
		ip4(peer4, host4, 1, []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}, 0, false),
		icmpError4(3, 4, 68, quoted), icmpError6(2, 0, 1280, ip6(host6, peer6, 6, syn)[14:]),
		arpAnnouncement(peerMAC, peer4), neighborAdvertisement(peerMAC, peer6),
		routerAdvertisement(netip.MustParsePrefix("2001:db8:77::/64")),
		etherFrame(peerMAC, hostMAC, ethernet.TypeVLAN, append([]byte{0, 5, 8, 0}, ip4(peer4, host4, udpProto, u4, 0, false)[14:]...)),
		etherFrame(peerMAC, hostMAC, 38, append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, make([]byte, 30)...)),
		etherFrame(peerMAC, hostMAC, 30, append([]byte{0xff, 0xff}, make([]byte, 44)...)),
	}
}

// captured are the frames of the captures that TAPESTRY_CAPTURES names.
func captured() (fs [][]byte) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("TAPESTRY_CAPTURES"), "*.pcap"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		r, err := pcapgo.NewReader(f)
		if err != nil {
			continue
		}
		for {
			b, _, err := r.ReadPacketData()
			if err != nil {
				break
			}
			fs = append(fs, b)
		}
	}
	return fs
}

// maxStray is how many goroutines hostile frames may have at work at one moment: timers and half-open connections.
const maxStray = 1024

// FuzzHost gives a host frames from nobody it knows, with any metadata, and holds that it goes on serving.
func FuzzHost(f *testing.F) {
	for _, b := range append(frameSeeds(), captured()...) {
		f.Add(b, uint8(0), uint16(0), uint16(0), uint16(0))
		f.Add(b, uint8(0x11), uint16(34), uint16(6), uint16(1000))
	}
	s := openHost(f)
	before := runtime.NumGoroutine()
	frames := 0
	f.Fuzz(func(t *testing.T, b []byte, flags uint8, start, offset, size uint16) {
		if len(b) >= ethernet.AddrLen && b[0]&1 == 0 {
			copy(b, hostMAC[:]) // most of what is for others is not looked at
		}
		fr := link.NewFrame(b)
		fr.NeedsChecksum, fr.DataValid = flags&1 != 0, flags&2 != 0
		fr.CsumStart, fr.CsumOffset = start, offset
		fr.GSO, fr.GSOSize = link.GSO(flags>>4), size
		i, _ := s.host.interfaceByName("eth0")
		i.nic.receive(&fr)
		if frames++; frames%4096 == 0 {
			s.stillServes(t)
		}
		if n := runtime.NumGoroutine(); n > before+maxStray {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d at the start:\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
		}
	})
}

// stillServes holds that the host answers on its own addresses.
func (s *station) stillServes(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), receiveTime)
	defer cancel()
	for _, a := range []netip.Addr{host4, host6} {
		c, err := s.host.DialContext(ctx, "tcp", netip.AddrPortFrom(a, 80).String())
		if err != nil {
			t.Fatalf("after hostile frames: %v", err)
		}
		c.Close()
	}
}
