package stack

import (
	"bytes"
	"encoding/binary"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// maxRuns is how many flows of one batch are coalesced; frames of others pass as they are.
const maxRuns = 16

// coalescer makes super-frames of consecutive TCP segments that one call of ReadFrames gave, so that the engine goes its
// way once for up to 64 KiB: what a network card or the kernel (GRO) does for devices that can carry the result. It
// knows no time: a lone frame passes at once, and at the end of a batch nothing is kept. The order of a flow's frames
// stays, and [link.Segment] would give back what came, except for the identification of atomic datagrams.
//
// A segment continues its flow's run if all headers are the run's but for length, checksums and sequence number, which
// goes on where the run ends. So acknowledgement, window, timestamps, ECN, TTL and addresses are equal; a segment that
// says anything else (SYN, FIN, RST, URG, other options, IP options, fragments, padding) ends the run and is left alone. PSH
// and a shorter segment end it too, as its last. Checksums are verified before anything is merged, unless somebody
// vouches for them.
type coalescer struct {
	addr  ethernet.Addr // what is for others is not touched
	trust bool          // layer-4 checksums are taken as good
	runs  [maxRuns]tcpRun
	count int // of runs
}

// tcpRun is a flow's frames that are being merged into the first.
type tcpRun struct {
	at      int // index of the first frame
	seg     tcpSegment
	head    []byte // its headers
	next    uint32 // sequence number
	len     int    // octets of payload
	frames  int
	isGood  bool // the first frame's checksums are
	isValid bool // all layer-4 checksums were verified
	push    bool
}

// coalescers are pooled: most interfaces are quiet.
var coalescers = sync.Pool{New: func() any { return new(coalescer) }}

// coalesce merges the frames of a batch and gives how many are left.
func (n *nic) coalesce(frames []link.Frame) int {
	if len(frames) < 2 {
		return len(frames)
	}
	c := coalescers.Get().(*coalescer)
	defer coalescers.Put(c)
	c.addr, c.trust = n.addr, n.trust
	return c.merge(frames[:c.supersede(frames)])
}

// merge merges what can be, moves the frames up to close the gaps, and gives how many are left.
func (c *coalescer) merge(frames []link.Frame) int {
	left := 0
	for i := range frames {
		f := &frames[i]
		s, head, v := c.look(f)
		if r := c.find(&s, head, v); v == continues && r != nil && c.extend(frames, r, f, &s, head) {
			continue
		}
		if i != left {
			frames[left], *f = *f, link.Frame{}
		}
		c.note(frames, left, s, head, v)
		left++
	}
	c.endAll(frames)
	return left
}

// note ends the runs that the frame at an index ends, and starts its own.
func (c *coalescer) note(frames []link.Frame, at int, s tcpSegment, head []byte, v verdict) {
	if v == passes {
		return
	}
	if v == endsAll {
		c.endAll(frames)
		return
	}
	r := c.find(&s, head, v)
	if r != nil {
		r.finish(&frames[r.at])
	}
	switch {
	case v == endsOne && r != nil:
		c.drop(r)
		return
	case v == endsOne, r == nil && c.count == maxRuns:
		return
	case r == nil:
		r = &c.runs[c.count]
		c.count++
	}
	*r = tcpRun{at: at, seg: s, head: head, next: s.seq + uint32(s.payload), len: s.payload, frames: 1, push: isPush(head, &s)}
}

// drop forgets a run, which was finished.
func (c *coalescer) drop(r *tcpRun) {
	c.count--
	*r = c.runs[c.count]
	c.runs[c.count] = tcpRun{}
}

func (c *coalescer) endAll(frames []link.Frame) {
	for i := range c.runs[:c.count] {
		r := &c.runs[i]
		r.finish(&frames[r.at])
		*r = tcpRun{}
	}
	c.count = 0
}

// find gives the run of a frame's flow, nil if there is none.
func (c *coalescer) find(s *tcpSegment, head []byte, v verdict) *tcpRun {
	if v < endsOne || c.count == 0 {
		return nil
	}
	flow := s.flow(head)
	for i := range c.runs[:c.count] {
		if r := &c.runs[i]; r.seg.v6 == s.v6 && bytes.Equal(r.seg.flow(r.head), flow) {
			return r
		}
	}
	return nil
}

// extend appends f to a run, and reports whether it could.
func (c *coalescer) extend(frames []link.Frame, r *tcpRun, f *link.Frame, s *tcpSegment, head []byte) bool {
	if r.push || s.seq != r.next || s.payload > r.seg.payload || r.len != r.frames*r.seg.payload ||
		r.seg.headLen-l3Offset+r.len+s.payload > gsoMax || !r.isAlike(s, head) {
		return false
	}
	first := &frames[r.at]
	if !r.isGood {
		if !c.isSound(first, &r.seg, r.head) {
			return false
		}
		r.isGood, r.isValid = true, isVouched(first) || !c.trust
	}
	if !c.isSound(f, s, head) {
		return false
	}
	r.isValid = r.isValid && (isVouched(f) || !c.trust)
	r.push = isPush(head, s)
	r.next += uint32(s.payload)
	r.len += s.payload
	r.frames++
	f.Data.TrimFront(int64(s.headLen))
	first.Data.Merge(&f.Data)
	*f = link.Frame{}
	return true
}

// isAlike compares all headers with the run's but for what each segment has of its own.
func (r *tcpRun) isAlike(s *tcpSegment, head []byte) bool {
	a, b := r.head, head
	if s.headLen != r.seg.headLen || !bytes.Equal(a[:l3Offset], b[:l3Offset]) {
		return false
	}
	if s.v6 {
		// Class, flow label; hop limit.
		if !bytes.Equal(a[l3Offset:l3Offset+4], b[l3Offset:l3Offset+4]) || a[l3Offset+7] != b[l3Offset+7] {
			return false
		}
	} else if !r.isAlikeIPv4(b) {
		return false
	}
	// Acknowledgement, window; the options.
	return bytes.Equal(a[s.l4+8:s.l4+12], b[s.l4+8:s.l4+12]) && bytes.Equal(a[s.l4+14:s.l4+16], b[s.l4+14:s.l4+16]) &&
		bytes.Equal(a[s.l4+header.TCPMinimumSize:s.headLen], b[s.l4+header.TCPMinimumSize:s.headLen])
}

func (r *tcpRun) isAlikeIPv4(b []byte) bool {
	p, q := r.head[l3Offset:], b[l3Offset:]
	if p[1] != q[1] || p[6] != q[6] || p[8] != q[8] { // TOS with ECN, DF, TTL
		return false
	}
	isAtomic := p[6]&0x40 != 0 // RFC 6864 §4: the identification of what is never fragmented means nothing
	return isAtomic || binary.BigEndian.Uint16(q[4:]) == binary.BigEndian.Uint16(p[4:])+uint16(r.frames)
}

// isVouched reports whether somebody else has verified the checksum.
func isVouched(f *link.Frame) bool { return f.DataValid || f.NeedsChecksum }

// isSound verifies the checksums of a frame, as far as nobody vouches for them.
func (c *coalescer) isSound(f *link.Frame, s *tcpSegment, head []byte) bool {
	if !s.v6 && checksum.Checksum(head[l3Offset:ipv4L4], 0) != 0xffff {
		return false
	}
	if f.NeedsChecksum {
		return int(f.CsumStart) == s.l4 && f.CsumOffset == header.TCPChecksumOffset
	}
	if f.DataValid || c.trust {
		return true
	}
	return checksum.Combine(f.Data.Checksum(s.l4), s.pseudoSum(head, s.payload)) == 0xffff
}

// finish makes the run's first frame the super-frame that it has become.
func (r *tcpRun) finish(f *link.Frame) {
	if r.frames == 1 {
		return
	}
	var room [ipv6L4 + header.TCPMinimumSize]byte
	s := &r.seg
	h := room[:s.l4+header.TCPMinimumSize]
	copy(h, r.head)
	if s.v6 {
		binary.BigEndian.PutUint16(h[l3Offset+4:], uint16(s.headLen-ipv6L4+r.len))
	} else {
		ip := header.IPv4(h[l3Offset:ipv4L4])
		ip.SetTotalLength(uint16(s.headLen - l3Offset + r.len))
		ip.SetChecksum(0)
		ip.SetChecksum(^ip.CalculateChecksum())
	}
	if r.push {
		h[s.l4+13] |= uint8(header.TCPFlagPsh)
	}
	binary.BigEndian.PutUint16(h[s.l4+header.TCPChecksumOffset:], s.pseudoSum(h, r.len))
	f.Overwrite(l3Offset, h[l3Offset:])
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, uint16(s.l4), header.TCPChecksumOffset
	f.DataValid = r.isValid
	f.GSO, f.GSOSize = link.GSOTCPv4, uint16(s.payload)
	if s.v6 {
		f.GSO = link.GSOTCPv6
	}
}
