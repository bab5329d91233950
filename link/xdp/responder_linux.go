package xdp

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"
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

// regCase tells the cases apart that share a piece of the program.
const regCase = asm.R9

// The cases of the shared sum.
const (
	caseEcho4 = iota
	caseEcho6
	caseSolicit
)

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

// length reads a length field, of what begins at start, into R4. It asks for at least least and at most most of it, and
// for a frame that ends there or is padded to the shortest length.
func (c *code) length(off int16, start, least, most int32) {
	c.load(asm.R4, off, asm.Half)
	c.add(
		asm.HostTo(asm.BE, asm.R4, asm.Half),
		asm.JLT.Imm(asm.R4, least, c.miss),
		asm.JGT.Imm(asm.R4, most, c.miss),
		asm.Mov.Reg(asm.R3, regFrame),
		asm.Add.Reg(asm.R3, asm.R4),
		asm.Add.Imm(asm.R3, start),
		asm.JGT.Reg(asm.R3, regEnd, c.miss))
	exact := fmt.Sprintf("length%d", len(c.Instructions))
	c.add(
		asm.JGE.Reg(asm.R3, regEnd, exact),
		asm.Mov.Reg(asm.R5, regFrame),
		asm.Add.Imm(asm.R5, minFrame),
		asm.JLT.Reg(asm.R5, regEnd, c.miss))
	c.label = exact
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

// blockWords is how many words the sum adds for one look at the frame's end.
const blockWords = 8

// verify adds the R4 octets at R3 to the sum in R0, asks that it is that of a message whose checksum is right, and goes to
// the answer that regCase tells, with the sum in R4. The length is bounded, which the kernel's verifier sees by going round and round.
func verify(c *code, v4, v6 bool) {
	c.label = "verify"
	addBlocks(c, 4*blockWords, "words")
	c.label = "words"
	addBlocks(c, 4, "half")
	c.label = "half"
	for _, rest := range []struct {
		n    int32
		size asm.Size
		next string
	}{{2, asm.Half, "byte"}, {1, asm.Byte, "added"}} {
		c.add(asm.JLT.Imm(asm.R4, rest.n, rest.next))
		c.more(rest.n)
		c.add(asm.LoadMem(asm.R1, asm.R3, 0, rest.size))
		if rest.n == 1 && half([]byte{1, 0}) != 1 {
			c.add(asm.LSh.Imm(asm.R1, 8)) // the last octet is a half's first (RFC 1071 §4.1)
		}
		c.add(asm.Add.Reg(asm.R0, asm.R1), asm.Add.Imm(asm.R3, rest.n), asm.Sub.Imm(asm.R4, rest.n))
		c.label = rest.next
	}
	c.add(asm.Mov.Reg(asm.R4, asm.R0))
	c.fold(asm.R0)
	c.add(asm.JNE.Imm32(asm.R0, 0xffff, c.miss))
	if v4 {
		c.add(asm.JEq.Imm32(regCase, caseEcho4, "reply echo4"))
	}
	if v6 {
		c.add(asm.JEq.Imm32(regCase, caseEcho6, "reply echo6"), asm.JEq.Imm32(regCase, caseSolicit, "reply solicit"))
	}
	c.add(asm.Ja.Label(rest))
}

// retype makes the message at off one of another type and of code 0. The checksum is what verify found without the first
// word: to correct the old one (RFC 1624 §3) would be wrong for a message that is all zero.
func (c *code) retype(off int16, typ byte) {
	c.load(asm.R1, off, asm.Word)
	c.add(asm.Mov.Reg(asm.R0, asm.R4), asm.Sub.Reg(asm.R0, asm.R1), asm.Add.Imm(asm.R0, half([]byte{typ, 0})))
	c.fold(asm.R0)
	c.add(asm.Xor.Imm(asm.R0, 0xffff))
	c.set(off, typ, 0)
	c.store(off+2, asm.R0, asm.Half)
}

// more asks for n octets at R3, which there are: the verifier wants to see it.
func (c *code) more(n int32) {
	c.add(asm.Mov.Reg(asm.R5, asm.R3), asm.Add.Imm(asm.R5, n), asm.JGT.Reg(asm.R5, regEnd, c.miss))
}

// addBlocks adds n octets, a number of words, as long as there are so many, and goes on at next.
func addBlocks(c *code, n int32, next string) {
	loop := c.label
	c.add(asm.JLT.Imm(asm.R4, n, next))
	c.more(n)
	for off := int16(0); off < int16(n); off += 4 {
		c.add(asm.LoadMem(asm.R1, asm.R3, off, asm.Word), asm.Add.Reg(asm.R0, asm.R1))
	}
	c.add(asm.Add.Imm(asm.R3, n), asm.Sub.Imm(asm.R4, n), asm.Ja.Label(loop))
}

// newCounters makes what the program counts its answers in.
func newCounters() (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "tapestry_ans", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: counts})
	if err != nil {
		return nil, fmt.Errorf("xdp: map of the responder's counters: %w", err)
	}
	return m, nil
}

// readCounters adds up what the processors counted.
func readCounters(m *ebpf.Map) (s ResponderStats) {
	for i, sum := range []*uint64{countARP: &s.ARP, countEcho4: &s.Echo4, countEcho6: &s.Echo6, countSolicit: &s.Solicit} {
		var each []uint64
		if m.Lookup(uint32(i), &each) != nil {
			continue
		}
		for n := range slices.Values(each) {
			*sum += n
		}
	}
	return s
}
