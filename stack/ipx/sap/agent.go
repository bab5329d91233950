package sap

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/internal/vector"
)

// Local is the port of a service of this node.
const Local = vector.Local

// AllPorts asks on every port.
const AllPorts = -2

// Service is somebody who serves.
type Service struct {
	Type        Type
	Name        string       // printable, see Name.String
	Addr        ipxwire.Addr // network zero: of each port, or of an unnumbered one
	Hops        uint16       // as told: 1 for one on the network of a port; 0 for one of this node
	Port        int          // Local: of this node
	From        ipxwire.Node // who told it; zero: configured
	Static      bool         // configured: neither learned nor aged
	Unreachable bool         // there is no route to its network
	Expires     time.Time    // zero: never
}

// Config says what an Agent is to do.
type Config struct {
	// Send transmits msg from socket 0452 on a port. It must not keep msg, and must not call the agent.
	Send func(port int, to ipxwire.Addr, msg []byte)
	// Routing: what was learned on one port is told on the others. Without, only services of this node are.
	Routing bool
	// Reachable tells how far a network is; default: every one is one tick away.
	Reachable func(ipxwire.Network) (ticks uint16, ok bool)

	Update time.Duration // between two advertisements of the whole table; default 60 s
	Age    time.Duration // after which a service that nobody advertises is down; default 4 times Update
	Gap    time.Duration // between two packets of one advertisement; default 55 ms

	MaxServices    int // learned and configured; default 4096
	MaxPerPort     int // learned on one port; default half of MaxServices
	MaxPerNeighbor int // learned from one station; default half of MaxPerPort

	// Changed is told after a call that changed the table.
	Changed func()
	// Answer is told each service of a nearest response.
	Answer func(Service)
	// Random spreads the advertisements of several agents; default no spread.
	Random func() uint32
}

// Stats counts packets for socket 0452 and what became of them.
type Stats struct {
	vector.Stats
	In         uint64 // packets that came
	Malformed  uint64 // no whole entries, or an operation that is not known
	Strangers  uint64 // from no neighbour: of another network, or no station
	Queries    uint64 // asked of this agent
	Answers    uint64 // nearest queries answered
	Unanswered uint64 // nearest queries of which nobody is known
	Questions  uint64 // that this agent asked
}

// key is what a service is known by: there may be one of this name in each type.
type key struct {
	t    Type
	name Name
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.t, b.t), bytes.Compare(a.name[:], b.name[:]))
}

// value is what the table keeps of a service beside the hops.
type value struct {
	addr          ipxwire.Addr
	static        bool
	isUnreachable bool
}

type entry = vector.Entry[key, value]

// Agent keeps the services. See the package's comment.
type Agent struct {
	c       Config
	t       *vector.Table[key, value]
	statics []entry   // also those whose port is missing
	check   time.Time // when reach is looked at; zero: need not be
	checked time.Time // a gap after it was
	stats   Stats
	scratch []byte
}

// New makes an agent without ports.
func New(c Config) *Agent {
	if c.Reachable == nil {
		c.Reachable = func(ipxwire.Network) (uint16, bool) { return 1, true }
	}
	if c.Answer == nil {
		c.Answer = func(Service) {}
	}
	a := &Agent{c: c}
	a.t = vector.New(vector.Config[key, value]{
		Compare: compareKeys,
		Better:  isBetter,
		Matches: func(k key, want uint16) bool { return Type(want) == AnyType || k.t == Type(want) },
		Begin:   func(b []byte) []byte { return AppendResponse(b, GeneralResponse) },
		Append:  a.appendTold,
		Send:    c.Send,

		Socket:     ipxwire.SocketSAP,
		PerPacket:  MaxEntries,
		Advertises: true,

		Update: c.Update, Age: c.Age, Gap: c.Gap,
		Max: c.MaxServices, MaxPerPort: c.MaxPerPort, MaxPerFrom: c.MaxPerNeighbor,

		Changed: c.Changed,
		Random:  c.Random,
	})
	return a
}

