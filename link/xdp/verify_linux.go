package xdp

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
)

// regCase tells the cases apart that share a piece of the program.
const regCase = asm.R9

// The cases of the shared sum.
const (
	caseEcho4 = iota
	caseEcho6
	caseSolicit
)

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

// blockWords is how many words the sum adds for one look at the frame's end.
const blockWords = 8

// verify adds the R4 octets at R3 to the sum in R0, asks that it is that of a message whose checksum is right, and goes to
// the answer that regCase tells, with the sum in R4. The length is bounded, which the kernel's verifier sees by going
// round and round.
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
