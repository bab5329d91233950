package vector

import (
	"time"

	"tapestry/internal/ipxwire"
)

// Infinity is the number of hops of what cannot be reached.
const Infinity = 16

// Local is the port of what is inside this node, which is told on all ports.
const Local = -1

// Port is where neighbours are.
type Port struct {
	ID      int
	Network ipxwire.Network // zero: not known
	Ticks   uint16          // that the way across takes
}

// Entry is what is known of one key.
type Entry[K, V comparable] struct {
	Key     K
	Value   V
	Hops    uint16 // as told; Infinity: down
	Port    int
	From    ipxwire.Node // who told it; zero: configured
	Expires time.Time    // zero: never

	changed uint64 // the number of its last change
}

// IsUp reports whether the entry can be used.
func (e *Entry[K, V]) IsUp() bool { return e.Hops < Infinity }

// IsLearned reports whether a neighbour told it.
func (e *Entry[K, V]) IsLearned() bool { return !e.From.IsZero() }

// Config is the protocol of a table. All functions but Changed and Random are needed.
type Config[K, V comparable] struct {
	Compare func(a, b K) int
	// Better reports whether value a at some hops is better than value b at others.
	Better func(a V, aHops uint16, b V, bHops uint16) bool
	// Matches reports whether an answer about want tells of the key.
	Matches func(k K, want uint16) bool
	// Begin appends what a response starts with.
	Begin func(b []byte) []byte
	// Append appends the entry as it is told on a port, or nothing; isNews: as one that changed. It must not keep e.
	Append func(b []byte, e *Entry[K, V], p Port, isNews bool) []byte
	Send   func(port int, to ipxwire.Addr, msg []byte)

	Socket     ipxwire.Socket
	PerPacket  int  // entries
	Advertises bool // without, nothing is told but answers

	Update, Age, Gap            time.Duration
	Max, MaxPerPort, MaxPerFrom int

	Changed func()
	Random  func() uint32
}

// Defaults, by the IPX Router Specification 1.30; the limits are ours.
const (
	DefaultUpdate = 60 * time.Second
	DefaultGap    = 55 * time.Millisecond
	defaultMax    = 4096
	ageUpdates    = 4
)

func (c *Config[K, V]) fill() {
	c.Update = positive(c.Update, DefaultUpdate)
	c.Age = positive(c.Age, ageUpdates*c.Update)
	c.Gap = positive(c.Gap, DefaultGap)
	c.Max = positive(c.Max, defaultMax)
	c.MaxPerPort = positive(c.MaxPerPort, (c.Max+1)/2)
	c.MaxPerFrom = positive(c.MaxPerFrom, (c.MaxPerPort+1)/2)
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Random == nil {
		c.Random = func() uint32 { return 0 }
	}
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// hold is how long it is told that an entry is down.
func (c *Config[K, V]) hold() time.Duration { return c.Update + c.Update/2 }
