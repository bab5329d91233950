package wire

import (
	"testing"

	"tapestry/link"
	"tapestry/link/ethernet"
)

func frame(n int, etherType uint16, set func(*link.Frame)) link.Frame {
	b := make([]byte, max(n, ethernet.HeaderLen))
	b[12], b[13] = byte(etherType>>8), byte(etherType)
	f := link.NewFrame(b[:n])
	if set != nil {
		set(&f)
	}
	return f
}

func TestCarries(t *testing.T) {
	checksum := func(start, offset uint16) func(*link.Frame) {
		return func(f *link.Frame) { f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, start, offset }
	}
	super := func(g link.GSO, size uint16) func(*link.Frame) {
		return func(f *link.Frame) { f.GSO, f.GSOSize = g, size }
	}
	tests := []struct {
		name      string
		len       int
		etherType uint16
		set       func(*link.Frame)
		want      bool
	}{
		{"empty", 0, 0, nil, false},
		{"header cut off", 13, 0, nil, false},
		{"header alone", 14, 0x0800, nil, true},
		{"full", 1514, 0x0800, nil, true},
		{"too long", 1515, 0x0800, nil, false},
		{"tagged, full", 1518, 0x8100, nil, true},
		{"service tag, full", 1518, 0x88a8, nil, true},
		{"tagged, too long", 1519, 0x8100, nil, false},
		{"super-frame", 60000, 0x0800, super(link.GSOTCPv4, 1448), true},
		{"super-frame, too long", 65535 + 15, 0x0800, super(link.GSOTCPv4, 1448), false},
		{"super-frame of nothing", 60000, 0x0800, super(link.GSOTCPv4, 0), false},
		{"super-frame of an unknown kind", 60000, 0x0800, super(77, 1448), false},
		{"checksum at the end", 60, 0x0800, checksum(50, 8), true},
		{"checksum half outside", 60, 0x0800, checksum(50, 9), false},
		{"checksum far outside", 60, 0x0800, checksum(65535, 65535), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := frame(tt.len, tt.etherType, tt.set)
			defer f.Release()
			if got := Carries(1500, &f); got != tt.want {
				t.Errorf("Carries = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestIsReady(t *testing.T) {
	tests := []struct {
		name  string
		frame link.Frame
		o     link.Offload
		want  bool
	}{
		{"plain", link.Frame{}, 0, true},
		{"checksum, not had", link.Frame{NeedsChecksum: true}, 0, false},
		{"checksum, had", link.Frame{NeedsChecksum: true}, link.OffloadChecksum, true},
		{"tcp4, not had", link.Frame{GSO: link.GSOTCPv4}, link.OffloadChecksum | link.OffloadTSO6, false},
		{"tcp4, had", link.Frame{GSO: link.GSOTCPv4, NeedsChecksum: true}, link.OffloadTSO4, true},
		{"tcp6, had", link.Frame{GSO: link.GSOTCPv6}, link.OffloadTSO6, true},
		{"udp, had", link.Frame{GSO: link.GSOUDP}, link.OffloadUSO, true},
		{"unknown", link.Frame{GSO: 77}, ^link.Offload(0), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := IsReady(&tt.frame, tt.o); got != tt.want {
				t.Errorf("IsReady = %v, want %v", got, tt.want)
			}
		})
	}
}
