package tap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link/ethernet"
)

// load loads a program, or skips the test where that is not allowed.
func load(t testing.TB, ins asm.Instructions) *ebpf.Program {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: ins, License: "GPL"})
	if errors.Is(err, unix.EPERM) {
		nstest.Skip(t, "needs CAP_BPF: "+err.Error())
	}
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// run has the kernel run a program on a frame. It takes an Ethernet header off first, which a device does not.
func run(t testing.TB, p *ebpf.Program, frame []byte) uint32 {
	t.Helper()
	ret, err := p.Run(&ebpf.RunOptions{Data: append(make([]byte, ethernet.HeaderLen), frame...)})
	if err != nil {
		t.Fatal(err)
	}
	return ret
}

// TestSteeringProgram holds the program to flowHash: for every kind of frame, cut off anywhere, with any octets.
func TestSteeringProgram(t *testing.T) {
	p := load(t, steering())
	for _, tt := range flows {
		t.Run(tt.name, func(t *testing.T) {
			b := flow.frame(tt.flow, false)
			for i := range len(b) + 1 {
				if got, want := run(t, p, b[:i]), flowHash(b[:i]); got != want {
					t.Fatalf("%x: the program says %08x, want %08x", b[:i], got, want)
				}
			}
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 0))
			for range 300 {
				at := ethernet.HeaderLen + 4*tt.flow.tags
				b[at+r.IntN(len(b)-at)] = byte(r.Uint32())
				if got, want := run(t, p, b), flowHash(b); got != want {
					t.Fatalf("seed %d, %x: the program says %08x, want %08x", seed, b, got, want)
				}
			}
		})
	}
}

// TestAcceptingProgram holds the filter to what Accept says.
func TestAcceptingProgram(t *testing.T) {
	own, other, guest := ethernet.Addr{2, 0, 0, 0, 0, 1}, ethernet.Addr{2, 0, 0, 0, 0, 2}, ethernet.Addr{2, 0, 0, 0, 1, 1}
	group, group2 := ethernet.Addr{1, 0, 0x5e, 0, 0, 1}, ethernet.Addr{0x33, 0x33, 0, 0, 0, 1}
	ip, arp, raw := []byte{8, 0}, []byte{8, 6}, []byte{0, 40}
	tag, tag2 := []byte{0x81, 0, 0, 42}, []byte{0x88, 0xa8, 0, 42}
	tests := []struct {
		name   string
		accept Accept
		dst    ethernet.Addr
		typ    [][]byte
		want   bool
	}{
		{"own", Accept{}, own, [][]byte{ip}, true},
		{"own, tagged", Accept{}, own, [][]byte{tag, ip}, true},
		{"another station's", Accept{}, other, [][]byte{ip}, false},
		{"first octets alike", Accept{}, guest, [][]byte{ip}, false},
		{"broadcast", Accept{}, ethernet.Broadcast, [][]byte{arp}, true},
		{"group", Accept{}, group, [][]byte{ip}, true},
		{"raw 802.3", Accept{}, own, [][]byte{raw}, true},
		{"guest", Accept{Unicast: []ethernet.Addr{guest, other}}, guest, [][]byte{ip}, true},
		{"second guest", Accept{Unicast: []ethernet.Addr{guest, other}}, other, [][]byte{ip}, true},
		{"own beside guests", Accept{Unicast: []ethernet.Addr{guest, other}}, own, [][]byte{ip}, true},
		{"listed group", Accept{Groups: []ethernet.Addr{ethernet.Broadcast, group}}, group, [][]byte{ip}, true},
		{"group not listed", Accept{Groups: []ethernet.Addr{ethernet.Broadcast, group}}, group2, [][]byte{ip}, false},
		{"broadcast not listed", Accept{Groups: []ethernet.Addr{group}}, ethernet.Broadcast, [][]byte{arp}, false},
		{"no groups", Accept{Groups: []ethernet.Addr{}}, group, [][]byte{ip}, false},
		{"own without groups", Accept{Groups: []ethernet.Addr{}}, own, [][]byte{ip}, true},
		{"served", Accept{Types: []ethernet.EtherType{ethernet.TypeARP, ethernet.TypeIPv4}}, own, [][]byte{ip}, true},
		{"served, to a group", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}, group, [][]byte{ip}, true},
		{"not served", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}, own, [][]byte{arp}, false},
		{"served, to another", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}, other, [][]byte{ip}, false},
		{"served, tagged", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}, own, [][]byte{tag2, tag, ip}, true},
		{"not served, tagged", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}, own, [][]byte{tag, arp}, false},
		{"LLC alone", Accept{Types: []ethernet.EtherType{}, LLC: true}, own, [][]byte{raw}, true},
		{"nothing but LLC", Accept{Types: []ethernet.EtherType{}, LLC: true}, own, [][]byte{ip}, false},
		{"LLC", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}, LLC: true}, own, [][]byte{raw}, true},
		{"LLC not wanted", Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}, own, [][]byte{raw}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := load(t, accepting(own, tt.accept))
			b := append(tt.dst[:], other[:]...)
			for _, typ := range tt.typ {
				b = append(b, typ...)
			}
			b = append(b, make([]byte, 50)...)
			want := uint32(0)
			if tt.want {
				want = uint32(len(b)) // without the header that run puts in front
			}
			if got := run(t, p, b); got != want {
				t.Errorf("%x: keeps %d octets, want %d", b[:20], got, want)
			}
		})
	}
}

