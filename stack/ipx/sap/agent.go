package sap

import (
	"fmt"
	"time"

	"tapestry/internal/ipxwire"
)

// Operation is what a packet wants.
type Operation uint16

// The operations, as Wireshark names them.
const (
	GeneralQuery    Operation = 1
	GeneralResponse Operation = 2
	NearestQuery    Operation = 3
	NearestResponse Operation = 4
)

// Type is the type of a service.
type Type uint16

// AnyType asks for services of every type.
const AnyType Type = 0xffff

// String gives the name, or four hexadecimal digits.
func (t Type) String() string { return fmt.Sprintf("%04x", uint16(t)) }

// Local is the port of a service of this node.
const Local = -1

// AllPorts asks on every port.
const AllPorts = -2

// Service is somebody who serves.
type Service struct {
	Type    Type
	Name    string // at most 47 octets, upper case
	Addr    ipxwire.Addr
	Hops    uint16       // routers on the way: 0 for a service of this node
	Port    int          // Local: of this node
	From    ipxwire.Node // who said it; zero: configured
	Static  bool
	Expires time.Time // zero: never
}

// Config says what an Agent is to do.
type Config struct {
	// Send transmits msg from socket 0452 on a port. It must not keep msg, and must not call the agent. Destination
	// network zero is the port's own.
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

// Agent keeps the services. See the package's comment.
type Agent struct{ c Config }

// New makes an agent without ports.
func New(c Config) *Agent { return &Agent{c: c} }

// AddPort begins to ask, to learn and to advertise on a port. network 0: not known yet.
func (a *Agent) AddPort(now time.Time, port int, network ipxwire.Network) {}

// RemovePort says farewell on the port, and forgets what was learned there.
func (a *Agent) RemovePort(now time.Time, port int) {}

// SetNetwork gives a port another network.
func (a *Agent) SetNetwork(now time.Time, port int, network ipxwire.Network) {}

// Close says farewell on every port.
func (a *Agent) Close(now time.Time) {}

// Deliver takes a packet for socket 0452 that came in on a port.
func (a *Agent) Deliver(now time.Time, port int, from ipxwire.Addr, msg []byte) {}

// RoutesChanged tells that Reachable may answer otherwise.
func (a *Agent) RoutesChanged(now time.Time) {}

// Tick does what is due. Calling it early does nothing.
func (a *Agent) Tick(now time.Time) {}

// Next is when Tick is to be called; zero: never.
func (a *Agent) Next() time.Time { return time.Time{} }

// Services gives all services that are up, by type and name.
func (a *Agent) Services() []Service { return nil }

// Find gives the services of a type, the nearest first.
func (a *Agent) Find(t Type) []Service { return nil }

// Nearest gives the service of a type that is nearest by the routes.
func (a *Agent) Nearest(t Type) (Service, bool) { return Service{}, false }

// AddStatic adds a service: one of this node (Port Local) or one elsewhere that is configured.
func (a *Agent) AddStatic(now time.Time, s Service) error { return nil }

// RemoveStatic removes what AddStatic added; it reports whether there was such a service.
func (a *Agent) RemoveStatic(now time.Time, t Type, name string) bool { return false }

// Query asks on a port, or on AllPorts: GeneralQuery or NearestQuery for a type or AnyType.
func (a *Agent) Query(now time.Time, port int, kind Operation, t Type) {}
