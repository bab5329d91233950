package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
)

// echo answers echo packets: type 2 to socket 2 comes back with the same data (Xerox, Internet Transport Protocols,
// Echo Protocol).
type echo struct{ n *Node }

// Describe names the owner of the socket.
func (*echo) Describe() SocketInfo { return SocketInfo{Owner: "echo"} }

// Receive answers to the asker. What comes from an echo socket could be an answer, and is not answered.
func (e *echo) Receive(now time.Time, id PortID, h ipxwire.Header) {
	if h.Type() != ipxwire.TypeEcho || h.Source().Socket == ipxwire.SocketEcho {
		e.n.stats.drop.noSocket++
		return
	}
	e.n.stats.echoes++
	e.n.answer(now, id, h, h.Data())
}

// answer sends data back to who sent h, with h's packet type, on the port that h came through and to the node that has
// it there: a host that asks need not know its network.
func (n *Node) answer(now time.Time, id PortID, h Header, data []byte) {
	to := n.Source(id, h)
	if to.Node.IsZero() || to.Socket == 0 {
		n.stats.drop.source++
		return
	}
	f := Fields{Type: h.Type(), Destination: to, Source: n.Destination(id, h)}
	if f.Source.Node == ipxwire.Broadcast {
		f.Source.Node = NodeAddr{}
	}
	_ = n.Send(now, f, data) // what cannot be answered was counted
}
