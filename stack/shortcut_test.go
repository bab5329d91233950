package stack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// ask is a question: a datagram to the host, or an echo request, with what a test changes of it.
type ask struct {
	src, dst netip.Addr
	from, to uint16 // to 0: an echo request
	data     []byte
}

func (q ask) frame() []byte {
	v6 := q.dst.Is6()
	var p []byte
	proto := protoUDP
	switch {
	case q.to != 0:
		p = udpDatagram(netip.AddrPortFrom(q.src, q.from), netip.AddrPortFrom(q.dst, q.to), q.data, 0)
	case v6:
		proto = protoICMP6
		p = append([]byte{128, 0, 0, 0, 1, 2, 3, 4}, q.data...)
		sum := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, toAddress(q.src), toAddress(q.dst), uint16(len(p)))
		binary.BigEndian.PutUint16(p[2:], ^checksum.Checksum(p, sum))
	default:
		proto = protoICMP4
		p = append([]byte{8, 0, 0, 0, 1, 2, 3, 4}, q.data...)
		binary.BigEndian.PutUint16(p[2:], ^checksum.Checksum(p, 0))
	}
	if v6 {
		return ip6(q.src, q.dst, proto, p)
	}
	return ip4(q.src, q.dst, proto, p, 0, false)
}

// resum4 makes the IPv4 header's checksum good.
func resum4(b []byte) []byte {
	ip := header.IPv4(b[ethernet.HeaderLen:])
	if n := int(ip.HeaderLength()); n >= header.IPv4MinimumSize && n <= len(ip) {
		ip.SetChecksum(0)
		ip.SetChecksum(^ip.CalculateChecksum())
	}
	return b
}

// set changes octets of a frame.
func set(b []byte, at int, v ...byte) []byte { copy(b[at:], v); return b }

var (
	link6    = netip.MustParseAddr("fe80::1")
	ownLink6 = netip.MustParseAddr("fe80::2")
	farther4 = netip.MustParseAddr("203.0.113.5")
	farther6 = netip.MustParseAddr("2001:db8:ff::5")
)

