package vnet

import (
	"bytes"
	"encoding/binary"
	"testing"

	"tapestry/link"
)

// raw is a header of these fields.
func raw(flags, gso byte, hdrLen, size, start, offset uint16) []byte {
	b := []byte{flags, gso}
	for _, v := range []uint16{hdrLen, size, start, offset} {
		b = binary.NativeEndian.AppendUint16(b, v)
	}
	return b
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name string
		raw  []byte
		len  int // of the frame
		want link.Frame
		bad  bool
	}{
		{name: "nothing to do", raw: raw(0, 0, 0, 0, 0, 0), len: 60},
		{name: "verified", raw: raw(2, 0, 0, 0, 0, 0), len: 60, want: link.Frame{DataValid: true}},
		{name: "checksum", raw: raw(1, 0, 0, 0, 34, 6), len: 60, want: link.Frame{NeedsChecksum: true, CsumStart: 34, CsumOffset: 6}},
		{name: "checksum ends with the frame", raw: raw(1, 0, 0, 0, 34, 6), len: 42,
			want: link.Frame{NeedsChecksum: true, CsumStart: 34, CsumOffset: 6}},
		{name: "checksum outside", raw: raw(1, 0, 0, 0, 34, 6), len: 41, bad: true},
		{name: "checksum far outside", raw: raw(1, 0, 0, 0, 65535, 65535), len: 60, bad: true},
		{name: "tcp4", raw: raw(1, 1, 54, 1448, 34, 16), len: 4000,
			want: link.Frame{NeedsChecksum: true, CsumStart: 34, CsumOffset: 16, GSO: link.GSOTCPv4, GSOSize: 1448}},
		{name: "tcp6", raw: raw(1, 4, 74, 1428, 54, 16), len: 4000,
			want: link.Frame{NeedsChecksum: true, CsumStart: 54, CsumOffset: 16, GSO: link.GSOTCPv6, GSOSize: 1428}},
		{name: "udp", raw: raw(1, 5, 42, 1472, 34, 6), len: 4000,
			want: link.Frame{NeedsChecksum: true, CsumStart: 34, CsumOffset: 6, GSO: link.GSOUDP, GSOSize: 1472}},
		{name: "of no size", raw: raw(1, 1, 54, 0, 34, 16), len: 4000, bad: true},
		{name: "UDP fragments", raw: raw(1, 3, 42, 1472, 34, 6), len: 4000, bad: true},
		{name: "unknown kind", raw: raw(1, 0x7f, 42, 1472, 34, 6), len: 4000, bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := ParseHeader(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, tt.len)
			if tt.len > 60 {
				b[34+12], b[54+12] = 5<<4, 5<<4 // TCP data offset
			}
			f := link.NewFrame(b)
			defer f.Release()
			err = h.Decode(&f)
			if (err != nil) != tt.bad {
				t.Fatalf("Decode(%v) = %v, want an error: %v", h, err, tt.bad)
			}
			if tt.bad {
				return
			}
			if got := meta(f); got != meta(tt.want) {
				t.Errorf("Decode(%v) = %+v, want %+v", h, got, meta(tt.want))
			}
			again := make(Header, HeaderLen)
			if err := again.Encode(&f); err != nil || !bytes.Equal(again, tt.raw) {
				t.Errorf("Encode = %x, %v, want %x", []byte(again), err, tt.raw)
			}
		})
	}
}

// TestECN: the bit beside the type changes nothing.
func TestECN(t *testing.T) {
	f := link.NewFrame(make([]byte, 4000))
	defer f.Release()
	if err := Header(raw(1, 0x81, 54, 1448, 34, 16)).Decode(&f); err != nil || f.GSO != link.GSOTCPv4 {
		t.Errorf("Decode = %v, %v, want %v", f.GSO, err, link.GSOTCPv4)
	}
}

// metadata is what a frame says of itself.
type metadata struct {
	needsChecksum, dataValid bool
	start, offset, size      uint16
	gso                      link.GSO
}

func meta(f link.Frame) metadata {
	return metadata{needsChecksum: f.NeedsChecksum, dataValid: f.DataValid, start: f.CsumStart, offset: f.CsumOffset,
		size: f.GSOSize, gso: f.GSO}
}

func TestParseHeaderTruncated(t *testing.T) {
	b := raw(1, 1, 54, 1448, 34, 16)
	for i := range b {
		if h, err := ParseHeader(b[:i]); err == nil {
			t.Errorf("ParseHeader of %d octets = %v, want an error", i, h)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(raw(1, 1, 54, 1448, 34, 16), 4000)
	f.Add(raw(1, 0, 0, 0, 65535, 65535), 60)
	f.Add(raw(2, 0x85, 0, 1, 0, 0), 0)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		h, err := ParseHeader(b)
		if err != nil || n < 0 || n > 1<<16 {
			return
		}
		_ = h.String()
		frame := link.NewFrame(make([]byte, n))
		defer frame.Release()
		if h.Decode(&frame) != nil {
			return
		}
		if frame.NeedsChecksum && int(frame.CsumStart)+int(frame.CsumOffset)+2 > n {
			t.Fatalf("%v: checksum outside %d octets", h, n)
		}
		again := make(Header, HeaderLen)
		if err := again.Encode(&frame); err != nil {
			t.Fatalf("%v was decoded but not encoded: %v", h, err)
		}
		second := link.Frame{Data: frame.Data}
		if err := again.Decode(&second); err != nil || meta(second) != meta(frame) {
			t.Fatalf("%v became %v: %v", h, again, err)
		}
	})
}