// TestLargestProgram loads the filter with all lists full.
func TestLargestProgram(t *testing.T) {
	var a Accept
	for i := range maxAccept {
		a.Unicast = append(a.Unicast, ethernet.Addr{0xfe, 0xff, 0xff, 0xff, 0xff, byte(i)})
		a.Groups = append(a.Groups, ethernet.Addr{0xff, 0xff, 0xff, 0xff, 0xff, byte(i)})
		a.Types = append(a.Types, ethernet.EtherType(0xff00+i))
	}
	if err := a.check(); err != nil {
		t.Fatal(err)
	}
	p := load(t, accepting(ethernet.Addr{2}, a))
	b := append(a.Unicast[maxAccept-1][:], 2, 0, 0, 0, 0, 9, 0xff, maxAccept-1, 1)
	if run(t, p, b) == 0 {
		t.Error("the last station with the last protocol is dropped")
	}
}

func TestAcceptCheck(t *testing.T) {
	many := make([]ethernet.Addr, maxAccept+1)
	tests := []struct {
		name   string
		accept Accept
		good   bool
	}{
		{"zero", Accept{}, true},
		{"full", Accept{Unicast: many[:maxAccept]}, true},
		{"too many", Accept{Unicast: many}, false},
		{"group among stations", Accept{Unicast: []ethernet.Addr{ethernet.Broadcast}}, false},
		{"station among groups", Accept{Groups: []ethernet.Addr{{2}}}, false},
		{"length as a type", Accept{Types: []ethernet.EtherType{100}}, false},
		{"no types", Accept{Types: []ethernet.EtherType{}}, false},
		{"tag as a type", Accept{Types: []ethernet.EtherType{ethernet.TypeVLAN}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Config{Accept: &tt.accept}.withDefaults()
			if (err == nil) != tt.good || err != nil && !errors.Is(err, errConfig) {
				t.Errorf("withDefaults = %v, want success: %v", err, tt.good)
			}
		})
	}
}

// BenchmarkPrograms times what the kernel spends on a frame.
func BenchmarkPrograms(b *testing.B) {
	for _, bb := range []struct {
		name string
		ins  asm.Instructions
	}{
		{"none", asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"steering", steering()},
		{"filter", accepting(ethernet.Addr{2}, Accept{Types: []ethernet.EtherType{ethernet.TypeARP, ethernet.TypeIPv4, ethernet.TypeIPv6}})},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := load(b, bb.ins)
			frame := append(make([]byte, ethernet.HeaderLen), flow{a: 1, b: 2, proto: 17}.frame(false)...)
			copy(frame[ethernet.HeaderLen:], []byte{2, 0, 0, 0, 0, 0})
			const repeat = 100_000
			for b.Loop() {
				_, took, err := p.Benchmark(frame, repeat, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(took.Nanoseconds()), "ns/frame")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func ExampleBy() {
	fmt.Println(Aid{By: Builtin, Err: errors.New("no privilege")})
	// Output: built in (no privilege)
}
