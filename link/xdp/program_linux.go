package xdp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
	"tapestry/link/ethernet"
)

// filter is what the redirect program takes; the rest goes on to the kernel.
type filter struct {
	addr        ethernet.Addr
	addrs       []netip.Addr
	noBroadcast bool
	noMulticast bool
	all         bool
	whole       bool      // what is for addr is taken whatever addrs says
	counters    *ebpf.Map // of the responder; nil: there is none
	router      bool
	via         int // see responder
}

// The verdicts of a program (enum xdp_action).
const verdictPass = 2

// Where fields are in struct xdp_md.
const (
	ctxData    = 0
	ctxDataEnd = 4
	ctxQueue   = 16
)

// Where fields are in a frame without a tag (RFC 826; RFC 791 §3.1; RFC 8200 §3).
const (
	offType    = 12
	arpEnd     = 14 + 28
	arpTarget  = 14 + 24
	ipv4End    = 14 + 20
	ipv4Target = 14 + 16
	ipv6End    = 14 + 40
	ipv6Target = 14 + 24
)

// The registers: the context and the frame's ends outlive the tests, the others hold what is compared.
const (
	regContext = asm.R6
	regFrame   = asm.R7
	regEnd     = asm.R8
)

// load makes the program and verifies it in the kernel. A frame that it takes goes to the socket in sockets at the index of
// its receive queue, or has the verdict miss if there is none.
func (f *filter) load(sockets *ebpf.Map, multiBuffer bool, miss int32) (*ebpf.Program, error) {
	spec := &ebpf.ProgramSpec{Name: "tapestry_xdp", Type: ebpf.XDP, License: "MIT", Instructions: f.instructions(sockets.FD(), miss)}
	if multiBuffer {
		spec.Flags = unix.BPF_F_XDP_HAS_FRAGS
	}
	p, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, fmt.Errorf("xdp: load the redirect program: %w", err)
	}
	return p, nil
}

func (f *filter) instructions(sockets int, miss int32) asm.Instructions {
	in := asm.Instructions{asm.Mov.Reg(regContext, asm.R1)}
	if !f.all || f.counters != nil {
		in = append(in,
			asm.LoadMem(regFrame, asm.R1, ctxData, asm.Word),
			asm.LoadMem(regEnd, asm.R1, ctxDataEnd, asm.Word))
		in = append(in, ends(ethernet.HeaderLen)...)
	}
	if !f.all {
		in = append(in, f.station()...)
	}
	if f.counters != nil {
		r := responder{f.addr, f.addrs, f.router, f.counters.FD(), f.via}
		in = append(in, r.instructions()...)
	}
	in = append(in, f.hosts()...)
	in = append(in,
		asm.LoadMem(asm.R2, regContext, ctxQueue, asm.Word).WithSymbol("take"),
		asm.LoadMapPtr(asm.R1, sockets),
		asm.Mov.Imm(asm.R3, miss),
		asm.FnRedirectMap.Call(),
		asm.Return())
	if !f.all || f.counters != nil {
		in = append(in, asm.Mov.Imm(asm.R0, verdictPass).WithSymbol("pass"), asm.Return())
	}
	return in
}

// next is where a frame goes that is for the station.
func (f *filter) next() string {
	if f.counters != nil {
		return "respond"
	}
	return rest
}

// ends passes on a frame that has fewer than n octets in its first chunk.
func ends(n int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R0, regFrame),
		asm.Add.Imm(asm.R0, n),
		asm.JGT.Reg(asm.R0, regEnd, "pass"),
	}
}

// station tells by the destination address whether the frame is for us.
func (f *filter) station() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, regFrame, 0, asm.Word),
		asm.LoadMem(asm.R2, regFrame, 4, asm.Half),
		asm.JNE.Imm32(asm.R1, word(f.addr[:4]), "group"),
		asm.JEq.Imm32(asm.R2, half(f.addr[4:]), f.next()),
		asm.LoadMem(asm.R3, regFrame, 0, asm.Byte).WithSymbol("group"),
		asm.And.Imm32(asm.R3, 1), // IEEE 802 §8.2.2: the I/G bit
		asm.JEq.Imm32(asm.R3, 0, "pass"),
		asm.JNE.Imm32(asm.R1, -1, "multicast"),
		asm.JNE.Imm32(asm.R2, 0xffff, "multicast"),
		asm.Ja.Label(f.verdict(f.noBroadcast)),
		asm.Ja.Label(f.verdict(f.noMulticast)).WithSymbol("multicast"),
	}
}

