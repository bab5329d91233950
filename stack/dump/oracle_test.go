package dump

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"tapestry/link/pcap"
)

// expect gives, for each layer that gopacket reads in a frame, pieces of text that one line of ours must hold.
// It stops where the two read differently on purpose: behind an error and inside of what is not whole.
func expect(b []byte) (all [][]string) {
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			all = append(all, []string{fmt.Sprintf("ethernet %v > %v, ", l.SrcMAC, l.DstMAC)})
		case *layers.Dot1Q:
			all = append(all, []string{fmt.Sprintf("802.1Q vid %d", l.VLANIdentifier)})
		case *layers.ARP:
			all = append(all, expectARP(l))
		case *layers.IPv4:
			all = append(all, expectIPv4(l))
		case *layers.IPv6:
			all = append(all, []string{
				fmt.Sprintf("ipv6 %v > %v, ", ip(l.SrcIP), ip(l.DstIP)),
				fmt.Sprintf(", hop limit %d", l.HopLimit),
				fmt.Sprintf(", %d octets", l.Length),
			})
		case *layers.ICMPv4:
			all = append(all, expectICMPv4(l))
		case *layers.ICMPv6:
			all = append(all, []string{"icmpv6 " + icmpv6Types[l.TypeCode.Type()]})
		case *layers.ICMPv6Echo:
			all = append(all, []string{"icmpv6 echo", fmt.Sprintf(", id %d, seq %d", l.Identifier, l.SeqNumber)})
		case *layers.ICMPv6NeighborSolicitation:
			all = append(all, []string{fmt.Sprintf("solicitation for %v", ip(l.TargetAddress))})
		case *layers.UDP:
			all = append(all, []string{
				fmt.Sprintf("udp %s > %s, ", port("udp", uint16(l.SrcPort)), port("udp", uint16(l.DstPort))),
				fmt.Sprintf(", %d octets", int(l.Length)-8),
			})
			if l.DstPort != 53 && l.SrcPort != 53 {
				return all // gopacket knows tunnels and more by their ports
			}
		case *layers.TCP:
			return append(all, expectTCP(l))
		case *layers.DNS:
			all = append(all, []string{fmt.Sprintf(", id %d,", l.ID), "AAAA \"alpha.lab.example.\"", fmt.Sprintf("%d questions, %d answers", l.QDCount, l.ANCount)})
		case *gopacket.DecodeFailure:
			return all
		}
	}
	return all
}

