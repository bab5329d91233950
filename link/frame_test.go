package link

import (
	"bytes"
	"testing"
)

// Overwrite on chunks, held against a flat copy; nobody else sees the change.
func TestOverwriteMatchesSimple(t *testing.T) {
	r := newRand(t)
	for range 500 {
		b := randomBytes(r, r.IntN(5000))
		f := chunked(r, b)
		other := f.Clone()
		with := randomBytes(r, r.IntN(200))
		off := r.IntN(len(b)+20) - 10
		want := bytes.Clone(b)
		isInside := off >= 0 && off+len(with) <= len(b)
		if isInside {
			copy(want[off:], with)
		}
		if got := f.Overwrite(off, with); got != isInside {
			t.Fatalf("%d octets at %d of %d: reported %v", len(with), off, len(b), got)
		}
		if !bytes.Equal(f.AppendTo(nil), want) || !bytes.Equal(other.AppendTo(nil), b) {
			t.Fatalf("%d octets at %d of %d: wrong octets, or another owner saw them", len(with), off, len(b))
		}
		f.Release()
		other.Release()
	}
}

func TestFrameSlices(t *testing.T) {
	r := newRand(t)
	b := randomBytes(r, 5000)
	f := chunked(r, b)
	if got := bytes.Join(f.Slices(nil), nil); !bytes.Equal(got, b) || f.Len() != len(b) {
		t.Errorf("slices hold %d octets, the frame %d, want %d", len(got), f.Len(), len(b))
	}
	if head := f.Head(); !bytes.HasPrefix(b, head) || len(head) == 0 {
		t.Errorf("head has %d octets", len(head))
	}
	f.Release()
	if f.Len() != 0 || f.Head() != nil || f.Slices(nil) != nil {
		t.Error("a released frame is not empty")
	}
}

func TestNewFrameCopies(t *testing.T) {
	b := []byte{1, 2, 3}
	f := NewFrame(b)
	b[0] = 9
	if got := f.Head(); !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("got %x", got)
	}
	f.Release()
}

func TestNames(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"no offload", Offload(0).String(), "none"},
		{"all offloads", (OffloadChecksum | OffloadTSO4 | OffloadTSO6 | OffloadUSO).String(), "checksum tso4 tso6 uso"},
		{"no GSO", GSONone.String(), "none"},
		{"TCP over IPv6", GSOTCPv6.String(), "tcp6"},
		{"unknown GSO", GSO(9).String(), "invalid"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if o := OffloadChecksum | OffloadTSO4; !o.Has(OffloadTSO4) || o.Has(OffloadTSO4|OffloadUSO) || !o.Has(0) {
		t.Errorf("%v: Has is wrong", o)
	}
}

func TestCounters(t *testing.T) {
	var c Counters
	super := NewFrame(make([]byte, 3000))
	super.GSO = GSOTCPv4
	f := []Frame{NewFrame(make([]byte, 60)), super}
	c.CountRx(f)
	c.CountTx(f[1:])
	c.DropRx(3)
	c.DropTx(4)
	want := Stats{RxFrames: 2, RxBytes: 3060, RxGSO: 1, RxDropped: 3, TxFrames: 1, TxBytes: 3000, TxGSO: 1, TxDropped: 4}
	if got := c.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	ReleaseAll(f)
	if f[0].Len() != 0 || f[1].GSO != GSONone {
		t.Error("ReleaseAll left something")
	}
}
