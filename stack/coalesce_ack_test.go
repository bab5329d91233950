package stack

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// TestSupersede: of two acknowledgements the first goes, if the second says the same and more; the second differs from
// that by a rule each.
func TestSupersede(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(a, b *piece)
		want   []int // of the two, which are left
	}{
		{"more", func(_, _ *piece) {}, []int{1}},
		{"more, over the wrap", func(a, b *piece) { a.ack, b.ack = 0xffffff00, 5 }, []int{1}},
		{"another window", func(_, b *piece) { b.window = 0 }, []int{1}},
		{"another timestamp", func(_, b *piece) { b.stamp++ }, []int{1}},
		{"without options", func(a, b *piece) { a.stamp, b.stamp = 0, 0 }, []int{1}},
		{"IPv6", func(a, b *piece) { a.v6, b.v6 = true, true }, []int{1}},
		{"duplicate", func(a, b *piece) { b.ack = a.ack }, []int{0, 1}},
		{"less", func(a, b *piece) { b.ack = a.ack - 1 }, []int{0, 1}},
		{"another flow", func(_, b *piece) { b.port++ }, []int{0, 1}},
		{"another version", func(_, b *piece) { b.v6 = true }, []int{0, 1}},
		{"another sequence number", func(_, b *piece) { b.seq++ }, []int{0, 1}},
		{"the first has data", func(a, _ *piece) { a.payload = noise(1) }, []int{0, 1}},
		{"the second has data", func(_, b *piece) { b.payload = noise(1) }, []int{0, 1}},
		{"the first has SACK", func(a, _ *piece) { a.stamp, a.options = 0, []byte{1, 1, 5, 10, 0, 0, 1, 0, 0, 0, 2, 0} }, []int{0, 1}},
		{"the second has SACK", func(_, b *piece) { b.stamp, b.options = 0, []byte{1, 1, 5, 10, 0, 0, 1, 0, 0, 0, 2, 0} }, []int{0, 1}},
		{"FIN first", func(a, _ *piece) { a.flags |= header.TCPFlagFin }, []int{0, 1}},
		{"FIN", func(_, b *piece) { b.flags |= header.TCPFlagFin }, []int{0, 1}},
		{"RST", func(_, b *piece) { b.flags |= header.TCPFlagRst }, []int{0, 1}},
		{"ECE", func(_, b *piece) { b.flags |= 1 << 6 }, []int{0, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := data(100, 0), data(100, 0)
			b.ack = a.ack + 1000
			tt.change(&a, &b)
			superseded(t, [][]byte{a.octets(), b.octets()}, tt.want)
		})
	}
}

// TestSupersedeSound: an acknowledgement that the engine will drop supersedes nothing, and one for another station is
// none.
func TestSupersedeSound(t *testing.T) {
	a, b := data(100, 0), data(100, 0)
	b.ack += 1000
	for at := range b.octets() {
		octets := b.octets()
		octets[at] ^= 0x55
		if at >= 6 && at < 12 { // the sender's hardware address is nobody's concern
			superseded(t, [][]byte{a.octets(), octets}, []int{1})
			continue
		}
		superseded(t, [][]byte{a.octets(), octets}, []int{0, 1})
	}
	for n := range b.octets() {
		superseded(t, [][]byte{a.octets(), b.octets()[:n]}, []int{0, 1})
	}
}

// TestSupersedeMany: of a row the last is left, and what stands between ends a row.
func TestSupersedeMany(t *testing.T) {
	var row [][]byte
	for i := range uint32(5) {
		p := data(100, 0)
		p.ack += i
		row = append(row, p.octets())
	}
	superseded(t, row, []int{4})
	other := data(100, 0)
	other.port++
	superseded(t, slices.Insert(slices.Clone(row), 2, other.octets()), []int{1, 2, 5})
}

// superseded gives frames to supersede, and compares what is left with some of them.
func superseded(t *testing.T, octets [][]byte, want []int) {
	t.Helper()
	fs := batchOf(octets...)
	left := (&coalescer{addr: hostMAC}).supersede(fs)
	if left != len(want) {
		t.Fatalf("%d frames are left, want %v of %x", left, want, octets)
	}
	for i, w := range want {
		if got := fs[i].AppendTo(nil); !slices.Equal(got, octets[w]) {
			t.Errorf("frame %d is\n%x, want number %d,\n%x", i, got, w, octets[w])
		}
		fs[i].Release()
	}
	for i := range fs[left:] {
		if fs[left+i].Data.Size() != 0 {
			t.Errorf("frame %d was not let go", left+i)
		}
	}
}

// isOldNews is what supersede decides about two frames, one after the other, the long way.
func isOldNews(a, b []byte) bool {
	x, okX := ackFields(a)
	y, okY := ackFields(b)
	return okX && okY && x.flow == y.flow && x.seq == y.seq && int32(y.ack-x.ack) > 0 && y.isSound
}

type fields struct {
	flow     string
	seq, ack uint32
	isSound  bool
}

// ackFields are those of a frame that is an acknowledgement and nothing else.
func ackFields(b []byte) (f fields, ok bool) {
	if len(b) < l3Offset+1 || !bytes.HasPrefix(b, hostMAC[:]) {
		return f, false
	}
	ip, size := b[l3Offset:], 0
	var src, dst tcpip.Address
	switch binary.BigEndian.Uint16(b[12:]) {
	case 0x0800:
		h := header.IPv4(ip)
		if len(ip) < 20 || ip[0] != 0x45 || int(h.TotalLength()) != len(ip) || ip[9] != 6 || h.FragmentOffset() != 0 || h.More() || ip[6]&0x80 != 0 {
			return f, false
		}
		size, src, dst, f.isSound = 20, h.SourceAddress(), h.DestinationAddress(), h.IsChecksumValid()
	case 0x86dd:
		h := header.IPv6(ip)
		if len(ip) < 40 || ip[0]>>4 != 6 || int(h.PayloadLength()) != len(ip)-40 || ip[6] != 6 {
			return f, false
		}
		size, src, dst, f.isSound = 40, h.SourceAddress(), h.DestinationAddress(), true
	default:
		return f, false
	}
	tcp := header.TCP(ip[size:])
	if len(tcp) < 20 || int(tcp.DataOffset()) != len(tcp) || tcp[12]&0xf != 0 || tcp.Flags() != header.TCPFlagAck || tcp.UrgentPointer() != 0 {
		return f, false
	}
	if o := tcp.Options(); len(o) > 0 && (len(o) != timestampLen || !bytes.HasPrefix(o, []byte{1, 1, 8, 10})) {
		return f, false
	}
	f.flow = string(src.AsSlice()) + string(dst.AsSlice()) + string(tcp[:4])
	f.seq, f.ack = tcp.SequenceNumber(), tcp.AckNumber()
	f.isSound = f.isSound && tcp.IsChecksumValid(src, dst, 0, 0)
	return f, true
}

// FuzzSupersede takes its input for a batch, each frame behind its length.
func FuzzSupersede(f *testing.F) {
	for _, v6 := range []bool{false, true} {
		var b []byte
		for i := range uint32(4) {
			p := data(100, 0)
			p.v6 = v6
			p.ack += i
			o := p.octets()
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(o))), o...)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var octets [][]byte
		for len(b) >= 2 && len(octets) < 16 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			octets, b = append(octets, b[2:2+n]), b[2+n:]
		}
		var want []int
		for i := range octets {
			if i+1 == len(octets) || !isOldNews(octets[i], octets[i+1]) {
				want = append(want, i)
			}
		}
		superseded(t, octets, want)
	})
}
