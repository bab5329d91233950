package ipx

import (
	"time"

	"tapestry/stack/ipx/rip"
)

// A port whose network has no configured number takes the one that a router answers from, which RIP asks for when the
// port comes up. Until one answers, a packet between two nodes of one network tells it, too; a router that says
// otherwise later is right.

// learn takes the number of a port's network from a packet that stays within it: what comes from afar has two different
// ones. The hops do not tell, because servers count the way from their internal network.
func (n *Node) learn(now time.Time, p *port, h Header) {
	src, dst := h.Source().Net, h.Destination().Net
	if p.origin == unknown && src == dst && src != 0 {
		n.setNetwork(now, p, src, traffic)
	}
}

// learned takes the number that a router told.
func (n *Node) learned(now time.Time, p *port, net Network) {
	if (p.origin == unknown || p.origin == traffic) && net != 0 && net != p.Network {
		n.setNetwork(now, p, net, router)
	} else if p.origin == traffic {
		p.origin = router
	}
}

// setNetwork gives a port the number of its network, unless another port has it.
func (n *Node) setNetwork(now time.Time, p *port, net Network, o origin) {
	if isReserved(net) {
		return
	}
	if q := n.portOf(net); q != nil {
		n.conflict(p, net)
		return
	}
	p.Network, p.origin = net, o
	n.rip.SetNetwork(now, int(p.id), net)
	n.sap.SetNetwork(now, int(p.id), net)
	n.cfg.Log.Info("learned the number of a network", "port", p.Name, "network", net)
}

// warnEvery is how often the log is told of the same trouble.
const warnEvery = time.Minute

// conflict counts that somebody says another number for the network of a port, and tells it from time to time.
func (n *Node) conflict(p *port, claimed Network) {
	n.stats.conflicts++
	if p.warned.IsZero() || n.now.Sub(p.warned) >= warnEvery {
		p.warned = n.now
		n.cfg.Log.Warn("a router claims another number for a network",
			"port", p.Name, "network", p.Network, "claimed", claimed)
	}
}

// claims reports whether a response of RIP says by its source that the network of the port has another number: its
// routes would lead astray (Novell, IPX Router Specification 1.30: such a response is an error of configuration).
func claims(p *port, from Network, m rip.Message) bool {
	return m.Operation() == rip.Response && p.Network != 0 && from != 0 && from != p.Network
}