// isBetter compares hops among services that can be reached.
func isBetter(a value, aHops uint16, b value, bHops uint16) bool {
	if a.isUnreachable != b.isUnreachable {
		return b.isUnreachable
	}
	return aHops < bHops
}

// appendTold appends a service as the neighbours on a port are told of it: one network farther. One whose network
// cannot be reached is told once, as gone.
func (a *Agent) appendTold(b []byte, e *entry, p vector.Port, isNews bool) []byte {
	switch {
	case !a.isTold(e):
		return b
	case !e.Value.isUnreachable:
		return a.told(e, p).AppendTo(b)
	case isNews:
		gone := a.told(e, p)
		gone.Hops = Down
		return gone.AppendTo(b)
	}
	return b
}

// isTold reports whether anybody is told of a service: of learned ones a router tells.
func (a *Agent) isTold(e *entry) bool { return a.c.Routing || e.Value.static }

func (a *Agent) told(e *entry, p vector.Port) Entry {
	addr := e.Value.addr
	if addr.Net == 0 {
		addr.Net = p.Network
	}
	return Entry{Type: e.Key.t, Name: e.Key.name, Addr: addr, Hops: min(e.Hops+1, Down)}
}

// Stats gives the counters.
func (a *Agent) Stats() Stats {
	s := a.stats
	s.Stats = a.t.Stats
	return s
}

// Tick does what is due. Calling it early does nothing.
func (a *Agent) Tick(now time.Time) {
	a.recheck(now)
	a.t.Tick(now)
}

// Next is when Tick is to be called; zero: never.
func (a *Agent) Next() time.Time {
	at := a.t.Next()
	if at.IsZero() || !a.check.IsZero() && a.check.Before(at) {
		return a.check
	}
	return at
}

func service(e *entry) Service {
	return Service{
		Type: e.Key.t, Name: e.Key.name.String(), Addr: e.Value.addr, Hops: e.Hops, Port: e.Port, From: e.From,
		Static: e.Value.static, Unreachable: e.Value.isUnreachable, Expires: e.Expires,
	}
}

// Services gives all services that are up, by type and name.
func (a *Agent) Services() []Service { return a.collect(AnyType) }

func (a *Agent) collect(t Type) []Service {
	var all []Service
	for _, e := range a.t.Entries() {
		if e.IsUp() && (t == AnyType || e.Key.t == t) {
			all = append(all, service(e))
		}
	}
	return all
}

// Find gives the services of a type, or of AnyType, the nearest first and those that cannot be reached last.
func (a *Agent) Find(t Type) []Service {
	all := a.collect(t)
	slices.SortStableFunc(all, func(x, y Service) int {
		return cmp.Or(cmp.Compare(a.distance(x.Addr.Net), a.distance(y.Addr.Net)), cmp.Compare(x.Hops, y.Hops))
	})
	return all
}

// far is the distance of what cannot be reached, in ticks.
const far = 1 << 16

// distance gives the ticks to a network; none to that of an unnumbered port.
func (a *Agent) distance(network ipxwire.Network) uint32 {
	if network == 0 {
		return 0
	}
	if ticks, ok := a.c.Reachable(network); ok {
		return uint32(ticks)
	}
	return far
}

// Nearest gives the service of a type, or of AnyType, that is nearest by the routes.
func (a *Agent) Nearest(t Type) (Service, bool) {
	e := a.nearest(t, func(*entry) bool { return true })
	if e == nil {
		return Service{}, false
	}
	return service(e), true
}

// nearest gives the nearest entry that may be taken: by ticks, then by hops, then the first by name.
func (a *Agent) nearest(t Type, may func(*entry) bool) (best *entry) {
	bestAt := uint32(far)
	for _, e := range a.t.Entries() {
		if !e.IsUp() || t != AnyType && e.Key.t != t || !may(e) {
			continue
		}
		at := a.distance(e.Value.addr.Net)
		if at < bestAt || at == bestAt && best != nil && e.Hops < best.Hops {
			best, bestAt = e, at
		}
	}
	return best
}
