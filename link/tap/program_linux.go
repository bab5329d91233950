package tap

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cilium/ebpf/asm"
	"tapestry/link/ethernet"
)

// Registers of the programs, all kept over calls of the kernel's functions.
const (
	rFrame = asm.R6 // the socket buffer
	rOff   = asm.R7 // octets from the start of the frame: first the type's, then the packet's
	rHash  = asm.R8
	rL4    = asm.R9
)

// stackAt is where loaded octets lie, from the frame pointer: room for the longest, an IPv6 header.
const stackAt = -ip6Len

// Labels.
const (
	lTyped     = "typed" // rOff at the packet, R0 the EtherType
	lShort     = "short" // the frame ends before its headers do
	lIPv4      = "ipv4"
	lIPv6      = "ipv6"
	lPorts     = "ports" // rL4 at the ports, R0 the protocol
	lTransport = "transport"
	lDone      = "done"
	lGroup     = "group"
	lType      = "type" // the address is accepted
	lPass      = "pass"
	lDrop      = "drop"
)

// steering is flowHash as a program.
func steering() asm.Instructions {
	var p program
	p.add(asm.Mov.Reg(rFrame, asm.R1), asm.Mov.Imm(rHash, 0))
	p.findType(lShort)
	p.add(
		asm.JEq.Imm32(asm.R0, int32(ethernet.TypeIPv4), lIPv4),
		asm.JEq.Imm32(asm.R0, int32(ethernet.TypeIPv6), lIPv6),
	)
	p.label(lShort)
	p.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	p.steer4()
	p.steer6()
	p.steerPorts()
	p.finish()
	return p.ins
}

// accepting is a filter: it returns how many octets of a frame to keep, all or none.
func accepting(own ethernet.Addr, a Accept) asm.Instructions {
	var p program
	p.add(asm.Mov.Reg(rFrame, asm.R1))
	p.acceptAddr(own, a)
	p.label(lType)
	if a.Types != nil {
		p.acceptType(a)
	}
	p.label(lPass)
	p.add(asm.LoadMem(asm.R0, rFrame, 0, asm.Word), asm.Return()) // __sk_buff.len
	p.label(lDrop)
	p.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	return p.ins
}

// program is one that is being written.
type program struct {
	ins  asm.Instructions
	name string // of the next instruction
}

func (p *program) add(ins ...asm.Instruction) {
	if p.name != "" {
		ins[0] = ins[0].WithSymbol(p.name)
		p.name = ""
	}
	p.ins = append(p.ins, ins...)
}

// label names the next instruction, so that jumps find it.
func (p *program) label(name string) {
	if p.name != "" {
		p.add(asm.Mov.Reg(rFrame, rFrame)) // an instruction has one name
	}
	p.name = name
}

// load copies n octets of the frame to the stack, or goes on at short.
func (p *program) load(off asm.Register, n int32, short string) {
	p.add(
		asm.Mov.Reg(asm.R1, rFrame),
		asm.Mov.Reg(asm.R2, off),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, stackAt),
		asm.Mov.Imm(asm.R4, n),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, short),
	)
}

// octet, half and word read what load left.
func octet(dst asm.Register, at int16) asm.Instruction {
	return asm.LoadMem(dst, asm.RFP, stackAt+at, asm.Byte)
}

func half(dst asm.Register, at int16) asm.Instruction {
	return asm.LoadMem(dst, asm.RFP, stackAt+at, asm.Half)
}

func word(dst asm.Register, at int16) asm.Instruction {
	return asm.LoadMem(dst, asm.RFP, stackAt+at, asm.Word)
}

// findType goes on behind itself with the type behind at most two tags, or at short.
func (p *program) findType(short string) {
	p.add(asm.Mov.Imm(rOff, ethernet.HeaderLen-2))
	for tag := 0; ; tag++ {
		p.load(rOff, 2, short)
		p.add(
			half(asm.R0, 0),
			asm.HostTo(asm.BE, asm.R0, asm.Half),
			asm.Add.Imm(rOff, 2),
		)
		if tag == maxTags {
			break
		}
		next := fmt.Sprint("tag", tag+1)
		p.add(
			asm.JEq.Imm32(asm.R0, int32(ethernet.TypeVLAN), next),
			asm.JEq.Imm32(asm.R0, int32(ethernet.TypeQinQ), next),
			asm.Ja.Label(lTyped),
		)
		p.label(next)
		p.add(asm.Add.Imm(rOff, ethernet.TagLen-2))
	}
	p.label(lTyped)
}

