package stack

import (
	"math/rand/v2"
	"sync"
)

// lockedSource is a seeded source of random numbers, safe for the engine's goroutines. It keeps 16 octets of state;
// the source of math/rand has 5 KB, which take longer to seed than all else of a host to make.
type lockedSource struct {
	mu  sync.Mutex
	src rand.PCG
}

func newLockedSource(seed int64) *lockedSource {
	s := &lockedSource{}
	s.Seed(seed)
	return s
}

// Int63 implements [math/rand.Source].
func (s *lockedSource) Int63() int64 { return int64(s.Uint64() >> 1) }

// Uint64 implements [math/rand.Source64].
func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Uint64()
}

// Seed implements [math/rand.Source].
func (s *lockedSource) Seed(seed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.src.Seed(uint64(seed), 0)
}
