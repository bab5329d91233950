package stack

import (
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

// ipxIn is a frame of IPX that waits for the end of the batch.
type ipxIn struct {
	frame     link.Frame
	port      *ipxPort
	off, size int // of the packet and what pads it
}

// takeIPX keeps f for the end of its batch if it is IPX's, of a frame type that the interface has. The node is locked once
// for all, and never while a frame is with the engine, whose inline handlers may use the node.
func (r *receiver) takeIPX(f *link.Frame, h ethernet.Header) bool {
	ports := r.nic.ipx.Load()
	if ports == nil {
		return false
	}
	k, ok := ipxKind(h)
	if !ok || ports[k] == nil {
		return false
	}
	r.ipx = append(r.ipx, ipxIn{frame: *f, port: ports[k], off: h.Len(), size: h.PayloadLen()})
	*f = link.Frame{}
	return true
}

// deliverIPX gives the node what the batch had for it. What it sends meanwhile leaves as one batch.
func (r *receiver) deliverIPX() {
	x := &r.nic.iface.host.ipx
	s, search := x.stack.Load(), (*ipxAuto)(nil)
	s.Begin()
	for i := range r.ipx {
		in := &r.ipx[i]
		if x.port(in.port.id) == in.port { // else it was removed meanwhile
			from := ipx.NodeAddr(in.frame.Head()[ethernet.AddrLen:])
			s.DeliverLocked(in.port.id, from, r.piece(&in.frame, in.off, in.size))
			if in.port.auto != nil {
				search = in.port.auto
			}
		}
		in.frame.Release()
	}
	s.End()
	clear(r.ipx)
	r.ipx = r.ipx[:0]
	if search != nil {
		s.Do(search.look)
	}
}
