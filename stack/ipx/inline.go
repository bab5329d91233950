package ipx

import (
	"runtime/debug"
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

// Receive calls the handler and sends its answer. A packet of SPX is no datagram.
func (i *inline) Receive(now time.Time, id PortID, h ipxwire.Header) {
	n := i.n
	from, to := n.Source(id, h), n.Destination(id, h)
	if h.Type() == ipxwire.TypeSPX {
		n.stats.drop.inline++
		return
	}
	n.stats.inlineHits++
	if out := i.call(h.Data(), from, to); len(out) > 0 {
		n.answerInline(now, id, h, out)
	}
}

// call runs the handler. A panic is the handler's bug, and costs this one datagram.
func (i *inline) call(request []byte, from, to Addr) (out []byte) {
	defer func() {
		if p := recover(); p != nil {
			i.n.cfg.Log.Error("inline handler panicked",
				"from", from, "to", to, "panic", p, "stack", string(debug.Stack()))
			i.n.stats.drop.inline++
			out = nil
		}
	}()
	return i.h(i.n.reply[ipxwire.HeaderLen:ipxwire.HeaderLen], request, from, to)
}

// answerInline sends the answer, which lies behind the place of its header unless the handler made its own or outgrew
// it.
func (n *Node) answerInline(now time.Time, id PortID, h Header, out []byte) {
	n.stats.inlineReplies++
	f, ok := n.reverse(id, h)
	if !ok {
		return
	}
	if len(out) > cap(n.reply)-ipxwire.HeaderLen || &out[0] != &n.reply[:ipxwire.HeaderLen+1][ipxwire.HeaderLen] {
		n.sendBack(now, id, f, out)
		return
	}
	w, ok := n.wayOfAnswer(id, f)
	if !ok {
		return
	}
	n.stats.outRequests++
	if n.mayLeave(w, len(out)) == nil {
		w.p.address(&f)
		n.answering = true
		n.finish(now, w, Header(f.AppendTo(n.reply[:0], len(out))[:ipxwire.HeaderLen+len(out)]))
		n.answering = false
	}
}

// isOwn reports whether the address is one of this node's; network 0 is that of ports that do not know theirs.
func (n *Node) isOwn(a Addr) bool {
	for _, p := range n.ports {
		if p != nil && p.Network == a.Net && p.Node == a.Node {
			return true
		}
	}
	return false
}
