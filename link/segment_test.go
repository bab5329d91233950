package link

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"gvisor.dev/gvisor/pkg/buffer"
)

// superFrame is what a random super-frame is built from, by gopacket: the simple way that Segment is held against.
type superFrame struct {
	eth  layers.Ethernet
	tags []layers.Dot1Q
	v4   *layers.IPv4
	v6   *layers.IPv6
	tcp  *layers.TCP
	udp  *layers.UDP
	data []byte
}

func (s superFrame) kind() GSO {
	switch {
	case s.udp != nil:
		return GSOUDP
	case s.v6 != nil:
		return GSOTCPv6
	}
	return GSOTCPv4
}

// build serializes the frame with the payload data[from:to], lengths and checksums computed.
func (s superFrame) build(t testing.TB, from, to int) []byte {
	all := []gopacket.SerializableLayer{&s.eth}
	for i := range s.tags {
		all = append(all, &s.tags[i])
	}
	var network gopacket.NetworkLayer
	if s.v4 != nil {
		ip := *s.v4
		all, network = append(all, &ip), &ip
	} else {
		ip := *s.v6
		all, network = append(all, &ip), &ip
	}
	if s.udp != nil {
		udp := *s.udp
		udp.SetNetworkLayerForChecksum(network)
		all = append(all, &udp)
	} else {
		tcp := *s.tcp
		tcp.SetNetworkLayerForChecksum(network)
		all = append(all, &tcp)
	}
	all = append(all, gopacket.Payload(s.data[from:to]))
	b := gopacket.NewSerializeBuffer()
	opt := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, opt, all...); err != nil {
		t.Fatal(err)
	}
	_, l7 := s.headLen()
	out := b.Bytes()[:l7+to-from] // gopacket pads to 60 octets
	if sum := out[l7-2 : l7]; s.udp != nil && sum[0] == 0 && sum[1] == 0 {
		sum[0], sum[1] = 0xff, 0xff // RFC 768: zero would say that there is no checksum; gopacket writes it
	}
	return out
}

// segments is the simple segmentation: every segment serialized from its fields.
func (s superFrame) segments(t testing.TB, size int) [][]byte {
	var out [][]byte
	for from := 0; from < len(s.data); from += size {
		to := min(from+size, len(s.data))
		c := s
		if s.v4 != nil {
			ip := *s.v4
			ip.Id += uint16(from / size)
			c.v4 = &ip
		}
		if s.tcp != nil {
			tcp := *s.tcp
			tcp.Seq += uint32(from)
			tcp.CWR = tcp.CWR && from == 0
			tcp.FIN = tcp.FIN && to == len(s.data)
			tcp.PSH = tcp.PSH && to == len(s.data)
			tcp.URG = tcp.URG && int(tcp.Urgent) > from
			tcp.Urgent = uint16(max(0, int(tcp.Urgent)-from))
			c.tcp = &tcp
		}
		out = append(out, c.build(t, from, to))
	}
	return out
}

// headLen is the length of all headers, found without looking at the frame.
func (s superFrame) headLen() (l4, l7 int) {
	l4 = 14 + 4*len(s.tags) + 40
	if s.v4 != nil {
		l4 += len(s.v4.Options)*4 - 20
	}
	if s.udp != nil {
		return l4, l4 + 8
	}
	for _, o := range s.tcp.Options {
		l7 += len(o.OptionData) + 2
	}
	return l4, l4 + 20 + (l7+3)&^3
}

// randomBytes fills b.
func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomSuperFrame(r *rand.Rand) superFrame {
	s := superFrame{data: randomBytes(r, 1+r.IntN(9000))}
	s.eth = layers.Ethernet{SrcMAC: randomBytes(r, 6), DstMAC: randomBytes(r, 6)}
	ip, proto := layers.EthernetTypeIPv4, layers.IPProtocolTCP
	if r.IntN(2) == 0 {
		proto = layers.IPProtocolUDP
		s.udp = &layers.UDP{SrcPort: layers.UDPPort(r.Uint32()), DstPort: layers.UDPPort(r.Uint32())}
	} else {
		s.tcp = randomTCP(r)
	}
	if r.IntN(2) == 0 {
		ip = layers.EthernetTypeIPv6
		s.v6 = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: randomBytes(r, 16), DstIP: randomBytes(r, 16)}
	} else {
		s.v4 = &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: randomBytes(r, 4), DstIP: randomBytes(r, 4), Id: uint16(r.Uint32())}
		for range r.IntN(3) {
			s.v4.Options = append(s.v4.Options, layers.IPv4Option{OptionType: 7, OptionLength: 4, OptionData: []byte{4, 0}})
		}
	}
	s.eth.EthernetType = ip
	for i := range r.IntN(3) {
		s.tags = append(s.tags, layers.Dot1Q{VLANIdentifier: uint16(i + 5), Type: ip})
		s.eth.EthernetType = layers.EthernetTypeDot1Q
		if i > 0 {
			s.tags[i-1].Type = layers.EthernetTypeDot1Q
		}
	}
	return s
}

