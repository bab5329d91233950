package stp

import "time"

// Enable says that a port has a link (IEEE 802.1D-1998 §8.8.2).
func (b *Bridge) Enable(now time.Time, number int) {
	p := b.port(number)
	if p == nil || p.state != Disabled {
		return
	}
	b.now = now
	b.becomeDesignated(p)
	p.ack, p.pending = false, false
	if p.edge = p.c.Edge; p.edge {
		b.setState(p, Forwarding)
	} else {
		b.setState(p, Blocking)
	}
	b.selectStates()
	if b.isRoot() {
		b.sendConfig(p)
	}
}

// Disable says that a port lost its link (IEEE 802.1D-1998 §8.8.3).
func (b *Bridge) Disable(now time.Time, number int) {
	p := b.port(number)
	if p == nil || p.state == Disabled {
		return
	}
	b.now = now
	wasRoot := b.isRoot()
	if p.state >= Learning && !p.edge {
		b.detectChange() // stations behind it are to be found elsewhere
	}
	b.becomeDesignated(p)
	b.setState(p, Disabled)
	p.ack, p.pending = false, false
	p.ageTimer.stop()
	p.delayTimer.stop()
	p.holdTimer.stop()
	b.update()
	b.selectStates()
	if b.isRoot() && !wasRoot {
		b.becomeRoot()
	}
}

// Receive takes the payload of a frame to GroupAddr that came in at a port, and says why it is ignored.
func (b *Bridge) Receive(now time.Time, number int, payload []byte) error {
	m, err := Parse(payload)
	if err != nil {
		return err
	}
	p := b.port(number)
	if p == nil || p.state == Disabled || m.Type == TypeConfig && m.Bridge == b.c.ID && m.Port == p.id {
		return nil // IEEE 802.1D-1998 §9.3.4: its own, sent back
	}
	b.now = now
	b.loseEdge(p)
	if m.Type == TypeTCN {
		b.receiveTCN(p)
	} else {
		b.receiveConfig(p, m)
	}
	return nil
}

// loseEdge makes an edge port that hears a bridge an ordinary one.
func (b *Bridge) loseEdge(p *port) {
	if !p.edge {
		return
	}
	p.edge = false
	b.setState(p, Blocking)
	b.selectStates()
}

// receiveConfig is IEEE 802.1D-1998 §8.7.1.
func (b *Bridge) receiveConfig(p *port, m BPDU) {
	if !b.supersedes(p, m) {
		if b.isDesignated(p) {
			b.sendConfig(p)
		}
		return
	}
	wasRoot := b.isRoot()
	b.record(p, m)
	b.update()
	b.selectStates()
	if wasRoot && !b.isRoot() {
		b.helloTimer.stop()
		if b.changeDetected {
			b.changeTimer.stop()
			b.sendTCN()
			b.tcnTimer.start(b.now, b.c.Hello)
		}
	}
	if p != b.rootPort {
		return
	}
	b.recordTimes(m)
	b.sendConfigs()
	if m.Flags&TopologyChangeAck != 0 {
		b.changeDetected = false
		b.tcnTimer.stop()
	}
}

// receiveTCN is IEEE 802.1D-1998 §8.7.2.
func (b *Bridge) receiveTCN(p *port) {
	if b.isDesignated(p) {
		b.detectChange()
		p.ack = true
		b.sendConfig(p)
	}
}

// Tick does what is due at now.
func (b *Bridge) Tick(now time.Time) {
	b.now = now
	if b.helloTimer.expired(now) { // IEEE 802.1D-1998 §8.7.3
		b.sendConfigs()
		b.helloTimer.start(now, b.hello)
	}
	if b.tcnTimer.expired(now) { // §8.7.6
		b.sendTCN()
		b.tcnTimer.start(now, b.c.Hello)
	}
	if b.changeTimer.expired(now) { // §8.7.7
		b.changeDetected = false
		b.setChange(false)
	}
	for _, p := range b.ports {
		if p.ageTimer.expired(now) {
			b.ageExpired(p)
		}
		if p.delayTimer.expired(now) {
			b.delayExpired(p)
		}
		if p.holdTimer.expired(now) && p.pending { // §8.7.8
			b.sendConfig(p)
		}
	}
}

// ageExpired is IEEE 802.1D-1998 §8.7.4: the bridge behind p is silent.
func (b *Bridge) ageExpired(p *port) {
	wasRoot := b.isRoot()
	b.becomeDesignated(p)
	b.update()
	b.selectStates()
	if b.isRoot() && !wasRoot {
		b.becomeRoot()
	}
}

// becomeRoot is what follows when no better bridge is left.
func (b *Bridge) becomeRoot() {
	b.useOwnTimes()
	b.detectChange()
	b.tcnTimer.stop()
	b.sendConfigs()
	b.helloTimer.start(b.now, b.hello)
}

// delayExpired is IEEE 802.1D-1998 §8.7.5.
func (b *Bridge) delayExpired(p *port) {
	switch p.state {
	case Listening:
		b.setState(p, Learning)
		p.delayTimer.start(b.now, b.forwardDelay)
	case Learning:
		b.setState(p, Forwarding)
		if b.isDesignatedSomewhere() {
			b.detectChange()
		}
	}
}

func (b *Bridge) isDesignatedSomewhere() bool {
	for _, p := range b.ports {
		if p.state != Disabled && b.isDesignated(p) {
			return true
		}
	}
	return false
}

// Next is when Tick wants to be called; zero: not before something else happens.
func (b *Bridge) Next() time.Time {
	next := b.helloTimer.at
	earlier := func(t timer) {
		if t.running() && (next.IsZero() || t.at.Before(next)) {
			next = t.at
		}
	}
	earlier(b.tcnTimer)
	earlier(b.changeTimer)
	for _, p := range b.ports {
		earlier(p.ageTimer)
		earlier(p.delayTimer)
		if p.pending { // else nothing happens when it expires
			earlier(p.holdTimer)
		}
	}
	return next
}
