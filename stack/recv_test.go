package stack

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

const udpProto = uint8(header.UDPProtocolNumber)

// listenUDP opens a socket on the station's host.
func (s *station) listenUDP(network, addr string) net.PacketConn {
	s.t.Helper()
	pc, err := s.host.ListenPacket(network, addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { pc.Close() })
	return pc
}

// receive reads one datagram, or reports that none came.
func (s *station) receive(pc net.PacketConn, wait time.Duration) ([]byte, bool) {
	s.t.Helper()
	pc.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 65536)
	n, _, err := pc.ReadFrom(b)
	if os.IsTimeout(err) {
		return nil, false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return b[:n], true
}

func TestChecksums(t *testing.T) {
	defer goleak.VerifyNone(t)
	src4, dst4 := netip.AddrPortFrom(peer4, 999), netip.AddrPortFrom(host4, 53)
	src6, dst6 := netip.AddrPortFrom(peer6, 999), netip.AddrPortFrom(host6, 53)
	data := bytes.Repeat([]byte("tapestry"), 300)
	good4, bad4 := udpDatagram(src4, dst4, data, 0), udpDatagram(src4, dst4, data, 1)
	good6, bad6 := udpDatagram(src6, dst6, data, 0), udpDatagram(src6, dst6, data, 1)
	none4 := udpDatagram(src4, dst4, data[:800], 0)
	none4[6], none4[7] = 0, 0
	none6 := udpDatagram(src6, dst6, data[:800], 0)
	none6[6], none6[7] = 0, 0
	short4, shortBad4 := udpDatagram(src4, dst4, data[:800], 0), udpDatagram(src4, dst4, data[:800], 1)
	short6, shortBad6 := udpDatagram(src6, dst6, data[:800], 0), udpDatagram(src6, dst6, data[:800], 1)
	badHeader := ip4(peer4, host4, udpProto, short4, 0, false)
	badHeader[14+8]-- // TTL
	frames := func(b ...[]byte) (fs []link.Frame) {
		for _, x := range b {
			fs = append(fs, link.NewFrame(x))
		}
		return fs
	}
	partial := func(b []byte, ihl uint16) []link.Frame {
		f := link.NewFrame(b)
		f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, 14+ihl, 6
		return []link.Frame{f}
	}
	valid := func(b []byte) []link.Frame {
		f := link.NewFrame(b)
		f.DataValid = true
		return []link.Frame{f}
	}
	whole4 := func(u []byte) []byte { return ip4(peer4, host4, udpProto, u, 0, false) }
	whole6 := func(u []byte) []byte { return ip6(peer6, host6, udpProto, u) }
	fragments4 := func(u []byte) []link.Frame {
		return frames(ip4(peer4, host4, udpProto, u[:1480], 0, true), ip4(peer4, host4, udpProto, u[1480:], 1480, false))
	}
	fragments6 := func(u []byte) []link.Frame {
		return frames(ip6Fragment(peer6, host6, udpProto, u[:1448], 0, true), ip6Fragment(peer6, host6, udpProto, u[1448:], 1448, false))
	}
	for _, tt := range []struct {
		name   string
		frames []link.Frame
		want   bool
	}{
		{"v4 good", frames(whole4(short4)), true},
		{"v4 bad", frames(whole4(shortBad4)), false},
		{"v4 absent", frames(whole4(none4)), true},
		{"v4 bad IP header", frames(badHeader), false},
		{"v4 bad but partial", partial(whole4(shortBad4), 20), true},
		{"v4 bad but vouched for", valid(whole4(shortBad4)), true},
		{"v4 fragments good", fragments4(good4), true},
		{"v4 fragments bad", fragments4(bad4), false},
		{"v6 good", frames(whole6(short6)), true},
		{"v6 bad", frames(whole6(shortBad6)), false},
		{"v6 absent", frames(whole6(none6)), false},
		{"v6 bad but partial", partial(whole6(shortBad6), 40), true},
		{"v6 fragments good", fragments6(good6), true},
		{"v6 fragments bad", fragments6(bad6), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStation(t, InterfaceConfig{})
			pc := s.listenUDP("udp", ":53")
			for _, f := range tt.frames {
				s.send(f)
			}
			// A good datagram behind tells when the frames before it were dealt with.
			end := []byte("end")
			s.sendBytes(ip4(peer4, host4, udpProto, udpDatagram(src4, dst4, end, 0), 0, false))
			got, ok := s.receive(pc, 5*time.Second)
			if !ok {
				t.Fatal("nothing received, not even the last datagram")
			}
			if arrived := !bytes.Equal(got, end); arrived != tt.want {
				t.Fatalf("arrived %v, want %v", arrived, tt.want)
			} else if arrived && !bytes.Equal(got, data[:len(got)]) {
				t.Fatal("the data is not what was sent")
			}
		})
	}
}

// goldenTrace is the course's Ethernet trace: a TFTP exchange, with a checksum of zero in its second frame and padding
// that is not zero in its third.
var goldenTrace = []string{
	"08002010b67c080020751388080045 00002f3c224000ff11075593d2080393d2089fc57f0045001ba0d200016c6b6a66647366006e6574617363696900",
	"08002075138808002010b67c08004500002f253000003c11214893d2089f93d208030f64c57f001b00000005000146696c65206e6f7420666f756e6400",
	"08002010b67c08002075138808004500002 03c234000ff11076393d2080393d2089fc57f0f64000cf2a600040001" + "0000002000000001ffffffffffff0000",
}

