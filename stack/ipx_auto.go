package stack

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

// Which frame type a wire has is found out by listening and asking. The interface has a port of each of the four frame
// types, all without a number, and the node asks on each which networks there are (RIP). The first port whose network
// becomes known, by an answer or by what others say among themselves, is the one; the others go. Until then all four
// hear, and ask for routes and services; a datagram of the host's own leaves by the first.
//
// A question or its answer may be lost, so the host asks again, after a second and each time after twice as long; a
// router tells everybody each minute anyway.
//
// Where the configuration has a number too, only a port with that number is the one, and a port that turns out to have
// another goes. When nobody has told after autoWait, the host is the first on the wire: it takes 802.2, Novell's
// default since NetWare 3.12, or what is left.

const (
	autoWait  = 5 * time.Second // how long a host with a number waits for others to tell the frame type
	autoFirst = time.Second     // before the host asks for the second time
	autoLast  = time.Minute     // between two questions at most
)

// autoOrder is what is taken where nobody tells.
var autoOrder = [...]ethernet.Kind{ethernet.KindLLC, ethernet.KindRaw, ethernet.KindII, ethernet.KindSNAP}

// ipxAuto is the search for the frame type of an interface. Its fields are under the lock of the node.
type ipxAuto struct {
	iface *Interface
	cfg   IPXConfig // with the number that is wanted, or zero
	ports [len(autoOrder)]*ipxPort
	timer link.Timer
	until time.Time     // when a host with a number gives up
	pause time.Duration // before the next question
	over  bool
}

// detectIPX starts a search. The node is locked.
func (i *Interface) detectIPX(now time.Time, n *ipx.Node, c IPXConfig) error {
	a := &ipxAuto{iface: i, cfg: c, until: now.Add(autoWait), pause: autoFirst}
	x := &i.host.ipx
	for k, kind := range autoOrder {
		one := c
		one.Frame, one.Network, one.Name = kind, 0, ""
		one.Checksum = c.Checksum && kind != ethernet.KindRaw
		p, err := i.addIPX(now, n, one)
		if err != nil {
			a.keep(now, n, nil)
			return err
		}
		p.auto, a.ports[k] = a, p
	}
	a.timer = i.host.cfg.Clock.AfterFunc(a.pause, func() { x.stack.Load().Do(a.tick) })
	return nil
}

// tick asks again, or gives up.
func (a *ipxAuto) tick(now time.Time, n *ipx.Node) {
	isNumbered := a.cfg.Network != 0
	switch {
	case a.over:
		return
	case isNumbered && !now.Before(a.until):
		a.giveUp(now, n)
		return
	}
	for _, p := range a.ports {
		if p != nil {
			n.RIP().Request(now, int(p.id), ipxwire.AllNetworks)
		}
	}
	a.pause = min(2*a.pause, autoLast)
	if left := a.until.Sub(now); isNumbered && a.pause > left {
		a.timer.Reset(left)
		return
	}
	a.timer.Reset(a.pause)
}

// look sees whether a port has learned its network.
func (a *ipxAuto) look(now time.Time, n *ipx.Node) {
	if a.over {
		return
	}
	for k, p := range a.ports {
		if p == nil {
			continue
		}
		switch info, _ := n.Port(p.id); info.Network {
		case 0:
		case a.cfg.Network:
			a.keep(now, n, p)
			return
		default:
			if a.cfg.Network == 0 {
				a.keep(now, n, p)
				return
			}
			a.ports[k] = nil
			a.iface.host.ipx.drop(now, n, p)
		}
	}
}

// keep ends the search: p stays, if any.
func (a *ipxAuto) keep(now time.Time, n *ipx.Node, p *ipxPort) {
	a.stop()
	for _, q := range a.ports {
		switch {
		case q == nil:
		case q == p:
			q.auto = nil
		default:
			a.iface.host.ipx.drop(now, n, q)
		}
	}
}

// forget leaves a port out, which is removed. A search that has no more of them is over.
func (a *ipxAuto) forget(p *ipxPort) {
	left := false
	for k, q := range a.ports {
		if q == p {
			a.ports[k] = nil
		}
		left = left || a.ports[k] != nil
	}
	if !left {
		a.stop()
	}
}

// stop ends the search without a result.
func (a *ipxAuto) stop() {
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

// giveUp takes the first frame type that is left, with the number that was configured.
func (a *ipxAuto) giveUp(now time.Time, n *ipx.Node) {
	c, log := a.cfg, a.iface.host.cfg.Log
	c.Frame = autoOrder[0]
	for _, p := range a.ports {
		if p != nil {
			c.Frame = p.head.kind
			break
		}
	}
	a.keep(now, n, nil)
	c.Checksum = c.Checksum && c.Frame != ethernet.KindRaw
	if _, err := a.iface.addIPX(now, n, c); err != nil {
		log.Error("IPX is off: its frame type was not found out", "interface", a.iface.name, "network", c.Network, "err", err)
		return
	}
	log.Info("nobody told IPX's frame type", "interface", a.iface.name, "network", c.Network, "frame", c.Frame)
}
