package ipx

import (
	"encoding/binary"
	"time"

	"tapestry/internal/ipxwire"
)

// maxPropagated is how many networks the list of a packet of type 20 holds: the data starts with it, and Transport
// Control says how many of them are used.
const maxPropagated = 8

const propagatedLen = ipxwire.HeaderLen + maxPropagated*4

// propagate takes a broadcast of type 20, which is for all networks: for this node, and on a router for the others. The
// destination network means nothing. A router drops what has already been on the network that it comes from (Novell, IPX
// Router Specification 1.30, IPX packet type 20).
func (n *Node) propagate(now time.Time, p *port, h Header) {
	if n.cfg.Router {
		switch {
		case h.Len() < propagatedLen || h.Hops() > maxPropagated:
			n.stats.drop.netbios++
			return
		case hasSeen(h, p.Network):
			n.stats.drop.netbios++
			return
		}
		n.stats.netbiosIn++
		if n.leadsBack(p, h) {
			n.spread(now, p, h)
		}
	}
	n.deliver(now, p, h)
}

// hasSeen reports whether a network is in the list.
func hasSeen(h Header, net Network) bool {
	list := h.Data()
	for range min(int(h.Hops()), maxPropagated) {
		if Network(binary.BigEndian.Uint32(list)) == net {
			return true
		}
		list = list[4:]
	}
	return false
}

// leadsBack reports whether the packet is to be propagated, as far as its port decides that.
func (n *Node) leadsBack(p *port, h Header) bool {
	switch n.cfg.Propagation {
	case PropagateNone:
		return false
	case PropagateReversePath:
		w, ok := n.route(n.Source(p.id, h).Net)
		return ok && w.p == p
	}
	return true
}

// spread sends a broadcast of type 20 to every network that it has not seen, with the one that it comes from in its
// list.
func (n *Node) spread(_ time.Time, p *port, h Header) {
	if h.Len() < propagatedLen || h.Hops() >= maxPropagated || p.Network == 0 || n.cfg.Propagation == PropagateNone {
		return
	}
	out := n.copyOf(p, h)
	binary.BigEndian.PutUint32(out.Data()[4*h.Hops():], uint32(p.Network))
	for _, q := range n.ports {
		if q == nil || !q.up || q.Internal || q.Network == 0 || hasSeen(out, q.Network) || out.Len() > q.MaxPacket {
			continue
		}
		n.stats.netbiosOut++
		out.SetNetworks(q.Network, out.Source().Net)
		n.resum(q, out)
		n.output(way{p: q, to: ipxwire.Broadcast}, out)
	}
}