func (f *filter) verdict(leave bool) string {
	if leave {
		return "pass"
	}
	return f.next()
}

// hosts tells by the network address, if there are any to compare with.
func (f *filter) hosts() asm.Instructions {
	start := asm.Mov.Imm(asm.R0, 0).WithSymbol(rest)
	if len(f.addrs) == 0 || f.all || f.whole {
		return asm.Instructions{start}
	}
	v4, v6 := f.v4(), f.v6()
	in := asm.Instructions{start, asm.LoadMem(asm.R1, regFrame, offType, asm.Half)}
	if v4 != nil {
		in = append(in,
			asm.JEq.Imm32(asm.R1, half([]byte{0x08, 0x06}), "arp"),
			asm.JEq.Imm32(asm.R1, half([]byte{0x08, 0x00}), "ipv4"))
	}
	if v6 != nil {
		in = append(in, asm.JEq.Imm32(asm.R1, half([]byte{0x86, 0xdd}), "ipv6"))
	}
	in = append(in, asm.Ja.Label("pass"))
	return append(append(in, v4...), v6...)
}

// v4 compares the target of ARP or the destination of IPv4 with each address.
func (f *filter) v4() asm.Instructions {
	var each asm.Instructions
	for _, a := range f.addrs {
		if a = a.Unmap(); a.Is4() {
			b := a.As4()
			each = append(each, asm.JEq.Imm32(asm.R1, word(b[:]), "take"))
		}
	}
	if each == nil {
		return nil
	}
	arp, ip := ends(arpEnd), ends(ipv4End)
	arp[0], ip[0] = arp[0].WithSymbol("arp"), ip[0].WithSymbol("ipv4")
	in := append(arp,
		asm.LoadMem(asm.R1, regFrame, arpTarget, asm.Word),
		asm.Ja.Label("compare4"))
	in = append(append(in, ip...), asm.LoadMem(asm.R1, regFrame, ipv4Target, asm.Word))
	each[0] = each[0].WithSymbol("compare4")
	return append(append(in, each...), asm.Ja.Label("pass"))
}

// v6 compares the destination of IPv6 with each address and with its solicited-node group.
func (f *filter) v6() asm.Instructions {
	var each asm.Instructions
	for i, a := range f.addrs {
		if a = a.Unmap(); a.Is6() {
			b, g := a.As16(), solicitedNode(a)
			each = append(each, compare6(b, fmt.Sprintf("not%d", i))...)
			each = append(each, compare6(g, fmt.Sprintf("notgroup%d", i))...)
		}
	}
	if each == nil {
		return nil
	}
	in := ends(ipv6End)
	in[0] = in[0].WithSymbol("ipv6")
	for i, r := range compared {
		in = append(in, asm.LoadMem(r, regFrame, int16(ipv6Target+4*i), asm.Word))
	}
	return append(append(in, each...), asm.Ja.Label("pass"))
}

// compared hold the four words of an IPv6 address.
var compared = [...]asm.Register{asm.R1, asm.R2, asm.R3, asm.R4}

func compare6(b [16]byte, other string) asm.Instructions {
	var in asm.Instructions
	for i, r := range compared {
		in = append(in, asm.JNE.Imm32(r, word(b[4*i:]), other))
	}
	return append(in, asm.Ja.Label("take"), asm.Mov.Imm(asm.R0, 0).WithSymbol(other))
}

// solicitedNode is the group that asks for a are sent to (RFC 4291 §2.7.1).
func solicitedNode(a netip.Addr) [16]byte {
	b := a.As16()
	return [16]byte{0: 0xff, 1: 0x02, 11: 0x01, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]}
}

// word and half are octets of a frame as the processor loads them.
func word(b []byte) int32 { return int32(binary.NativeEndian.Uint32(b)) }
func half(b []byte) int32 { return int32(binary.NativeEndian.Uint16(b)) }