func TestGoldenTrace(t *testing.T) {
	frame := func(i int) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(goldenTrace[i], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	server := InterfaceConfig{
		Addr:      ethernet.Addr{0x08, 0x00, 0x20, 0x10, 0xb6, 0x7c},
		Addresses: []netip.Prefix{netip.MustParsePrefix("147.210.8.159/24")},
	}
	client := InterfaceConfig{
		Addr:      ethernet.Addr{0x08, 0x00, 0x20, 0x75, 0x13, 0x88},
		Addresses: []netip.Prefix{netip.MustParsePrefix("147.210.8.3/24")},
	}
	for _, tt := range []struct {
		name  string
		frame int
		conf  InterfaceConfig
		local string
		want  string
	}{
		{"read request", 0, server, ":69", "\x00\x01lkjfdsf\x00netascii\x00"},
		{"error with checksum zero", 1, client, ":50559", "\x00\x05\x00\x01File not found\x00"},
		{"acknowledgement with padding", 2, server, ":3940", "\x00\x04\x00\x01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newBareStation(t, tt.conf)
			pc := s.listenUDP("udp4", tt.local)
			s.sendBytes(frame(tt.frame))
			got, ok := s.receive(pc, 5*time.Second)
			if !ok || string(got) != tt.want {
				t.Fatalf("got %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
}

func TestDrops(t *testing.T) {
	good := ip4(peer4, host4, udpProto, udpDatagram(netip.AddrPortFrom(peer4, 9), netip.AddrPortFrom(host4, 53), []byte("x"), 0), 0, false)
	other := append([]byte{}, good...)
	other[5]++
	for _, tt := range []struct {
		name    string
		frame   []byte
		counter string
	}{
		{"one octet", good[:1], "ethernet.drop.short"},
		{"header cut", good[:13], "ethernet.drop.short"},
		{"larger than the MTU", append(good, make([]byte, 1600)...), "ethernet.drop.toolong"},
		{"for another station", other, "ethernet.drop.otherhost"},
		{"unknown protocol", etherFrame(peerMAC, hostMAC, 0x9999, make([]byte, 46)), "ethernet.drop.unknownprotocol"},
		{"no IP header", good[:14], "ipInHdrErrors"},
		{"IP header cut", good[:20], "ipInHdrErrors"},
		{"UDP header cut", ip4(peer4, host4, udpProto, []byte{1, 2, 3}, 0, false), "transport.drop.malformed"},
		{"ARP cut", etherFrame(peerMAC, hostMAC, ethernet.TypeARP, make([]byte, 10)), "arp.drop.malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStation(t, InterfaceConfig{})
			before := s.stat(tt.counter)
			i, _ := s.host.interfaceByName("eth0")
			f := link.NewFrame(tt.frame) // past the device, which drops some of these by itself
			i.nic.receive(&f)
			s.settle(tt.counter, before+1)
		})
	}
}

// What the adapter itself does for a frame allocates nothing.
func TestReceiveAllocates(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	i, _ := s.host.interfaceByName("eth0")
	seg := make([]byte, 24)
	seg[12], seg[13] = 6<<4, 0x10
	echo := append([]byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}, make([]byte, 300)...)
	for _, tt := range []struct {
		name string
		b    []byte
		typ  ethernet.EtherType
	}{
		{"TCP v4", ip4(peer4, host4, 6, seg, 0, false), ethernet.TypeIPv4},
		{"TCP v6", ip6(peer6, host6, 6, seg), ethernet.TypeIPv6},
		{"ping", ip4(peer4, host4, 1, echo, 0, false), ethernet.TypeIPv4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := chunked(tt.b, 128)
			defer f.Release()
			if n := testing.AllocsPerRun(100, func() { i.nic.accept(&f, tt.typ, 14) }); n >= 1 {
				t.Errorf("%v allocations a frame", n)
			}
		})
	}
}

// chunked is a frame whose first chunk has at most first octets.
func chunked(b []byte, first int) link.Frame {
	f := link.NewFrame(b[:min(first, len(b))])
	if len(b) > first {
		rest := link.NewFrame(b[first:])
		f.Data.Merge(&rest.Data)
	}
	return f
}

func BenchmarkReceive(b *testing.B) {
	s := newStation(b, InterfaceConfig{})
	i, _ := s.host.interfaceByName("eth0")
	u := udpDatagram(netip.AddrPortFrom(peer4, 999), netip.AddrPortFrom(host4, 9), []byte("x"), 0)
	frame := ip4(peer4, host4, udpProto, u, 0, false)
	c, err := s.host.Inline("udp", ":9", func(reply, _ []byte, _, _ netip.AddrPort) []byte { return reply })
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		f := link.NewFrame(frame)
		i.nic.receive(&f)
	}
}

// bursts is a queue that gives frames of no use, four at a time.
type bursts struct {
	link.Queue
	left, most int // most is the room that a reader had
}

func (b *bursts) ReadFrames(f []link.Frame) (int, error) {
	b.most = max(b.most, len(f))
	if b.left--; b.left < 0 {
		return 0, net.ErrClosed
	}
	for i := range f[:fewFrames] {
		f[i] = link.NewFrame([]byte("runt"))
	}
	return fewFrames, nil
}

// TestReadRoom: a super-frame of many small datagrams does not have readers ask for as many frames at once.
func TestReadRoom(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	i, _ := s.host.interfaceByName("eth0")
	s.listenUDP("udp4", ":9000")
	for range 20 { // a pool may forget
		u := udpDatagram(addrPortOf(peer4, 5000), addrPortOf(host4, 9000), make([]byte, 1000), 0)
		f := link.NewFrame(ip4(peer4, host4, udpProto, u, 0, false))
		f.GSO, f.GSOSize = link.GSOUDP, 1
		i.nic.receive(&f)
		b := &bursts{left: 3}
		i.nic.read(b)
		if b.most != batchFrames {
			t.Fatalf("room for %d frames, want %d", b.most, batchFrames)
		}
	}
}
