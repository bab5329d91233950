package ipx

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tapestry/internal/ipxwire"
)

// DefaultMaxHops is how many routers a packet may meet: the one that would be the sixteenth drops it.
const DefaultMaxHops = 16

// InternalNode is the node of every internal network, where the services of a server are.
var InternalNode = ipxwire.Node{0, 0, 0, 0, 0, 1}

// PortID names a port of a node: an index from 0. The number of a port that was removed is given out again.
type PortID int

// PortConfig describes a port: one framing of one interface, or an internal network.
type PortConfig struct {
	Name    string  `json:"name"`    // eth0, or eth0/802.2 where an interface has several: as tools show it
	Network Network `json:"network"` // zero: learned from a router's answer, or else from traffic
	// Node is the hardware address; that of an internal network is InternalNode by default.
	Node      NodeAddr `json:"node"`
	MaxPacket int      `json:"max_packet"`         // octets with header that are sent and accepted; default 576
	Checksum  bool     `json:"checksum,omitempty"` // write the real checksum
	// Raw is raw 802.3, whose packets are known by the checksum FFFF, so that they have no other.
	Raw   bool   `json:"raw,omitempty"`
	Ticks uint16 `json:"ticks"` // what the way across costs, in 1/18 s; default 1
	// Internal: there is no link. The network is in this node, for its services, and needs a number.
	Internal bool `json:"internal,omitempty"`
}

// Propagation is what a router does with broadcasts of packet type 20, by which NetBIOS finds names.
type Propagation uint8

// The ways, as NetWare's routers can be told them.
const (
	PropagateAll         Propagation = iota // to every network that the packet has not seen
	PropagateReversePath                    // only where it came by the way that leads back to its source
	PropagateNone                           // not at all
)

// Config is the configuration of a node. Output and Random are needed.
type Config struct {
	Name string // as tools and the log show this node; a service that it offers has a name of its own

	// Output sends a packet on a port to a node or to all. The packet is borrowed. It never blocks, and is called
	// within calls of the node, which it must not call.
	Output func(p PortID, to NodeAddr, packet []byte)
	Random func() uint32
	Log    *slog.Logger // what a person would act on; default: nothing

	Router      bool        // forward packets, and say so by RIP and SAP
	MaxHops     int         // default DefaultMaxHops
	Propagation Propagation // of a router; default PropagateAll

	// SendErrors has packets that cannot be delivered or forwarded answered by the error protocol, ErrorRate of them a
	// second (default 10). NetWare does not know it. OnError is told of those that others sent; h is borrowed.
	SendErrors bool
	ErrorRate  int
	OnError    func(now time.Time, h Header, e ErrorMessage)

	// Timers of RIP and SAP, of which the defaults are the protocol's: an advertisement each minute, what nobody
	// advertised for four of them is gone, 55 ms between two packets of one advertisement.
	Update, Age, Gap       time.Duration
	MaxRoutes, MaxServices int // default 4096 each

	// DiagnosticDelay is the most that an answer to a diagnostic broadcast waits, so that not all nodes answer at once;
	// the wait is random. Default half a second.
	DiagnosticDelay time.Duration
}

const (
	defaultErrorRate       = 10
	defaultDiagnosticDelay = 500 * time.Millisecond
)

var (
	errNoOutput = errors.New("ipx: no Output in the configuration")
	errNoRandom = errors.New("ipx: no Random in the configuration")
)

// fill checks the configuration and sets what was left open.
func (c *Config) fill() error {
	switch {
	case c.Output == nil:
		return errNoOutput
	case c.Random == nil:
		return errNoRandom
	case c.MaxHops < 0 || c.MaxHops > 255:
		return fmt.Errorf("ipx: MaxHops is %d, want 1 to 255", c.MaxHops)
	case c.MaxHops == 0:
		c.MaxHops = DefaultMaxHops
	}
	if c.ErrorRate <= 0 {
		c.ErrorRate = defaultErrorRate
	}
	if c.DiagnosticDelay <= 0 {
		c.DiagnosticDelay = defaultDiagnosticDelay
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Name != "" {
		c.Log = c.Log.With("node", c.Name)
	}
	return nil
}

// fill checks the configuration of a port and sets what was left open.
func (c *PortConfig) fill() error {
	if c.MaxPacket == 0 {
		c.MaxPacket = ipxwire.DefaultMax
	}
	if c.Ticks == 0 {
		c.Ticks = 1
	}
	if c.Internal && c.Node.IsZero() {
		c.Node = InternalNode
	}
	switch {
	case c.MaxPacket < ipxwire.HeaderLen || c.MaxPacket > ipxwire.Max:
		return fmt.Errorf("ipx: port %q: MaxPacket is %d, want %d to %d",
			c.Name, c.MaxPacket, ipxwire.HeaderLen, ipxwire.Max)
	case c.Node.IsZero() || c.Node.IsGroup():
		return fmt.Errorf("ipx: port %q: %v is no address of a node", c.Name, c.Node)
	case c.Raw && c.Checksum:
		return fmt.Errorf("ipx: port %q: raw 802.3 cannot carry a checksum; choose another framing", c.Name)
	case c.Internal && c.Network == 0:
		return fmt.Errorf("ipx: port %q: an internal network needs a number", c.Name)
	case isReserved(c.Network):
		return fmt.Errorf("ipx: port %q: network %v is reserved", c.Name, c.Network)
	}
	return nil
}

// isReserved: the two highest numbers are all networks, and the default route.
func isReserved(n Network) bool { return n >= 0xfffffffe }
