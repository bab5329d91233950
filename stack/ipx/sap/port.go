package sap

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/internal/vector"
)

// AddPort begins to ask, to learn and to advertise on a port. network 0: not known yet. A port that exists is removed
// first.
func (a *Agent) AddPort(now time.Time, port int, network ipxwire.Network) {
	a.t.AddPort(now, vector.Port{ID: port, Network: network})
	a.settle(now, port)
}

// SetNetwork gives a port another network.
func (a *Agent) SetNetwork(now time.Time, port int, network ipxwire.Network) {
	p, ok := a.t.Port(port)
	if !ok || p.Network == network {
		return
	}
	a.t.SetNetwork(now, port, network)
	a.settle(now, port)
}

// settle installs what is configured for a port, and asks its neighbours what they know.
func (a *Agent) settle(now time.Time, port int) {
	for _, e := range a.statics {
		if e.Port == port {
			e.Value.isUnreachable = a.distance(e.Value.addr.Net) == far
			a.t.Set(e)
		}
	}
	a.question(port, GeneralQuery, AnyType)
	a.t.Done(now)
}

// RemovePort says farewell on the port, and forgets what was learned there.
func (a *Agent) RemovePort(now time.Time, port int) {
	a.t.RemovePort(now, port)
	a.t.Done(now)
}

// Close says farewell on every port.
func (a *Agent) Close(now time.Time) {
	var ids []int
	a.t.Ports(func(p vector.Port) { ids = append(ids, p.ID) })
	for _, id := range ids {
		a.RemovePort(now, id)
	}
}

// RoutesChanged tells that Reachable may answer otherwise: what cannot be reached is told as gone, and what can be
// again as there. It looks at once, but no more than once in a gap, so that routes which flap do not cost more.
func (a *Agent) RoutesChanged(now time.Time) {
	if a.check.IsZero() {
		a.check = a.checked
		if a.check.Before(now) {
			a.check = now
		}
	}
	a.recheck(now)
	a.t.Done(now)
}

// recheck looks for services whose reach changed, if it is time.
func (a *Agent) recheck(now time.Time) {
	if a.check.IsZero() || now.Before(a.check) {
		return
	}
	a.check, a.checked = time.Time{}, now.Add(a.t.Gap())
	for _, e := range a.t.Entries() {
		if is := a.distance(e.Value.addr.Net) == far; is != e.Value.isUnreachable {
			e.Value.isUnreachable = is
			a.t.Touch(e)
		}
	}
}

// Query asks on a port, or on AllPorts: GeneralQuery or NearestQuery for a type or AnyType.
func (a *Agent) Query(now time.Time, port int, kind Operation, t Type) {
	a.t.Ports(func(p vector.Port) {
		if port == AllPorts || port == p.ID {
			a.question(p.ID, kind, t)
		}
	})
}

func (a *Agent) question(port int, kind Operation, t Type) {
	p, ok := a.t.Port(port)
	if !ok {
		return
	}
	a.stats.Questions++
	a.scratch = AppendQuery(a.scratch[:0], kind, t)
	a.c.Send(port, ipxwire.Addr{Net: p.Network, Node: ipxwire.Broadcast, Socket: ipxwire.SocketSAP}, a.scratch)
}

// ErrService tells that a service cannot be one.
var ErrService = errors.New("ipx sap: no such service")

// AddStatic adds a service that no packet changes, or replaces it: one of this node (Port Local) or one elsewhere.
// Its name is told in upper case. Of network zero it is told in the network of each port. One elsewhere waits where
// its port is missing.
func (a *Agent) AddStatic(now time.Time, s Service) error {
	e, err := static(s)
	if err != nil {
		return err
	}
	e.Value.isUnreachable = a.distance(s.Addr.Net) == far
	a.dropStatic(e.Key)
	a.statics = append(a.statics, e)
	if _, ok := a.t.Port(e.Port); ok || e.Port == Local {
		a.t.Set(e)
	}
	a.t.Done(now)
	return nil
}

func static(s Service) (e entry, err error) {
	name, err := MakeName(s.Name)
	switch {
	case err != nil:
		return e, fmt.Errorf("%w: name %q: %w", ErrService, s.Name, err)
	case s.Type == 0 || s.Type == AnyType:
		return e, fmt.Errorf("%w: type %04x of %q is reserved; want 0001 to fffe", ErrService, uint16(s.Type), s.Name)
	case s.Hops >= Down:
		return e, fmt.Errorf("%w: %d hops to %q; want 0 to 15", ErrService, s.Hops, s.Name)
	case s.Addr.Node.IsZero() || s.Addr.Node.IsGroup() || s.Addr.Socket == 0:
		return e, fmt.Errorf("%w: address %v of %q is no socket of a station", ErrService, s.Addr, s.Name)
	}
	e = entry{Key: key{s.Type, name}, Hops: s.Hops, Port: s.Port, Value: value{addr: s.Addr, static: true}}
	return e, nil
}

// RemoveStatic removes what AddStatic added; it reports whether there was such a service.
func (a *Agent) RemoveStatic(now time.Time, t Type, name string) bool {
	n, err := MakeName(name)
	k := key{t, n}
	if err != nil || !a.dropStatic(k) {
		return false
	}
	if e := a.t.Find(k); e != nil && !e.IsLearned() {
		a.t.Fail(now, e)
	}
	a.t.Done(now)
	return true
}

func (a *Agent) dropStatic(k key) bool {
	n := len(a.statics)
	a.statics = slices.DeleteFunc(a.statics, func(e entry) bool { return e.Key == k })
	return len(a.statics) < n
}
