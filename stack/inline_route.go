package stack

import (
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// routeLife bounds how long a change of the routes can go unnoticed by inline handlers. A route whose address or
// interface went away is noticed at once.
const routeLife = time.Second

// routeCache keeps the ways back to recent askers, since finding one allocates. It is direct-mapped: two askers that
// fall on one slot take turns, and memory is bounded whoever asks.
type routeCache struct {
	slots [64]atomic.Pointer[routeSlot] // made when needed: most servers have few askers
}

type routeSlot struct {
	mu    sync.Mutex
	key   routeKey
	route *netstack.Route // nil: empty
	until tcpip.MonotonicTime
}

type routeKey struct {
	nic           tcpip.NICID // 0: any
	local, remote tcpip.Address
	proto         tcpip.NetworkProtocolNumber
}

func (c *routeCache) slot(remote tcpip.Address) *routeSlot {
	var h uint32
	switch remote.Len() {
	case 4:
		for _, b := range remote.As4() {
			h = h*31 + uint32(b)
		}
	case 16:
		for _, b := range remote.As16() {
			h = h*31 + uint32(b)
		}
	}
	p := &c.slots[h%uint32(len(c.slots))]
	if s := p.Load(); s != nil {
		return s
	}
	p.CompareAndSwap(nil, &routeSlot{})
	return p.Load()
}

// find gives a route that the caller releases, or nil if there is none.
func (c *routeCache) find(ns *netstack.Stack, k routeKey) *netstack.Route {
	now := ns.Clock().NowMonotonic()
	s := c.slot(k.remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.route == nil || s.key != k || !now.Before(s.until) {
		r, e := ns.FindRoute(k.nic, k.local, k.remote, k.proto, false)
		if e != nil {
			return nil
		}
		s.drop()
		s.route, s.key, s.until = r, k, now.Add(routeLife)
	}
	s.route.Acquire()
	return s.route
}

// forget empties the slot that holds r.
func (c *routeCache) forget(r *netstack.Route) {
	s := c.slot(r.RemoteAddress())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.route == r {
		s.drop()
	}
}

// release empties the cache.
func (c *routeCache) release() {
	for i := range c.slots {
		s := c.slots[i].Load()
		if s == nil {
			continue
		}
		s.mu.Lock()
		s.drop()
		s.mu.Unlock()
	}
}

// drop empties the slot; the caller holds mu.
func (s *routeSlot) drop() {
	if s.route != nil {
		s.route.Release()
		s.route = nil
	}
}
