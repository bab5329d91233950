package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
)

// forward sends a packet of others on towards its network. Broadcasts to a network that is not here go there as any
// packet does, and become one on the last link; those to network 0 do not come this far.
func (n *Node) forward(now time.Time, p *port, h Header) {
	dst, src := h.Destination(), n.Source(p.id, h)
	switch {
	case dst.Net == 0 || dst.Net == p.Network || isReserved(dst.Net) || !isStation(dst.Node):
		n.stats.drop.notOurs++
		return
	case src.Net == 0 || src.Node.IsZero():
		n.stats.drop.source++
		return
	case int(h.Hops())+1 >= n.cfg.MaxHops:
		n.stats.inTooManyHops++
		n.complain(now, p, h, ErrorTooOld, 0)
		return
	}
	w, ok := n.route(dst.Net)
	if !ok || !w.p.up || w.p.Internal {
		n.stats.noRoutes++
		n.complain(now, p, h, ErrorUnreachable, 0)
		return
	}
	if w.to.IsZero() {
		w.to = dst.Node
	}
	n.forwardOn(now, p, w, h)
}

// isStation reports whether a packet can be for the node: it is one, or all of them.
func isStation(n NodeAddr) bool { return n == ipxwire.Broadcast || !n.IsZero() && !n.IsGroup() }

// forwardOn sends a packet on by a way that was found.
func (n *Node) forwardOn(now time.Time, p *port, w way, h Header) {
	switch {
	case h.Len() > w.p.MaxPacket:
		n.stats.outDiscards++
		n.complain(now, p, h, ErrorTooBig, uint16(w.p.MaxPacket))
		return
	case w.p == p && w.to == n.arrived.from:
		n.stats.drop.loop++ // it would be back at once
		return
	}
	n.stats.forwarded++
	out := n.copyOf(p, h)
	n.resum(w.p, out)
	n.output(w, out)
}

// copyOf gives a copy of a packet that passes this router: one hop older, and with the network that it came from.
func (n *Node) copyOf(p *port, h Header) Header {
	out := Header(append(n.copied[:0], h...))
	out.SetHops(h.Hops() + 1)
	if h.Source().Net == 0 {
		out.SetNetworks(h.Destination().Net, p.Network)
	}
	return out
}

// resum keeps the checksum of a packet right that this node changed. On raw 802.3 there is none.
func (n *Node) resum(p *port, h Header) {
	sum := uint16(ipxwire.NoChecksum)
	if h.HasChecksum() && !p.Raw {
		sum = h.Sum()
	}
	h.SetChecksum(sum)
}
