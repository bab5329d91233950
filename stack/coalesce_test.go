package stack

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
)

// piece describes a segment of TCP from the station to the host.
type piece struct {
	v6      bool
	port    uint16
	seq     uint32
	ack     uint32
	window  uint16
	flags   header.TCPFlags
	stamp   uint32 // zero: no options
	options []byte // instead of a timestamp
	tos     uint8
	ttl     uint8
	id      uint16
	mayFrag bool
	payload []byte
	pad     int
}

// data is a plain segment of n octets at seq.
func data(seq uint32, n int) piece {
	return piece{port: 999, seq: seq, ack: 77, window: 500, flags: header.TCPFlagAck, stamp: 5, ttl: 64, payload: noise(4000)[seq%1000:][:n]}
}

// octets are the frame's, with good checksums.
func (p piece) octets() []byte {
	options := p.options
	if p.stamp != 0 {
		options = binary.BigEndian.AppendUint32([]byte{1, 1, 8, 10}, p.stamp)
		options = binary.BigEndian.AppendUint32(options, 9)
	}
	src, dst := peer4, host4
	if p.v6 {
		src, dst = peer6, host6
	}
	tcp := make([]byte, header.TCPMinimumSize, header.TCPMinimumSize+len(options)+len(p.payload))
	tcp = append(append(tcp, options...), p.payload...)
	header.TCP(tcp).Encode(&header.TCPFields{
		SrcPort: p.port, DstPort: 80, SeqNum: p.seq, AckNum: p.ack, DataOffset: uint8(header.TCPMinimumSize + len(options)),
		Flags: p.flags, WindowSize: p.window,
	})
	sum := header.PseudoHeaderChecksum(header.TCPProtocolNumber, toAddress(src), toAddress(dst), uint16(len(tcp)))
	header.TCP(tcp).SetChecksum(^checksum.Checksum(tcp, sum))
	var b []byte
	if p.v6 {
		b = ip6(src, dst, uint8(header.TCPProtocolNumber), tcp)
		b[l3Offset+1], b[l3Offset+7] = p.tos<<4, p.ttl
	} else {
		b = ip4(src, dst, uint8(header.TCPProtocolNumber), tcp, 0, false)
		ip := header.IPv4(b[l3Offset:])
		ip.SetTOS(p.tos, 0)
		ip.SetTTL(p.ttl)
		ip.SetID(p.id)
		if !p.mayFrag {
			ip.SetFlagsFragmentOffset(header.IPv4FlagDontFragment, 0)
		}
		ip.SetChecksum(0)
		ip.SetChecksum(^ip.CalculateChecksum())
	}
	return append(b, make([]byte, p.pad)...)
}

// asRead is a frame of b as a device reads it: headers in a first chunk of 128 octets.
func asRead(b []byte) link.Frame {
	f := link.NewFrame(b[:min(len(b), 128)])
	if len(b) > 128 {
		rest := link.NewFrame(b[128:])
		f.Data.Merge(&rest.Data)
	}
	return f
}

func batchOf(octets ...[]byte) (fs []link.Frame) {
	for _, b := range octets {
		fs = append(fs, asRead(b))
	}
	return fs
}

// apart is what frames stand for: super-frames segmented, all checksums finished.
func apart(t testing.TB, fs []link.Frame) (octets [][]byte) {
	t.Helper()
	for i := range fs {
		parts, err := link.Fit(nil, fs[i].Clone(), 0)
		if err != nil {
			t.Fatalf("a merged frame cannot be segmented: %v\n%x", err, fs[i].Head())
		}
		for j := range parts {
			octets = append(octets, parts[j].AppendTo(nil))
			parts[j].Release()
		}
	}
	return octets
}

