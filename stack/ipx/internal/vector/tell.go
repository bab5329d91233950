package vector

import (
	"slices"
	"time"

	"tapestry/internal/ipxwire"
)

// maxJobs bounds the answers that wait on a port.
const maxJobs = 8

// kind is why something is told. The lesser goes first.
type kind uint8

const (
	changes kind = iota
	everything
	answer
)

// job is something to be told, in as many packets as it takes.
type job[K comparable] struct {
	kind    kind
	to      ipxwire.Addr
	want    uint16 // of an answer: see Config.Matches
	since   uint64 // changes: those after this one
	upTo    uint64 // up to this one
	hasSent bool   // up to after
	after   K
}

// enqueue puts a job behind those of its kind.
func (p *port[K]) enqueue(j job[K]) {
	i := len(p.jobs)
	for i > 0 && p.jobs[i-1].kind > j.kind {
		i--
	}
	p.jobs = slices.Insert(p.jobs, i, j)
}

// push queues what is to be told to all, after which the port knows of all changes up to seq.
func (p *port[K]) push(j job[K], seq uint64) {
	p.enqueue(j)
	p.told = seq
}

// waiting gives the first job of a kind that nothing was sent of, or nil.
func (p *port[K]) waiting(k kind) *job[K] {
	for i := range p.jobs {
		if j := &p.jobs[i]; j.kind == k && !j.hasSent {
			return j
		}
	}
	return nil
}

// Answer queues an answer about want. An asker has one answer under way.
func (t *Table[K, V]) Answer(id int, to ipxwire.Addr, want uint16) {
	p := t.port(id)
	if p == nil {
		return
	}
	n := 0
	for _, j := range p.jobs {
		if j.kind != answer {
			continue
		}
		if n++; j.to == to && j.want == want {
			return
		}
	}
	if n >= maxJobs {
		t.Stats.Refused++
		return
	}
	p.enqueue(job[K]{kind: answer, to: to, want: want})
}

// Done ends a call of the protocol: what changed is told, and Changed is called.
func (t *Table[K, V]) Done(now time.Time) {
	for _, p := range t.ports {
		t.tellChanges(p)
		t.work(now, p)
	}
	if t.dirty {
		t.dirty = false
		t.c.Changed()
	}
}

// Tick does what is due.
func (t *Table[K, V]) Tick(now time.Time) {
	t.age(now)
	for _, p := range t.ports {
		if !p.update.IsZero() && !now.Before(p.update) {
			t.tellAll(p)
			p.update = next(p.update, t.c.Update, now)
		}
	}
	t.Done(now)
}

// next gives the deadline after now, which keeps its phase unless it was missed for long.
func next(last time.Time, every time.Duration, now time.Time) time.Time {
	if n := last.Add(every); n.After(now) {
		return n
	}
	return now.Add(every)
}

// Next is when Tick is to be called; zero: never.
func (t *Table[K, V]) Next() time.Time {
	at := t.expiry
	for _, p := range t.ports {
		at = earlier(at, p.update)
		if len(p.jobs) > 0 {
			at = earlier(at, p.ready)
		}
	}
	return at
}

// tellAll queues an advertisement of everything, unless the last has not begun.
func (t *Table[K, V]) tellAll(p *port[K]) {
	if p.waiting(everything) == nil {
		p.push(job[K]{kind: everything, to: t.broadcast(p)}, t.seq)
	}
}

// Gap is the time between two packets.
func (t *Table[K, V]) Gap() time.Duration { return t.c.Gap }

// tellChanges queues a triggered update if the port was not told of all changes. One that nothing was sent of yet
// grows, and none is needed where everything is told next.
func (t *Table[K, V]) tellChanges(p *port[K]) {
	if p.told == t.seq || !t.tells(p) {
		return
	}
	if len(p.jobs) > 0 && p.jobs[0].kind == everything && !p.jobs[0].hasSent {
		p.told = t.seq
		return
	}
	if j := p.waiting(changes); j != nil {
		j.upTo, p.told = t.seq, t.seq
		return
	}
	p.push(job[K]{kind: changes, to: t.broadcast(p), since: p.told, upTo: t.seq}, t.seq)
}

// work sends what is due on a port. Answers take turns.
func (t *Table[K, V]) work(now time.Time, p *port[K]) {
	for len(p.jobs) > 0 && !now.Before(p.ready) {
		j := p.jobs[0]
		w := t.write(p, j.kind == changes)
		p.jobs = append(p.jobs[:0], p.jobs[1:]...)
		if !t.fill(&w, &j) {
			p.resume(j)
		}
		if w.send(j.to) {
			p.ready = now.Add(t.c.Gap)
		}
	}
}

// resume puts a job back that is not done: an answer behind the others, all else where it was.
func (p *port[K]) resume(j job[K]) {
	if j.kind == answer {
		p.jobs = append(p.jobs, j)
		return
	}
	p.jobs = slices.Insert(p.jobs, 0, j)
}

// fill writes one packet of a job, and reports whether nothing of the job is left.
func (t *Table[K, V]) fill(w *writer[K, V], j *job[K]) bool {
	i := 0
	if j.hasSent {
		var ok bool
		if i, ok = t.search(j.after); ok {
			i++
		}
	}
	for ; i < len(t.entries); i++ {
		e := t.entries[i]
		if !t.belongs(j, e) {
			continue
		}
		if !w.add(e) {
			return false
		}
		j.hasSent, j.after = true, e.Key
	}
	return true
}

// belongs reports whether a job tells of an entry.
func (t *Table[K, V]) belongs(j *job[K], e *Entry[K, V]) bool {
	switch j.kind {
	case changes:
		return e.changed > j.since && e.changed <= j.upTo
	case answer:
		return e.IsUp() && t.c.Matches(e.Key, j.want)
	}
	return true
}

// writer collects the entries of one packet.
type writer[K, V comparable] struct {
	t *Table[K, V]
	p *port[K]
	n int // entries

	isNews bool
}

func (t *Table[K, V]) write(p *port[K], isNews bool) writer[K, V] {
	t.scratch = t.c.Begin(t.scratch[:0])
	return writer[K, V]{t: t, p: p, isNews: isNews}
}

// add writes an entry if it is told on the port, and reports false if there is no room left for one.
func (w *writer[K, V]) add(e *Entry[K, V]) bool {
	t := w.t
	if e.Port == w.p.ID {
		return true
	}
	if w.n == t.c.PerPacket {
		return false
	}
	before := len(t.scratch)
	t.scratch = t.c.Append(t.scratch, e, w.p.Port, w.isNews)
	if len(t.scratch) > before {
		w.n++
	}
	return true
}

// send sends what was collected, unless it is nothing, and begins again.
func (w *writer[K, V]) send(to ipxwire.Addr) bool {
	t := w.t
	if w.n == 0 {
		return false
	}
	t.Stats.Sent++
	t.c.Send(w.p.ID, to, t.scratch)
	t.scratch, w.n = t.c.Begin(t.scratch[:0]), 0
	return true
}
