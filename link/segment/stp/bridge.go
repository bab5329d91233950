package stp

import (
	"fmt"
	"slices"
	"time"
)

// State is what a port may do (IEEE 802.1D-1998 §8.4).
type State uint8

// The states.
const (
	Disabled   State = iota // no link: takes no part
	Blocking                // listens to BPDUs alone
	Listening               // waits that all bridges know of it
	Learning                // learns addresses, so that there is less to flood
	Forwarding              // forwards
)

// String names the state.
func (s State) String() string {
	switch s {
	case Disabled:
		return "disabled"
	case Blocking:
		return "blocking"
	case Listening:
		return "listening"
	case Learning:
		return "learning"
	case Forwarding:
		return "forwarding"
	}
	return "invalid"
}

// Defaults and ranges (IEEE 802.1D-1998 Tables 8-2 to 8-5).
const (
	DefaultPriority     = 32768
	DefaultPortPriority = 128
	DefaultCost         = 4 // of 1 Gbit/s

	DefaultMaxAge       = 20 * time.Second
	DefaultHello        = 2 * time.Second
	DefaultForwardDelay = 15 * time.Second

	holdTime            = time.Second
	messageAgeIncrement = time.Second // Table 8-2: an overestimate by one second at most

	minMaxAge, maxMaxAge             = 6 * time.Second, 40 * time.Second
	minHello, maxHello               = time.Second, 10 * time.Second
	minForwardDelay, maxForwardDelay = 4 * time.Second, 30 * time.Second
	leastForwardDelay                = 2 * time.Second // that a root may announce: Linux lets one configure it
)

// Config describes a bridge. A time of zero is the default.
type Config struct {
	ID           BridgeID
	MaxAge       time.Duration // default 20 s; 6 s to 40 s
	Hello        time.Duration // default 2 s; 1 s to 10 s
	ForwardDelay time.Duration // default 15 s; 4 s to 30 s

	Send   func(port int, b []byte)      // a BPDU leaves; b is the callee's
	State  func(port int, s State)       // a port changed its state; a new one is disabled
	Ageing func(d time.Duration)         // addresses age within d; zero: as ever
	Root   func(root BridgeID, port int) // another root or root port was chosen; port 0: this bridge is the root. May be nil
}

func (c *Config) fill() error {
	for _, t := range []struct {
		name             string
		value            *time.Duration
		def, least, most time.Duration
	}{
		{"max age", &c.MaxAge, DefaultMaxAge, minMaxAge, maxMaxAge},
		{"hello time", &c.Hello, DefaultHello, minHello, maxHello},
		{"forward delay", &c.ForwardDelay, DefaultForwardDelay, minForwardDelay, maxForwardDelay},
	} {
		if *t.value == 0 {
			*t.value = t.def
		}
		if *t.value < t.least || *t.value > t.most {
			return fmt.Errorf("stp: %s %v: want %v to %v", t.name, *t.value, t.least, t.most)
		}
	}
	// IEEE 802.1D-1998 §8.10.2: or what a port heard ages before the next message, or a loop forms before all heard.
	if c.MaxAge < 2*(c.Hello+time.Second) {
		return fmt.Errorf("stp: max age %v: want at least 2 x (hello time %v + 1s)", c.MaxAge, c.Hello)
	}
	if c.MaxAge > 2*(c.ForwardDelay-time.Second) {
		return fmt.Errorf("stp: max age %v: want at most 2 x (forward delay %v - 1s)", c.MaxAge, c.ForwardDelay)
	}
	return nil
}

// PortConfig describes a port. The zero value of each field but Number means its default.
type PortConfig struct {
	Number   int    // 1 to MaxPort
	Priority uint8  // default 128, in steps of 16
	Cost     uint32 // of a frame that is received here; default 4; 1 to 200,000,000
	Edge     bool   // a station is behind it: forwards from the start, until it hears a BPDU
}

const maxCost = 200_000_000 // IEEE 802.1D-2004 Table 17-3