// TestCoalesceRules: what ends a run, one rule each: the second of three segments differs.
func TestCoalesceRules(t *testing.T) {
	tests := []struct {
		name   string
		change func(a, b, c *piece)
		want   int // frames that are left
	}{
		{"equal", func(_, _, _ *piece) {}, 1},
		{"shorter last", func(_, _, c *piece) { c.payload = c.payload[:1] }, 1},
		{"push on the last", func(_, _, c *piece) { c.flags |= header.TCPFlagPsh }, 1},
		{"no options", func(a, b, c *piece) { a.stamp, b.stamp, c.stamp = 0, 0, 0 }, 1},
		{"fragmentable, counted", func(a, b, c *piece) { a.mayFrag, b.mayFrag, c.mayFrag, b.id, c.id = true, true, true, 1, 2 }, 1},
		{"atomic, not counted", func(_, b, _ *piece) { b.id = 999 }, 1},
		{"push", func(_, b, _ *piece) { b.flags |= header.TCPFlagPsh }, 2},
		{"shorter", func(_, b, c *piece) { c.seq -= 100; b.payload = b.payload[:900] }, 2},
		{"longer", func(_, b, c *piece) { c.seq += 100; b.payload = noise(1100) }, 2},
		{"hole", func(_, b, c *piece) { b.seq++; c.seq++ }, 2},
		{"again", func(a, b, c *piece) { b.seq = a.seq; c.seq = a.seq }, 3},
		{"fragmentable, not counted", func(a, b, c *piece) { a.mayFrag, b.mayFrag, c.mayFrag = true, true, true }, 3},
		{"acknowledgement", func(_, b, _ *piece) { b.ack++ }, 3},
		{"window", func(_, b, _ *piece) { b.window++ }, 3},
		{"timestamp", func(_, b, _ *piece) { b.stamp++ }, 3},
		{"options", func(_, b, _ *piece) { b.stamp, b.options = 0, []byte{1, 1, 1, 0} }, 3},
		{"no data", func(_, b, c *piece) { b.payload, c.seq = nil, b.seq }, 3},
		{"FIN", func(_, b, _ *piece) { b.flags |= header.TCPFlagFin }, 3},
		{"SYN", func(_, b, _ *piece) { b.flags |= header.TCPFlagSyn }, 3},
		{"RST", func(_, b, _ *piece) { b.flags |= header.TCPFlagRst }, 3},
		{"URG", func(_, b, _ *piece) { b.flags |= header.TCPFlagUrg }, 3},
		{"ECE", func(_, b, _ *piece) { b.flags |= 1 << 6 }, 3},
		{"CWR", func(_, b, _ *piece) { b.flags |= 1 << 7 }, 3},
		{"congestion experienced", func(_, b, _ *piece) { b.tos = 3 }, 3},
		{"TTL", func(_, b, _ *piece) { b.ttl-- }, 3},
		{"DF", func(_, b, _ *piece) { b.mayFrag = true }, 3},
		{"padding", func(_, b, _ *piece) { b.pad = 3 }, 3},
		{"another flow between", func(_, b, c *piece) { b.port++; c.seq = b.seq }, 2},
	}
	for _, tt := range tests {
		for _, v6 := range []bool{false, true} {
			if v6 && slices.Contains([]string{"fragmentable, not counted", "DF"}, tt.name) {
				continue
			}
			a, b, c := data(1000, 1000), data(2000, 1000), data(3000, 1000)
			a.v6, b.v6, c.v6 = v6, v6, v6
			tt.change(&a, &b, &c)
			want := [][]byte{a.octets(), b.octets(), c.octets()}
			fs := batchOf(want...)
			m := coalescer{addr: hostMAC}
			n := m.merge(fs)
			if n != tt.want {
				t.Errorf("%s, IPv6 %v: %d frames are left of three, want %d", tt.name, v6, n, tt.want)
			}
			if got := apart(t, fs[:n]); !sameFlows(got, want) {
				t.Errorf("%s, IPv6 %v: segmented, they are not what came:\n got %x\nwant %x", tt.name, v6, got, want)
			}
			link.ReleaseAll(fs[:n])
		}
	}
}

// sameFlows compares frames flow by flow, without the identification of atomic datagrams.
func sameFlows(got, want [][]byte) bool {
	a, b := byFlow(got), byFlow(want)
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if !slices.EqualFunc(a[k], b[k], bytes.Equal) {
			return false
		}
	}
	return true
}

func byFlow(frames [][]byte) map[string][][]byte {
	flows := map[string][][]byte{}
	for _, b := range frames {
		b = bytes.Clone(b)
		key := "other"
		if len(b) >= ipv4L4+4 && b[12] == 8 && b[l3Offset] == 0x45 {
			key = string(b[ipv4Flow : ipv4L4+4])
			if b[l3Offset+6] == 0x40 {
				clear(b[l3Offset+4 : l3Offset+6])   // identification
				clear(b[l3Offset+10 : l3Offset+12]) // checksum
			}
		} else if len(b) >= ipv6L4+4 && b[12] == 0x86 {
			key = string(b[ipv6Flow : ipv6L4+4])
		}
		flows[key] = append(flows[key], b)
	}
	return flows
}

