package ipx

import (
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

// Limits of what waits for a route.
const (
	pendingNetworks = 16
	pendingOctets   = 8 << 10 // for each network
	pendingEvery    = 500 * time.Millisecond
	pendingTries    = 3
)

// pending holds packets to networks without a route while RIP asks for one: at once, then every pendingEvery. After
// pendingTries questions without an answer they are dropped, and their senders hear of it.
type pending struct{ nets []waiting }

// waiting is what waits for the route to one network.
type waiting struct {
	net     Network
	packets ring // as they were given to Send: what the sender left open is still zero
	tries   int
	at      time.Time // of the next question, or of the end
}

// add keeps a packet. It reports whether there was room.
func (w *pending) add(now time.Time, n *Node, h Header) bool {
	net := h.Destination().Net
	i := slices.IndexFunc(w.nets, func(x waiting) bool { return x.net == net })
	if i < 0 {
		if len(w.nets) == pendingNetworks {
			return false
		}
		i = len(w.nets)
		packets := ring{max: pendingOctets}
		w.nets = append(w.nets, waiting{net: net, packets: packets, at: now.Add(pendingEvery), tries: 1})
		n.rip.Request(now, rip.AllPorts, net)
	}
	return w.nets[i].packets.push(0, h, nil)
}

// retry sends what has a route by now.
func (w *pending) retry(now time.Time, n *Node) {
	for i := 0; i < len(w.nets); {
		if _, ok := n.route(w.nets[i].net); !ok {
			i++
			continue
		}
		ready := w.nets[i].packets
		w.nets = slices.Delete(w.nets, i, i+1)
		n.sendAll(now, &ready)
	}
}

// sendAll sends packets that waited. A route that is gone again drops them.
func (n *Node) sendAll(now time.Time, packets *ring) {
	for packets.len() > 0 {
		in := n.in[:cap(n.in)]
		_, size := packets.pop((*[ipxwire.HeaderLen]byte)(in), in[ipxwire.HeaderLen:])
		h := Header(in[:ipxwire.HeaderLen+size])
		f := Fields{Type: h.Type(), Destination: h.Destination(), Source: h.Source()}
		w, ok := n.route(f.Destination.Net)
		if !ok {
			n.stats.noRoutes++
			continue
		}
		if w.to.IsZero() {
			w.to = f.Destination.Node
		}
		_ = n.sendOn(now, w, f, h.Data()) // counted
	}
}

// tick asks again, or gives up.
func (w *pending) tick(now time.Time, n *Node) {
	for i := 0; i < len(w.nets); {
		x := &w.nets[i]
		switch {
		case now.Before(x.at):
			i++
		case x.tries < pendingTries:
			x.tries, x.at = x.tries+1, now.Add(pendingEvery)
			n.rip.Request(now, rip.AllPorts, x.net)
			i++
		default:
			lost := x.packets
			w.nets = slices.Delete(w.nets, i, i+1)
			n.noRoute(now, &lost)
		}
	}
}

// isUnanswered reports whether RIP was asked for a network more than once, so far in vain.
func (w *pending) isUnanswered(net Network) bool {
	return slices.ContainsFunc(w.nets, func(x waiting) bool { return x.net == net && x.tries > 1 })
}

// UnreachableReceiver is a Receiver that is told what became of a packet of its socket which Send took, and for which
// no router had a route. The packet is borrowed. It is called within Tick, and may send.
type UnreachableReceiver interface {
	Unreachable(now time.Time, h ipxwire.Header)
}

// noRoute drops packets that no router has a route for, and tells their senders.
func (n *Node) noRoute(now time.Time, packets *ring) {
	n.stats.noRoutes += packets.count()
	if !n.knowsNetworks() {
		return
	}
	for packets.len() > 0 {
		in := n.in[:cap(n.in)]
		_, size := packets.pop((*[ipxwire.HeaderLen]byte)(in), in[ipxwire.HeaderLen:])
		h := Header(in[:ipxwire.HeaderLen+size])
		if r, ok := n.sockets[h.Source().Socket].(UnreachableReceiver); ok {
			r.Unreachable(now, h)
		}
	}
}

// knowsNetworks reports whether each wire has a number. One that has none yet may be any network, so none is called
// unreachable.
func (n *Node) knowsNetworks() bool {
	return !slices.ContainsFunc(n.ports, func(p *port) bool { return p != nil && p.up && p.Network == 0 })
}

// next is when tick is to be called; zero: never.
func (w *pending) next() (at time.Time) {
	for i := range w.nets {
		at = earlier(at, w.nets[i].at)
	}
	return at
}
