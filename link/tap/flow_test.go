package tap

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// flow builds frames of one flow, both ways.
type flow struct {
	tags       int
	v6         bool
	options    int // octets of IPv4 options
	fragment   uint16
	proto      byte
	a, b       byte // last octets of the addresses
	portA, toB uint16
	payload    int
}

// frame gives a frame of the flow, or, backwards, one of the other direction.
func (f flow) frame(backwards bool) []byte {
	if backwards {
		f.a, f.b, f.portA, f.toB = f.b, f.a, f.toB, f.portA
	}
	b := []byte{2, 0, 0, 0, 0, f.b, 2, 0, 0, 0, 0, f.a}
	for i := range f.tags {
		b = binary.BigEndian.AppendUint16(b, []uint16{0x8100, 0x88a8, 0x8100}[i])
		b = append(b, 0, 42)
	}
	if f.v6 {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(4+f.payload))
		b = append(b, f.proto, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, f.a,
			0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, f.b)
	} else {
		b = append(b, 8, 0, byte(0x45+f.options/4), 0)
		b = binary.BigEndian.AppendUint16(b, uint16(20+f.options+4+f.payload))
		b = append(b, 0, 1)
		b = binary.BigEndian.AppendUint16(b, f.fragment)
		b = append(b, 64, f.proto, 0, 0, 198, 51, 100, f.a, 198, 51, 100, f.b)
		b = append(b, make([]byte, f.options)...)
	}
	b = binary.BigEndian.AppendUint16(b, f.portA)
	b = binary.BigEndian.AppendUint16(b, f.toB)
	return append(b, make([]byte, f.payload)...)
}

// flows are all kinds of frames, with what they have in common.
var flows = []struct {
	name string
	flow flow
	// The ports make no difference: frames of one datagram, or of one pair of stations, stay together.
	byAddress, none bool
}{
	{name: "tcp4", flow: flow{proto: 6}},
	{name: "udp4", flow: flow{proto: 17, payload: 100}},
	{name: "tcp6", flow: flow{v6: true, proto: 6}},
	{name: "udp6", flow: flow{v6: true, proto: 17}},
	{name: "options", flow: flow{proto: 17, options: 40}},
	{name: "do not fragment", flow: flow{proto: 6, fragment: 0x4000}},
	{name: "tagged", flow: flow{tags: 1, proto: 6, payload: 1400}},
	{name: "two tags", flow: flow{tags: 2, v6: true, proto: 17}},
	{name: "first fragment", flow: flow{proto: 17, fragment: 0x2000}, byAddress: true},
	{name: "later fragment", flow: flow{proto: 17, fragment: 0x0010}, byAddress: true},
	{name: "icmp", flow: flow{proto: 1}, byAddress: true},
	{name: "fragment header", flow: flow{v6: true, proto: 44}, byAddress: true},
	{name: "three tags", flow: flow{tags: 3, proto: 6}, none: true},
}

func TestFlowHash(t *testing.T) {
	for _, tt := range flows {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.flow
			f.a, f.b, f.portA, f.toB = 1, 2, 40000, 80
			h := flowHash(f.frame(false))
			if back := flowHash(f.frame(true)); h != back {
				t.Errorf("hashes of the two directions are %08x and %08x, want the same", h, back)
			}
			if tt.none != (h == 0) {
				t.Errorf("hash is %08x, want none: %v", h, tt.none)
			}
			f.portA++
			if same := flowHash(f.frame(false)) == h; same != (tt.byAddress || tt.none) {
				t.Errorf("with another port the hash is the same: %v", same)
			}
			f.portA, f.b = f.portA-1, 3
			if same := flowHash(f.frame(false)) == h; same != tt.none {
				t.Errorf("with another address the hash is the same: %v", same)
			}
		})
	}
}

// TestFlowHashFragments holds that all fragments of a datagram have one hash, whatever follows the header.
func TestFlowHashFragments(t *testing.T) {
	first := flowHash(flow{a: 1, b: 2, proto: 17, fragment: 0x2000, portA: 7, toB: 9}.frame(false))
	last := flowHash(flow{a: 1, b: 2, proto: 17, fragment: 0x00b9, portA: 0xdead, toB: 0xbeef}.frame(false))
	if first != last {
		t.Errorf("fragments have the hashes %08x and %08x", first, last)
	}
}

// TestFlowHashShort holds every truncation against a panic; with the ports cut off, addresses count.
func TestFlowHashShort(t *testing.T) {
	for _, tt := range flows {
		b := tt.flow.frame(false)
		for i := range b {
			flowHash(b[:i])
		}
	}
	b := flow{a: 1, b: 2, proto: 17, portA: 1, toB: 2}.frame(false)
	icmp := flow{a: 1, b: 2, proto: 1}.frame(false)
	if got, want := flowHash(b[:len(b)-1]), flowHash(icmp); got != want {
		t.Errorf("hash without ports is %08x, want %08x, that of the addresses", got, want)
	}
}

// TestFlowHashSpread gives each queue its share of the flows that one client makes: ports in a row.
func TestFlowHashSpread(t *testing.T) {
	const clients = 1024
	for _, n := range []int{2, 3, 4, 8} {
		for _, v6 := range []bool{false, true} {
			hits := make([]int, n)
			for i := range clients {
				f := flow{v6: v6, a: 1, b: 2, proto: 6, portA: uint16(40000 + i), toB: 80}
				hits[queueOf(flowHash(f.frame(i%2 == 0)), n)]++
			}
			for q, got := range hits {
				if want := clients / n; got < want*3/4 || got > want*5/4 {
					t.Errorf("v6 %v: queue %d of %d has %d flows, want about %d", v6, q, n, got, want)
				}
			}
		}
	}
}

func FuzzFlowHash(f *testing.F) {
	for _, tt := range flows {
		f.Add(tt.flow.frame(false))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := flowHash(b)
		if again := flowHash(append(b, 1, 2, 3, 4)[:len(b)]); h != again {
			t.Errorf("%08x, then %08x: octets behind the frame count", h, again)
		}
	})
}

func BenchmarkFlowHash(b *testing.B) {
	for _, v6 := range []bool{false, true} {
		b.Run(fmt.Sprint("v6=", v6), func(b *testing.B) {
			p := flow{v6: v6, a: 1, b: 2, proto: 6, portA: uint16(rand.IntN(65536)), toB: 80}.frame(false)
			b.ReportAllocs()
			for b.Loop() {
				flowHash(p)
			}
		})
	}
}
