package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
)

// RIP gives the routes, to change those that are configured.
func (n *Node) RIP() *rip.Router { return n.rip }

// SAP gives the services, to change those that are configured.
func (n *Node) SAP() *sap.Agent { return n.sap }

// Routes lists the routes by network.
func (n *Node) Routes() []rip.Route { return n.rip.Routes() }

// Services lists the services that are up, by type and name.
func (n *Node) Services() []sap.Service { return n.sap.Services() }

// newTables makes the engines of RIP and SAP.
func (n *Node) newTables() {
	c := &n.cfg
	n.rip = rip.New(rip.Config{
		Send:    n.sender(ipxwire.SocketRIP, ipxwire.TypeRIP),
		Routing: c.Router,
		Update:  c.Update, Age: c.Age, Gap: c.Gap, MaxRoutes: c.MaxRoutes,
		Changed: func() { n.routesChanged = true },
		Learned: func(id int, net ipxwire.Network) {
			if p := n.port(PortID(id)); p != nil {
				n.learned(n.now, p, net)
			}
		},
		Random: c.Random,
	})
	n.sap = sap.New(sap.Config{
		Send:      n.sender(ipxwire.SocketSAP, ipxwire.TypePEP),
		Routing:   c.Router,
		Reachable: n.reachable,
		Answer:    n.nearest,
		Update:    c.Update, Age: c.Age, Gap: c.Gap, MaxServices: c.MaxServices,
		Random: c.Random,
	})
	n.sockets[ipxwire.SocketRIP] = &ripSocket{n}
	n.sockets[ipxwire.SocketSAP] = &sapSocket{n}
}

// sender gives the function by which an engine sends from its socket.
func (n *Node) sender(s SocketNumber, t PacketType) func(port int, to ipxwire.Addr, msg []byte) {
	return func(port int, to ipxwire.Addr, msg []byte) {
		// What cannot leave was counted. The engine says it again.
		_ = n.SendVia(n.now, PortID(port), Fields{Type: t, Destination: to, Source: Addr{Socket: s}}, msg)
	}
}

// reachable tells SAP how far a network is.
func (n *Node) reachable(net Network) (ticks uint16, ok bool) {
	if p := n.portOf(net); p != nil {
		return p.Ticks, p.up
	}
	r, ok := n.rip.Lookup(net)
	return r.Ticks, ok
}

// settle tells SAP and packets that wait for a route what changed in the routes.
func (n *Node) settle(now time.Time) {
	if n.routesChanged {
		n.routesChanged = false
		n.sap.RoutesChanged(now)
		n.pending.retry(now, n)
	}
}

// ripSocket hands what comes to the socket of RIP to its engine.
type ripSocket struct{ n *Node }

// Describe names the owner of the socket.
func (*ripSocket) Describe() SocketInfo { return SocketInfo{Owner: "rip"} }

// Receive drops what was routed here: RIP is between neighbours.
func (s *ripSocket) Receive(now time.Time, id PortID, h ipxwire.Header) {
	n := s.n
	p, from := n.port(id), n.Source(id, h)
	m, err := rip.Parse(h.Data())
	switch {
	case p == nil || p.Internal || err != nil || isRouted(h):
		n.stats.drop.rip++
	case m.Operation() == rip.Response && p.origin == traffic && h.Source().Net != 0 && from.Socket == ipxwire.SocketRIP:
		n.learned(now, p, from.Net)
		n.rip.Deliver(now, int(id), from, h.Data())
	case claims(p, from.Net, m):
		n.conflict(p, from.Net)
	default: // with a source network of zero as it is: the asker does not know its number
		n.rip.Deliver(now, int(id), h.Source(), h.Data())
	}
}

// isRouted reports whether a packet came from another network than it was for: RIP and SAP are between neighbours, and
// a port without a number could not tell otherwise.
func isRouted(h Header) bool {
	src, dst := h.Source().Net, h.Destination().Net
	return src != 0 && dst != 0 && src != dst
}

// sapSocket hands what comes to the socket of SAP to its engine.
type sapSocket struct{ n *Node }

// Describe names the owner of the socket.
func (*sapSocket) Describe() SocketInfo { return SocketInfo{Owner: "sap"} }

// Receive implements Receiver.
func (s *sapSocket) Receive(now time.Time, id PortID, h ipxwire.Header) {
	p := s.n.port(id)
	if p == nil || p.Internal || isRouted(h) {
		s.n.stats.drop.sap++
		return
	}
	s.n.sap.Deliver(now, int(id), s.n.Source(id, h), h.Data())
}
