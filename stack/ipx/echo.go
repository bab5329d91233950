package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
)

// echo answers echo packets: type 2 to socket 2 comes back with the same data (Xerox, Internet Transport Protocols,
// XSIS 028112, Echo Protocol, without its word of operation).
type echo struct {
	n   *Node
	all bucket
}

// allRate is how many echoes a second are answered that were asked of all nodes: with a forged source they bring the
// answers of a whole network down on one node.
const allRate = 50

// Describe names the owner of the socket.
func (*echo) Describe() SocketInfo { return SocketInfo{Owner: "echo"} }

// Receive answers to the asker. What comes from an echo socket could be an answer, and is not answered.
func (e *echo) Receive(now time.Time, id PortID, h ipxwire.Header) {
	if h.Type() != ipxwire.TypeEcho || h.Source().Socket == ipxwire.SocketEcho {
		e.n.stats.drop.echo++
		return
	}
	if h.Destination().Node == ipxwire.Broadcast && !e.all.take(now, allRate) {
		e.n.stats.drop.echo++
		return
	}
	e.n.stats.echoes++
	e.n.answer(now, id, h, h.Data())
}

// answer sends data back to who sent h, with h's packet type and from the address that h was for. A broadcast is
// answered from the port that it came through.
func (n *Node) answer(now time.Time, id PortID, h Header, data []byte) {
	f, ok := n.reverse(id, h)
	if ok {
		n.sendBack(now, id, f, data)
	}
}

// reverse gives the addresses of an answer. It reports whether somebody can be answered: not nobody, and not another
// service of this node that answers itself, since the two would never end. Across a wire they end because no answer but
// that of an echo has the type of an echo.
func (n *Node) reverse(id PortID, h Header) (Fields, bool) {
	to := n.Source(id, h)
	switch {
	case to.Node.IsZero() || to.Socket == 0:
		n.stats.drop.source++
		return Fields{}, false
	case n.arrived.isAnswer:
		n.stats.drop.answer++
		return Fields{}, false
	}
	f := Fields{Type: h.Type(), Destination: to, Source: n.Destination(id, h)}
	if f.Type == ipxwire.TypeEcho && h.Destination().Socket != ipxwire.SocketEcho {
		f.Type = ipxwire.TypePEP
	}
	if f.Source.Node == ipxwire.Broadcast {
		f.Source.Node, f.Source.Net = NodeAddr{}, 0
	}
	return f, true
}

// sendBack sends an answer to a packet that came through a port.
func (n *Node) sendBack(now time.Time, id PortID, f Fields, data []byte) {
	if w, ok := n.wayOfAnswer(id, f); ok {
		n.stats.outRequests++
		n.answering = true
		_ = n.sendOn(now, w, f, data) // what cannot leave was counted
		n.answering = false
	}
}

// wayOfAnswer finds the way of an answer to a packet that came through a port: that port where neither knows its
// network, else by the routes, or else to the node that the packet came from. What has none is counted.
func (n *Node) wayOfAnswer(id PortID, f Fields) (way, bool) {
	if p := n.port(id); p != nil && f.Destination.Net == 0 {
		return wayOn(p, f.Destination.Node), true
	}
	w, ok := n.way(f)
	if !ok {
		w, ok = n.wayBack(f.Destination.Net)
	}
	if !ok {
		n.stats.noRoutes++
	}
	return w, ok
}
