package xdp

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"
	"tapestry/link/ethernet"
)

// code is a part of the program being written. Octets of the frame are named by their offset in it; the frame and its
// end are in regFrame and regEnd, and R0 to R5 hold nothing for long.
type code struct {
	asm.Instructions
	label string // of the next instruction
	miss  string // where a frame goes that is not what the tests ask for
}

func (c *code) add(in ...asm.Instruction) {
	if c.label != "" {
		in[0] = in[0].WithSymbol(c.label)
		c.label = ""
	}
	c.Instructions = append(c.Instructions, in...)
}

// within asks for n octets in the frame's first chunk.
func (c *code) within(n int32) {
	c.add(asm.Mov.Reg(asm.R5, regFrame), asm.Add.Imm(asm.R5, n), asm.JGT.Reg(asm.R5, regEnd, c.miss))
}

// load reads a byte, a half or a word.
func (c *code) load(r asm.Register, off int16, size asm.Size) {
	c.add(asm.LoadMem(r, regFrame, off, size))
}

// store writes what load read.
func (c *code) store(off int16, r asm.Register, size asm.Size) {
	c.add(asm.StoreMem(regFrame, off, r, size))
}

// set writes octets, a byte, a half or a word at once.
func (c *code) set(off int16, b ...byte) {
	for ; len(b) >= 4; b, off = b[4:], off+4 {
		c.add(asm.StoreImm(regFrame, off, int64(word(b)), asm.Word))
	}
	if len(b) >= 2 {
		c.add(asm.StoreImm(regFrame, off, int64(int16(half(b))), asm.Half))
		b, off = b[2:], off+2
	}
	if len(b) == 1 {
		c.add(asm.StoreImm(regFrame, off, int64(b[0]), asm.Byte))
	}
}

// want asks for these octets, a byte, a half or a word at once.
func (c *code) want(off int16, b ...byte) {
	for ; len(b) >= 4; b, off = b[4:], off+4 {
		c.load(asm.R1, off, asm.Word)
		c.add(asm.JNE.Imm32(asm.R1, word(b), c.miss))
	}
	if len(b) >= 2 {
		c.load(asm.R1, off, asm.Half)
		c.add(asm.JNE.Imm32(asm.R1, half(b), c.miss))
		b, off = b[2:], off+2
	}
	if len(b) == 1 {
		c.load(asm.R1, off, asm.Byte)
		c.add(asm.JNE.Imm32(asm.R1, int32(b[0]), c.miss))
	}
}

// wantBits asks for the masked bits of an octet.
func (c *code) wantBits(off int16, mask, v byte) {
	c.load(asm.R1, off, asm.Byte)
	c.add(asm.And.Imm32(asm.R1, int32(mask)), asm.JNE.Imm32(asm.R1, int32(v), c.miss))
}

// wantNot asks for another octet than v.
func (c *code) wantNot(off int16, v byte) {
	c.load(asm.R1, off, asm.Byte)
	c.add(asm.JEq.Imm32(asm.R1, int32(v), c.miss))
}

// same asks for equal hardware addresses at two places.
func (c *code) same(one, other int16) {
	for i, size := range []asm.Size{asm.Word, asm.Half} {
		c.load(asm.R1, one+4*int16(i), size)
		c.load(asm.R2, other+4*int16(i), size)
		c.add(asm.JNE.Reg32(asm.R1, asm.R2, c.miss))
	}
}

// copy copies n octets, words and at most one half.
func (c *code) copy(to, from, n int16) {
	for ; n > 0; to, from, n = to+4, from+4, n-4 {
		size := asm.Word
		if n < 4 {
			size = asm.Half
		}
		c.load(asm.R1, from, size)
		c.store(to, asm.R1, size)
	}
}

// swap exchanges n octets at two places, words only.
func (c *code) swap(one, other, n int16) {
	for i := int16(0); i < n; i += 4 {
		c.load(asm.R1, one+i, asm.Word)
		c.load(asm.R2, other+i, asm.Word)
		c.store(one+i, asm.R2, asm.Word)
		c.store(other+i, asm.R1, asm.Word)
	}
}

// back addresses the frame to its sender.
func (c *code) back(addr ethernet.Addr) {
	c.copy(0, ethernet.AddrLen, ethernet.AddrLen)
	c.set(ethernet.AddrLen, addr[:]...)
}

// sum adds n octets to the sum in R0, words and at most one half: ones' complement sums do not care how wide they
// are added, nor in which order of octets (RFC 1071 §2).
func (c *code) sum(off, n int16) {
	for ; n > 0; off, n = off+4, n-4 {
		size := asm.Word
		if n < 4 {
			size = asm.Half
		}
		c.load(asm.R1, off, size)
		c.add(asm.Add.Reg(asm.R0, asm.R1))
	}
}

// fold brings the sum in r, of less than 2^48, to 16 bits.
func (c *code) fold(r asm.Register) {
	for range 3 {
		c.add(asm.Mov.Reg(asm.R1, r), asm.RSh.Imm(asm.R1, 16), asm.And.Imm(r, 0xffff), asm.Add.Reg(r, asm.R1))
	}
}

// amend corrects the checksum at sum for the half at off, which becomes b: HC' = ~(~HC + ~m + m') (RFC 1624 §3).
func (c *code) amend(sum, off int16, b ...byte) {
	c.load(asm.R2, sum, asm.Half)
	c.load(asm.R3, off, asm.Half)
	c.add(asm.Xor.Imm(asm.R2, 0xffff), asm.Xor.Imm(asm.R3, 0xffff), asm.Add.Reg(asm.R2, asm.R3), asm.Add.Imm(asm.R2, half(b)))
	c.fold(asm.R2)
	c.add(asm.Xor.Imm(asm.R2, 0xffff))
	c.store(sum, asm.R2, asm.Half)
	c.set(off, b...)
}

// finish counts the answer and has it leave where the frame came from.
func (r *responder) finish(c *code, which int64) {
	done := fmt.Sprintf("answered%d", which)
	c.add(
		asm.StoreImm(asm.RFP, -4, which, asm.Word),
		asm.LoadMapPtr(asm.R1, r.counters),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, done),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord))
	c.label = done
	if r.via == 0 {
		c.add(asm.Mov.Imm(asm.R0, verdictTx), asm.Return())
		return
	}
	c.add(asm.Mov.Imm(asm.R1, int32(r.via)), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return())
}

// among goes to label if the words in R1 and up are those of an address in all.
func (c *code) among(all [][]byte, label string) {
	for _, a := range all {
		in := make(asm.Instructions, 0, 4)
		skip := int16(len(a)/4 - 1)
		for i := range len(a)/4 - 1 {
			in = append(in, jumpOver(asm.R1+asm.Register(i), word(a[4*i:]), skip-int16(i)))
		}
		last := len(a)/4 - 1
		c.add(slices.Concat(in, asm.Instructions{asm.JEq.Imm32(asm.R1+asm.Register(last), word(a[4*last:]), label)})...)
	}
}

// jumpOver leaves out n instructions if r is not v.
func jumpOver(r asm.Register, v int32, n int16) asm.Instruction {
	in := asm.JNE.Imm32(r, v, "")
	in.Offset = n
	return in
}
