package rip

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/internal/vector"
)

// ask is a port whose network is to be found out.
type ask struct {
	port  int
	at    time.Time
	after time.Duration // until the next question; doubles up to Update
}

const firstAsk = time.Second

// AddPort begins to ask, to learn and to advertise on a port, whose link takes some ticks: 1 if zero. network 0: not
// known yet. A port that exists is removed first.
func (r *Router) AddPort(now time.Time, port int, network ipxwire.Network, ticks uint16) {
	r.RemovePort(now, port)
	r.t.AddPort(now, vector.Port{ID: port, Network: network, Ticks: max(ticks, 1)})
	r.settle(now, port, network)
	r.t.Done(now)
}

// SetNetwork gives a port another network.
func (r *Router) SetNetwork(now time.Time, port int, network ipxwire.Network) {
	p, ok := r.t.Port(port)
	if !ok || p.Network == network {
		return
	}
	r.t.SetNetwork(now, port, network)
	r.install(now, p.Network)
	r.settle(now, port, network)
	r.t.Done(now)
}

// settle installs what is configured for a port, and asks its neighbours what they know.
func (r *Router) settle(now time.Time, port int, network ipxwire.Network) {
	r.install(now, network)
	r.installStatics(now, port)
	r.forgetAsk(port)
	if network == 0 {
		r.asks = append(r.asks, ask{port: port, at: now.Add(firstAsk), after: firstAsk})
	}
	r.question(port, All)
}

// RemovePort says farewell on the port, and forgets what was learned there.
func (r *Router) RemovePort(now time.Time, port int) {
	p, ok := r.t.Port(port)
	if !ok {
		return
	}
	r.forgetAsk(port)
	r.t.RemovePort(now, port)
	r.install(now, p.Network)
	r.installStatics(now, port)
	r.t.Done(now)
}

// Close says farewell on every port.
func (r *Router) Close(now time.Time) {
	var ids []int
	r.t.Ports(func(p vector.Port) { ids = append(ids, p.ID) })
	for _, id := range ids {
		r.RemovePort(now, id)
	}
}

// Request asks the routers of a port, or of AllPorts, for a network or for All.
func (r *Router) Request(now time.Time, port int, network ipxwire.Network) {
	r.t.Ports(func(p vector.Port) {
		if port == AllPorts || port == p.ID {
			r.question(p.ID, network)
		}
	})
}

// question broadcasts a request. Its hops and ticks mean nothing; some routers want to see that the network is down.
func (r *Router) question(port int, network ipxwire.Network) {
	p, ok := r.t.Port(port)
	if !ok {
		return
	}
	r.stats.Questions++
	r.scratch = Append(r.scratch[:0], Request, Entry{Network: network, Hops: Down})
	r.c.Send(port, ipxwire.Addr{Net: p.Network, Node: ipxwire.Broadcast, Socket: ipxwire.SocketRIP}, r.scratch)
}

// askAgain repeats the question on ports whose network nobody told.
func (r *Router) askAgain(now time.Time) {
	for i := range r.asks {
		if a := &r.asks[i]; !now.Before(a.at) {
			a.after = min(2*a.after, r.update())
			a.at = now.Add(a.after)
			r.question(a.port, All)
		}
	}
}

func (r *Router) update() time.Duration {
	if r.c.Update > 0 {
		return r.c.Update
	}
	return vector.DefaultUpdate
}

func (r *Router) forgetAsk(port int) {
	r.asks = slices.DeleteFunc(r.asks, func(a ask) bool { return a.port == port })
}

// ErrRoute tells that a route cannot be one.
var ErrRoute = errors.New("ipx rip: no such route")

// AddStatic adds a route that no packet changes, or replaces it. It needs a network, and a next hop unless it is
// inside this node (Local). Zero ticks: one more than its hops. It waits where its port is missing, and where the
// network is a port's own.
func (r *Router) AddStatic(now time.Time, v Route) error {
	switch {
	case v.Network == 0 || v.Network == All:
		return fmt.Errorf("%w: network %v is reserved; want 00000001 to fffffffe", ErrRoute, v.Network)
	case v.Hops >= Down:
		return fmt.Errorf("%w: %d hops to %v; want 0 to 15", ErrRoute, v.Hops, v.Network)
	case v.Port != Local && (v.NextHop.IsZero() || v.NextHop.IsGroup()):
		return fmt.Errorf("%w: next hop %v to %v is no station", ErrRoute, v.NextHop, v.Network)
	}
	if v.Ticks == 0 {
		v.Ticks = v.Hops + 1
	}
	v.Static, v.Expires = true, time.Time{}
	r.dropStatic(v.Network)
	r.statics = append(r.statics, v)
	r.install(now, v.Network)
	r.t.Done(now)
	return nil
}

// RemoveStatic removes what AddStatic added; it reports whether there was such a route.
func (r *Router) RemoveStatic(now time.Time, network ipxwire.Network) bool {
	if !r.dropStatic(network) {
		return false
	}
	r.install(now, network)
	r.t.Done(now)
	return true
}

func (r *Router) dropStatic(network ipxwire.Network) bool {
	n := len(r.statics)
	r.statics = slices.DeleteFunc(r.statics, func(v Route) bool { return v.Network == network })
	return len(r.statics) < n
}

func (r *Router) installStatics(now time.Time, port int) {
	for _, v := range r.statics {
		if v.Port == port {
			r.install(now, v.Network)
		}
	}
}

// install makes the entry of a network what is configured: the network of a port before a static route, and neither
// if there is none, so that it may be learned.
func (r *Router) install(now time.Time, network ipxwire.Network) {
	if network == 0 {
		return
	}
	old := r.t.Find(network)
	want, ok := r.configured(network)
	switch {
	case ok && (old == nil || old.IsLearned() || !isSame(old, &want)):
		r.t.Set(want)
	case !ok && old != nil && !old.IsLearned():
		r.t.Fail(now, old)
	}
}

func isSame(a, b *vector.Entry[ipxwire.Network, value]) bool {
	return a.Value == b.Value && a.Hops == b.Hops && a.Port == b.Port
}

func (r *Router) configured(network ipxwire.Network) (e vector.Entry[ipxwire.Network, value], ok bool) {
	e.Key = network
	r.t.Ports(func(p vector.Port) {
		if p.Network == network && !ok {
			e.Port, e.Value.ticks, ok = p.ID, p.Ticks, true
		}
	})
	if ok {
		return e, true
	}
	for _, v := range r.statics {
		_, isThere := r.t.Port(v.Port)
		if v.Network == network && (isThere || v.Port == Local) {
			e.Port, e.Hops, e.Value = v.Port, v.Hops, value{ticks: v.Ticks, nextHop: v.NextHop, static: true}
			return e, true
		}
	}
	return e, false
}