func randomTCP(r *rand.Rand) *layers.TCP {
	t := &layers.TCP{Seq: r.Uint32(), Ack: r.Uint32(), ACK: true, Window: uint16(r.Uint32()), Urgent: uint16(r.IntN(8000))}
	t.SrcPort, t.DstPort = layers.TCPPort(r.Uint32()), layers.TCPPort(r.Uint32())
	t.FIN, t.PSH, t.CWR, t.URG = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(8) == 0
	if !t.URG {
		t.Urgent = 0
	}
	if r.IntN(2) == 0 {
		t.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: randomBytes(r, 8)}}
	}
	return t
}

// chunked cuts b at random places and makes a frame of the pieces.
func chunked(r *rand.Rand, b []byte) Frame {
	var f Frame
	for len(b) > 0 {
		n := 1 + r.IntN(min(len(b), 1+r.IntN(3000)))
		part := buffer.MakeWithData(b[:n])
		f.Data.Merge(&part)
		b = b[n:]
	}
	return f
}

// frame makes the super-frame, with its checksum partial as a virtio-net header would have it.
func (s superFrame) frame(t testing.TB, r *rand.Rand, size int) Frame {
	b := bytes.Clone(s.build(t, 0, len(s.data)))
	l4, l7 := s.headLen()
	if got := len(b) - len(s.data); got != l7 {
		t.Fatalf("headers have %d octets, expected %d", got, l7)
	}
	f := chunked(r, b)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(l4), tcpChecksum
	if s.udp != nil {
		f.CsumOffset = udpChecksum
	}
	f.GSO, f.GSOSize = s.kind(), uint16(size)
	return f
}

func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func TestSegmentMatchesSimple(t *testing.T) {
	r := newRand(t)
	for range 400 {
		s, size := randomSuperFrame(r), 32+r.IntN(1500)
		f, want := s.frame(t, r, size), s.segments(t, size)
		before := f.AppendTo(nil)
		got, err := Segment(nil, &f, 0)
		if err != nil {
			t.Fatalf("%v %d octets in %d: %v", f.GSO, len(s.data), size, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%v: got %d segments, want %d", f.GSO, len(got), len(want))
		}
		for i := range got {
			if b := got[i].AppendTo(nil); !bytes.Equal(b, want[i]) {
				t.Fatalf("%v segment %d of %d:\ngot  %x\nwant %x", f.GSO, i, len(want), b, want[i])
			}
			if got[i].NeedsChecksum || got[i].GSO != GSONone {
				t.Fatalf("segment %d has metadata left: %+v", i, got[i])
			}
		}
		ReleaseAll(got)
		if !bytes.Equal(f.AppendTo(nil), before) {
			t.Fatal("the super-frame was changed")
		}
		f.Release()
	}
}

func TestSegmentPartialChecksum(t *testing.T) {
	r := newRand(t)
	for range 100 {
		s, size := randomSuperFrame(r), 32+r.IntN(1500)
		f, want := s.frame(t, r, size), s.segments(t, size)
		got, err := Segment(nil, &f, OffloadChecksum)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if !got[i].NeedsChecksum || got[i].CsumStart != f.CsumStart || got[i].CsumOffset != f.CsumOffset {
				t.Fatalf("segment %d: %+v", i, got[i])
			}
			if err := FinishChecksum(&got[i]); err != nil {
				t.Fatal(err)
			}
			if b := got[i].AppendTo(nil); !bytes.Equal(b, want[i]) {
				t.Fatalf("segment %d, finished:\ngot  %x\nwant %x", i, b, want[i])
			}
		}
		ReleaseAll(got)
		f.Release()
	}
}

// tcp4 is a super-frame that Segment takes; the tables below break it.
func tcp4() superFrame {
	return superFrame{
		eth: layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4},
		v4:  &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{198, 51, 100, 1}, DstIP: net.IP{198, 51, 100, 2}},
		tcp: &layers.TCP{SrcPort: 1, DstPort: 2, ACK: true}, data: make([]byte, 4000),
	}
}

func tcp6() superFrame {
	s := tcp4()
	s.eth.EthernetType = layers.EthernetTypeIPv6
	ip := net.ParseIP("2001:db8::1")
	s.v4, s.v6 = nil, &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolTCP, SrcIP: ip, DstIP: ip}
	return s
}

