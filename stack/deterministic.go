package stack

import (
	"errors"
	"io"
	"math/rand"
	"sync"

	engine "gvisor.dev/gvisor/pkg/rand"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

var errNoSeed = errors.New("stack: Config.Deterministic needs Config.Seed: a host cannot repeat a run whose seed nobody knows")

// engineRandom guards the engine's source of random numbers, which belongs to the process: the engine's IPv4 draws the
// starts of its identifications (RFC 6864) from it and has no option for that. A deterministic host replaces it while
// it is made, so no other is made at the time.
var engineRandom sync.RWMutex

// newEngine makes the engine of a host.
func newEngine(c Config, o netstack.Options) *netstack.Stack {
	if !c.Deterministic {
		engineRandom.RLock()
		defer engineRandom.RUnlock()
		return netstack.New(o)
	}
	engineRandom.Lock()
	defer engineRandom.Unlock()
	before := engine.Reader
	defer func() { engine.Reader = before }()
	engine.Reader = newSeededReader(c.Seed)
	o.SecureRNG = newSeededReader(c.Seed + 1)
	return netstack.New(o)
}

// seededReader is a source of random octets that anyone who knows the seed can foretell.
type seededReader struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newSeededReader(seed int64) io.Reader { return &seededReader{r: rand.New(rand.NewSource(seed))} }

// Read fills b.
func (s *seededReader) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(b)
}
