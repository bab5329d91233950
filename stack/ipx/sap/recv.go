package sap

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/internal/vector"
)

// Deliver takes a packet for socket 0452 that came in on a port. It borrows msg. What this node sent itself is not to
// come here.
func (a *Agent) Deliver(now time.Time, port int, from ipxwire.Addr, msg []byte) {
	p, ok := a.t.Port(port)
	if !ok {
		return
	}
	a.stats.In++
	m, err := Parse(msg)
	switch {
	case err != nil:
		a.stats.Malformed++
	case !isNeighbor(p, from):
		a.stats.Strangers++
	default:
		a.recv(now, p, from, m)
	}
	a.t.Done(now)
}

// isNeighbor reports whether a station is on the network of the port. Its socket may be any: what only advertises
// itself, as services of Windows NT do, does not need 0452 for it.
func isNeighbor(p vector.Port, from ipxwire.Addr) bool {
	return !from.Node.IsZero() && !from.Node.IsGroup() && (from.Net == 0 || p.Network == 0 || from.Net == p.Network)
}

func (a *Agent) recv(now time.Time, p vector.Port, from ipxwire.Addr, m Message) {
	switch m.Operation() {
	case GeneralQuery:
		a.recvGeneralQuery(p, from, m)
	case NearestQuery:
		a.recvNearestQuery(p, from, m)
	case GeneralResponse:
		a.learn(now, p, from, m)
	case NearestResponse:
		a.recvNearestResponse(now, p, from, m)
	default:
		a.stats.Malformed++
	}
}

// recvGeneralQuery answers with all services of a type.
func (a *Agent) recvGeneralQuery(p vector.Port, from ipxwire.Addr, m Message) {
	a.stats.Queries++
	if p.Network == 0 {
		return
	}
	from.Net = p.Network
	a.t.Answer(p.ID, from, uint16(m.Type()))
}

// recvNearestQuery answers at once with one service: one of this node, or that a router knows behind another port,
// since those before it answer themselves.
func (a *Agent) recvNearestQuery(p vector.Port, from ipxwire.Addr, m Message) {
	a.stats.Queries++
	if p.Network == 0 {
		return
	}
	e := a.nearest(m.Type(), func(e *entry) bool { return a.isTold(e) && e.Port != p.ID && e.Hops+1 < Down })
	if e == nil {
		a.stats.Unanswered++
		return
	}
	a.stats.Answers++
	from.Net = p.Network
	a.scratch = AppendResponse(a.scratch[:0], NearestResponse, a.told(e, p))
	a.c.Send(p.ID, from, a.scratch)
}

// recvNearestResponse tells who asked. A station that is no router learns from it too; a router hears of everything
// anyway, and from whom it should.
func (a *Agent) recvNearestResponse(now time.Time, p vector.Port, from ipxwire.Addr, m Message) {
	for i := range m.Len() {
		e := m.Entry(i)
		a.c.Answer(Service{
			Type: e.Type, Name: e.Name.String(), Addr: located(e.Addr, p), Hops: e.Hops, Port: p.ID, From: from.Node,
		})
	}
	if !a.c.Routing {
		a.learn(now, p, from, m)
	}
}

// learn takes what a neighbour told.
func (a *Agent) learn(now time.Time, p vector.Port, from ipxwire.Addr, m Message) {
	for i := range m.Len() {
		e := m.Entry(i)
		k := key{e.Type, e.Name.clean()}
		if e.Type == 0 || e.Type == AnyType || k.name[0] == 0 {
			continue
		}
		v := value{addr: located(e.Addr, p)}
		v.isUnreachable = a.distance(v.addr.Net) == far
		a.t.Learn(now, p.ID, from.Node, k, v, e.Hops)
	}
}

// located gives the address of a service that calls its network zero, as stations without a router do.
func located(addr ipxwire.Addr, p vector.Port) ipxwire.Addr {
	if addr.Net == 0 {
		addr.Net = p.Network
	}
	return addr
}