// TestShortcutEqual holds the shortcut to what the engine does, frame by frame.
func TestShortcutEqual(t *testing.T) {
	hi := []byte("hello")
	u4 := func() []byte { return ask{peer4, host4, 999, portEcho, hi}.frame() }
	u6 := func() []byte { return ask{peer6, host6, 999, portEcho, hi}.frame() }
	e4 := func() []byte { return ask{peer4, host4, 0, 0, hi}.frame() }
	e6 := func() []byte { return ask{peer6, host6, 0, 0, hi}.frame() }
	for _, c := range []struct {
		name    string
		frame   []byte
		in, out uint64 // of the shortcut
	}{
		{"IPv4", u4(), 1, 1},
		{"IPv6", u6(), 1, 1},
		{"IPv6, link-local", ask{link6, ownLink6, 999, portEcho, hi}.frame(), 1, 1},
		{"empty", ask{peer4, host4, 999, portEcho, nil}.frame(), 1, 0},
		{"own memory", ask{peer4, host4, 999, portOwn, hi}.frame(), 1, 1},
		{"own memory, link-local", ask{link6, ownLink6, 999, portOwn, hi}.frame(), 1, 1},
		{"silent", ask{peer4, host4, 999, portSilent, hi}.frame(), 1, 0},
		{"one address", ask{peer4, host4, 999, portOne, hi}.frame(), 1, 1},
		{"one address, IPv6", ask{peer6, host6, 999, portOne, hi}.frame(), 1, 1},
		{"the other address", ask{link6, ownLink6, 999, portOne, hi}.frame(), 0, 0},
		{"panic", ask{peer4, host4, 999, 19, hi}.frame(), 1, 0},
		{"nobody", ask{peer4, host4, 999, portNobody, hi}.frame(), 0, 0},
		{"nobody, IPv6", ask{peer6, host6, 999, portNobody, hi}.frame(), 0, 0},
		{"odd length", ask{peer4, host4, 999, portEcho, hi[:3]}.frame(), 1, 1},
		{"largest", ask{peer4, host4, 999, portEcho, bytes.Repeat(hi, 400)[:1472]}.frame(), 1, 1},
		{"largest, IPv6", ask{peer6, host6, 999, portEcho, bytes.Repeat(hi, 400)[:1452]}.frame(), 1, 1},
		{"longer than the MTU", ask{peer4, host4, 999, portEcho, bytes.Repeat(hi, 400)[:1474]}.frame(), 1, 0},
		{"longer than the MTU, IPv6", ask{peer6, host6, 999, portEcho, bytes.Repeat(hi, 400)[:1454]}.frame(), 1, 0},
		{"too long", ask{peer4, host4, 999, portEcho, bytes.Repeat(hi, 400)}.frame(), 0, 0},
		{"long answer", ask{peer4, host4, 999, portLong, bytes.Repeat(hi, 20)}.frame(), 1, 0},
		{"long answer, IPv6", ask{peer6, host6, 999, portLong, bytes.Repeat(hi, 20)}.frame(), 1, 0},
		{"longest answer", ask{peer4, host4, 999, portLong, make([]byte, 1472)}.frame(), 1, 0},
		{"sum that is zero", zeroSum(), 1, 1},
		{"answer whose sum is zero", zeroAnswer(), 1, 1},
		{"no checksum", set(u4(), 40, 0, 0), 1, 1},
		{"no checksum, IPv6", set(u6(), 60, 0, 0), 0, 0},
		{"bad checksum", set(u4(), 40, 1, 2), 0, 0},
		{"bad checksum, IPv6", set(u6(), 60, 1, 2), 0, 0},
		{"bad header checksum", set(u4(), 24, 1, 2), 0, 0},
		{"options", withOptions(hi), 0, 0},
		{"DSCP and ECN", resum4(set(u4(), 15, 0xb9)), 1, 1},
		{"don't fragment", resum4(set(u4(), 20, 0x40)), 1, 1},
		{"reserved flag", resum4(set(u4(), 20, 0x80)), 0, 0},
		{"more fragments", resum4(set(u4(), 20, 0x20)), 0, 0},
		{"fragment offset", resum4(set(u4(), 21, 1)), 0, 0},
		{"TTL 1", resum4(set(u4(), 22, 1)), 1, 1},
		{"TTL 0", resum4(set(u4(), 22, 0)), 0, 0},
		{"hop limit 1", set(u6(), 21, 1), 1, 1},
		{"hop limit 0", set(u6(), 21, 0), 0, 0},
		{"flow label and class", set(u6(), 14, 0x6b, 0x91, 2, 3), 1, 1},
		{"version 5", resum4(set(u4(), 14, 0x55)), 0, 0},
		{"version 7", set(u6(), 14, 0x70), 0, 0},
		{"IPv4 in the frame of IPv6", set(u4(), 12, 0x86, 0xdd), 0, 0},
		{"padding", append(u4(), make([]byte, 30)...), 1, 1},
		{"padding that is not zero", append(u6(), hi...), 1, 1},
		{"IP length too long", resum4(set(u4(), 16, 0, 200)), 0, 0},
		{"IP length too short", resum4(set(u4(), 16, 0, 27)), 0, 0},
		{"IP length 0", resum4(set(u4(), 16, 0, 0)), 0, 0},
		{"IPv6 length too long", set(u6(), 18, 0, 200), 0, 0},
		{"IPv6 length 0", set(u6(), 18, 0, 0), 0, 0},
		{"UDP length shorter", set(u4(), 38, 0, 10), 0, 0},
		{"UDP length longer", set(u4(), 38, 0, 200), 0, 0},
		{"UDP length 0", set(u6(), 58, 0, 0), 0, 0},
		{"UDP length 7", set(u4(), 38, 0, 7), 0, 0},
		{"source port 0", ask{peer4, host4, 0, portEcho, hi}.frame(), 0, 0},
		{"destination port 0", set(u4(), 36, 0, 0), 0, 0},
		{"from itself", ask{host4, host4, 999, portEcho, hi}.frame(), 0, 0},
		{"from itself, IPv6", ask{host6, host6, 999, portEcho, hi}.frame(), 0, 0},
		{"from a handler's port of itself", ask{host4, host4, portEcho, portEcho, hi}.frame(), 0, 0},
		{"from a handler's port elsewhere", ask{peer4, host4, portEcho, portEcho, hi}.frame(), 1, 1},
		{"from the loopback net", ask{netip.MustParseAddr("127.0.0.1"), host4, 999, portEcho, hi}.frame(), 0, 0},
		{"from ::1", ask{netip.IPv6Loopback(), host6, 999, portEcho, hi}.frame(), 0, 0},
		{"from nobody", ask{netip.IPv4Unspecified(), host4, 999, portEcho, hi}.frame(), 0, 0},
		{"from nobody, IPv6", ask{netip.IPv6Unspecified(), host6, 999, portEcho, hi}.frame(), 0, 0},
		{"from a group", ask{netip.MustParseAddr("224.0.0.5"), host4, 999, portEcho, hi}.frame(), 0, 0},
		{"from a group, IPv6", ask{netip.MustParseAddr("ff02::5"), host6, 999, portEcho, hi}.frame(), 0, 0},
		{"from everybody", ask{netip.MustParseAddr("255.255.255.255"), host4, 999, portEcho, hi}.frame(), 0, 0},
		{"from the subnet's broadcast address", ask{netip.MustParseAddr("198.51.100.255"), host4, 999, portEcho, hi}.frame(), 0, 0},
		{"from a mapped address", ask{netip.MustParseAddr("::ffff:198.51.100.1"), host6, 999, portEcho, hi}.frame(), 0, 0},
		{"to the loopback net", ask{peer4, netip.MustParseAddr("127.0.0.1"), 999, portEcho, hi}.frame(), 0, 0},
		{"to a group", ask{peer4, netip.MustParseAddr("224.0.0.1"), 999, portEcho, hi}.frame(), 0, 0},
		{"to a group's Ethernet address", set(ask{peer4, netip.MustParseAddr("224.0.0.1"), 999, portEcho, hi}.frame(), 0, 1, 0, 0x5e, 0, 0, 1), 0, 0},
		{"to everybody", set(ask{peer4, netip.MustParseAddr("255.255.255.255"), 999, portEcho, hi}.frame(), 0, 255, 255, 255, 255, 255, 255), 0, 0},
		{"to the subnet's broadcast address", ask{peer4, netip.MustParseAddr("198.51.100.255"), 999, portEcho, hi}.frame(), 0, 0},
		{"to everybody's Ethernet address", set(u4(), 0, 255, 255, 255, 255, 255, 255), 0, 0},
		{"to another station", set(u4(), 5, 99), 0, 0},
		{"to an address that is not ours", ask{peer4, farther4, 999, portEcho, hi}.frame(), 0, 0},
		{"to an IPv6 address that is not ours", ask{peer6, farther6, 999, portEcho, hi}.frame(), 0, 0},
		{"to no address", ask{peer4, netip.IPv4Unspecified(), 999, portEcho, hi}.frame(), 0, 0},
		{"no route back", ask{farther4, host4, 999, portEcho, hi}.frame(), 0, 0},
		{"no route back, IPv6", ask{farther6, host6, 999, portEcho, hi}.frame(), 0, 0},
		{"no neighbour", ask{netip.MustParseAddr("198.51.100.77"), host4, 999, portEcho, hi}.frame(), 0, 0},
		{"link-local to global", ask{link6, host6, 999, portEcho, hi}.frame(), 1, 1},
		{"tagged", tagged(u4(), 5), 0, 0},
		{"priority tag", tagged(u4(), 0), 0, 0},
		{"SNAP", snap(u4()), 0, 0},
		{"destination options", ip6(peer6, host6, 60, append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, u6()[54:]...)), 0, 0},
		{"atomic fragment", ip6Fragment(peer6, host6, 17, u6()[54:], 0, false), 0, 0},
		{"no next header", set(u6(), 20, 59), 0, 0},
		{"UDP-Lite", resum4(set(u4(), 23, 136)), 0, 0},

		{"echo", e4(), 1, 1},
		{"echo, IPv6", e6(), 1, 1},
		{"echo, link-local", ask{link6, ownLink6, 0, 0, hi}.frame(), 1, 1},
		{"echo without data", ask{peer4, host4, 0, 0, nil}.frame(), 1, 1},
		{"echo without data, IPv6", ask{peer6, host6, 0, 0, nil}.frame(), 1, 1},
		{"largest echo", ask{peer4, host4, 0, 0, bytes.Repeat(hi, 400)[:1472]}.frame(), 1, 1},
		{"largest echo, IPv6", ask{peer6, host6, 0, 0, bytes.Repeat(hi, 400)[:1452]}.frame(), 1, 1},
		{"echo longer than the MTU", ask{peer4, host4, 0, 0, bytes.Repeat(hi, 400)[:1473]}.frame(), 0, 0},
		{"echo with padding", append(e4(), 1, 2, 3), 1, 1},
		{"echo, DSCP", resum4(set(e4(), 15, 0xb9)), 1, 1},
		{"echo, don't fragment, identification 0", resum4(set(e4(), 18, 0, 0, 0x40)), 1, 1},
		{"echo, class and flow label", set(e6(), 14, 0x6b, 0x91, 2, 3), 1, 1},
		{"echo, code 1", set(e4(), 35, 1, 0xd5, 0x17), 0, 0},
		{"echo of zeros", set(ask{peer4, host4, 0, 0, make([]byte, 20)}.frame(), 36, 0xf7, 0xff, 0, 0, 0, 0), 1, 1},
		{"echo, bad checksum", set(e4(), 36, 1, 2), 0, 0},
		{"echo, bad checksum, IPv6", set(e6(), 56, 1, 2), 0, 0},
		{"echo, zero checksum", set(e4(), 36, 0, 0), 0, 0},
		{"echo reply", set(e4(), 34, 0), 0, 0},
		{"echo, cut", resum4(set(e4(), 16, 0, 24)), 0, 0},
		{"echo from itself", ask{host4, host4, 0, 0, hi}.frame(), 0, 0},
		{"echo to the broadcast address", ask{peer4, netip.MustParseAddr("198.51.100.255"), 0, 0, hi}.frame(), 0, 0},
		{"echo to an address that is not ours", ask{peer4, farther4, 0, 0, hi}.frame(), 0, 0},
		{"echo, no route back", ask{farther4, host4, 0, 0, hi}.frame(), 0, 0},
		{"echo with TTL 0", resum4(set(e4(), 22, 0)), 0, 0},
		{"ICMPv6 in IPv4", resum4(set(e4(), 23, 58)), 0, 0},
		{"ICMPv4 in IPv6", set(e6(), 20, 1), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tw := newTwins(t, 1, 0)
			for range 2 { // over a new path, and over one that is kept
				tw.compare("whole", link.NewFrame(c.frame))
			}
			tw.compare("in chunks", inChunks(c.frame, 96))
			tw.hit(3*c.in, 3*c.out)
			for i := 0; i < len(c.frame) && !raceEnabled; i += 1 + i/50 {
				tw.compare("cut", link.NewFrame(c.frame[:i]))
			}
		})
	}
}

