package wire

import (
	"testing"

	"tapestry/link"
)

var (
	ether4 = append(make([]byte, 12), 0x08, 0x00)
	ether6 = append(make([]byte, 12), 0x86, 0xdd)
	tagged = append(make([]byte, 12), 0x81, 0x00, 0, 42, 0x08, 0x00)
)

// packet puts an IP header of this first octet and protocol behind an Ethernet header, and 40 octets behind it.
func packet(ether []byte, first, proto byte) []byte {
	b := append([]byte(nil), ether...)
	start := len(b)
	b = append(b, make([]byte, 80)...)
	b[start] = first
	if first>>4 == 4 {
		b[start+9] = proto
	} else {
		b[start+6] = proto
	}
	return b
}

func TestMarkChecksum(t *testing.T) {
	tests := []struct {
		name          string
		frame         []byte
		start, offset uint16 // zero: not marked
	}{
		{"tcp4", packet(ether4, 0x45, 6), 34, 16},
		{"udp4", packet(ether4, 0x45, 17), 34, 6},
		{"tcp4 with options", packet(ether4, 0x48, 6), 46, 16},
		{"tcp6", packet(ether6, 0x60, 6), 54, 16},
		{"udp6", packet(ether6, 0x60, 17), 54, 6},
		{"tagged tcp4", packet(tagged, 0x45, 6), 38, 16},
		{"icmp", packet(ether4, 0x45, 1), 0, 0},
		{"no IP header", packet(ether4, 0x44, 6), 0, 0},
		{"another version", packet(ether4, 0x65, 6), 0, 0},
		{"another protocol", packet(append(make([]byte, 12), 0x81, 0x37), 0x45, 6), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := link.NewFrame(tt.frame)
			defer f.Release()
			MarkChecksum(&f)
			if f.NeedsChecksum != (tt.start > 0) || f.CsumStart != tt.start || f.CsumOffset != tt.offset {
				t.Errorf("marked %v at %d+%d, want %d+%d", f.NeedsChecksum, f.CsumStart, f.CsumOffset, tt.start, tt.offset)
			}
			for n := range tt.frame {
				mark(t, tt.frame[:n])
			}
		})
	}
}

// mark marks b and holds that what is marked lies inside.
func mark(t *testing.T, b []byte) {
	t.Helper()
	f := link.NewFrame(b)
	defer f.Release()
	MarkChecksum(&f)
	if f.NeedsChecksum && int(f.CsumStart)+int(f.CsumOffset)+2 > len(b) {
		t.Fatalf("%x: marked at %d+%d of %d octets", b, f.CsumStart, f.CsumOffset, len(b))
	}
}

func FuzzMarkChecksum(f *testing.F) {
	for _, b := range [][]byte{packet(ether4, 0x4f, 6), packet(ether6, 0x60, 17), packet(tagged, 0x45, 6)} {
		f.Add(b)
	}
	f.Fuzz(mark)
}