// TestCoalesceBad: a wrong checksum is neither merged nor vouched for.
func TestCoalesceBad(t *testing.T) {
	for at, name := range []string{"first", "second", "third"} {
		for _, off := range []int{l3Offset + 10, ipv4L4 + 16, 200} { // of the header, of the segment, the data
			want := [][]byte{data(1000, 1000).octets(), data(2000, 1000).octets(), data(3000, 1000).octets()}
			want[at][off] ^= 1
			fs := batchOf(want...)
			m := coalescer{addr: hostMAC}
			n := m.merge(fs)
			for i := range fs[:n] {
				if b := fs[i].AppendTo(nil); bytes.Equal(b, want[at]) && (fs[i].DataValid || fs[i].NeedsChecksum) {
					t.Errorf("%s, octet %d wrong: vouched for", name, off)
				}
			}
			if got := apart(t, fs[:n]); !slices.ContainsFunc(got, func(b []byte) bool { return bytes.Equal(b, want[at]) }) {
				t.Errorf("%s, octet %d wrong: the bad frame is gone", name, off)
			}
			link.ReleaseAll(fs[:n])
		}
	}
}

// TestCoalesceOthers: frames for others, lone ones and what is no TCP stay as they are.
func TestCoalesceOthers(t *testing.T) {
	m := coalescer{addr: peerMAC}
	fs := batchOf(data(0, 1000).octets(), data(1000, 1000).octets())
	if n := m.merge(fs); n != 2 {
		t.Errorf("%d frames for another station are left of 2", n)
	}
	link.ReleaseAll(fs)
	m.addr = hostMAC
	for _, b := range append(frameSeeds(), []byte{}, make([]byte, 14)) {
		fs := batchOf(b, b)
		if n := m.merge(fs); n != 2 || !bytes.Equal(fs[0].AppendTo(nil), b) || !bytes.Equal(fs[1].AppendTo(nil), b) {
			t.Errorf("%d frames are left of twice %x", n, b)
		}
		link.ReleaseAll(fs)
	}
	if n := m.merge(nil); n != 0 {
		t.Errorf("%d frames are left of none", n)
	}
}

// TestCoalesceLimit: a super-frame is no longer than IPv4 can say, and flows are bounded.
func TestCoalesceLimit(t *testing.T) {
	var want [][]byte
	for i := range 64 {
		want = append(want, data(uint32(i*1448), 1448).octets())
	}
	for i := range 2 * 64 {
		p := data(uint32(i/64*500), 500)
		p.port = uint16(2000 + i%64)
		want = append(want, p.octets())
	}
	m := coalescer{addr: hostMAC}
	fs := batchOf(want...)
	n := m.merge(fs)
	for i := range fs[:n] {
		if l := fs[i].Len() - l3Offset; l > gsoMax {
			t.Errorf("a packet of %d octets", l)
		}
	}
	if got := apart(t, fs[:n]); !sameFlows(got, want) {
		t.Error("segmented, they are not what came")
	}
	if limit := 64/45 + 1 + 2*64 - (maxRuns - 1); n != limit {
		t.Errorf("%d frames are left, want %d", n, limit)
	}
	link.ReleaseAll(fs[:n])
}

// randomBatch is a batch of segments of a few flows, mostly in order, with all that can end a run.
func randomBatch(r *rand.Rand) (octets [][]byte) {
	next := map[uint16]piece{}
	for range 1 + r.IntN(64) {
		port := uint16(1000 + r.IntN(3))
		p, ok := next[port]
		if !ok {
			p = data(r.Uint32(), 1000)
			p.port, p.v6, p.mayFrag, p.payload = port, r.IntN(2) == 0, r.IntN(2) == 0, noise(1000)
		}
		for range r.IntN(3) * r.IntN(2) {
			mutatePiece(r, &p)
		}
		b := p.octets()
		if r.IntN(30) == 0 {
			b[14+r.IntN(len(b)-14)] ^= 1 << r.IntN(8)
		}
		octets = append(octets, b)
		q := p
		q.seq += uint32(len(p.payload))
		q.id++
		q.flags, q.pad, q.payload = header.TCPFlagAck, 0, noise(1000)
		next[port] = q
	}
	return octets
}

