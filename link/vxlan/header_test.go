package vxlan

import (
	"bytes"
	"errors"
	"testing"
)

func TestHeader(t *testing.T) {
	tests := []struct {
		name  string
		b     []byte
		vni   uint32
		flags uint8
		err   error
	}{
		{"the largest network", []byte{8, 0, 0, 0, 0xff, 0xff, 0xff, 0}, MaxVNI, 8, nil},
		{"octets in order", []byte{8, 0, 0, 0, 0x12, 0x34, 0x56, 0}, 0x123456, 8, nil},
		{"reserved bits are ignored", []byte{0xff, 1, 2, 3, 0, 0, 42, 0xff}, 42, 0xff, nil},
		{"no I flag", []byte{0xf7, 0, 0, 0, 0, 0, 42, 0}, 0, 0, errNoVNI},
		{"with a payload", []byte{8, 0, 0, 0, 0, 0, 1, 0, 9, 9}, 1, 8, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := ParseHeader(tt.b)
			if !errors.Is(err, tt.err) {
				t.Fatalf("ParseHeader(%x) = %v, want %v", tt.b, err, tt.err)
			}
			if err == nil && (h.VNI() != tt.vni || h.Flags() != tt.flags || len(h) != HeaderLen) {
				t.Errorf("%x: network %d, flags 0x%02x, want %d, 0x%02x", tt.b, h.VNI(), h.Flags(), tt.vni, tt.flags)
			}
			for i := range min(len(tt.b), HeaderLen) {
				if _, err := ParseHeader(tt.b[:i]); err != errShort {
					t.Errorf("%d octets: %v, want %v", i, err, errShort)
				}
			}
		})
	}
}

func TestAppendHeader(t *testing.T) {
	got := AppendHeader([]byte{7}, 0x123456)
	if want := []byte{7, 8, 0, 0, 0, 0x12, 0x34, 0x56, 0}; !bytes.Equal(got, want) {
		t.Errorf("AppendHeader = %x, want %x", got, want)
	}
	h, err := ParseHeader(got[1:])
	if err != nil || h.String() != "VXLAN vni 1193046" {
		t.Errorf("%v, %v", h, err)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte{8, 0, 0, 0, 0, 0, 42, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{8, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		_ = h.String()
		again, err := ParseHeader(AppendHeader(nil, h.VNI()))
		if err != nil || again.VNI() != h.VNI() || h.VNI() > MaxVNI {
			t.Errorf("%x: network %d, written and read %d, %v", b, h.VNI(), again.VNI(), err)
		}
	})
}
