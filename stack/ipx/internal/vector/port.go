package vector

import (
	"slices"
	"time"

	"tapestry/internal/ipxwire"
)

// port is a port, what waits to be told there, and who told what.
type port[K comparable] struct {
	Port
	update time.Time // the next advertisement of everything; zero: none
	ready  time.Time // no packet that tells something leaves earlier
	told   uint64    // the change up to which the port was told, or will be by jobs
	jobs   []job[K]  // by kind

	learned int
	from    map[ipxwire.Node]int
}

func (t *Table[K, V]) port(id int) *port[K] {
	for _, p := range t.ports {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// Port gives a port.
func (t *Table[K, V]) Port(id int) (Port, bool) {
	if p := t.port(id); p != nil {
		return p.Port, true
	}
	return Port{}, false
}

// Ports calls f for each port.
func (t *Table[K, V]) Ports(f func(Port)) {
	for _, p := range t.ports {
		f(p.Port)
	}
}

// AddPort begins on a port; an older one of this number is removed. If its network is known, everything is told there
// a Gap from now, since a request went out before.
func (t *Table[K, V]) AddPort(now time.Time, p Port) {
	t.RemovePort(now, p.ID)
	n := &port[K]{Port: p, told: t.seq, from: make(map[ipxwire.Node]int)}
	t.ports = append(t.ports, n)
	t.begin(now, n)
}

// SetNetwork gives a port another network. What was learned there goes down.
func (t *Table[K, V]) SetNetwork(now time.Time, id int, network ipxwire.Network) {
	p := t.port(id)
	if p == nil {
		return
	}
	t.farewell(p)
	t.failPort(now, id)
	p.Network, p.jobs = network, nil
	t.begin(now, p)
}

// begin schedules the advertisements of a port.
func (t *Table[K, V]) begin(now time.Time, p *port[K]) {
	p.update = time.Time{}
	if !t.tells(p) {
		return
	}
	spread := time.Duration(t.c.Random()%256) * t.c.Update / 1024
	p.update = now.Add(t.c.Update - spread)
	p.ready = now.Add(t.c.Gap)
	p.push(job[K]{kind: everything, to: t.broadcast(p)}, t.seq)
}

// tells reports whether a port is told anything unasked.
func (t *Table[K, V]) tells(p *port[K]) bool { return t.c.Advertises && p.Network != 0 }

// RemovePort tells the neighbours of a port that all is down, and takes down what they told.
func (t *Table[K, V]) RemovePort(now time.Time, id int) {
	p := t.port(id)
	if p == nil {
		return
	}
	t.farewell(p)
	t.failPort(now, id)
	t.ports = slices.DeleteFunc(t.ports, func(q *port[K]) bool { return q == p })
}

// farewell tells a port that everything is down, without gaps: there is no later.
func (t *Table[K, V]) farewell(p *port[K]) {
	if !t.tells(p) {
		return
	}
	w := t.write(p, true)
	for _, e := range t.entries {
		if down := *e; e.IsUp() && e.Port != p.ID {
			down.Hops = Infinity
			if !w.add(&down) {
				w.send(t.broadcast(p))
				w.add(&down)
			}
		}
	}
	w.send(t.broadcast(p))
}

func (t *Table[K, V]) broadcast(p *port[K]) ipxwire.Addr {
	return ipxwire.Addr{Net: p.Network, Node: ipxwire.Broadcast, Socket: t.c.Socket}
}
