package stack

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// The station of a test: it writes frames to a host and reads what the host sends.
var (
	hostMAC = ethernet.Addr{0x02, 0, 0, 0, 0, 0x0a}
	peerMAC = ethernet.Addr{0x02, 0, 0, 0, 0, 0x0b}
	host4   = netip.MustParseAddr("198.51.100.2")
	peer4   = netip.MustParseAddr("198.51.100.1")
	host6   = netip.MustParseAddr("2001:db8:51::2")
	peer6   = netip.MustParseAddr("2001:db8:51::1")
)

type station struct {
	t    testing.TB
	host *Host
	end  *pipe.End
	out  chan []byte // frames that the host sent
}

// newStation makes a host and a cable to it, and tells the host the station's addresses.
func newStation(t testing.TB, c InterfaceConfig) *station {
	t.Helper()
	s := newBareStation(t, c)
	for _, p := range []netip.Addr{peer4, peer6} {
		if err := s.host.AddNeighbor(Neighbor{Addr: p, Link: peerMAC, Interface: "eth0"}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// newBareStation is newStation without neighbours.
func newBareStation(t testing.TB, c InterfaceConfig) *station {
	t.Helper()
	a, b := pipe.New(pipe.Config{Offload: pipe.AllOffloads, Names: [2]string{"eth0", "peer"}})
	h, err := New(Config{Name: "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr.IsZero() {
		c.Addr = hostMAC
	}
	if c.Addresses == nil {
		c.Addresses = []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)}
	}
	s := &station{t: t, host: h, end: b, out: make(chan []byte, 4096)}
	if _, err := h.AddInterface(a, c); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when the cable's end is closed
		defer close(done)
		var f [16]link.Frame
		for {
			n, err := b.ReadFrames(f[:])
			if err != nil {
				return
			}
			for i := range f[:n] {
				select {
				case s.out <- f[i].AppendTo(nil):
				default:
				}
				f[i].Release()
			}
		}
	}()
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		b.Close()
		<-done
	})
	return s
}

// send gives the host a frame.
func (s *station) send(f link.Frame) {
	s.t.Helper()
	if s.end.WriteFrames([]link.Frame{f}) != 1 {
		s.t.Fatal("the cable dropped a frame")
	}
}

func (s *station) sendBytes(b []byte) { s.t.Helper(); s.send(link.NewFrame(b)) }

// expect returns the first frame that the host sends and want accepts.
func (s *station) expect(what string, want func(b []byte) bool) []byte {
	s.t.Helper()
	deadline := time.After(5 * time.Second)
	for {
		select {
		case b := <-s.out:
			if want(b) {
				return b
			}
		case <-deadline:
			s.t.Fatalf("the host did not send %s", what)
		}
	}
}

// stat reads a counter by name.
func (s *station) stat(name string) uint64 {
	s.t.Helper()
	return statOf(s.t, s.host, name)
}

// settle waits until a counter has reached want, and fails if it never does.
func (s *station) settle(name string, want uint64) {
	s.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for s.stat(name) < want {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s = %d, want %d", name, s.stat(name), want)
		}
		time.Sleep(time.Millisecond)
	}
}

// receiveTime is how long a test waits for what must come.
const receiveTime = 5 * time.Second

func addrPortOf(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }

func etherFrame(src, dst ethernet.Addr, t ethernet.EtherType, payload []byte) []byte {
	b := append(append([]byte{}, dst[:]...), src[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(t))
	return append(b, payload...)
}

// udpDatagram is a UDP header and payload with a good checksum, plus bad.
func udpDatagram(src, dst netip.AddrPort, payload []byte, bad uint16) []byte {
	b := make([]byte, header.UDPMinimumSize+len(payload))
	copy(b[8:], payload)
	u := header.UDP(b)
	u.Encode(&header.UDPFields{SrcPort: src.Port(), DstPort: dst.Port(), Length: uint16(len(b))})
	sum := header.PseudoHeaderChecksum(header.UDPProtocolNumber, toAddress(src.Addr()), toAddress(dst.Addr()), uint16(len(b)))
	u.SetChecksum(^checksum.Checksum(b, sum) + bad)
	return b
}

// ip4 wraps a payload, or the part of it that a fragment carries.
func ip4(src, dst netip.Addr, proto uint8, payload []byte, off int, more bool) []byte {
	b := make([]byte, header.IPv4MinimumSize+len(payload))
	f := header.IPv4Fields{
		TotalLength: uint16(len(b)), ID: 77, TTL: 64, Protocol: proto, FragmentOffset: uint16(off),
		SrcAddr: toAddress(src), DstAddr: toAddress(dst),
	}
	if more {
		f.Flags = header.IPv4FlagMoreFragments
	}
	ip := header.IPv4(b)
	ip.Encode(&f)
	ip.SetChecksum(^ip.CalculateChecksum())
	copy(b[header.IPv4MinimumSize:], payload)
	return etherFrame(peerMAC, hostMAC, ethernet.TypeIPv4, b)
}

func ip6(src, dst netip.Addr, next uint8, payload []byte) []byte {
	b := make([]byte, header.IPv6MinimumSize, header.IPv6MinimumSize+len(payload))
	header.IPv6(b).Encode(&header.IPv6Fields{
		PayloadLength: uint16(len(payload)), HopLimit: 255, SrcAddr: toAddress(src), DstAddr: toAddress(dst),
	})
	b[6] = next
	return etherFrame(peerMAC, hostMAC, ethernet.TypeIPv6, append(b, payload...))
}

// ip6Fragment wraps a part of a payload (RFC 8200 §4.5).
func ip6Fragment(src, dst netip.Addr, next uint8, part []byte, off int, more bool) []byte {
	h := make([]byte, 8)
	h[0] = next
	binary.BigEndian.PutUint16(h[2:], uint16(off))
	if more {
		h[3] |= 1
	}
	binary.BigEndian.PutUint32(h[4:], 77)
	return ip6(src, dst, 44, append(h, part...))
}

// statOf reads a counter of a host by name.
func statOf(t testing.TB, h *Host, name string) uint64 {
	t.Helper()
	for _, s := range h.Stats() {
		if s.Name == name {
			return s.Value
		}
	}
	t.Fatalf("no counter %q", name)
	return 0
}