func udp4() superFrame {
	s := tcp4()
	s.v4.Protocol, s.tcp, s.udp = layers.IPProtocolUDP, nil, &layers.UDP{SrcPort: 1, DstPort: 2}
	return s
}

func TestSegmentErrors(t *testing.T) {
	tests := []struct {
		name string
		from superFrame
		edit func(f *Frame)
	}{
		{"size 0", tcp4(), func(f *Frame) { f.GSOSize = 0 }},
		{"too many segments", tcp4(), func(f *Frame) { f.GSOSize = 1 }},
		{"unknown kind", tcp4(), func(f *Frame) { f.GSO = 9 }},
		{"no kind", tcp4(), func(f *Frame) { f.GSO = GSONone }},
		{"kind of the other version", tcp4(), func(f *Frame) { f.GSO = GSOTCPv6 }},
		{"kind of the other version", tcp6(), func(f *Frame) { f.GSO = GSOTCPv4 }},
		{"kind of another protocol", tcp4(), func(f *Frame) { f.GSO, f.CsumOffset = GSOUDP, udpChecksum }},
		{"kind of another protocol", udp4(), func(f *Frame) { f.GSO, f.CsumOffset = GSOTCPv4, tcpChecksum }},
		{"other EtherType", tcp4(), func(f *Frame) { f.Overwrite(12, []byte{8, 6}) }},
		{"IP version", tcp4(), func(f *Frame) { f.Overwrite(14, []byte{0x65}) }},
		{"IP header length 4", tcp4(), func(f *Frame) { f.Overwrite(14, []byte{0x41}) }},
		{"IP header length moves TCP", tcp4(), func(f *Frame) { f.Overwrite(14, []byte{0x4f}) }},
		{"IPv4 total length", tcp4(), func(f *Frame) { f.Overwrite(16, []byte{0, 40}) }},
		{"IPv4 fragment", tcp4(), func(f *Frame) { f.Overwrite(20, []byte{0x20, 0}) }},
		{"IPv4 later fragment", tcp4(), func(f *Frame) { f.Overwrite(20, []byte{0, 1}) }},
		{"IPv6 payload length", tcp6(), func(f *Frame) { f.Overwrite(18, []byte{0, 40}) }},
		{"IPv6 extension header", tcp6(), func(f *Frame) { f.Overwrite(20, []byte{0}) }},
		{"three tags", tcp4(), func(f *Frame) { f.Overwrite(12, []byte{0x81, 0, 0, 1, 0x81, 0, 0, 1, 0x81, 0}) }},
		{"data offset 16", tcp4(), func(f *Frame) { f.Overwrite(46, []byte{0x40}) }},
		{"SYN", tcp4(), func(f *Frame) { f.Overwrite(47, []byte{tcpSYN}) }},
		{"RST", tcp4(), func(f *Frame) { f.Overwrite(47, []byte{tcpRST}) }},
		{"UDP length", udp4(), func(f *Frame) { f.Overwrite(38, []byte{0, 9}) }},
		{"checksum start", tcp4(), func(f *Frame) { f.CsumStart++ }},
		{"checksum field", tcp4(), func(f *Frame) { f.CsumOffset = 0xffff }},
		{"no payload", tcp4(), func(f *Frame) { f.Data.Truncate(54); f.Overwrite(16, []byte{0, 40}) }},
	}
	r := newRand(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.from.frame(t, r, 1000)
			tt.edit(&f)
			dst := make([]Frame, 1)
			got, err := Segment(dst, &f, 0)
			if err == nil || len(got) != 1 {
				t.Errorf("got %d frames, error %v", len(got)-1, err)
			}
			f.Release()
		})
	}
}

func TestSegmentTruncated(t *testing.T) {
	r := newRand(t)
	for _, s := range []superFrame{tcp4(), tcp6(), udp4()} {
		whole := s.frame(t, r, 1000)
		_, head := s.headLen()
		for n := range head + 100 {
			f := whole.Clone()
			f.Data.Truncate(int64(n))
			if got, err := Segment(nil, &f, 0); err == nil || got != nil {
				t.Fatalf("%v: the first %d octets gave %d frames", f.GSO, n, len(got))
			}
			f.Release()
		}
		whole.Release()
	}
}

func TestSegmentUDPWithoutChecksum(t *testing.T) {
	f := udp4().frame(t, newRand(t), 1000)
	f.NeedsChecksum = false
	f.Overwrite(40, []byte{0, 0})
	got, err := Segment(nil, &f, 0)
	if err != nil || len(got) != 4 {
		t.Fatalf("got %d frames, %v", len(got), err)
	}
	for i := range got {
		if b := got[i].AppendTo(nil); b[40] != 0 || b[41] != 0 {
			t.Errorf("segment %d got the checksum %x", i, b[40:42])
		}
	}
	ReleaseAll(got)
	f.Release()
}

