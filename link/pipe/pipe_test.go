package pipe

import (
	"testing"

	"tapestry/link"
	"tapestry/link/linktest"
)

func TestDevice(t *testing.T) {
	tests := []struct {
		name   string
		config Config
	}{
		{"plain", Config{}},
		{"offload", Config{Offload: AllOffloads}},
		{"checksum only", Config{Offload: link.OffloadChecksum}},
		{"small MTU", Config{MTU: 1280}},
		{"jumbo", Config{MTU: 9000, Offload: AllOffloads}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(testing.TB) (link.Device, link.Device) {
				a, b := New(tt.config)
				return a, b
			})
		})
	}
}

// TestFull: the writer never waits, and what does not fit is counted where it was lost.
func TestFull(t *testing.T) {
	a, b := New(Config{Depth: 4})
	defer b.Close()
	defer a.Close()
	f := make([]link.Frame, 6)
	for i := range f {
		f[i] = link.NewFrame(make([]byte, 60+i))
	}
	if n := a.WriteFrames(f); n != 4 {
		t.Errorf("WriteFrames of 6 on a cable that holds 4 = %d", n)
	}
	if s := a.Stats(); s.TxFrames != 4 || s.TxDropped != 2 || s.TxBytes != 60+61+62+63 {
		t.Errorf("counters %+v, want 4 frames, 2 drops", s)
	}
	got := make([]link.Frame, 6)
	n, err := b.ReadFrames(got)
	if n != 4 || err != nil {
		t.Fatalf("ReadFrames = %d, %v, want 4", n, err)
	}
	for i := range n {
		if got[i].Len() != 60+i {
			t.Errorf("frame %d has %d octets, want %d", i, got[i].Len(), 60+i)
		}
	}
	link.ReleaseAll(got[:n])
}

// TestCut: closing one end takes the carrier from the other, which still gets what had crossed.
func TestCut(t *testing.T) {
	a, b := New(Config{})
	changed := b.Info().Changed
	a.WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))})
	a.Close()
	<-changed
	if i := b.Info(); i.Up || i.Changed != nil {
		t.Errorf("Info of the other end = %+v, want no carrier", i)
	}
	f := make([]link.Frame, 2)
	if n, err := b.ReadFrames(f); n != 1 || err != nil {
		t.Errorf("ReadFrames = %d, %v, want the frame that had crossed", n, err)
	}
	f[0].Release()
	if n := b.WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 0 || b.Stats().TxDropped != 1 {
		t.Errorf("WriteFrames = %d with %d drops, want 0 with 1", n, b.Stats().TxDropped)
	}
	b.Close()
}

// TestSetOffload: both ends are told of the change, and frames are finished by what holds when they are written.
func TestSetOffload(t *testing.T) {
	a, b := New(Config{Offload: AllOffloads})
	defer b.Close()
	defer a.Close()
	for _, o := range []link.Offload{0, link.OffloadChecksum, AllOffloads} {
		before := b.Info()
		a.SetOffload(o)
		<-before.Changed
		for _, e := range []*End{a, b} {
			if i := e.Info(); i.Rx != o || i.Tx != o || !i.Up || i.Changed == nil {
				t.Errorf("Info of %s = %+v, want %v", i.Name, i, o)
			}
		}
		f := link.NewFrame(make([]byte, 60))
		f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, 34, 6
		a.WriteFrames([]link.Frame{f})
		got := make([]link.Frame, 1)
		if n, err := b.ReadFrames(got); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
		if got[0].NeedsChecksum != o.Has(link.OffloadChecksum) {
			t.Errorf("%v: needs a checksum: %v", o, got[0].NeedsChecksum)
		}
		got[0].Release()
	}
	b.Close()
	a.SetOffload(0) // too late
	if i := a.Info(); i.Up || i.Changed != nil {
		t.Errorf("Info after the cut = %+v, want no carrier", i)
	}
}

// TestReadNothing: room for no frame is no end of the cable.
func TestReadNothing(t *testing.T) {
	a, b := New(Config{})
	defer b.Close()
	defer a.Close()
	if n, err := a.ReadFrames(nil); n != 0 || err != nil {
		t.Errorf("ReadFrames of nothing = %d, %v", n, err)
	}
}

func TestNoAllocation(t *testing.T) {
	a, b := New(Config{})
	defer b.Close()
	defer a.Close()
	f := []link.Frame{link.NewFrame(make([]byte, 60))}
	got := testing.AllocsPerRun(1000, func() {
		a.WriteFrames(f)
		if n, err := b.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a frame, want 0", got)
	}
}

func BenchmarkPipe(b *testing.B) {
	from, to := New(Config{})
	f := []link.Frame{link.NewFrame(make([]byte, 1514))}
	b.SetBytes(1514)
	b.ReportAllocs()
	for b.Loop() {
		from.WriteFrames(f)
		if _, err := to.ReadFrames(f); err != nil {
			b.Fatal(err)
		}
	}
}