func mutatePiece(r *rand.Rand, p *piece) {
	switch r.IntN(10) {
	case 0:
		p.seq += uint32(r.IntN(3)) - 1
	case 1:
		p.payload = p.payload[:r.IntN(len(p.payload)+1)]
	case 2:
		p.flags |= header.TCPFlags(1 << r.IntN(8))
	case 3:
		p.ack++
	case 4:
		p.window++
	case 5:
		p.stamp = r.Uint32N(2)
	case 6:
		p.tos = uint8(r.UintN(4))
	case 7:
		p.pad = r.IntN(4)
	case 8:
		p.id++
	case 9:
		p.ttl--
	}
}

// TestCoalesceRandom: what was merged stands for what came, as the receiver who merges nothing sees it.
func TestCoalesceRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	m := coalescer{addr: hostMAC}
	came, stayed := 0, 0
	for range 3000 {
		want := randomBatch(r)
		fs := batchOf(want...)
		n := m.merge(fs)
		got := apart(t, fs[:n])
		link.ReleaseAll(fs[:n])
		if !sameFlows(got, want) {
			t.Fatalf("%d frames became %d:\n got %x\nwant %x", len(want), n, got, want)
		}
		came, stayed = came+len(want), stayed+n
	}
	t.Logf("%d frames became %d", came, stayed)
	if stayed > came*9/10 {
		t.Errorf("%d frames became %d: hardly anything was merged", came, stayed)
	}
}

// FuzzCoalesce takes its input for a batch, each frame behind its length.
func FuzzCoalesce(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		var b []byte
		for _, o := range randomBatch(r) {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(o))), o...)
		}
		f.Add(b[:min(len(b), 12_000)], false)
	}
	f.Fuzz(func(t *testing.T, b []byte, trust bool) {
		var want [][]byte
		for len(b) >= 2 && len(want) < 64 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			want, b = append(want, b[2:2+n]), b[2+n:]
		}
		fs := batchOf(want...)
		m := coalescer{addr: hostMAC, trust: trust}
		n := m.merge(fs)
		if got := apart(t, fs[:n]); !trust && !sameFlows(got, want) {
			t.Fatalf("%d frames became %d:\n got %x\nwant %x", len(want), n, got, want)
		}
		link.ReleaseAll(fs[:n])
	})
}

// TestCoalesceNoAllocation: merging makes no garbage.
func TestCoalesceNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop at random under the race detector")
	}
	var octets [][]byte
	for i := range 40 {
		octets = append(octets, data(uint32(i*1448), 1448).octets())
	}
	m := coalescer{addr: hostMAC}
	fs := make([]link.Frame, len(octets))
	got := testing.AllocsPerRun(100, func() {
		for i, b := range octets {
			fs[i] = asRead(b)
		}
		link.ReleaseAll(fs[:m.merge(fs)])
	})
	if got >= 1 {
		t.Errorf("%v allocations for %d frames, want 0", got, len(octets))
	}
}

// TestCoalesceStream: a host that is sent small frames in batches gets the same stream, and the counters say that there were
// fewer segments.
func TestCoalesceStream(t *testing.T) {
	for _, to := range []netip.Addr{peer4, peer6} {
		alpha, beta := pair(t, 0)
		c, s := accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(to, 0).String())
		want := noise(4 << 20)
		feed(t, c.(*TCPConn), want, 100_000)
		if got := <-collect(s.(*TCPConn)); !bytes.Equal(got, want) {
			t.Errorf("%v: the first %d of %d octets are right", to, same(got, want), len(got))
		}
		if n := statOf(t, beta, "tcpInErrs"); n > 0 {
			t.Errorf("%v: %d bad segments", to, n)
		}
		s.Close()
		c.Close()
	}
}

// BenchmarkCoalesce merges 45 segments of one flow.
func BenchmarkCoalesce(b *testing.B) {
	var octets [][]byte
	for i := range 45 {
		octets = append(octets, data(uint32(i*1448), 1448).octets())
	}
	fs := make([]link.Frame, len(octets))
	m := coalescer{addr: hostMAC}
	b.SetBytes(45 * 1448)
	b.ReportAllocs()
	for b.Loop() {
		for i, o := range octets {
			fs[i] = asRead(o)
			fs[i].DataValid = true
		}
		link.ReleaseAll(fs[:m.merge(fs)])
	}
}
