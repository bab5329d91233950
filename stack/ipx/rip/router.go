package rip

import (
	"time"

	"tapestry/internal/ipxwire"
)

// Local is the port of a network inside this node, as a server's internal one.
const Local = -1

// AllPorts asks on every port.
const AllPorts = -2

// Route is a way to a network.
type Route struct {
	Network ipxwire.Network
	Hops    uint16 // routers on the way: 0 for the network of a port
	Ticks   uint16
	Port    int          // Local: inside this node
	NextHop ipxwire.Node // zero: directly connected
	Static  bool         // configured: neither learned nor aged
	Expires time.Time    // zero: never
}

// Config says what a Router is to do.
type Config struct {
	// Send transmits msg from socket 0453 on a port. It must not keep msg, and must not call the router. Destination
	// network zero is the port's own.
	Send func(port int, to ipxwire.Addr, msg []byte)
	// Routing: requests are answered and the table is advertised. Without, the router only learns and asks.
	Routing bool

	Update time.Duration // between two advertisements of the whole table; default 60 s
	Age    time.Duration // after which a route that nobody advertises is down; default 4 times Update
	Gap    time.Duration // between two packets of one advertisement; default 55 ms

	MaxRoutes      int // learned and configured; default 4096
	MaxPerPort     int // learned on one port; default half of MaxRoutes
	MaxPerNeighbor int // learned from one station; default half of MaxPerPort

	// Changed is told after a call that changed the table.
	Changed func()
	// Learned is told the network of a port that has none, from the packet of a router. It may call SetNetwork.
	Learned func(port int, network ipxwire.Network)
	// Random spreads the advertisements of several routers; default no spread.
	Random func() uint32
}

// Router keeps the routes. See the package's comment.
type Router struct{ c Config }

// New makes a router without ports.
func New(c Config) *Router { return &Router{c: c} }

// AddPort begins to ask, to learn and to advertise on a port. network 0: not known yet.
func (r *Router) AddPort(now time.Time, port int, network ipxwire.Network, ticks uint16) {}

// RemovePort says farewell on the port, and forgets what was learned there.
func (r *Router) RemovePort(now time.Time, port int) {}

// SetNetwork gives a port another network.
func (r *Router) SetNetwork(now time.Time, port int, network ipxwire.Network) {}

// Close says farewell on every port.
func (r *Router) Close(now time.Time) {}

// Deliver takes a packet for socket 0453 that came in on a port.
func (r *Router) Deliver(now time.Time, port int, from ipxwire.Addr, msg []byte) {}

// Tick does what is due. Calling it early does nothing.
func (r *Router) Tick(now time.Time) {}

// Next is when Tick is to be called; zero: never.
func (r *Router) Next() time.Time { return time.Time{} }

// Lookup gives the route to a network, the default route if there is no other.
func (r *Router) Lookup(network ipxwire.Network) (Route, bool) { return Route{}, false }

// Routes gives all routes that can be used, by network.
func (r *Router) Routes() []Route { return nil }

// AddStatic adds a route that no packet changes.
func (r *Router) AddStatic(now time.Time, route Route) error { return nil }

// RemoveStatic removes what AddStatic added; it reports whether there was such a route.
func (r *Router) RemoveStatic(now time.Time, network ipxwire.Network) bool { return false }

// Request asks the routers of a port, or of AllPorts, for a network or for All.
func (r *Router) Request(now time.Time, port int, network ipxwire.Network) {}
