package ipx

import (
	"errors"
	"time"

	"tapestry/internal/ipxwire"
)

// Deliver takes a packet up that the node from sent on the link of a port. The packet is borrowed, and may be longer
// than it says, as padding leaves it.
func (n *Node) Deliver(now time.Time, id PortID, from NodeAddr, packet []byte) {
	n.now = now
	p := n.port(id)
	if p == nil || !p.up || p.Internal {
		n.stats.drop.port++
		return
	}
	n.stats.inReceives++
	p.InPackets++
	p.InOctets += uint64(len(packet))
	if h := n.check(p, packet); h != nil {
		n.arrived = arrival{port: id, from: from, net: h.Source().Net}
		n.receive(now, p, h)
		n.arrived = arrival{}
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
	case !n.isSource(p, h.Source()):
		n.stats.drop.source++
	default:
		return h
	}
	return nil
}

// isSource reports whether somebody else can have sent from the address: not a group, and not this node itself, whose
// packets a wire may bring back, or a stranger pretend to send to have two services answer each other.
func (n *Node) isSource(p *port, src Addr) bool {
	own := n.isOwn(src) || src.Net == 0 && src.Node == p.Node
	return !src.Node.IsGroup() && !isReserved(src.Net) && !own
}

// receive decides what becomes of a packet: it is for this node, for others, or both.
func (n *Node) receive(now time.Time, p *port, h Header) {
	if p.origin == unknown {
		n.learn(now, p, h)
	}
	dst := h.Destination()
	switch {
	case h.Type() == ipxwire.TypeNetBIOS && dst.Node == ipxwire.Broadcast:
		n.propagate(now, p, h)
	case n.isLocal(p, dst), isClaim(h):
		n.deliver(now, p, h)
	case !n.cfg.Router:
		n.stats.drop.notOurs++
	default:
		n.forward(now, p, h)
		if q := n.portOf(dst.Net); q != nil && dst.Node == ipxwire.Broadcast {
			n.deliver(now, p, h)
		}
	}
}

// isLocal reports whether a packet that came through p is for this node alone or for all on its network. A port that
// does not know its network takes what is for its node, whatever the network.
func (n *Node) isLocal(p *port, dst Addr) bool {
	if dst.Net == 0 || dst.Net == p.Network || p.Network == 0 {
		if dst.Node == p.Node || dst.Node == ipxwire.Broadcast {
			return true
		}
	}
	q := n.portOf(dst.Net)
	return q != nil && dst.Node == q.Node
}

// isClaim reports whether a packet is RIP's to all of the sender's own network: that is this wire, whatever number the
// sender thinks it has. So a port hears of a number other than its own.
func isClaim(h Header) bool {
	dst := h.Destination()
	return dst.Node == ipxwire.Broadcast && dst.Socket == ipxwire.SocketRIP && dst.Net == h.Source().Net
}

// deliver gives the packet to its socket.
func (n *Node) deliver(now time.Time, p *port, h Header) {
	r := n.sockets[h.Destination().Socket]
	if r == nil {
		n.stats.drop.noSocket++
		n.complain(now, p, h, ErrorNoSocket, 0)
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
	if a.Net != 0 {
		return a
	}
	if p := n.port(id); p != nil {
		a.Net = p.Network
	}
	return a
}
