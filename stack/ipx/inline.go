package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
)

// InlineHandler answers a datagram on the goroutine that received it: it appends its answer to reply, which has length
// zero and room for a packet, and returns it. Length zero sends nothing. It must not block and keeps nothing.
type InlineHandler func(reply, request []byte, from, to Addr) []byte

// inline is the Receiver of an InlineHandler.
type inline struct {
	n *Node
	h InlineHandler
}

// Describe names the owner of the socket.
func (*inline) Describe() SocketInfo { return SocketInfo{Owner: "inline"} }

// Receive calls the handler and sends its answer. Two handlers of one node cannot answer each other without end: what
// comes from one is dropped.
func (i *inline) Receive(now time.Time, id PortID, h ipxwire.Header) {
	n := i.n
	from, to := n.Source(id, h), n.Destination(id, h)
	if _, both := n.sockets[from.Socket].(*inline); both && n.isOwn(from) {
		n.stats.drop.inline++
		return
	}
	n.stats.inlineHits++
	if out := i.h(n.reply[:0], h.Data(), from, to); len(out) > 0 {
		n.stats.inlineReplies++
		n.answer(now, id, h, out)
	}
}

// isOwn reports whether the address is one of this node's.
func (n *Node) isOwn(a Addr) bool {
	p := n.portOf(a.Net)
	return p != nil && p.Node == a.Node
}
