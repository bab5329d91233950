package xdp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link/ethernet"
)

// verdictTake is what a program under test says about frames that it would redirect: XDP_TX.
const verdictTake = 3

// loadFilter loads the program with no sockets to redirect to, so that its verdict tells.
func loadFilter(t testing.TB, f *filter) *ebpf.Program {
	t.Helper()
	nstest.Require(t)
	m, err := newMap(1)
	if errors.Is(err, unix.EPERM) {
		nstest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	p, err := f.load(m, false, verdictTake)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// takes asks the program about a frame.
func takes(t testing.TB, p *ebpf.Program, b []byte) bool {
	t.Helper()
	v, err := p.Run(&ebpf.RunOptions{Data: b, DataOut: make([]byte, len(b)+64)})
	if err != nil {
		t.Fatalf("run on %x: %v", b, err)
	}
	if v != verdictTake && v != verdictPass {
		t.Fatalf("verdict %d on %x", v, b)
	}
	return v == verdictTake
}

// wants is the same in plain Go.
func (f *filter) wants(b []byte) bool {
	dst := ethernet.Addr(b)
	switch {
	case f.all:
		return true
	case dst == ethernet.Broadcast && f.noBroadcast:
		return false
	case dst != ethernet.Broadcast && dst.IsMulticast() && f.noMulticast:
		return false
	case dst != f.addr && !dst.IsMulticast():
		return false
	}
	return len(f.addrs) == 0 || slices.ContainsFunc(f.addrs, func(a netip.Addr) bool { return isTo(b, a.Unmap()) })
}

func isTo(b []byte, a netip.Addr) bool {
	at := func(end, off, n int) string {
		if len(b) < end {
			return ""
		}
		return string(b[off : off+n])
	}
	octets := string(a.AsSlice())
	switch typ := binary.BigEndian.Uint16(b[12:]); {
	case typ == 0x0806 && a.Is4():
		return at(42, 38, 4) == octets
	case typ == 0x0800 && a.Is4():
		return at(34, 30, 4) == octets
	case typ == 0x86dd && a.Is6():
		dst := at(54, 38, 16)
		return dst == octets || dst == "\xff\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff"+octets[13:]
	}
	return false
}

var (
	ours   = ethernet.Addr{2, 0, 0, 1, 2, 3}
	others = ethernet.Addr{2, 0, 0, 1, 2, 4}
	group  = ethernet.Addr{0x33, 0x33, 0xff, 0, 0, 2}
	host4  = netip.MustParseAddr("198.51.100.2")
	host6  = netip.MustParseAddr("2001:db8::2")
)

// to is a frame whose field for the destination on layer 3 holds octets.
func to(dst ethernet.Addr, typ uint16, octets ...byte) []byte {
	b := make([]byte, 80)
	copy(b, dst[:])
	binary.BigEndian.PutUint16(b[12:], typ)
	if octets != nil {
		copy(b[map[uint16]int{0x0806: arpTarget, 0x0800: ipv4Target, 0x86dd: ipv6Target}[typ]:], octets)
	}
	return b
}

func TestProgram(t *testing.T) {
	byAddr := filter{addr: ours}
	byHost := filter{addr: ours, addrs: []netip.Addr{netip.MustParseAddr("203.0.113.9"), host4, host6}}
	solicited := solicitedNode(host6)
	tests := []struct {
		name   string
		filter filter
		frame  []byte
		want   bool
	}{
		{"ours", byAddr, to(ours, 0x8137), true},
		{"another station's", byAddr, to(others, 0x8137), false},
		{"broadcast", byAddr, to(ethernet.Broadcast, 0x8137), true},
		{"broadcast, left", filter{addr: ours, noBroadcast: true}, to(ethernet.Broadcast, 0x8137), false},
		{"group", byAddr, to(group, 0x86dd), true},
		{"group, left", filter{addr: ours, noMulticast: true}, to(group, 0x86dd), false},
		{"broadcast, groups left", filter{addr: ours, noMulticast: true}, to(ethernet.Broadcast, 0x8137), true},
		{"all", filter{addr: ours, all: true}, to(others, 0x8137), true},
		{"header alone", byAddr, to(ours, 0x8137)[:14], true},
		{"ARP for us", byHost, to(ethernet.Broadcast, 0x0806, host4.AsSlice()...), true},
		{"ARP for another", byHost, to(ethernet.Broadcast, 0x0806, 198, 51, 100, 3), false},
		{"IPv4 to us", byHost, to(ours, 0x0800, host4.AsSlice()...), true},
		{"IPv4 to the first address", byHost, to(ours, 0x0800, 203, 0, 113, 9), true},
		{"IPv4 to another", byHost, to(ours, 0x0800, 198, 51, 100, 3), false},
		{"IPv4 cut off", byHost, to(ours, 0x0800, host4.AsSlice()...)[:33], false},
		{"IPv4 to us by another station's address", byHost, to(others, 0x0800, host4.AsSlice()...), false},
		{"IPv6 to us", byHost, to(ours, 0x86dd, host6.AsSlice()...), true},
		{"IPv6 to our solicited-node group", byHost, to(group, 0x86dd, solicited[:]...), true},
		{"IPv6 to all nodes", byHost, to(group, 0x86dd, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), false},
		{"another protocol", byHost, to(ours, 0x8137), false},
		{"IPv4 where only IPv6 is ours", filter{addr: ours, addrs: []netip.Addr{host6}}, to(ours, 0x0800, host4.AsSlice()...), false},
		{"IPv6 where only IPv4 is ours", filter{addr: ours, addrs: []netip.Addr{host4}}, to(ours, 0x86dd, host6.AsSlice()...), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := loadFilter(t, &tt.filter)
			if got := takes(t, p, tt.frame); got != tt.want {
				t.Errorf("takes %x: %v, want %v", tt.frame, got, tt.want)
			}
			for n := 14; n <= len(tt.frame); n++ {
				if got, want := takes(t, p, tt.frame[:n]), tt.filter.wants(tt.frame[:n]); got != want {
					t.Errorf("takes the first %d octets: %v, want %v", n, got, want)
				}
			}
		})
	}
}

// TestManyAddresses has the kernel verify the longest program.
func TestManyAddresses(t *testing.T) {
	f := filter{addr: ours}
	for i := range maxAddresses {
		a := host6.As16()
		a[15] = byte(i)
		f.addrs = append(f.addrs, netip.AddrFrom16(a))
	}
	p := loadFilter(t, &f)
	last := f.addrs[maxAddresses-1]
	if !takes(t, p, to(ours, 0x86dd, last.AsSlice()...)) {
		t.Errorf("does not take what is for %v", last)
	}
}

// FuzzProgram holds the program in the kernel against plain Go.
func FuzzProgram(f *testing.F) {
	fl := filter{addr: ours, addrs: []netip.Addr{host4, host6}}
	solicited := solicitedNode(host6)
	for _, b := range [][]byte{to(ours, 0x0800, host4.AsSlice()...), to(ethernet.Broadcast, 0x0806, host4.AsSlice()...), to(group, 0x86dd, solicited[:]...), to(others, 0)} {
		f.Add(b)
	}
	if os.Getuid() != 0 {
		f.Skip("needs the right to load programs")
	}
	p := loadFilter(f, &fl)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 14 || len(b) > 2000 { // the kernel runs no test on less than a header
			return
		}
		if got, want := takes(t, p, b), fl.wants(b); got != want {
			t.Errorf("takes %x: %v, want %v", b, got, want)
		}
	})
}
