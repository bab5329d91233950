package segment

import (
	"encoding/binary"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// flow is what frames have in common that a segment treats alike. It is compared frame by frame.
type flow struct {
	src, dst station
	drop     reason
}

// Write gives the segment frames from the station. It owns them; the slice stays the caller's. It returns how many
// were in order and went on, to whatever ports: none may be left for them. Any goroutine may call it, and it does not
// block.
func (p *Port) Write(f []link.Frame) int {
	if len(f) == 0 {
		return 0
	}
	if !p.up.Load() {
		p.dropRx(f, dropDown)
		return 0
	}
	now, taken := p.segment.now(), 0
	next := p.classify(&f[0])
	for len(f) > 0 {
		is, n := next, 1
		for n < len(f) {
			if next = p.classify(&f[n]); next != is {
				break
			}
			n++
		}
		if is.drop != dropNone {
			p.dropRx(f[:n], is.drop)
		} else {
			p.counters.CountRx(f[:n])
			p.forward(is, f[:n], now)
			taken += n
		}
		f = f[n:]
	}
	return taken
}

// classify reads what decides on a frame.
func (p *Port) classify(f *link.Frame) flow {
	if f.Len() < ethernet.HeaderLen || !wire.Carries(maxMTU, f) {
		return flow{drop: dropShort}
	}
	if !wire.Carries(p.config.MTU, f) {
		return flow{drop: dropMTU}
	}
	h := f.Head()
	if len(h) < ethernet.HeaderLen {
		var b [ethernet.HeaderLen]byte
		f.Data.ReadAt(b[:], 0)
		h = b[:]
	}
	is := flow{dst: newStation(h, 0), src: newStation(h[ethernet.AddrLen:], 0)}
	if p.segment.kind == Switch {
		is.drop = p.segment.refuses(is)
	}
	return is
}

// reserved is 01-80-C2-00-00-00, the first of the sixteen addresses that no bridge forwards (IEEE 802.1D-2004 Table 7-10).
const reserved station = 0x0180c2000000

// refuses says why a switch does not forward frames of this flow.
func (s *Segment) refuses(is flow) reason {
	switch {
	case is.src.isGroup() || is.src&(1<<48-1) == 0:
		return dropSource
	case is.dst&(1<<48-1)&^15 == reserved && !s.pass:
		return dropReserved
	}
	return dropNone
}

// forward hands frames of one flow on.
func (p *Port) forward(is flow, f []link.Frame, now time.Duration) {
	s := p.segment
	if s.kind == Hub {
		p.flood(f)
		return
	}
	s.table.learn(p, is.src, now)
	if is.dst.isGroup() {
		p.flood(f)
		return
	}
	switch to := s.table.lookup(&p.dst, is.dst, now); to {
	case nil:
		p.flood(f)
	case p:
		p.drops[dropSame].Add(uint64(len(f)))
		link.ReleaseAll(f)
	default:
		to.send(p.index, f)
	}
}

// send gives the station frames that came in at the port of number from.
func (p *Port) send(from int, f []link.Frame) {
	if !p.up.Load() {
		p.dropTx(f, dropDown)
		return
	}
	for len(f) > 0 {
		n := 0
		for n < len(f) && p.fits(&f[n]) {
			n++
		}
		if n > 0 {
			p.sink.deliver(from, f[:n])
			f = f[n:]
			continue
		}
		p.sendFitted(from, f[:1])
		f = f[1:]
	}
}

// fits reports whether the station can take f as it is.
func (p *Port) fits(f *link.Frame) bool {
	return wire.IsReady(f, p.config.Offload) && p.carries(f)
}

// carries reports whether f, or each segment of it, is within the MTU of the port.
func (p *Port) carries(f *link.Frame) bool {
	return wire.Carries(p.config.MTU, f) && (f.GSO == link.GSONone || segmentLen(f) <= p.config.MTU)
}

// sendFitted sends one frame after doing in software what the station does not take undone.
func (p *Port) sendFitted(from int, f []link.Frame) {
	if !p.carries(&f[0]) {
		p.dropTx(f, dropMTU)
		return
	}
	parts, err := link.Fit(nil, f[0], p.config.Offload)
	f[0] = link.Frame{}
	if err != nil {
		p.dropTx(f, dropFit)
		return
	}
	p.sink.deliver(from, parts)
}

// segmentLen is the longest layer-3 packet that a super-frame is segmented into. Of headers that cannot be read, and so
// cannot be segmented, it is a guess.
func segmentLen(f *link.Frame) int {
	var b [ethernet.HeaderLen + 2*ethernet.TagLen + 60 + 20]byte // as far as the TCP data offset
	n, _ := f.Data.ReadAt(b[:], 0)
	l3 := ethernet.HeaderLen
	for range ethernet.MaxTags {
		if t := ethernet.EtherType(binary.BigEndian.Uint16(b[l3-2:])); t != ethernet.TypeVLAN && t != ethernet.TypeQinQ {
			break
		}
		l3 += ethernet.TagLen
	}
	l4 := l3 + 40 // RFC 8200 §3
	if b[l3]>>4 == 4 {
		l4 = l3 + int(b[l3]&15)*4
	}
	header := 8 // RFC 768
	if f.GSO != link.GSOUDP && l4+12 < n {
		header = int(b[l4+12]>>4) * 4 // RFC 9293 §3.1
	}
	return l4 - l3 + header + int(f.GSOSize)
}
