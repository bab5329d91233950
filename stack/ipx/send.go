package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
)

// localOctets bounds what waits to be delivered within the node.
const localOctets = 256 << 10

// way is where a packet leaves.
type way struct {
	p     *port
	to    NodeAddr
	local bool // it is for this node
}

// Send sends data, which is copied. A source network and node of zero are those of the port that it leaves by.
// Destination network 0 is that of the source's network, or else of the first port. What is for this node is delivered
// to it at the end of Deliver, of Tick or of the call of [Stack.Do]: Send calls no Receiver.
func (n *Node) Send(now time.Time, f Fields, data []byte) error {
	w, err := n.way(f)
	if err != nil {
		n.stats.outRequests++
		n.stats.noRoutes++
		return err
	}
	return n.sendOn(now, w, f, data)
}

// SendVia sends on one port to a node of its network or to all, as broadcasts need.
func (n *Node) SendVia(now time.Time, id PortID, f Fields, data []byte) error {
	p := n.port(id)
	if p == nil {
		return ErrNoPort
	}
	return n.sendOn(now, n.wayOn(p, f.Destination.Node), f, data)
}

// wayOn is the way to a node of the network of a port.
func (n *Node) wayOn(p *port, to NodeAddr) way {
	return way{p: p, to: to, local: to == p.Node}
}

// way finds where a packet leaves.
func (n *Node) way(f Fields) (way, error) {
	dst := f.Destination
	if dst.Net == 0 {
		p := n.portOf(f.Source.Net)
		if p == nil {
			p = n.firstPort()
		}
		if p == nil {
			return way{}, ErrNoRoute
		}
		return n.wayOn(p, dst.Node), nil
	}
	if p := n.portOf(dst.Net); p != nil {
		return n.wayOn(p, dst.Node), nil
	}
	return way{}, ErrNoRoute
}

// sendOn makes the packet and sends it.
func (n *Node) sendOn(now time.Time, w way, f Fields, data []byte) error {
	n.stats.outRequests++
	switch {
	case ipxwire.HeaderLen+len(data) > w.p.MaxPacket:
		n.stats.outMalformed++
		return ErrTooLong
	case !w.p.up:
		n.stats.outDiscards++
		return ErrDown
	}
	w.p.address(&f)
	h := Header(append(f.AppendTo(n.scratch[:0], len(data)), data...))
	if w.p.Checksum {
		h.SetChecksum(h.Sum())
	}
	n.emit(now, w, h)
	return nil
}

// address fills in what the sender left open.
func (p *port) address(f *Fields) {
	if f.Source.Net == 0 {
		f.Source.Net = p.Network
	}
	if f.Source.Node.IsZero() {
		f.Source.Node = p.Node
	}
	if f.Destination.Net == 0 {
		f.Destination.Net = p.Network
	}
}

// emit sends a finished packet to the wire, to this node, or to both.
func (n *Node) emit(now time.Time, w way, h Header) {
	n.stats.outPackets++
	if w.local || w.to == ipxwire.Broadcast {
		n.loop(now, w.p, h)
	}
	if !w.local && !w.p.Internal {
		n.cfg.Output(w.p.id, w.to, h)
	}
}

// loop keeps a packet for delivery to this node. A broadcast does not come back to the socket that sent it, as it would
// not from a wire.
func (n *Node) loop(now time.Time, p *port, h Header) {
	dst := h.Destination()
	if dst.Node == ipxwire.Broadcast && (dst.Socket == h.Source().Socket || n.sockets[dst.Socket] == nil) {
		return
	}
	if n.local.len() == 0 {
		n.localAt = now
	}
	if !n.local.push(p.id, h, nil) {
		n.stats.drop.loop++
	}
}

// drain delivers what the node sent to itself. What that causes may be sent to itself again: the rest of a long exchange
// waits for the next call.
func (n *Node) drain(now time.Time) {
	for range 256 {
		if n.local.len() == 0 {
			return
		}
		in := n.in[:cap(n.in)]
		id, size := n.local.pop((*[ipxwire.HeaderLen]byte)(in), in[ipxwire.HeaderLen:])
		if p := n.port(id); p != nil {
			n.deliver(now, p, Header(in[:ipxwire.HeaderLen+size]))
		}
	}
}
