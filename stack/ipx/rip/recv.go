package rip

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/internal/vector"
)

// Deliver takes a packet for socket 0453 that came in on a port. It borrows msg. What this node sent itself is not to
// come here.
func (r *Router) Deliver(now time.Time, port int, from ipxwire.Addr, msg []byte) {
	p, ok := r.t.Port(port)
	if !ok {
		return
	}
	r.stats.In++
	m, err := Parse(msg)
	switch {
	case err != nil:
		r.stats.Malformed++
	case from.Node.IsZero() || from.Node.IsGroup():
		r.stats.Strangers++
	case m.Operation() == Request:
		r.recvRequest(p, from, m)
	case m.Operation() == Response:
		r.recvResponse(now, p, from, m)
	default:
		r.stats.Malformed++
	}
	r.t.Done(now)
}

// recvResponse learns from a router on the same network.
func (r *Router) recvResponse(now time.Time, p vector.Port, from ipxwire.Addr, m Message) {
	if from.Socket != ipxwire.SocketRIP {
		r.stats.Strangers++
		return
	}
	if p.Network == 0 && from.Net != 0 {
		r.c.Learned(p.ID, from.Net)
		var isThere bool
		if p, isThere = r.t.Port(p.ID); !isThere {
			return
		}
	}
	if from.Net != 0 && p.Network != 0 && from.Net != p.Network {
		r.stats.Conflicts++
		return
	}
	for i := range m.Len() {
		if e := m.Entry(i); e.Network != 0 && e.Network != All {
			r.t.Learn(now, p.ID, from.Node, e.Network, value{ticks: max(e.Ticks, 1)}, e.Hops)
		}
	}
}

// recvRequest answers a neighbour: about all with an advertisement of its own, about single networks at once.
func (r *Router) recvRequest(p vector.Port, from ipxwire.Addr, m Message) {
	switch {
	case from.Net != 0 && from.Net != p.Network:
		r.stats.Strangers++
		return
	case !r.c.Routing || p.Network == 0:
		r.stats.NotRouting++
		return
	}
	r.stats.Requests++
	isLost := from.Net == 0
	from.Net = p.Network
	r.scratch = Append(r.scratch[:0], Response)
	n := 0
	for i := 0; i < m.Len() && n < MaxEntries; i++ {
		network := m.Entry(i).Network
		if network == All {
			if isLost && !r.knowsBeyond(p) {
				r.tellOwn(p, from)
				return
			}
			r.t.Answer(p.ID, from, 0)
			return
		}
		if e, ok := r.told(network, p); ok {
			r.scratch = e.AppendTo(r.scratch)
			n++
		}
	}
	if n > 0 {
		r.stats.Answers++
		r.c.Send(p.ID, from, r.scratch)
	}
}

// knowsBeyond reports whether there is anything to tell on a port, behind the split horizon.
func (r *Router) knowsBeyond(p vector.Port) bool {
	for _, e := range r.t.Entries() {
		if e.Port != p.ID {
			return true
		}
	}
	return false
}

// tellOwn answers a station that asks for all without knowing its own network, where there is nothing else to tell:
// with no answer, it would not learn the number.
func (r *Router) tellOwn(p vector.Port, to ipxwire.Addr) {
	e, _ := r.told(p.Network, p)
	r.scratch = Append(r.scratch[:0], Response, e)
	r.stats.Answers++
	r.c.Send(p.ID, to, r.scratch)
}

// told is what a station on a port is answered about one network. Of its own network too, so that it finds the
// routers and the number there; of a network that has no route but the default one, as if that led there.
func (r *Router) told(network ipxwire.Network, p vector.Port) (Entry, bool) {
	if network == p.Network && network != 0 {
		return Entry{Network: network, Hops: 1, Ticks: p.Ticks}, true
	}
	e := r.find(network)
	if e == nil || e.Port == p.ID || e.Hops+1 >= Down {
		return Entry{}, false
	}
	return Entry{Network: network, Hops: e.Hops + 1, Ticks: across(e.Value.ticks, p)}, true
}
