package stack

import (
	"testing"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// freshTwins is after how many inputs FuzzShortcut takes new hosts: what is left of frames before is bounded so.
const freshTwins = 512

// outlived is a test that ends before what it makes.
type outlived struct{ testing.TB }

func (outlived) Cleanup(func()) {}

// FuzzShortcut gives a host with the shortcut and one without any frame, twice, with any metadata and in two chunks, and
// holds that they send and count the same.
func FuzzShortcut(f *testing.F) {
	hi := []byte("hello, hello")
	seeds := append(frameSeeds(), captured()...)
	for _, q := range []ask{
		{peer4, host4, 999, portEcho, hi}, {peer6, host6, 999, portEcho, hi}, {link6, ownLink6, 999, portOwn, hi},
		{peer4, host4, 999, portLong, make([]byte, 60)}, {peer6, host6, 999, portOne, hi}, {peer4, host4, 999, portSilent, hi},
		{peer4, host4, 0, 0, hi}, {peer6, host6, 0, 0, hi},
	} {
		seeds = append(seeds, q.frame())
	}
	seeds = append(seeds, withOptions(hi), zeroSum(), zeroAnswer())
	for _, b := range seeds {
		f.Add(b, uint8(0), uint16(0), uint16(0), uint16(0), uint8(200))
		f.Add(b, uint8(0x31), uint16(plain4), uint16(6), uint16(5), uint8(64))
		f.Add(b, uint8(0x31), uint16(plain6), uint16(6), uint16(5), uint8(64))
		f.Add(b, uint8(2), uint16(0), uint16(0), uint16(0), uint8(60))
	}
	var tw *twins
	inputs := 0
	f.Fuzz(func(t *testing.T, b []byte, flags uint8, start, offset, size uint16, chunk uint8) {
		if inputs%freshTwins == 0 {
			if tw != nil {
				tw.a.host.Close()
				tw.b.host.Close()
			}
			tw = newTwins(outlived{t}, 1, pipe.AllOffloads) // which the keeper undoes, as a kernel would
		}
		inputs++
		if len(b) >= ethernet.AddrLen && b[0]&1 == 0 {
			copy(b, hostMAC[:]) // most of what is for others is not looked at
		}
		fr := inChunks(b, int(chunk))
		fr.NeedsChecksum, fr.DataValid = flags&1 != 0, flags&2 != 0
		fr.CsumStart, fr.CsumOffset = start, offset
		fr.GSO, fr.GSOSize = link.GSO(flags>>4), size
		tw.t = t
		tw.compare("once", fr)
		tw.compare("twice", fr)
		fr.Release()
	})
}
