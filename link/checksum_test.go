package link

import (
	"bytes"
	"testing"
)

// simpleChecksum is RFC 1071 §4.1 on flat memory.
func simpleChecksum(b []byte) uint16 {
	var sum uint32
	for i, o := range b {
		if i%2 == 0 {
			sum += uint32(o) << 8
		} else {
			sum += uint32(o)
		}
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func TestFinishChecksumMatchesSimple(t *testing.T) {
	r := newRand(t)
	for range 500 {
		b := randomBytes(r, 40+r.IntN(3000))
		start := r.IntN(len(b) - 20)
		offset := r.IntN(18)
		f := chunked(r, b)
		f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(start), uint16(offset)
		other := f.Clone()
		if err := FinishChecksum(&f); err != nil {
			t.Fatal(err)
		}
		sum := simpleChecksum(b[start:])
		if sum == 0 && offset == udpChecksum {
			sum = 0xffff
		}
		want := bytes.Clone(b)
		want[start+offset], want[start+offset+1] = byte(sum>>8), byte(sum)
		if got := f.AppendTo(nil); !bytes.Equal(got, want) {
			t.Fatalf("%d octets, start %d, field +%d: got %x, want %x", len(b), start, offset, got[start:start+offset+2], want[start:start+offset+2])
		}
		if f.NeedsChecksum || !bytes.Equal(other.AppendTo(nil), b) {
			t.Fatal("metadata left, or another owner saw the change")
		}
		f.Release()
		other.Release()
	}
}

func TestFinishChecksumZero(t *testing.T) {
	tests := []struct {
		name   string
		offset uint16
		want   []byte
	}{
		{"UDP", udpChecksum, []byte{0xff, 0xff}},
		{"other", 2, []byte{0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFrame(append([]byte{0xff, 0xff}, make([]byte, 10)...))
			f.NeedsChecksum, f.CsumOffset = true, tt.offset
			if err := FinishChecksum(&f); err != nil {
				t.Fatal(err)
			}
			if got := f.Head()[tt.offset : tt.offset+2]; !bytes.Equal(got, tt.want) {
				t.Errorf("got %x, want %x", got, tt.want)
			}
			f.Release()
		})
	}
}

func TestFinishChecksumBogus(t *testing.T) {
	tests := []struct {
		name          string
		n             int
		start, offset uint16
	}{
		{"empty frame", 0, 0, 0},
		{"field beyond the end", 60, 34, 26},
		{"field half out", 60, 34, 25},
		{"start beyond the end", 60, 61, 0},
		{"largest offsets", 60, 0xffff, 0xffff},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFrame(make([]byte, tt.n))
			f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, tt.start, tt.offset
			if err := FinishChecksum(&f); err == nil || !f.NeedsChecksum {
				t.Errorf("error %v, frame %+v", err, f)
			}
			f.Release()
		})
	}
}

func TestFinishChecksumLeavesOthersAlone(t *testing.T) {
	f := NewFrame([]byte{1, 2, 3})
	f.CsumStart, f.CsumOffset = 900, 900
	if err := FinishChecksum(&f); err != nil || !bytes.Equal(f.Head(), []byte{1, 2, 3}) {
		t.Errorf("error %v, octets %x", err, f.Head())
	}
	f.Release()
}
