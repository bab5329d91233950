package stack

import (
	"slices"
	"testing"

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