// zeroSum is a datagram whose checksum computes to zero and is sent as all ones.
func zeroSum() []byte {
	q := ask{peer4, host4, 999, portEcho, []byte{0, 0}}
	b := q.frame()
	copy(q.data, b[40:42]) // what was left to sum to all ones
	return q.frame()
}

// zeroAnswer is one whose answer's does: both have the same sum, since source and destination only change places.
func zeroAnswer() []byte {
	b := zeroSum()
	return set(b, 40, 0, 0)
}

func withOptions(data []byte) []byte {
	u := ask{peer4, host4, 999, portEcho, data}.frame()
	b := append(append(append([]byte{}, u[:34]...), 1, 1, 1, 0), u[34:]...)
	b[14] = 0x46
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
	ip := header.IPv4(b[14:])
	ip.SetChecksum(0)
	ip.SetChecksum(^ip.CalculateChecksum())
	return b
}

func tagged(b []byte, vid byte) []byte {
	return append(append(append([]byte{}, b[:12]...), 0x81, 0, 0, vid), b[12:]...)
}

func snap(b []byte) []byte {
	return etherFrame(peerMAC, hostMAC, ethernet.EtherType(len(b)-14+8), append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, b[14:]...))
}

// inChunks is a frame whose first chunk has n octets at most.
func inChunks(b []byte, n int) link.Frame {
	f := link.NewFrame(b[:min(n, len(b))])
	if len(b) > n {
		rest := link.NewFrame(b[n:])
		f.Data.Merge(&rest.Data)
	}
	return f
}

