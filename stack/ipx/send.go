package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

// Limits of what this node sends to itself.
const (
	localOctets = 256 << 10 // that wait
	localBurst  = 256       // packets that are delivered in one call
)

// answerBit marks the port of a packet to this node itself that a service sent as an answer.
const answerBit PortID = 1 << 15

// way is where a packet leaves.
type way struct {
	p     *port
	to    NodeAddr // on the link; zero from route: the destination itself
	local bool     // it is for this node
}

// Send sends data, which is copied. A source network and node of zero are those of the port that it leaves by.
// Destination network 0 is that of the source's network, or else of the port whose packet is delivered now, or else of
// the first port; SendVia reaches the others. What is for this node is delivered to it at the end of Deliver, Tick or
// the call of [Stack.Do]: Send calls no Receiver. What has no route waits for a while for an answer of RIP.
func (n *Node) Send(now time.Time, f Fields, data []byte) error {
	n.now = now
	if f.Destination.Node.IsZero() {
		return ErrNobody
	}
	n.stats.outRequests++
	w, ok := n.way(f)
	if !ok {
		w, ok = n.wayBack(f.Destination.Net)
	}
	if ok {
		return n.sendOn(now, w, f, data)
	}
	return n.sendLater(now, f, data)
}

// sendLater keeps a packet that has no route.
func (n *Node) sendLater(now time.Time, f Fields, data []byte) error {
	p := n.firstPort()
	switch {
	case p == nil || p.Internal || isReserved(f.Destination.Net):
		n.stats.noRoutes++
		return ErrNoRoute
	case ipxwire.HeaderLen+len(data) > min(cap(n.copied), pendingOctets-recordHead):
		n.stats.outMalformed++
		return ErrTooLong
	}
	h := Header(append(f.AppendTo(n.copied[:0], len(data)), data...))
	if !n.pending.add(now, n, h) {
		n.stats.noRoutes++
		return ErrNoRoute
	}
	return nil
}

// SendVia sends on one port to a node of its network or to all, as broadcasts need.
func (n *Node) SendVia(now time.Time, id PortID, f Fields, data []byte) error {
	n.now = now
	p := n.port(id)
	switch {
	case p == nil:
		return ErrNoPort
	case f.Destination.Node.IsZero():
		return ErrNobody
	}
	n.stats.outRequests++
	return n.sendOn(now, wayOn(p, f.Destination.Node), f, data)
}

// wayOn is the way to a node of the network of a port.
func wayOn(p *port, to NodeAddr) way { return way{p: p, to: to, local: to == p.Node} }

// way finds where a packet leaves. It reports whether there is a way.
func (n *Node) way(f Fields) (way, bool) {
	dst := f.Destination
	if dst.Net != 0 {
		w, ok := n.route(dst.Net)
		if ok && w.to.IsZero() {
			w = wayOn(w.p, dst.Node)
		}
		return w, ok
	}
	p := n.portOf(f.Source.Net)
	if p == nil && !n.arrived.from.IsZero() {
		p = n.port(n.arrived.port)
	}
	if p == nil {
		p = n.firstPort()
	}
	if p == nil {
		return way{}, false
	}
	return wayOn(p, dst.Node), true
}

// wayBack is the way that the packet came which is delivered now, for what is sent to its network.
func (n *Node) wayBack(net Network) (way, bool) {
	p, from := n.port(n.arrived.port), n.arrived.from
	return way{p: p, to: from}, p != nil && !from.IsZero() && net == n.arrived.net
}

// route finds the way to a network: by its port, or if that is down by a router that reaches it elsewhere.
func (n *Node) route(net Network) (way, bool) {
	own := n.portOf(net)
	if own != nil && own.up {
		return way{p: own}, true
	}
	if r, ok := n.rip.Lookup(net); ok && r.Port != rip.Local {
		if p := n.port(PortID(r.Port)); p != nil {
			return way{p: p, to: r.NextHop}, true
		}
	}
	return way{p: own}, own != nil
}

// sendOn makes the packet and sends it.
func (n *Node) sendOn(now time.Time, w way, f Fields, data []byte) error {
	if err := n.mayLeave(w, len(data)); err != nil {
		return err
	}
	w.p.address(&f)
	h := Header(append(f.AppendTo(n.scratch[:0], len(data)), data...))
	n.finish(now, w, h)
	return nil
}

// mayLeave checks that the port can take a packet, and counts one that it cannot.
func (n *Node) mayLeave(w way, data int) error {
	switch {
	case ipxwire.HeaderLen+data > w.p.MaxPacket:
		n.stats.outMalformed++
		return ErrTooLong
	case !w.p.up:
		n.stats.outDiscards++
		return ErrDown
	}
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

// finish sends a packet of this node's to the wire, to this node, or to both.
func (n *Node) finish(now time.Time, w way, h Header) {
	if w.p.Checksum {
		h.SetChecksum(h.Sum())
	}
	group := w.to == ipxwire.Broadcast
	if w.local || group {
		n.loop(now, w.p, h)
	}
	if w.local || w.p.Internal {
		n.stats.outPackets++
	} else {
		n.output(w, h)
	}
	if group && h.Type() == ipxwire.TypeNetBIOS && n.cfg.Router {
		n.spread(w.p, h)
	}
}

// output sends a packet on the link of a port.
func (n *Node) output(w way, h Header) {
	n.stats.outPackets++
	w.p.OutPackets++
	w.p.OutOctets += uint64(len(h))
	n.cfg.Output(w.p.id, w.to, h)
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
	id := p.id
	if n.answering {
		id |= answerBit
	}
	if !n.local.push(id, h, nil) {
		n.stats.drop.loop++
	}
}

// drain delivers what the node sent to itself. What that causes may be sent to itself again: the rest of a long
// exchange waits for the next call.
func (n *Node) drain(now time.Time) {
	n.settle(now)
	for range localBurst {
		if n.local.len() == 0 {
			return
		}
		in := n.in[:cap(n.in)]
		id, size := n.local.pop((*[ipxwire.HeaderLen]byte)(in), in[ipxwire.HeaderLen:])
		if p := n.port(id &^ answerBit); p != nil {
			n.arrived = arrival{port: p.id, isAnswer: id&answerBit != 0}
			n.deliver(now, p, Header(in[:ipxwire.HeaderLen+size]))
			n.arrived = arrival{}
		}
		n.settle(now)
	}
	n.localAt = now
}