func ip(b net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func expectARP(l *layers.ARP) []string {
	layer := "arp"
	if l.Operation == 3 || l.Operation == 4 {
		layer = "rarp"
	}
	return []string{
		layer + " " + arpOps[l.Operation],
		fmt.Sprintf("sender %v %v", net.HardwareAddr(l.SourceHwAddress), ip(l.SourceProtAddress)),
		fmt.Sprintf("target %v %v", net.HardwareAddr(l.DstHwAddress), ip(l.DstProtAddress)),
	}
}

func expectIPv4(l *layers.IPv4) []string {
	want := []string{
		fmt.Sprintf("ipv4 %v > %v, ", ip(l.SrcIP), ip(l.DstIP)),
		fmt.Sprintf(", ttl %d, id 0x%04x", l.TTL, l.Id),
		fmt.Sprintf(", %d octets", l.Length),
	}
	if l.Flags&layers.IPv4DontFragment != 0 {
		want = append(want, ", df")
	}
	if l.Flags&layers.IPv4MoreFragments != 0 {
		want = append(want, fmt.Sprintf(", fragment at %d, mf", l.FragOffset*8))
	}
	return want
}

func expectICMPv4(l *layers.ICMPv4) []string {
	want := []string{"icmp " + icmpv4Types[l.TypeCode.Type()]}
	if t := l.TypeCode.Type(); t == layers.ICMPv4TypeEchoRequest || t == layers.ICMPv4TypeEchoReply {
		want = append(want, fmt.Sprintf(", id %d, seq %d", l.Id, l.Seq))
	}
	return want
}

func expectTCP(l *layers.TCP) []string {
	flags := ""
	for i, is := range []bool{l.FIN, l.SYN, l.RST, l.PSH, l.ACK, l.URG, l.ECE, l.CWR} {
		if is {
			flags += tcpFlags[i : i+1]
		}
	}
	want := []string{
		fmt.Sprintf("tcp %s > %s, flags %s, seq %d", port("tcp", uint16(l.SrcPort)), port("tcp", uint16(l.DstPort)), flags, l.Seq),
		fmt.Sprintf(", win %d", l.Window),
		fmt.Sprintf(", %d octets", len(l.Payload)),
	}
	if l.ACK {
		want = append(want, fmt.Sprintf(", ack %d", l.Ack))
	}
	for _, o := range l.Options {
		switch o.OptionType {
		case layers.TCPOptionKindMSS:
			want = append(want, fmt.Sprintf(", mss %d", be16(o.OptionData)))
		case layers.TCPOptionKindWindowScale:
			want = append(want, fmt.Sprintf(", wscale %d", o.OptionData[0]))
		case layers.TCPOptionKindSACKPermitted:
			want = append(want, ", sackok")
		case layers.TCPOptionKindTimestamps:
			want = append(want, fmt.Sprintf(", ts %d %d", be32(o.OptionData), be32(o.OptionData[4:])))
		case layers.TCPOptionKindSACK:
			want = append(want, fmt.Sprintf(" %d-%d", be32(o.OptionData), be32(o.OptionData[4:])))
		}
	}
	return want
}

// hold checks a frame's text against gopacket: each layer has its line, in order.
func hold(t *testing.T, b []byte) {
	t.Helper()
	text := Frame(b)
	lines := strings.Split(text, "\n")
	at := 0
	for _, want := range expect(b) {
		i := at
		for i < len(lines) && !holdsAll(lines[i], want) {
			i++
		}
		if i == len(lines) {
			t.Errorf("no line has %q in\n%s\nframe %x", want, text, b)
			return
		}
		at = i // a tag stands on the line of the frame, so the next layer may be on this line
	}
}

func holdsAll(line string, want []string) bool {
	for _, w := range want {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// built makes a random valid frame.
func built(t testing.TB, r *rand.Rand) []byte {
	mac := func() net.HardwareAddr { return octets(r, 6) }
	e := &layers.Ethernet{SrcMAC: mac(), DstMAC: mac()}
	all := []gopacket.SerializableLayer{e}
	set := func(k layers.EthernetType) { e.EthernetType = k }
	if r.IntN(4) == 0 {
		tag := &layers.Dot1Q{VLANIdentifier: uint16(r.IntN(4096)), Priority: uint8(r.IntN(8))}
		e.EthernetType = layers.EthernetTypeDot1Q
		all = append(all, tag)
		set = func(k layers.EthernetType) { tag.Type = k }
	}
	switch r.IntN(5) {
	case 0:
		set(layers.EthernetTypeARP)
		all = append(all, &layers.ARP{
			AddrType: 1, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: uint16(1 + r.IntN(2)),
			SourceHwAddress: mac(), DstHwAddress: mac(), SourceProtAddress: octets(r, 4), DstProtAddress: octets(r, 4),
		})
	case 1, 2:
		set(layers.EthernetTypeIPv4)
		h := &layers.IPv4{Version: 4, TTL: uint8(r.Uint32()), Id: uint16(r.Uint32()), SrcIP: octets(r, 4), DstIP: octets(r, 4)}
		h.Flags = layers.IPv4Flag(r.IntN(2) * 2)
		all = append(append(all, h), transport(r, h, func(p layers.IPProtocol) { h.Protocol = p }, false)...)
	default:
		set(layers.EthernetTypeIPv6)
		h := &layers.IPv6{Version: 6, HopLimit: uint8(r.Uint32()), SrcIP: octets(r, 16), DstIP: octets(r, 16), FlowLabel: r.Uint32() & 0xfffff}
		all = append(append(all, h), transport(r, h, func(p layers.IPProtocol) { h.NextHeader = p }, true)...)
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func transport(r *rand.Rand, n gopacket.NetworkLayer, set func(layers.IPProtocol), isV6 bool) []gopacket.SerializableLayer {
	payload := gopacket.Payload(octets(r, 1+r.IntN(200)))
	switch k := r.IntN(4); {
	case k == 3:
		set(layers.IPProtocolUDP)
		u := &layers.UDP{SrcPort: layers.UDPPort(1024 + r.IntN(4000)), DstPort: 53}
		u.SetNetworkLayerForChecksum(n)
		q := layers.DNSQuestion{Name: []byte("alpha.lab.example"), Type: layers.DNSTypeAAAA, Class: layers.DNSClassIN}
		return []gopacket.SerializableLayer{u, &layers.DNS{ID: uint16(r.Uint32()), QDCount: 1, Questions: []layers.DNSQuestion{q}}}
	case k == 0:
		set(layers.IPProtocolUDP)
		u := &layers.UDP{SrcPort: layers.UDPPort(1024 + r.IntN(4000)), DstPort: layers.UDPPort(r.IntN(50))}
		u.SetNetworkLayerForChecksum(n)
		return []gopacket.SerializableLayer{u, payload}
	case k == 1 && !isV6:
		set(layers.IPProtocolICMPv4)
		kind := []uint8{0, 8, 13, 14}[r.IntN(4)] // errors quote a packet: see golden
		return []gopacket.SerializableLayer{&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, 0), Id: uint16(r.Uint32()), Seq: uint16(r.Uint32())}, payload}
	case k == 1:
		set(layers.IPProtocolICMPv6)
		i := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(uint8(128+r.IntN(2)), 0)}
		i.SetNetworkLayerForChecksum(n)
		return []gopacket.SerializableLayer{i, &layers.ICMPv6Echo{Identifier: uint16(r.Uint32()), SeqNumber: uint16(r.Uint32())}, payload}
	}
	set(layers.IPProtocolTCP)
	c := &layers.TCP{SrcPort: layers.TCPPort(r.Uint32()), DstPort: layers.TCPPort(r.IntN(200)), Seq: r.Uint32(), Ack: r.Uint32(), Window: uint16(r.Uint32())}
	for _, f := range []*bool{&c.FIN, &c.SYN, &c.RST, &c.PSH, &c.ACK, &c.ECE, &c.CWR} {
		*f = r.IntN(2) == 0
	}
	options := []layers.TCPOption{
		{OptionType: 2, OptionLength: 4, OptionData: octets(r, 2)}, {OptionType: 3, OptionLength: 3, OptionData: octets(r, 1)},
		{OptionType: 4, OptionLength: 2}, {OptionType: 8, OptionLength: 10, OptionData: octets(r, 8)}, {OptionType: 1},
		{OptionType: 5, OptionLength: 10, OptionData: octets(r, 8)},
	}
	r.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	c.Options = options[:r.IntN(len(options)+1)]
	c.SetNetworkLayerForChecksum(n)
	return []gopacket.SerializableLayer{c, payload}
}

func octets(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestMatchesGopacket(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	for range 3000 {
		b := built(t, r)
		hold(t, b)
		if s := Frame(b); strings.Contains(s, ", bad") || strings.Contains(s, " short,") || strings.Contains(s, " missing") {
			t.Errorf("a valid frame gives\n%s", s)
		}
		if t.Failed() {
			return
		}
	}
}

// Frames of others: whatever gopacket reads, we read.
func TestCaptures(t *testing.T) {
	dir := os.Getenv("TAPESTRY_CAPTURES")
	if dir == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds *.pcap")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.pcap*"))
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) { holdCapture(t, name) })
	}
}

