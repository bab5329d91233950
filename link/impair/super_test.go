package impair

import (
	"encoding/binary"
	"math/bits"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link"
)

// segmentSize is what superFrame is to be cut into.
const segmentSize = 1000

// superFrame is a TCP super-frame over IPv4 of n octets of payload, which is to be finished. Without GSO, it is a frame
// whose checksum is to be finished.
func superFrame(n int, gso link.GSO) link.Frame {
	p := make([]byte, 54+n)
	copy(p, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	ip, tcp := p[14:34], p[34:]
	copy(ip, []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2})
	binary.BigEndian.PutUint16(ip[2:], uint16(40+n))
	binary.BigEndian.PutUint16(ip[10:], ^checksum.Checksum(ip, 0))
	tcp[12], tcp[13] = 0x50, 0x10
	for i := range tcp[20:] {
		tcp[20+i] = byte(i * 7)
	}
	binary.BigEndian.PutUint16(tcp[16:], checksum.Combine(checksum.Checksum(ip[12:], 6), uint16(len(tcp))))
	f := link.NewFrame(p)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, 34, 16
	if f.GSO = gso; gso != link.GSONone {
		f.GSOSize = segmentSize
	}
	return f
}

// isIntact reports whether both checksums of a finished frame hold.
func isIntact(b []byte) bool {
	ip, tcp := b[14:34], b[34:]
	return checksum.Checksum(ip, 0) == 0xffff &&
		checksum.Checksum(tcp, checksum.Combine(checksum.Checksum(ip[12:], 6), uint16(len(tcp)))) == 0xffff
}

// TestSuperFrames: they stay whole while nothing is decided about frames.
func TestSuperFrames(t *testing.T) {
	tests := []struct {
		name, text string
		want       int
	}{
		{"perfect", "off", 1},
		{"delay", "delay=10ms,jitter=1ms", 1},
		{"cuts", "cut=1s@1h", 1},
		{"loss", "loss=0.000001%", 10},
		{"bursts", "gilbert=0.00001%/1%", 10},
		{"duplicate", "duplicate=0.000001%", 10},
		{"corrupt", "corrupt=0.000001%", 10},
		{"reorder", "reorder=0.000001%,delay=1ms", 10},
		{"rate", "rate=1gbit", 10},
		{"MTU", "mtu=1040", 10},
		{"MTU, too long", "mtu=1039", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.text)
			b.check = func(f *link.Frame) {
				if whole := f.GSO != link.GSONone; whole != (tt.want == 1) || !f.NeedsChecksum {
					t.Errorf("%d octets of kind %v, partial checksum %v", f.Len(), f.GSO, f.NeedsChecksum)
				}
				if link.FinishChecksum(f) != nil || tt.want > 1 && !isIntact(f.AppendTo(nil)) {
					t.Error("the checksum of a segment is wrong")
				}
			}
			b.Write([]link.Frame{superFrame(10*segmentSize, link.GSOTCPv4)})
			b.clock.advance(ms * 20)
			if len(b.got) != tt.want {
				t.Errorf("%d frames came, want %d: %+v", len(b.got), tt.want, b.Stats())
			}
		})
	}
}

// TestInvalid: metadata that cannot be carried out is counted, not handed on.
func TestInvalid(t *testing.T) {
	tests := []struct {
		name, text string
		spoil      func(f *link.Frame)
	}{
		{"no super-frame", "loss=1%", func(f *link.Frame) { f.GSO, f.GSOSize = link.GSOUDP, 100 }},
		{"no size", "loss=1%", func(f *link.Frame) { f.GSO = link.GSOTCPv4 }},
		{"checksum outside", "corrupt=100%", func(f *link.Frame) { f.CsumStart = 60000 }},
	}
	for _, tt := range tests {
		b := newBench(t, tt.text)
		f := superFrame(10, link.GSONone)
		tt.spoil(&f)
		b.Write([]link.Frame{f})
		if s := b.Stats(); s.Drops.Invalid != 1 || len(b.got) != 0 {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}

// TestCorrupt: one bit differs from the finished frame, never in the Ethernet header, and the receiver can tell.
func TestCorrupt(t *testing.T) {
	b := newBench(t, "corrupt=100%")
	whole := superFrame(200, link.GSONone)
	if err := link.FinishChecksum(&whole); err != nil {
		t.Fatal(err)
	}
	want := whole.AppendTo(nil)
	seen := map[int]bool{}
	b.check = func(f *link.Frame) {
		got := f.AppendTo(nil)
		differ := 0
		for i := range got {
			if n := bits.OnesCount8(got[i] ^ want[i]); n > 0 {
				seen[i] = true
				differ += n
			}
		}
		if differ != 1 || f.NeedsChecksum || f.DataValid || isIntact(got) {
			t.Errorf("%d bits differ, partial checksum %v, verified %v, intact %v", differ, f.NeedsChecksum, f.DataValid, isIntact(got))
		}
	}
	for range 5000 {
		f := superFrame(200, link.GSONone)
		f.DataValid = true
		kept := f.Clone()
		b.Write([]link.Frame{f})
		if err := link.FinishChecksum(&kept); err != nil || string(kept.AppendTo(nil)) != string(want) {
			t.Fatal("another owner of the memory sees the change")
		}
		kept.Release()
	}
	for i := range want {
		if seen[i] != (i >= 14) {
			t.Errorf("octet %d of %d was changed: %v", i, len(want), seen[i])
		}
	}
	if s := b.Stats(); s.Corrupted != 5000 {
		t.Errorf("%d counted", s.Corrupted)
	}
	b.check = nil
	b.Write([]link.Frame{link.NewFrame(make([]byte, 14))}) // nothing to spoil
	if s := b.Stats(); s.Corrupted != 5000 || s.Passed != 5001 {
		t.Errorf("a header alone: %+v", s)
	}
}
