package vector

import (
	"slices"
	"time"

	"tapestry/internal/ipxwire"
)

// Learn takes what a neighbour on a port told of a key.
func (t *Table[K, V]) Learn(now time.Time, id int, from ipxwire.Node, k K, v V, hops uint16) {
	p := t.port(id)
	if p == nil || from.IsZero() {
		return
	}
	hops = min(max(hops, 1), Infinity)
	e := t.Find(k)
	switch {
	case e == nil && hops < Infinity:
		t.insert(now, p, from, k, v, hops)
	case e == nil:
	case e.Port == id && e.From == from:
		t.hear(now, e, v, hops)
	case !e.IsLearned() && e.IsUp():
		t.contradict(e, id, hops)
	case hops == Infinity:
		t.contradict(e, id, hops)
	case t.prefers(now, e, v, hops):
		t.take(now, e, p, from, v, hops)
	}
}

// hear takes the word of the neighbour that an entry is from.
func (t *Table[K, V]) hear(now time.Time, e *Entry[K, V], v V, hops uint16) {
	if hops == Infinity {
		t.Fail(now, e)
		return
	}
	t.expire(e, now.Add(t.c.Age))
	if e.Hops != hops || e.Value != v {
		e.Hops, e.Value = hops, v
		t.Touch(e)
	}
}

// contradict answers a neighbour that believes a key to be down, which is up elsewhere: it is told so on its port.
func (t *Table[K, V]) contradict(e *Entry[K, V], id int, hops uint16) {
	if hops == Infinity && e.IsUp() && e.Port != id {
		t.Again(e)
	}
}

// prefers reports whether another neighbour's word is to replace an entry.
func (t *Table[K, V]) prefers(now time.Time, e *Entry[K, V], v V, hops uint16) bool {
	if !e.IsUp() || t.c.Better(v, hops, e.Value, e.Hops) {
		return true
	}
	isStale := e.Expires.Sub(now) < t.c.Age/3
	return isStale && !t.c.Better(e.Value, e.Hops, v, hops)
}

// take gives an entry to another neighbour.
func (t *Table[K, V]) take(now time.Time, e *Entry[K, V], p *port[K], from ipxwire.Node, v V, hops uint16) {
	spare := 0 // on a port that is full, what it has may still change hands
	if e.IsLearned() && e.Port == p.ID {
		spare = 1
	}
	if !t.hasRoom(p, from, spare) {
		t.Stats.Full++
		return
	}
	t.disown(e)
	p.own(from)
	e.Port, e.From, e.Value, e.Hops = p.ID, from, v, hops
	t.expire(e, now.Add(t.c.Age))
	t.Touch(e)
}

// insert learns a new key.
func (t *Table[K, V]) insert(now time.Time, p *port[K], from ipxwire.Node, k K, v V, hops uint16) {
	if len(t.entries) >= t.c.Max || !t.hasRoom(p, from, 0) {
		t.Stats.Full++
		return
	}
	p.own(from)
	e := &Entry[K, V]{Key: k, Value: v, Hops: hops, Port: p.ID, From: from}
	i, _ := t.search(k)
	t.entries = slices.Insert(t.entries, i, e)
	t.expire(e, now.Add(t.c.Age))
	t.Touch(e)
}

// hasRoom reports whether the limits allow another entry of a neighbour, where spare ones of its port go.
func (t *Table[K, V]) hasRoom(p *port[K], from ipxwire.Node, spare int) bool {
	return p.learned-spare < t.c.MaxPerPort && p.from[from] < t.c.MaxPerFrom
}

// own counts an entry for a neighbour.
func (p *port[K]) own(from ipxwire.Node) {
	p.learned++
	p.from[from]++
}

// disown ends the count of a learned entry, which is nobody's from here on.
func (t *Table[K, V]) disown(e *Entry[K, V]) {
	if !e.IsLearned() {
		return
	}
	p := t.port(e.Port)
	p.learned--
	if p.from[e.From]--; p.from[e.From] == 0 {
		delete(p.from, e.From)
	}
	e.From = ipxwire.Node{}
}
