package stack

import (
	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

// Packets of IPX go to the node as they are read. The first of a batch locks it; it stays locked until the batch ends,
// or a frame comes that goes elsewhere: the engine's own inline handlers may use the node. What the node sends
// meanwhile leaves as one batch.

// ipxIn is what a receiver has of IPX.
type ipxIn struct {
	node   *ipx.Stack // nil: it is not locked by this receiver
	search *ipxAuto   // has got something to look at
}

// takeIPX gives the node f, whose headers are h, if it is IPX's, of a frame type that the interface has.
func (r *receiver) takeIPX(f *link.Frame, h ethernet.Header) bool {
	ports := r.nic.ipx.Load()
	if ports == nil {
		return false
	}
	k, ok := ipxKind(h)
	if !ok || ports[k] == nil {
		return false
	}
	x := &r.nic.iface.host.ipx
	if r.ipx.node == nil {
		r.ipx.node = x.stack.Load()
		r.ipx.node.Begin()
	}
	p := r.nic.ipxPort(k) // again: now it cannot be removed
	if p == nil {
		r.nic.drops.unknown.Add(1)
		return true
	}
	size := min(h.PayloadLen(), ipxwire.Max) // a super-frame may have more, which is pad
	r.ipx.node.DeliverLocked(p.id, ipx.NodeAddr(h.Source()), r.piece(f, h.Len(), size))
	if p.auto != nil {
		r.ipx.search = p.auto
	}
	return true
}

// endIPX unlocks the node. It is called only where r.ipx.node is not nil, to keep the test for that in line.
func (r *receiver) endIPX() {
	node, search := r.ipx.node, r.ipx.search
	r.ipx = ipxIn{}
	node.End()
	if search != nil {
		node.Do(search.look)
	}
}
