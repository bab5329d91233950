package rip

import (
	"cmp"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/internal/vector"
)

// Local is the port of a network inside this node, as a server's internal one.
const Local = vector.Local

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

// Stats counts packets for socket 0453 and what became of them.
type Stats struct {
	vector.Stats
	In         uint64 // packets that came
	Malformed  uint64 // no whole entries, or an operation that is not known
	Strangers  uint64 // from no neighbour: of another network, another socket, or no station
	Conflicts  uint64 // responses of a router that has another number for the network of the port
	Requests   uint64 // asked of this router
	Answers    uint64 // requests answered at once
	Questions  uint64 // that this router asked
	NotRouting uint64 // requests to one that is none
}

// value is what the table keeps of a network beside the hops.
type value struct {
	ticks   uint16
	nextHop ipxwire.Node // of a static route; what was learned goes to who told it
	static  bool
}

// Router keeps the routes. See the package's comment.
type Router struct {
	c       Config
	t       *vector.Table[ipxwire.Network, value]
	statics []Route // also those whose port is missing, or whose network is a port's own
	asks    []ask
	stats   Stats
	scratch []byte
}

// New makes a router without ports.
func New(c Config) *Router {
	if c.Learned == nil {
		c.Learned = func(int, ipxwire.Network) {}
	}
	r := &Router{c: c}
	r.t = vector.New(vector.Config[ipxwire.Network, value]{
		Compare: cmp.Compare[ipxwire.Network],
		Better:  isBetter,
		Matches: func(ipxwire.Network, uint16) bool { return true },
		Begin:   func(b []byte) []byte { return Append(b, Response) },
		Append:  appendTold,
		Send:    c.Send,

		Socket:     ipxwire.SocketRIP,
		PerPacket:  MaxEntries,
		Advertises: c.Routing,

		Update: c.Update, Age: c.Age, Gap: c.Gap,
		Max: c.MaxRoutes, MaxPerPort: c.MaxPerPort, MaxPerFrom: c.MaxPerNeighbor,

		Changed: c.Changed,
		Random:  c.Random,
	})
	return r
}

// isBetter compares ticks, and hops where they are equal.
func isBetter(a value, aHops uint16, b value, bHops uint16) bool {
	return a.ticks < b.ticks || a.ticks == b.ticks && aHops < bHops
}

// appendTold appends a route as the neighbours on a port are told of it: one router farther, and across the port's
// link. They know their own network themselves.
func appendTold(b []byte, e *vector.Entry[ipxwire.Network, value], p vector.Port, _ bool) []byte {
	if e.Key == p.Network {
		return b
	}
	return Entry{Network: e.Key, Hops: min(e.Hops+1, Down), Ticks: across(e.Value.ticks, p)}.AppendTo(b)
}

// across adds the ticks of a port's link.
func across(ticks uint16, p vector.Port) uint16 {
	return uint16(min(uint32(ticks)+uint32(p.Ticks), 0xffff))
}

// Stats gives the counters.
func (r *Router) Stats() Stats {
	s := r.stats
	s.Stats = r.t.Stats
	return s
}

// Lookup gives the route to a network, the default route if there is no other.
func (r *Router) Lookup(network ipxwire.Network) (Route, bool) {
	e := r.find(network)
	if e == nil {
		return Route{}, false
	}
	return route(e), true
}

func (r *Router) find(network ipxwire.Network) *vector.Entry[ipxwire.Network, value] {
	if network == 0 || network == All {
		return nil
	}
	if e := r.t.Find(network); e != nil && e.IsUp() {
		return e
	}
	if e := r.t.Find(Default); e != nil && e.IsUp() {
		return e
	}
	return nil
}

func route(e *vector.Entry[ipxwire.Network, value]) Route {
	v := Route{
		Network: e.Key, Hops: e.Hops, Ticks: e.Value.ticks, Port: e.Port,
		NextHop: e.Value.nextHop, Static: e.Value.static, Expires: e.Expires,
	}
	if e.IsLearned() {
		v.NextHop = e.From
	}
	return v
}

// Routes gives all routes that can be used, by network.
func (r *Router) Routes() []Route {
	var all []Route
	for _, e := range r.t.Entries() {
		if e.IsUp() {
			all = append(all, route(e))
		}
	}
	return all
}

// Tick does what is due. Calling it early does nothing.
func (r *Router) Tick(now time.Time) {
	r.askAgain(now)
	r.t.Tick(now)
}

// Next is when Tick is to be called; zero: never.
func (r *Router) Next() time.Time {
	at := r.t.Next()
	for _, a := range r.asks {
		if at.IsZero() || a.at.Before(at) {
			at = a.at
		}
	}
	return at
}