func holdCapture(t *testing.T, name string) {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcap.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	ipx := strings.HasPrefix(filepath.Base(name), "ipx")
	for n := 1; ; n++ {
		p, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		hold(t, p.Data)
		if s := Frame(p.Data); ipx && !strings.Contains(s, "\nipx ") {
			t.Errorf("frame %d is IPX, got\n%s", n, s)
		}
	}
}

func TestTruncated(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	frames := make([][]byte, 0, 100)
	for _, g := range golden {
		frames = append(frames, unhex(g.frame))
	}
	for range 50 {
		frames = append(frames, built(t, r))
	}
	for _, g := range goldenIPX {
		b := rawIPX(g.kind, g.src, g.dst, g.data)
		frames = append(frames, b, append(unhex(eth+"8137"), b[14:]...)) // the length tells of the first that it is cut
	}
	for _, b := range frames {
		for n := range b {
			whole := append([]byte{}, b[:n]...)
			first := Frame(whole[:n:n])
			if b2 := append(whole, 0xaa, 0xbb); Frame(b2[:n]) != first {
				t.Fatalf("text of %x depends on what lies behind it", whole)
			}
		}
	}
}

func TestPacket(t *testing.T) {
	for _, g := range golden {
		b := unhex(g.frame)
		if len(b) < 14 || b[12] == 0 || b[12] == 8 && b[13] == 6 {
			continue
		}
		_, want, _ := strings.Cut(Frame(b), "\n")
		if got := Packet(b[14:]); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", g.name, got, want)
		}
	}
	if got := Packet(nil); got != "" {
		t.Errorf("nothing gives %q", got)
	}
}

func TestBounded(t *testing.T) {
	deep := unhex(eth + "0800")
	for range 3000 {
		deep = append(deep, unhex("4500ffff000000004004000000000000c6336401")...)
	}
	ext := unhex(eth + "86dd 60000000 ffff 00 40" + path)
	ext = append(ext, make([]byte, 65535)...)
	zeros := make([]byte, 70000)
	rip := rawIPX("01", "0453", "0453", "0002"+strings.Repeat("ffffffffffffffff", 180))
	sap := rawIPX("04", "0452", "0452", "0002"+strings.Repeat("ff", 64*20))
	diag := rawIPX("04", "0456", "4010", "0100 4002 ff"+strings.Repeat("0504"+strings.Repeat("ff", 44), 255)[:2800])
	for _, b := range [][]byte{deep, ext, zeros, rip, sap, diag} {
		s := Frame(b)
		if n := strings.Count(s, "\n"); n > 2*maxExt || len(s) > 4096 {
			t.Errorf("%d octets give %d lines, %d octets of text", len(b), n, len(s))
		}
	}
}

func TestAppendFrameKeepsPrefix(t *testing.T) {
	if got := string(AppendFrame([]byte("alpha: "), unhex(eth+"88b5"))); got != "alpha: "+mac+"0x88b5, 0 octets" {
		t.Errorf("got %q", got)
	}
}

func FuzzFrame(f *testing.F) {
	for _, g := range golden {
		f.Add(unhex(g.frame))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f.Add(built(f, r))
	}
	for _, g := range goldenIPX {
		f.Add(rawIPX(g.kind, g.src, g.dst, g.data))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := Frame(b[:len(b):len(b)])
		if s == "" || len(s) > 16<<10 {
			t.Fatalf("%d octets give %d octets of text", len(b), len(s))
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	frame := built(b, rand.New(rand.NewPCG(1, 2)))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendFrame(buf[:0], frame)
	}
}