// superFrame is a super-frame of datagrams of size octets, as a device gives it.
func udpSuperFrame(q ask, size int) link.Frame {
	b := q.frame()
	l4 := plain4
	if q.dst.Is6() {
		l4 = plain6
	}
	sum := header.PseudoHeaderChecksum(header.UDPProtocolNumber, toAddress(q.src), toAddress(q.dst), uint16(len(b)-l4))
	binary.BigEndian.PutUint16(b[l4+6:], sum)
	f := inChunks(b, 128)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(l4), 6
	f.GSO, f.GSOSize = link.GSOUDP, uint16(size)
	return f
}

func TestShortcutSuperFrame(t *testing.T) {
	for _, o := range []link.Offload{0, link.OffloadChecksum, pipe.AllOffloads} {
		for _, dst := range []netip.Addr{host4, host6} {
			for _, c := range []struct {
				port       uint16
				size, data int
			}{
				{portEcho, 100, 1000}, {portEcho, 100, 1050}, {portEcho, 1000, 60000}, {portEcho, 1, 100}, {portEcho, 500, 100},
				{portEcho, 31, 64 * 31}, {portEcho, 31, 200*31 + 1}, {portEcho, 1452, 60000}, {portSilent, 100, 1000},
				{portOwn, 100, 1000}, {portLong, 100, 350}, {portNobody, 100, 300}, {portEcho, 1473, 5000}, {portEcho, 0, 100},
				{portLong, 3, 100}, {portLong, 1, 4000},
			} {
				t.Run(fmt.Sprintf("%v/%v/%d/%d of %d", o, dst, c.port, c.size, c.data), func(t *testing.T) {
					q := ask{peer4, dst, 999, c.port, make([]byte, c.data)}
					if dst.Is6() {
						q.src = peer6
					}
					for i := range q.data {
						q.data[i] = byte(i * 7)
					}
					tw := newTwins(t, 1, o)
					for range 2 {
						tw.compare("super-frame", udpSuperFrame(q, c.size))
					}
				})
			}
		}
	}
}

