package ipx

import (
	"errors"
	"time"

	"tapestry/internal/ipxwire"
)

// Deliver takes a packet up that the node from sent on the link of a port. The packet is borrowed, and may be longer
// than it says, as padding leaves it.
func (n *Node) Deliver(now time.Time, id PortID, from NodeAddr, packet []byte) {
	p := n.port(id)
	if p == nil || !p.up {
		n.stats.drop.port++
		return
	}
	n.stats.inReceives++
	if h := n.check(p, packet); h != nil {
		n.receive(now, p, from, h)
	}
	n.drain(now)
}

// check gives the packet, or nil if it is none.
func (n *Node) check(p *port, packet []byte) Header {
	h, err := ipxwire.ParseHeader(packet)
	switch {
	case errors.Is(err, ipxwire.ErrShort):
		n.stats.drop.short++
	case err != nil:
		n.stats.drop.length++
	case h.Len() > p.MaxPacket:
		n.stats.drop.tooLong++
	case !h.IsSummed():
		n.stats.drop.checksum++
	case h.Source().Node.IsGroup() || isReserved(h.Source().Net):
		n.stats.drop.source++
	default:
		return h
	}
	return nil
}

// receive decides what becomes of a packet.
func (n *Node) receive(now time.Time, p *port, _ NodeAddr, h Header) {
	dst := h.Destination()
	switch {
	case n.isLocal(p, dst):
		n.deliver(now, p, h)
	default:
		n.stats.drop.notOurs++
	}
}

// isLocal reports whether a packet that came through p is for this node. A port that does not know its network takes
// what is for its node, whatever the network.
func (n *Node) isLocal(p *port, dst Addr) bool {
	if dst.Net == 0 || dst.Net == p.Network || p.Network == 0 {
		if dst.Node == p.Node || dst.Node == ipxwire.Broadcast {
			return true
		}
	}
	q := n.portOf(dst.Net)
	return q != nil && dst.Node == q.Node
}

// deliver gives the packet to its socket.
func (n *Node) deliver(now time.Time, p *port, h Header) {
	r := n.sockets[h.Destination().Socket]
	if r == nil {
		n.stats.drop.noSocket++
		return
	}
	n.stats.inDelivers++
	r.Receive(now, p.id, h)
}

// Source gives the source of a packet that came through a port, with the number of its network where it left that open.
func (n *Node) Source(id PortID, h Header) Addr { return n.complete(id, h.Source()) }

// Destination gives the destination of a packet that came through a port, with the number of its network.
func (n *Node) Destination(id PortID, h Header) Addr { return n.complete(id, h.Destination()) }

func (n *Node) complete(id PortID, a Addr) Addr {
	if p := n.port(id); a.Net == 0 && p != nil {
		a.Net = p.Network
	}
	return a
}