// step takes a sum in R1 into the hash.
func (p *program) step() {
	p.add(asm.Add.Reg32(rHash, asm.R1), asm.Mul.Imm32(rHash, imm(hashStep)))
}

// words takes in the sum of the words at a and b.
func (p *program) words(a, b int16) {
	p.add(word(asm.R1, a), word(asm.R2, b), asm.Add.Reg32(asm.R1, asm.R2))
	p.step()
}

func (p *program) steer4() {
	p.label(lIPv4)
	p.load(rOff, ip4Len, lShort)
	p.words(ip4Src, ip4Dst)
	p.add(
		half(asm.R1, ip4Frag),
		asm.HostTo(asm.BE, asm.R1, asm.Half),
		asm.And.Imm(asm.R1, fragMask),
		asm.JNE.Imm(asm.R1, 0, lDone),
		octet(rL4, 0),
		asm.And.Imm(rL4, 15),
		asm.LSh.Imm(rL4, 2),
		octet(asm.R0, ip4Proto),
		asm.Ja.Label(lPorts),
	)
}

func (p *program) steer6() {
	p.label(lIPv6)
	p.load(rOff, ip6Len, lShort)
	for i := int16(0); i < 16; i += 4 {
		p.words(ip6Src+i, ip6Dst+i)
	}
	p.add(asm.Mov.Imm(rL4, ip6Len), octet(asm.R0, ip6Next))
}

func (p *program) steerPorts() {
	p.label(lPorts)
	p.add(
		asm.Add.Reg(rL4, rOff),
		asm.JEq.Imm(asm.R0, protoTCP, lTransport),
		asm.JNE.Imm(asm.R0, protoUDP, lDone),
	)
	p.label(lTransport)
	p.load(rL4, portsLen, lDone)
	p.add(half(asm.R1, 0), half(asm.R2, 2), asm.Add.Reg32(asm.R1, asm.R2))
	p.step()
}

// finish returns the hash with its bits spread.
func (p *program) finish() {
	p.label(lDone)
	p.add(asm.Mov.Reg32(asm.R0, rHash))
	xorShift := func(n int32) {
		p.add(asm.Mov.Reg32(asm.R1, asm.R0), asm.RSh.Imm32(asm.R1, n), asm.Xor.Reg32(asm.R0, asm.R1))
	}
	xorShift(hashShift)
	p.add(asm.Mul.Imm32(asm.R0, imm(hashMix1)))
	xorShift(hashMid)
	p.add(asm.Mul.Imm32(asm.R0, imm(hashMix2)))
	xorShift(hashShift)
	p.add(asm.Return())
}

// imm is a constant of 32 bits as an instruction holds it.
func imm(v uint32) int32 {
	if v > math.MaxInt32 {
		return -int32(^v) - 1
	}
	return int32(v)
}

// acceptAddr goes on at type or at drop.
func (p *program) acceptAddr(own ethernet.Addr, a Accept) {
	p.add(asm.Mov.Imm(rOff, 0))
	p.load(rOff, ethernet.AddrLen, lDrop)
	p.add(octet(asm.R0, 0), asm.And.Imm(asm.R0, 1), word(asm.R1, 0), half(asm.R2, 4))
	p.add(asm.JNE.Imm(asm.R0, 0, lGroup))
	p.anyOf("unicast", append([]ethernet.Addr{own}, a.Unicast...))
	p.label(lGroup)
	if a.Groups != nil {
		p.anyOf("groups", a.Groups)
	}
}

// anyOf goes on at type if the address in R1 and R2 is one of the list, else at drop.
func (p *program) anyOf(name string, list []ethernet.Addr) {
	for i, a := range list {
		next := fmt.Sprint(name, i)
		p.add(
			asm.JNE.Imm32(asm.R1, imm(binary.NativeEndian.Uint32(a[:])), next),
			asm.JEq.Imm32(asm.R2, int32(binary.NativeEndian.Uint16(a[4:])), lType),
		)
		p.label(next)
	}
	p.add(asm.Ja.Label(lDrop))
}

// acceptType goes on at pass or at drop.
func (p *program) acceptType(a Accept) {
	p.findType(lDrop)
	if a.LLC {
		p.add(asm.JLT.Imm32(asm.R0, int32(ethernet.MinEtherType), lPass))
	}
	for _, t := range a.Types {
		p.add(asm.JEq.Imm32(asm.R0, int32(t), lPass))
	}
	p.add(asm.Ja.Label(lDrop))
}
