package segment

import (
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
	"tapestry/link/segment/stp"
)

// flow is what frames have in common that a segment treats alike. It is compared frame by frame.
type flow struct {
	src, dst station // in their VLAN
	form     form
	verdict  reason
}

// Write gives the segment frames from the station. It owns them; the slice stays the caller's. It returns how many
// were in order and went on, to whatever ports: none may be left for them. Any goroutine may call it, and it does not
// block.
func (p *Port) Write(f []link.Frame) int {
	if len(f) == 0 {
		return 0
	}
	if !p.has(modeUp) {
		p.dropRx(f, dropDown)
		return 0
	}
	now, taken := p.segment.now(), 0
	if p.babbles(shutByJabber, &p.meter.frames, p.config.Jabber.Frames, len(f), now) {
		p.dropRx(f, dropJabber)
		return 0
	}
	next := p.classify(&f[0])
	for len(f) > 0 {
		is, n := next, 1
		for n < len(f) {
			if next = p.classify(&f[n]); next != is {
				break
			}
			n++
		}
		if p.take(is, f[:n], now) {
			taken += n
		}
		f = f[n:]
	}
	return taken
}

// take does with frames of one flow what is to be done, and reports whether they were in order.
func (p *Port) take(is flow, f []link.Frame, now time.Duration) bool {
	switch {
	case is.verdict == forTree:
		p.counters.CountRx(f)
		p.segment.tree.receive(p, f, now)
	case is.verdict != dropNone:
		p.dropRx(f, is.verdict)
		return false
	default:
		p.counters.CountRx(f)
		p.forward(is, f, now)
	}
	return true
}

// classify reads what decides on a frame.
func (p *Port) classify(f *link.Frame) flow {
	if !wire.Carries(p.config.MTU, f) {
		return flow{verdict: whyNotCarried(f)}
	}
	const longest = ethernet.HeaderLen + ethernet.TagLen
	h := f.Head()
	if len(h) < longest {
		var b [longest]byte
		f.Data.ReadAt(b[:], 0)
		h = b[:]
	}
	var is flow
	vlan := uint16(0)
	if p.vlan.aware {
		if vlan, is.form = p.vlan.admit(h); is.form != formUntagged && f.Len() < longest {
			return flow{verdict: dropShort}
		}
	}
	is.dst, is.src = newStation(h, vlan), newStation(h[ethernet.AddrLen:], vlan)
	if p.segment.kind == Switch {
		is.verdict = p.judge(is)
	}
	return is
}

// whyNotCarried tells a frame that is too long from one that is none.
func whyNotCarried(f *link.Frame) reason {
	if wire.Carries(maxMTU, f) {
		return dropMTU
	}
	return dropShort
}

// reserved is 01-80-C2-00-00-00, the first of the sixteen addresses that no bridge forwards (IEEE 802.1D-2004 Table 7-10).
var reserved = newStation(stp.GroupAddr[:], 0)

// judge says what a switch has against a flow.
func (p *Port) judge(is flow) reason {
	dst := is.dst.withoutVLAN()
	switch {
	case dst == reserved && is.form == formUntagged && p.segment.tree.takesPart(p):
		return forTree
	case is.src.isGroup() || is.src.withoutVLAN() == 0:
		return dropSource
	case dst&^15 == reserved && (!p.segment.pass || dst == reserved && p.segment.tree != nil):
		return dropReserved
	case p.vlan.aware && is.dst.vlan() == 0:
		return dropVLAN
	}
	return dropNone
}

// forward hands frames of one flow on.
func (p *Port) forward(is flow, f []link.Frame, now time.Duration) {
	s := p.segment
	if s.kind == Hub {
		p.flood(is, f, now)
		return
	}
	mode := p.mode.Load()
	if mode&modeLearn != 0 {
		s.table.learn(p, is.src, now)
	}
	switch {
	case mode&modeUp == 0: // shut by what came before in the same write
		p.dropRx(f, dropDown)
		return
	case mode&modeForward == 0:
		p.drops[dropTree].Add(uint64(len(f)))
		link.ReleaseAll(f)
		return
	}
	if is.dst.isGroup() {
		p.flood(is, f, now)
		return
	}
	switch to := s.table.lookup(&p.dst, is.dst, now); to {
	case nil:
		p.flood(is, f, now)
	case p:
		p.drops[dropSame].Add(uint64(len(f)))
		link.ReleaseAll(f)
	default:
		to.send(p.index, is, f)
	}
}

// send gives the station frames that came in at the port of number from.
func (p *Port) send(from int, is flow, f []link.Frame) {
	switch {
	case !p.has(modeUp):
		p.dropTx(f, dropDown)
		return
	case !p.has(modeForward):
		p.dropTx(f, dropTree)
		return
	case !p.vlan.isMember(is.dst.vlan()):
		p.dropTx(f, dropVLAN)
		return
	}
	if want := p.vlan.leave(is.dst.vlan(), is.form); want != is.form {
		f = p.retagAll(f, is, want)
	}
	for len(f) > 0 {
		n := 0
		for n < len(f) && p.class.fits(&f[n]) {
			n++
		}
		if n > 0 {
			p.sink.deliver(from, f[:n])
		} else {
			n = 1
			p.sendFitted(from, f[0])
			f[0] = link.Frame{}
		}
		f = f[n:]
	}
}

// retagAll changes the tag of each frame and gives those where that was possible.
func (p *Port) retagAll(f []link.Frame, is flow, want form) []link.Frame {
	kept := f[:0]
	for i := range f {
		if retag(&f[i], is.form, want, is.dst.vlan()) {
			kept = append(kept, f[i])
		} else {
			p.dropTx(f[i:i+1], dropFit)
		}
	}
	return kept
}

// sendFitted sends one frame after doing in software what the station does not take undone.
func (p *Port) sendFitted(from int, f link.Frame) {
	parts, why := p.class.fit(nil, f)
	if why != dropNone {
		p.countTxDrops(1, why)
		return
	}
	p.sink.deliver(from, parts)
}
