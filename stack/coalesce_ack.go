package stack

import (
	"bytes"
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
)

// supersede leaves out acknowledgements of a batch that the next frame says again and more: numbers are cumulative
// (RFC 9293 §3.4). The engine sends at once what each lets it send, so one for what two would have let it makes longer
// frames. It gives how many frames are left.
//
// Both are an ACK without data, SACK or any option but timestamps, of one flow, next to each other, and the later one
// acknowledges more. Duplicates stay: they tell of a hole.
func (c *coalescer) supersede(frames []link.Frame) int {
	left := 0
	var last pureAck
	for i := range frames {
		a := c.lookAck(&frames[i])
		if last.isPure && a.supersedes(&last) && c.isSound(&frames[i], &a.seg, a.head) {
			left--
			frames[left].Release()
		}
		if i != left {
			frames[left], frames[i] = frames[i], link.Frame{}
		}
		last = a
		left++
	}
	return left
}

// pureAck is a frame that may acknowledge and do nothing else.
type pureAck struct {
	seg    tcpSegment
	head   []byte
	isPure bool
}

func (c *coalescer) lookAck(f *link.Frame) (a pureAck) {
	var v verdict
	a.seg, a.head, v = c.look(f)
	a.isPure = v == endsOne && a.seg.headLen > 0 && a.seg.payload == 0 &&
		header.TCPFlags(a.head[a.seg.l4+13]) == header.TCPFlagAck
	return a
}

// supersedes reports whether b, which came before, can be left out.
func (a *pureAck) supersedes(b *pureAck) bool {
	return a.isPure && a.seg.v6 == b.seg.v6 && a.seg.seq == b.seg.seq && bytes.Equal(a.seg.flow(a.head), b.seg.flow(b.head)) &&
		int32(a.number()-b.number()) > 0
}

func (a *pureAck) number() uint32 { return binary.BigEndian.Uint32(a.head[a.seg.l4+8:]) }