func TestSegmentSharesPayload(t *testing.T) {
	f := NewFrame(tcp4().build(t, 0, 4000))
	f.GSO, f.GSOSize = GSOTCPv4, 1000
	got, err := Segment(nil, &f, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		s := got[i].Slices(nil)
		if len(s) != 2 || &s[1][0] != &f.Head()[54+1000*i] {
			t.Errorf("segment %d: payload was copied (%d chunks)", i, len(s))
		}
	}
	ReleaseAll(got)
	f.Release()
}

func TestFit(t *testing.T) {
	r := newRand(t)
	tests := []struct {
		name  string
		from  superFrame
		tx    Offload
		count int
		needs bool // NeedsChecksum of what comes out
	}{
		{"device without offload", tcp4(), 0, 4, false},
		{"device with checksum", tcp4(), OffloadChecksum, 4, true},
		{"device with TSO4", tcp4(), OffloadChecksum | OffloadTSO4, 1, true},
		{"device with the other TSO", tcp4(), OffloadChecksum | OffloadTSO6, 4, true},
		{"TSO6", tcp6(), OffloadChecksum | OffloadTSO6, 1, true},
		{"USO missing", udp4(), OffloadChecksum | OffloadTSO4 | OffloadTSO6, 4, true},
		{"USO", udp4(), OffloadChecksum | OffloadUSO, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Fit(nil, tt.from.frame(t, r, 1000), tt.tx)
			if err != nil || len(got) != tt.count {
				t.Fatalf("got %d frames, %v; want %d", len(got), err, tt.count)
			}
			for i := range got {
				if got[i].NeedsChecksum != tt.needs {
					t.Errorf("frame %d: NeedsChecksum %v", i, got[i].NeedsChecksum)
				}
			}
			ReleaseAll(got)
		})
	}
}

func TestFitErrors(t *testing.T) {
	f := NewFrame(make([]byte, 60))
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, 50, 9
	if got, err := Fit(nil, f, 0); err == nil || got != nil {
		t.Errorf("bogus offsets: %d frames, %v", len(got), err)
	}
	f = NewFrame(make([]byte, 60))
	f.GSO = 77
	if got, err := Fit(nil, f, ^Offload(0)>>1); err == nil || got != nil {
		t.Errorf("unknown kind: %d frames, %v", len(got), err)
	}
}

func FuzzSegment(f *testing.F) {
	for _, s := range []superFrame{tcp4(), tcp6(), udp4()} {
		l4, _ := s.headLen()
		b := s.build(f, 0, 200) // short seeds: the fuzzer minimizes for minutes otherwise
		f.Add(b, uint8(s.kind()), uint16(60), uint16(l4), uint16(tcpChecksum), s.udp == nil, uint64(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint8, size, start, offset uint16, needs bool, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		fr := chunked(r, b)
		fr.GSO, fr.GSOSize = GSO(kind), size
		fr.NeedsChecksum, fr.CsumStart, fr.CsumOffset = needs, start, offset
		got, err := Segment(nil, &fr, Offload(seed&1))
		if err != nil && got != nil || len(got) > MaxSegments {
			t.Fatalf("%d frames with error %v", len(got), err)
		}
		payload := 0
		for i := range got {
			head := len(got[i].Slices(nil)[0])
			if n := got[i].Len() - head; n > int(size) || n == 0 {
				t.Fatalf("segment %d has %d octets of payload, size %d", i, n, size)
			}
			payload += got[i].Len() - head
		}
		if err == nil && payload != len(b)-(got[0].Len()-firstPayload(got[0])) {
			t.Fatalf("%d octets of payload came out of %d", payload, len(b))
		}
		ReleaseAll(got)
		_ = FinishChecksum(&fr)
		fr.Release()
	})
}

func firstPayload(f Frame) int { return f.Len() - len(f.Head()) }

func BenchmarkSegment(b *testing.B) {
	s := tcp4()
	s.data = make([]byte, 64000)
	f := NewFrame(s.build(b, 0, len(s.data)))
	f.GSO, f.GSOSize = GSOTCPv4, 1448
	for _, tx := range []Offload{0, OffloadChecksum} {
		b.Run("tx="+tx.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(64000)
			dst := make([]Frame, 0, 64)
			for b.Loop() {
				out, err := Segment(dst, &f, tx)
				if err != nil {
					b.Fatal(err)
				}
				ReleaseAll(out)
			}
		})
	}
}
