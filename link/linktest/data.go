package linktest

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"

	"tapestry/link"
)

func testSizes(t *testing.T, w *wire) {
	w.bothWays(func(from, to *end) {
		for seq, n := range sizes(min(w.dev.Info().MTU, w.peer.Info().MTU)) {
			if got := from.write(newFrame(0, seq, n)); got != 1 {
				t.Fatalf("WriteFrames of %d octets on %s = %d, want 1", n, from.Info().Name, got)
			}
			to.expect(t, octets(0, seq, n))
		}
	})
}

// sizes are lengths about the edges: the shortest header, the minimum of a wire, a reader's first chunk, the MTU.
func sizes(mtu int) []int {
	s := []int{14, 15, 59, 60, 61, 127, 128, 129, 511, 1024, 1152, 1153}
	for _, n := range []int{2175, 2176, 2177, mtu + 13, mtu + 14} {
		if n <= mtu+14 {
			s = append(s, n)
		}
	}
	return s
}

func testTagged(t *testing.T, w *wire) {
	mtu := min(w.dev.Info().MTU, w.peer.Info().MTU)
	w.bothWays(func(from, to *end) {
		for seq, n := range []int{16, 60, mtu + 14} { // a kernel wants two octets behind the tag
			b := tagged(seq, n)
			if got := from.write(link.NewFrame(b)); got != 1 {
				t.Fatalf("WriteFrames of %d octets with a tag on %s = %d, want 1", len(b), from.Info().Name, got)
			}
			to.expect(t, b)
		}
	})
}

// testBatch writes many frames in one call. Order is kept.
func testBatch(t *testing.T, w *wire) {
	const batch = 100
	w.bothWays(func(from, to *end) {
		before, beforeTo := from.stats(), to.stats()
		f, total := make([]link.Frame, batch), 0
		for i := range f {
			f[i] = newFrame(0, i, 60+i*10)
			total += 60 + i*10
		}
		if n := from.write(f...); n != batch {
			t.Fatalf("WriteFrames on %s = %d, want %d", from.Info().Name, n, batch)
		}
		for i := range batch {
			to.expect(t, octets(0, i, 60+i*10))
		}
		s := from.stats()
		if from.counts() && (s.TxFrames-before.TxFrames != batch || s.TxBytes-before.TxBytes != uint64(total) || s.TxDropped != before.TxDropped) {
			t.Errorf("counters of %s went from %+v to %+v, want %d frames of %d octets", from.Info().Name, before, s, batch, total)
		}
		// The far end may have heard strangers too.
		s = to.stats()
		if to.counts() && (s.RxFrames-beforeTo.RxFrames < batch || s.RxBytes-beforeTo.RxBytes < uint64(total)) {
			t.Errorf("counters of %s went from %+v to %+v, want at least %d frames of %d octets", to.Info().Name, beforeTo, s, batch, total)
		}
	})
}

// testChunks writes one frame in pieces of every kind of size: only the octets count.
func testChunks(t *testing.T, w *wire) {
	want := octets(0, 7, w.dev.Info().MTU+14)
	for _, size := range []int{1, 14, 100, 1000} {
		if n := w.dev.write(chunked(want, size)); n != 1 {
			t.Fatalf("WriteFrames in chunks of %d = %d, want 1", size, n)
		}
		w.peer.expect(t, want)
	}
}

func testOutOfBounds(t *testing.T, w *wire) {
	mtu := w.dev.Info().MTU
	tests := []struct {
		name  string
		frame link.Frame
	}{
		{"empty", link.Frame{}},
		{"one octet", link.NewFrame([]byte{1})},
		{"header cut off", link.NewFrame(octets(0, 0, 14)[:13])},
		{"longer than the MTU", newFrame(0, 1, mtu+15)},
		{"tagged, longer than the MTU", link.NewFrame(tagged(2, mtu+15))},
		{"much longer", newFrame(0, 3, 70_000)},
	}
	for i := range tests {
		before := w.dev.stats()
		if n := w.dev.write(tests[i].frame); n != 0 {
			t.Errorf("%s: WriteFrames = %d, want 0", tests[i].name, n)
		}
		if got := w.dev.stats().TxDropped - before.TxDropped; w.dev.counts() && got != 1 {
			t.Errorf("%s: %d drops counted, want 1", tests[i].name, got)
		}
	}
	// The bad ones in a batch do not hurt the good.
	if n := w.dev.write(newFrame(0, 8, 60), link.Frame{}, newFrame(0, 9, 60)); n != 2 {
		t.Errorf("WriteFrames of two good and one empty = %d, want 2", n)
	}
	w.peer.expect(t, octets(0, 8, 60))
	w.peer.expect(t, octets(0, 9, 60))
}

