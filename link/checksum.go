package link

import (
	"errors"
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// Offsets of the checksum field in the transport headers (RFC 9293 §3.1, RFC 768).
const (
	tcpChecksum = 16
	udpChecksum = 6
)

var errChecksumField = errors.New("link: checksum field lies outside the frame")

// FinishChecksum does in software what NeedsChecksum asks for and clears it; a frame that does not ask is left alone.
// It sums from CsumStart to the end of the frame, as a network card does, so a frame must be finished before it is
// padded. Other owners of the memory do not see the change. An error means that the offsets are bogus; the frame is
// unchanged then.
func FinishChecksum(f *Frame) error {
	if !f.NeedsChecksum {
		return nil
	}
	start, field := int(f.CsumStart), int(f.CsumStart)+int(f.CsumOffset)
	if field+checksum.Size > f.Len() {
		return fmt.Errorf("%w: field at %d of %d octets", errChecksumField, field, f.Len())
	}
	sum := ^f.sum(start)
	if sum == 0 && f.CsumOffset == udpChecksum {
		sum = 0xffff // RFC 768: zero would say that there is no checksum
	}
	f.Overwrite(field, []byte{byte(sum >> 8), byte(sum)})
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = false, 0, 0
	return nil
}

// sum adds up the octets from off to the end in ones' complement (RFC 1071 §1).
func (f *Frame) sum(off int) uint16 {
	var c checksum.Checksumer
	l := f.Data.AsViewList()
	for v := l.Front(); v != nil; v = v.Next() {
		if off >= v.Size() {
			off -= v.Size()
			continue
		}
		c.Add(v.AsSlice()[off:])
		off = 0
	}
	return c.Checksum()
}