func (c *PortConfig) fill() error {
	if c.Priority == 0 {
		c.Priority = DefaultPortPriority
	}
	if c.Cost == 0 {
		c.Cost = DefaultCost
	}
	switch {
	case c.Number < 1 || c.Number > MaxPort:
		return fmt.Errorf("stp: port number %d: want 1 to %d", c.Number, MaxPort)
	case c.Priority%16 != 0:
		return fmt.Errorf("stp: port priority %d: want a multiple of 16", c.Priority)
	case c.Cost > maxCost:
		return fmt.Errorf("stp: port cost %d: want 1 to %d", c.Cost, maxCost)
	}
	return nil
}

// Bridge is one bridge's part of the protocol (IEEE 802.1D-1998 §8.5).
type Bridge struct {
	c     Config
	ports []*port // by number

	root     BridgeID
	rootCost uint32
	rootPort *port // nil: this bridge is the root

	// In force, as the root says.
	maxAge, hello, forwardDelay time.Duration

	changeDetected bool // here, and not acknowledged
	change         bool // in the tree: addresses age fast

	helloTimer, tcnTimer, changeTimer timer
	now                               time.Time // of the call
}

// port is one port's part (IEEE 802.1D-1998 §8.5.5).
type port struct {
	c     PortConfig
	id    PortID
	state State
	edge  bool // still: has heard no BPDU since its link is up

	heard      heard
	ack        bool // the next BPDU acknowledges a topology change
	pending    bool // a BPDU waits for the hold timer
	changes    uint64
	ageTimer   timer
	delayTimer timer
	holdTimer  timer
}

// heard is the best that a port knows of its segment: whose port is designated there, and what it offers.
type heard struct {
	root   BridgeID
	cost   uint32
	bridge BridgeID
	port   PortID
}

// timer is a deadline; zero: not running.
type timer struct{ at time.Time }

func (t *timer) stop()                                { t.at = time.Time{} }
func (t *timer) start(now time.Time, d time.Duration) { t.at = now.Add(d) }
func (t *timer) running() bool                        { return !t.at.IsZero() }

// expired reports whether the deadline has come, and stops the timer then.
func (t *timer) expired(now time.Time) bool {
	if !t.running() || now.Before(t.at) {
		return false
	}
	t.stop()
	return true
}

// New makes a bridge without ports, the root of its own tree.
func New(now time.Time, c Config) (*Bridge, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	b := &Bridge{c: c, root: c.ID, now: now}
	b.useOwnTimes()
	b.helloTimer.start(now, b.hello)
	return b, nil
}

// AddPort makes a port, disabled.
func (b *Bridge) AddPort(c PortConfig) error {
	if err := c.fill(); err != nil {
		return err
	}
	i, ok := b.search(c.Number)
	if ok {
		return fmt.Errorf("stp: port %d is there already", c.Number)
	}
	p := &port{c: c, id: NewPortID(c.Priority, c.Number)}
	b.ports = slices.Insert(b.ports, i, p)
	b.becomeDesignated(p)
	return nil
}

// RemovePort disables a port and forgets it.
func (b *Bridge) RemovePort(now time.Time, number int) {
	b.Disable(now, number)
	if i, ok := b.search(number); ok {
		b.ports = slices.Delete(b.ports, i, i+1)
	}
}

func (b *Bridge) search(number int) (int, bool) {
	return slices.BinarySearchFunc(b.ports, number, func(p *port, n int) int { return p.c.Number - n })
}

func (b *Bridge) port(number int) *port {
	if i, ok := b.search(number); ok {
		return b.ports[i]
	}
	return nil
}

// isRoot reports whether this bridge is the root.
func (b *Bridge) isRoot() bool { return b.root == b.c.ID }

// isDesignated reports whether p offers the best path of its segment.
func (b *Bridge) isDesignated(p *port) bool {
	return p.heard.bridge == b.c.ID && p.heard.port == p.id
}

// setState is where every port changes its state.
func (b *Bridge) setState(p *port, s State) {
	if p.state == s {
		return
	}
	p.state = s
	p.changes++
	b.c.State(p.c.Number, s)
}

// setChange turns fast ageing on and off.
func (b *Bridge) setChange(on bool) {
	if b.change != on {
		b.change = on
		if on {
			b.c.Ageing(b.forwardDelay)
		} else {
			b.c.Ageing(0)
		}
	}
}

// useOwnTimes is what a root does.
func (b *Bridge) useOwnTimes() {
	b.maxAge, b.hello, b.forwardDelay = b.c.MaxAge, b.c.Hello, b.c.ForwardDelay
}
