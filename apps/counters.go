package apps

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// CounterSet holds the counters of all apps of one host. The zero value is empty and ready.
type CounterSet struct{ groups sync.Map } // prefix to *counterGroup

// Counter is one number of a set.
type Counter struct {
	Name  string
	Value uint64
}

// Group gives the counters whose names begin with prefix and a point. Two calls with one prefix share them.
func (s *CounterSet) Group(prefix string) Counters {
	g, ok := s.groups.Load(prefix)
	if !ok {
		g, _ = s.groups.LoadOrStore(prefix, new(counterGroup))
	}
	return g.(*counterGroup)
}

// Snapshot gives every counter that was added to, in the order of the names.
func (s *CounterSet) Snapshot() []Counter {
	var all []Counter
	s.groups.Range(func(prefix, g any) bool {
		for name, v := range g.(*counterGroup).values() {
			all = append(all, Counter{Name: prefix.(string) + "." + name, Value: v.Load()})
		}
		return true
	})
	slices.SortFunc(all, func(a, b Counter) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Value gives the counter of that full name; zero if nothing was added to it.
func (s *CounterSet) Value(name string) uint64 {
	for _, c := range s.Snapshot() {
		if c.Name == name {
			return c.Value
		}
	}
	return 0
}

// counterGroup is read without a lock: the map is replaced by a copy when a name is new, and there are few names.
type counterGroup struct {
	m atomic.Pointer[map[string]*atomic.Uint64]

	grow sync.Mutex // held by who replaces m
}

func (g *counterGroup) values() map[string]*atomic.Uint64 {
	if m := g.m.Load(); m != nil {
		return *m
	}
	return nil
}

// Add implements [Counters].
func (g *counterGroup) Add(name string, n uint64) {
	v, ok := g.values()[name]
	if !ok {
		v = g.create(name)
	}
	v.Add(n)
}

func (g *counterGroup) create(name string) *atomic.Uint64 {
	g.grow.Lock()
	defer g.grow.Unlock()
	if v, ok := g.values()[name]; ok {
		return v
	}
	m := maps.Clone(g.values())
	if m == nil {
		m = make(map[string]*atomic.Uint64)
	}
	m[name] = new(atomic.Uint64)
	g.m.Store(&m)
	return m[name]
}
