package xdp

import (
	"github.com/cilium/ebpf/asm"
)

// source6 is the same for IPv6; all of ::/64 is somebody special (RFC 4291 §2.5).
func source6(c *code, own [][]byte) {
	c.wantNot(ipv6Source, 0xff)
	load6(c, ipv6Source)
	c.add(
		asm.Mov.Reg(asm.R5, asm.R1), asm.Or.Reg(asm.R5, asm.R2), asm.JEq.Imm32(asm.R5, 0, c.miss))
	c.among(own, c.miss)
}

func load6(c *code, off int16) {
	for i, r := range compared {
		c.load(r, off+4*int16(i), asm.Word)
	}
}

// ipv6 answers echo requests and solicitations that follow the IPv6 header at once.
func (r *responder) ipv6(c *code, own [][]byte) {
	c.label = "answer ipv6"
	c.within(icmp6 + echoHeader)
	c.wantBits(14, 0xf0, 0x60)
	c.want(ipv6Next, protoICMPv6)
	r.sender(c)
	c.load(asm.R1, icmp6, asm.Half)
	c.add(
		asm.JEq.Imm32(asm.R1, half([]byte{typeSolicit, 0}), "solicit"),
		asm.JNE.Imm32(asm.R1, half([]byte{typeEcho6, 0}), c.miss))
	r.echo6(c, own)
	r.solicit(c, own)
}

// pseudo sets R0 to the sum of the pseudo-header (RFC 8200 §8.1).
func pseudo(c *code) {
	c.load(asm.R0, ipv6Length, asm.Half)
	c.add(asm.Add.Imm(asm.R0, half([]byte{0, protoICMPv6})))
	c.sum(ipv6Source, 32)
}

// echo6 answers an echo request (RFC 4443 §4.2).
func (r *responder) echo6(c *code, own [][]byte) {
	c.want(0, r.addr[:]...)
	c.wantNot(ipv6Hops, 0)
	source6(c, own)
	load6(c, ipv6Target)
	c.among(own, "to echo6")
	c.add(asm.Ja.Label(rest))

	c.label = "to echo6"
	c.length(ipv6Length, ipv6End, echoHeader, maxAnswer-(ipv6End-14))
	pseudo(c)
	c.add(
		asm.Mov.Reg(asm.R3, regFrame),
		asm.Add.Imm(asm.R3, icmp6),
		asm.Mov.Imm(regCase, caseEcho6),
		asm.Ja.Label("verify"))

	c.label = "reply echo6"
	c.back(r.addr)
	c.swap(ipv6Source, ipv6Target, 16)
	c.load(asm.R1, 14, asm.Word) // the traffic class stays, the flow label is the sender's
	c.add(asm.And.Imm32(asm.R1, word([]byte{0xff, 0xf0, 0, 0})))
	c.store(14, asm.R1, asm.Word)
	c.set(ipv6Hops, defaultTTL)
	c.retype(icmp6, typeAnswer6)
	r.finish(c, countEcho6)
}

// solicit answers a neighbour solicitation that has nothing but the sender's hardware address (RFC 4861 §7.2.3, §7.2.4).
// One to find duplicates (RFC 4862 §5.4) comes from ::, and is the stack's.
func (r *responder) solicit(c *code, own [][]byte) {
	c.label = "solicit"
	c.within(icmp6 + solicitLen)
	c.want(ipv6Length, 0, solicitLen)
	c.length(ipv6Length, ipv6End, solicitLen, solicitLen)
	c.want(ipv6Hops, 255)
	c.want(solicitOpt, optSourceHW, 1)
	c.same(offSource, solicitHW)
	source6(c, own)
	load6(c, solicitIP)
	c.among(own, "to solicit")
	c.add(asm.Ja.Label(rest))

	r.solicited(c)
	pseudo(c)
	c.add(
		asm.Mov.Reg(asm.R3, regFrame),
		asm.Add.Imm(asm.R3, icmp6),
		asm.Mov.Imm(asm.R4, solicitLen),
		asm.Mov.Imm(regCase, caseSolicit),
		asm.Ja.Label("verify"))

	c.label = "reply solicit"
	flags := byte(flagsAdvert)
	if r.router {
		flags |= flagsRouter
	}
	c.back(r.addr)
	c.set(14, 0x60, 0, 0, 0)
	c.copy(ipv6Target, ipv6Source, 16)
	c.copy(ipv6Source, solicitIP, 16)
	c.set(icmp6, typeAdvert, 0, 0, 0, flags, 0, 0, 0)
	c.set(solicitOpt, optTargetHW, 1)
	c.set(solicitHW, r.addr[:]...)
	pseudo(c)
	c.sum(icmp6, solicitLen)
	c.fold(asm.R0)
	c.add(asm.Xor.Imm(asm.R0, 0xffff))
	c.store(icmp6+2, asm.R0, asm.Half)
	r.finish(c, countSolicit)
}

// solicited asks that both destinations are the target's, or its group's (RFC 4291 §2.7.1, RFC 2464 §7). The target is in
// the registers for it.
func (r *responder) solicited(c *code) {
	c.label = "to solicit"
	c.load(asm.R5, ipv6Target, asm.Byte)
	c.add(asm.JEq.Imm32(asm.R5, 0xff, "to group"))
	for i, reg := range compared {
		c.load(asm.R5, ipv6Target+4*int16(i), asm.Word)
		c.add(asm.JNE.Reg32(asm.R5, reg, c.miss))
	}
	c.want(0, r.addr[:]...)
	c.add(asm.Ja.Label("solicited"))

	c.label = "to group"
	c.add(asm.Or.Imm32(asm.R4, word([]byte{solicitedNet, 0, 0, 0})))
	c.load(asm.R5, ipv6Target+12, asm.Word)
	c.add(asm.JNE.Reg32(asm.R5, asm.R4, c.miss))
	c.want(ipv6Target, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
	c.want(0, 0x33, 0x33)
	c.load(asm.R1, 2, asm.Word)
	c.add(asm.JNE.Reg32(asm.R1, asm.R4, c.miss))
	c.label = "solicited"
}
