package stp

import (
	"cmp"
	"time"
)

// sendConfig is IEEE 802.1D-1998 §8.6.1.
func (b *Bridge) sendConfig(p *port) {
	if p.holdTimer.expired(b.now); p.holdTimer.running() {
		p.pending = true
		return
	}
	m := BPDU{
		Type: TypeConfig, Root: b.root, Cost: b.rootCost, Bridge: b.c.ID, Port: p.id,
		MaxAge: NewTicks(b.maxAge), HelloTime: NewTicks(b.hello), ForwardDelay: NewTicks(b.forwardDelay),
	}
	if b.rootPort != nil {
		m.MessageAge = NewTicks(b.messageAge() + messageAgeIncrement)
	}
	if b.change {
		m.Flags |= TopologyChange
	}
	if p.ack {
		m.Flags |= TopologyChangeAck
	}
	p.pending = false
	if m.MessageAge >= m.MaxAge {
		return // too far from the root to be believed
	}
	p.ack = false
	b.c.Send(p.c.Number, m.AppendTo(nil))
	p.holdTimer.start(b.now, holdTime)
}

// messageAge is how old the root's word at the root port is.
func (b *Bridge) messageAge() time.Duration {
	if !b.rootPort.ageTimer.running() {
		return b.maxAge
	}
	return b.maxAge - b.rootPort.ageTimer.at.Sub(b.now)
}

// sendConfigs is IEEE 802.1D-1998 §8.6.4.
func (b *Bridge) sendConfigs() {
	for _, p := range b.ports {
		if p.state != Disabled && b.isDesignated(p) {
			b.sendConfig(p)
		}
	}
}

// sendTCN is IEEE 802.1D-1998 §8.6.6.
func (b *Bridge) sendTCN() {
	if b.rootPort != nil {
		b.c.Send(b.rootPort.c.Number, BPDU{Type: TypeTCN}.AppendTo(nil))
	}
}

// supersedes reports whether m offers a path at least as good as what p knows (IEEE 802.1D-1998 §8.6.2.2).
func (b *Bridge) supersedes(p *port, m BPDU) bool {
	h := heard{m.Root, m.Cost, m.Bridge, m.Port}
	if c := cmp.Or(
		cmp.Compare(h.root, p.heard.root), cmp.Compare(h.cost, p.heard.cost), cmp.Compare(h.bridge, p.heard.bridge),
	); c != 0 {
		return c < 0
	}
	return h.bridge != b.c.ID || h.port <= p.heard.port
}

// record is IEEE 802.1D-1998 §8.6.2.
func (b *Bridge) record(p *port, m BPDU) {
	p.heard = heard{m.Root, m.Cost, m.Bridge, m.Port}
	maxAge := clamp(m.MaxAge.Duration(), minMaxAge, maxMaxAge)
	p.ageTimer.start(b.now, max(0, maxAge-m.MessageAge.Duration()))
}

// recordTimes is IEEE 802.1D-1998 §8.6.3.
func (b *Bridge) recordTimes(m BPDU) {
	b.maxAge = clamp(m.MaxAge.Duration(), minMaxAge, maxMaxAge)
	b.hello = clamp(m.HelloTime.Duration(), minHello, maxHello)
	b.forwardDelay = clamp(m.ForwardDelay.Duration(), leastForwardDelay, maxForwardDelay)
	b.setChange(m.Flags&TopologyChange != 0)
}

func clamp(d, least, most time.Duration) time.Duration { return min(max(d, least), most) }

// update is IEEE 802.1D-1998 §8.6.7.
func (b *Bridge) update() {
	root, rootPort := b.root, b.rootPort
	b.selectRoot()
	b.selectDesignated()
	if b.c.Root != nil && (b.root != root || b.rootPort != rootPort) {
		number := 0
		if b.rootPort != nil {
			number = b.rootPort.c.Number
		}
		b.c.Root(b.root, number)
	}
}

// selectRoot is IEEE 802.1D-1998 §8.6.8.
func (b *Bridge) selectRoot() {
	var best *port
	for _, p := range b.ports {
		if p.state == Disabled || b.isDesignated(p) || p.heard.root >= b.c.ID {
			continue
		}
		if best == nil || p.isNearer(best) {
			best = p
		}
	}
	b.rootPort, b.root, b.rootCost = best, b.c.ID, 0
	if best != nil {
		b.root, b.rootCost = best.heard.root, best.pathCost()
	}
}

// pathCost is the cost of the path to the root through p. A sum beyond what the field holds is as far as can be.
func (p *port) pathCost() uint32 {
	return uint32(min(uint64(p.heard.cost)+uint64(p.c.Cost), 1<<32-1))
}

// isNearer reports whether p is the better root port.
func (p *port) isNearer(q *port) bool {
	return cmp.Or(
		cmp.Compare(p.heard.root, q.heard.root), cmp.Compare(p.pathCost(), q.pathCost()),
		cmp.Compare(p.heard.bridge, q.heard.bridge), cmp.Compare(p.heard.port, q.heard.port), cmp.Compare(p.id, q.id),
	) < 0
}

// selectDesignated is IEEE 802.1D-1998 §8.6.9.
func (b *Bridge) selectDesignated() {
	for _, p := range b.ports {
		mine := cmp.Or(cmp.Compare(b.rootCost, p.heard.cost), cmp.Compare(b.c.ID, p.heard.bridge), cmp.Compare(p.id, p.heard.port))
		if b.isDesignated(p) || p.heard.root != b.root || mine <= 0 {
			b.becomeDesignated(p)
		}
	}
}

// becomeDesignated is IEEE 802.1D-1998 §8.6.10.
func (b *Bridge) becomeDesignated(p *port) {
	p.heard = heard{b.root, b.rootCost, b.c.ID, p.id}
}

// selectStates is IEEE 802.1D-1998 §8.6.11.
func (b *Bridge) selectStates() {
	for _, p := range b.ports {
		if p.state == Disabled {
			continue
		}
		switch {
		case p == b.rootPort:
			p.pending, p.ack = false, false
			b.makeForwarding(p)
		case b.isDesignated(p):
			p.ageTimer.stop()
			b.makeForwarding(p)
		default:
			p.pending, p.ack = false, false
			b.makeBlocking(p)
		}
	}
}

// makeForwarding is IEEE 802.1D-1998 §8.6.12.
func (b *Bridge) makeForwarding(p *port) {
	if p.state == Blocking {
		b.setState(p, Listening)
		p.delayTimer.start(b.now, b.forwardDelay)
	}
}

// makeBlocking is IEEE 802.1D-1998 §8.6.13.
func (b *Bridge) makeBlocking(p *port) {
	if p.state == Disabled || p.state == Blocking {
		return
	}
	if p.state >= Learning {
		b.detectChange()
	}
	b.setState(p, Blocking)
	p.delayTimer.stop()
}

// detectChange is IEEE 802.1D-1998 §8.6.14.
func (b *Bridge) detectChange() {
	if b.isRoot() {
		b.setChange(true)
		b.changeTimer.start(b.now, b.c.MaxAge+b.c.ForwardDelay)
	} else if !b.changeDetected {
		b.sendTCN()
		b.tcnTimer.start(b.now, b.c.Hello)
	}
	b.changeDetected = true
}
