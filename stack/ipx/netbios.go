package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/netbios"
)

const propagatedLen = ipxwire.HeaderLen + netbios.NetworksLen

// propagate takes a broadcast of type 20, which is for all networks: for this node, and on a router for the others.
// The destination network means nothing. A router drops what has already been on the network that it comes from
// (Novell, IPX Router Specification 1.30, IPX packet type 20; Microsoft, Q149270).
func (n *Node) propagate(now time.Time, p *port, h Header) {
	if !n.cfg.Router {
		n.deliver(now, p, h)
		return
	}
	list, err := netbios.ParseNetworks(h.Data())
	if err != nil || h.Hops() > netbios.MaxNetworks || list.Has(p.Network, h.Hops()) {
		n.stats.drop.netbios++
		return
	}
	n.stats.netbiosIn++
	if n.mayPropagate(p, h) {
		n.spread(p, h)
	}
	n.deliver(now, p, h)
}

// mayPropagate reports whether the packet is to be propagated, as far as its port decides that.
func (n *Node) mayPropagate(p *port, h Header) bool {
	if n.cfg.Propagation != PropagateReversePath {
		return true
	}
	w, ok := n.route(n.Source(p.id, h).Net)
	return ok && w.p == p
}

// spread sends a broadcast of type 20 to every network that it has not seen, with the one that it comes from in its
// list.
func (n *Node) spread(p *port, h Header) {
	if h.Len() < propagatedLen || p.Network == 0 || n.cfg.Propagation == PropagateNone {
		return
	}
	out := n.copyOf(p, h)
	list, err := netbios.ParseNetworks(out.Data())
	if err != nil || !list.Record(p.Network, h.Hops()) {
		return
	}
	for _, q := range n.ports {
		if q == nil || !q.up || q.Internal || q.Network == 0 || out.Len() > q.MaxPacket {
			continue
		}
		if list.Has(q.Network, out.Hops()) {
			continue
		}
		n.stats.netbiosOut++
		out.SetNetworks(q.Network, out.Source().Net)
		n.resum(q, out)
		n.output(way{p: q, to: ipxwire.Broadcast}, out)
	}
}
