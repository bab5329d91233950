package stack

import (
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Level (b) of inline handlers: plain datagrams come from the shortcut, and answers that fit into a frame leave by it.
// All others come through the engine (level (a), inline_packet.go), and tests hold both to the same answers.

// keys are what the handler takes.
func (e *inlineEndpoint) keys() []takerKey {
	var ks []takerKey
	for _, proto := range e.res.Networks {
		ks = append(ks, takerKey{v6: proto == header.IPv6ProtocolNumber, addr: fromAddress(e.res.Addr), port: e.res.Port})
	}
	return ks
}

// take implements taker.
func (e *inlineEndpoint) take(d *datagram) bool {
	b := d.nic.wayBack(d.path)
	if !b.ok || !e.calls.enter() {
		return false
	}
	defer e.calls.leave()
	if d.segment == 0 {
		e.answer(d, b, d.payload())
		return true
	}
	for off := 0; off < d.size; off += d.segment {
		e.answer(d, b, d.r.piece(d.frame, d.off+off, min(d.segment, d.size-off)))
	}
	return true
}

// answer calls the handler with one datagram.
func (e *inlineEndpoint) answer(d *datagram, b *wayBack, request []byte) {
	d.r.tally.hits++
	room := b.room - header.UDPMinimumSize
	reply, ok := e.call(d.r.room(room), request, d.from, d.to)
	switch {
	case !ok:
		e.host.socks.inline.drops.Add(1)
	case len(reply) == 0:
	case len(reply) <= room:
		d.r.tally.answered++
		d.r.sendUDP(d, b, reply)
	default:
		d.r.send() // the engine's answer has its place behind those before it
		e.answerLong(d, reply)
	}
}

// answerLong sends an answer that needs fragments through the engine.
func (e *inlineEndpoint) answerLong(d *datagram, reply []byte) {
	s := &e.host.socks.inline
	id := netstack.TransportEndpointID{
		LocalAddress: toAddress(d.to.Addr()), LocalPort: d.to.Port(),
		RemoteAddress: toAddress(d.from.Addr()), RemotePort: d.from.Port(),
	}
	r := e.routes.find(e.host.ns, e.routeKey(id, networkOf(d.to.Addr()), d.nic.iface.id))
	if r == nil {
		s.drops.Add(1)
		return
	}
	defer r.Release()
	if e.send(r, id, buffer.NewViewWithData(reply)) {
		s.replies.Add(1)
	} else {
		s.drops.Add(1)
	}
}