// TestShortcutMetadata gives frames what a device may say of them, true or not.
func TestShortcutMetadata(t *testing.T) {
	hi := []byte("hello")
	for _, q := range []ask{{peer4, host4, 999, portEcho, hi}, {peer6, host6, 999, portEcho, hi}, {peer4, host4, 0, 0, hi}, {peer6, host6, 0, 0, hi}} {
		for _, start := range []uint16{0, plain4, plain6, 900} {
			for _, offset := range []uint16{0, 2, 6, 900} {
				for flags := range 4 {
					for gso := link.GSONone; gso <= link.GSOUDP+1; gso++ {
						for _, size := range []uint16{0, 1, 2, 5, 1000} {
							for bad := range 2 {
								if raceEnabled && (bad == 1 || size != 5) {
									continue // it takes its time, and nothing is concurrent
								}
								tw := twinsForMetadata(t)
								b := q.frame()
								b[len(b)-1] ^= byte(bad)
								f := link.NewFrame(b)
								f.NeedsChecksum, f.DataValid = flags&1 != 0, flags&2 != 0
								f.CsumStart, f.CsumOffset, f.GSO, f.GSOSize = start, offset, gso, size
								tw.compare(fmt.Sprintf("%+v %d+%d %d %v %d bad %d", q, start, offset, flags, gso, size, bad), f)
								if t.Failed() {
									return
								}
							}
						}
					}
				}
			}
		}
	}
}

var metadataTwins struct {
	t  *testing.T
	tw *twins
}

// twinsForMetadata gives the same pair to the whole of a test.
func twinsForMetadata(t *testing.T) *twins {
	if metadataTwins.t != t {
		metadataTwins.t, metadataTwins.tw = t, newTwins(t, 1, 0)
	}
	return metadataTwins.tw
}

// TestShortcutRandom mutates questions, alone and in batches.
func TestShortcutRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	tw := newTwins(t, 1, pipe.AllOffloads)
	batches := 1500
	if raceEnabled {
		batches = 200
	}
	for i := range batches {
		var fs []link.Frame
		for range 1 + r.IntN(100)%(1+i%40) {
			fs = append(fs, randomQuestion(r))
		}
		if tw.compare(fmt.Sprintf("seed %d, batch %d", seed, i), fs...); t.Failed() {
			return
		}
		link.ReleaseAll(fs)
	}
	if n := statOf(t, tw.b.host, "shortcut.out"); n < uint64(batches) {
		t.Errorf("%d answers by the shortcut", n)
	}
}

func randomQuestion(r *rand.Rand) link.Frame {
	ports := []uint16{0, portEcho, portEcho, portLong, portOwn, portSilent, portOne, portNobody}
	q := ask{peer4, host4, uint16(1 + r.IntN(65535)), ports[r.IntN(len(ports))], make([]byte, r.IntN(1+r.IntN(1500)))}
	if r.IntN(2) == 0 {
		q.src, q.dst = peer6, host6
	}
	for i := range q.data {
		q.data[i] = byte(r.Uint32())
	}
	if r.IntN(10) == 0 && q.to != 0 {
		return udpSuperFrame(q, r.IntN(300))
	}
	b := q.frame()
	if r.IntN(4) == 0 {
		b[12+r.IntN(len(b)-12)] ^= 1 << r.IntN(8)
		if q.dst.Is4() && r.IntN(2) == 0 {
			resum4(b)
		}
	}
	f := inChunks(b, 60+r.IntN(100))
	if r.IntN(3) == 0 {
		f.DataValid = true
	}
	return f
}
