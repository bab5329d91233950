package xdp

import (
	"net/netip"

	"github.com/cilium/ebpf/asm"
	"tapestry/link/ethernet"
)

// verdictTx sends the frame, as it is now, out of the interface that it came in by.
const verdictTx = 3

// Where more fields are in a frame without a tag.
const (
	offSource = 6 // the sender's hardware address

	arpHeader    = 14
	arpOp        = arpHeader + 6
	arpSender    = arpHeader + 8 // the hardware address, then the other
	arpSenderIP  = arpHeader + 14
	arpTargetHW  = arpHeader + 18
	ipv4Length   = 14 + 2
	ipv4Flags    = 14 + 6
	ipv4TTL      = 14 + 8 // with the protocol a half
	ipv4Sum      = 14 + 10
	ipv4Source   = 14 + 12
	icmp4        = ipv4End
	ipv6Length   = 14 + 4
	ipv6Next     = 14 + 6
	ipv6Hops     = 14 + 7
	ipv6Source   = 14 + 8
	icmp6        = ipv6End
	solicitIP    = icmp6 + 8  // of a solicitation, and of an advertisement
	solicitOpt   = icmp6 + 24 // one option
	solicitHW    = icmp6 + 26
	solicitLen   = 32 // with that option
	echoHeader   = 8
	ipv4Header   = 20
	maxAnswer    = 1500 // octets of a packet
	minFrame     = 60   // shorter ones are padded (IEEE 802.3 §3.2.8)
	defaultTTL   = 64
	protoICMP    = 1
	protoICMPv6  = 58
	typeEcho4    = 8
	typeEcho6    = 128
	typeAnswer6  = 129
	typeSolicit  = 135
	typeAdvert   = 136
	optSourceHW  = 1
	optTargetHW  = 2
	flagsAdvert  = 0x60 // solicited, override (RFC 4861 §4.4)
	flagsRouter  = 0x80
	solicitedNet = 0xff // the group's last word is this and the address's last three octets
)

// responder is the part of the program that answers. What it does not answer, for whatever reason, goes to the label rest
// as if there were no responder.
type responder struct {
	addr     ethernet.Addr
	addrs    []netip.Addr
	router   bool
	counters int // the map's descriptor
	via      int // the index of the interface to redirect answers to; 0: XDP_TX
}

// rest is where the filter goes on.
const rest = "hosts"

// instructions begin at the label "respond". Each part tests everything before it writes anything: a frame that is passed
// on is untouched.
func (r *responder) instructions() asm.Instructions {
	c := code{miss: rest, label: "respond"}
	v4, v6 := r.split()
	c.load(asm.R1, offType, asm.Half)
	if v4 != nil {
		c.add(
			asm.JEq.Imm32(asm.R1, half([]byte{0x08, 0x06}), "answer arp"),
			asm.JEq.Imm32(asm.R1, half([]byte{0x08, 0x00}), "answer ipv4"))
	}
	if v6 != nil {
		c.add(asm.JEq.Imm32(asm.R1, half([]byte{0x86, 0xdd}), "answer ipv6"))
	}
	c.add(asm.Ja.Label(rest))
	if v4 != nil {
		r.arp(&c, v4)
		r.echo4(&c, v4)
	}
	if v6 != nil {
		r.ipv6(&c, v6)
	}
	if v4 != nil || v6 != nil {
		verify(&c, v4 != nil, v6 != nil)
	}
	return c.Instructions
}

func (r *responder) split() (v4, v6 [][]byte) {
	for _, a := range r.addrs {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a.AsSlice())
		} else {
			v6 = append(v6, a.AsSlice())
		}
	}
	return v4, v6
}

// sender asks for a station as the sender, another one than this.
func (r *responder) sender(c *code) {
	c.wantBits(offSource, 1, 0)
	c.load(asm.R1, offSource, asm.Word)
	c.load(asm.R2, offSource+4, asm.Half)
	c.add(
		jumpOver(asm.R1, word(r.addr[:4]), 1),
		asm.JEq.Imm32(asm.R2, half(r.addr[4:]), c.miss))
}

// source4 asks for an IPv4 address that one other host can have: probes (RFC 5227 §2.1.1) and conflicts are the stack's.
func source4(c *code, off int16, own [][]byte) {
	c.wantNot(off, 0)
	c.add(asm.JEq.Imm32(asm.R1, 127, c.miss), asm.JGE.Imm32(asm.R1, 224, c.miss))
	c.load(asm.R1, off, asm.Word)
	c.among(own, c.miss)
}

// arp answers a request for one of ours (RFC 826).
func (r *responder) arp(c *code, own [][]byte) {
	c.label = "answer arp"
	c.within(arpEnd)
	c.want(arpHeader, 0, 1, 8, 0, 6, 4, 0, 1)
	r.sender(c)
	c.same(offSource, arpSender)
	c.load(asm.R1, 0, asm.Word)
	c.load(asm.R2, 4, asm.Half)
	c.add( // to us or to all
		jumpOver(asm.R1, word(r.addr[:4]), 1),
		asm.JEq.Imm32(asm.R2, half(r.addr[4:]), "for arp"),
		asm.JNE.Imm32(asm.R1, -1, c.miss),
		asm.JNE.Imm32(asm.R2, 0xffff, c.miss))
	c.label = "for arp"
	source4(c, arpSenderIP, own)
	c.load(asm.R1, arpTarget, asm.Word)
	c.among(own, "reply arp")
	c.add(asm.Ja.Label(rest))

	c.label = "reply arp"
	c.back(r.addr)
	c.set(arpOp, 0, 2)
	c.copy(arpTargetHW, arpSender, 6)
	c.swap(arpSenderIP, arpTarget, 4)
	c.set(arpSender, r.addr[:]...)
	r.finish(c, countARP)
}

// echo4 answers an echo request that is a whole IPv4 packet without options (RFC 1122 §3.2.2.6).
func (r *responder) echo4(c *code, own [][]byte) {
	c.label = "answer ipv4"
	c.within(icmp4 + echoHeader)
	c.want(0, r.addr[:]...)
	r.sender(c)
	c.want(14, 0x45)
	c.want(14+9, protoICMP)
	c.want(icmp4, typeEcho4, 0)
	c.wantNot(ipv4TTL, 0)
	c.load(asm.R1, ipv4Flags, asm.Half)
	c.add(asm.And.Imm32(asm.R1, half([]byte{0xbf, 0xff})), asm.JNE.Imm32(asm.R1, 0, c.miss))
	source4(c, ipv4Source, own)
	c.load(asm.R1, ipv4Target, asm.Word)
	c.among(own, "to echo4")
	c.add(asm.Ja.Label(rest))

	c.label = "to echo4"
	c.add(asm.Mov.Imm(asm.R0, 0))
	c.sum(14, ipv4Header)
	c.fold(asm.R0)
	c.add(asm.JNE.Imm32(asm.R0, 0xffff, c.miss))
	c.length(ipv4Length, 14, ipv4Header+echoHeader, maxAnswer)
	c.add(
		asm.Sub.Imm(asm.R4, ipv4Header),
		asm.Mov.Reg(asm.R3, regFrame),
		asm.Add.Imm(asm.R3, icmp4),
		asm.Mov.Imm(asm.R0, 0),
		asm.Mov.Imm(regCase, caseEcho4),
		asm.Ja.Label("verify"))

	c.label = "reply echo4"
	c.back(r.addr)
	c.swap(ipv4Source, ipv4Target, 4)
	c.amend(ipv4Sum, ipv4TTL, defaultTTL, protoICMP)
	c.retype(icmp4, 0)
	r.finish(c, countEcho4)
}