// testBadOffsets writes frames whose metadata points out of them.
func testBadOffsets(t *testing.T, w *wire) {
	p := packet{payload: make([]byte, 100)}
	spoil := []func(f *link.Frame){
		func(f *link.Frame) { f.CsumStart = 60000 },
		func(f *link.Frame) { f.CsumStart, f.CsumOffset = 65535, 65535 },
		func(f *link.Frame) { f.CsumOffset = uint16(f.Len() - int(f.CsumStart) - 1) },
		func(f *link.Frame) { f.GSO, f.GSOSize = link.GSOTCPv4, 0 },
		func(f *link.Frame) { f.GSO, f.GSOSize = link.GSO(99), 50 },
	}
	for i, s := range spoil {
		f := p.frame(0)
		s(&f)
		if n := w.dev.write(f); n != 0 {
			t.Errorf("frame %d with bad metadata: WriteFrames = %d, want 0", i, n)
		}
	}
	w.dev.write(newFrame(0, 1, 60))
	w.peer.expect(t, octets(0, 1, 60))
}

// testReadOnly writes frames whose memory has another owner.
func testReadOnly(t *testing.T, w *wire) {
	for _, p := range []packet{{udp: true, payload: payload(300)}, {payload: payload(4000)}} {
		gsoSize := 0
		if len(p.payload) > w.dev.Info().MTU {
			gsoSize = 1000
		}
		kept := p.frame(gsoSize)
		w.dev.write(kept.Clone())
		for got := 0; got < len(p.payload); {
			f := w.peer.next(t)
			got += f.Len() - p.headerLen()
			f.Overwrite(p.headerLen(), []byte("scribble")) // the far end's own copy
			f.Release()
		}
		if got := kept.AppendTo(nil); !bytes.Equal(got, p.octets()) {
			t.Errorf("%d octets of payload: the sender's memory was changed", len(p.payload))
		}
		kept.Release()
	}
}

// testWriters has goroutines write at the same time. What arrives is whole and in each writer's order.
func testWriters(t *testing.T, w *wire) {
	const writers, each = 4, 200
	before := w.dev.stats()
	left := make([]int, writers)
	var wg sync.WaitGroup
	for id := range writers {
		wg.Go(func() {
			for seq := 0; seq < each; seq += 2 {
				left[id] += w.dev.write(newFrame(id, seq, 200), newFrame(id, seq+1, 1200))
			}
		})
	}
	wg.Wait()
	w.dev.write(newFrame(writers, 0, 60))
	last := map[byte]int{}
	for {
		f := w.peer.next(t)
		b := f.AppendTo(nil)
		f.Release()
		if b[14] == writers {
			break
		}
		checkWriter(t, last, b)
	}
	total := left[0] + left[1] + left[2] + left[3] + 1
	if s := w.dev.stats(); w.dev.counts() && s.TxFrames-before.TxFrames != uint64(total) {
		t.Errorf("%d frames counted, WriteFrames said %d", s.TxFrames-before.TxFrames, total)
	}
	if len(last) != writers {
		t.Errorf("frames of %d writers arrived, want %d", len(last), writers)
	}
}

func checkWriter(t *testing.T, last map[byte]int, b []byte) {
	t.Helper()
	seq := int(binary.BigEndian.Uint32(b[14:]) & 0xffffff)
	want := octets(int(b[14]), seq, 200+seq%2*1000)
	if !bytes.Equal(b, want) {
		t.Fatalf("frame of writer %d differs:\n got %.60x\nwant %.60x", b[14], b, want)
	}
	if prev, ok := last[b[14]]; ok && seq <= prev {
		t.Fatalf("writer %d: frame %d came after %d", b[14], seq, prev)
	}
	last[b[14]] = seq
}

func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i*31)
	}
	return b
}
