package vector

import (
	"slices"
	"time"

	"tapestry/internal/ipxwire"
)

// Stats counts what a table refused and lost.
type Stats struct {
	Full    uint64 // entries that no limit had room for
	Expired uint64 // entries that went down by age
	Refused uint64 // answers that found the queue full
	Sent    uint64 // packets that told something
}

// Table keeps the entries and tells of them.
type Table[K, V comparable] struct {
	Stats Stats

	c       Config[K, V]
	entries []*Entry[K, V] // by key
	ports   []*port[K]
	seq     uint64    // of the last change
	expiry  time.Time // no entry expires earlier; zero: none does
	dirty   bool      // Changed has not been called
	scratch []byte
}

// New makes an empty table.
func New[K, V comparable](c Config[K, V]) *Table[K, V] {
	c.fill()
	return &Table[K, V]{c: c}
}

// Entries gives all entries by key, those that are down too. They belong to the table.
func (t *Table[K, V]) Entries() []*Entry[K, V] { return t.entries }

func (t *Table[K, V]) search(k K) (int, bool) {
	lo, hi := 0, len(t.entries)
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := t.c.Compare(t.entries[mid].Key, k); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// Find gives the entry of a key, or nil. It belongs to the table.
func (t *Table[K, V]) Find(k K) *Entry[K, V] {
	if i, ok := t.search(k); ok {
		return t.entries[i]
	}
	return nil
}

// Set makes the entry of a key what is configured: not aged, and not learned.
func (t *Table[K, V]) Set(e Entry[K, V]) {
	e.From, e.Expires = ipxwire.Node{}, time.Time{}
	i, ok := t.search(e.Key)
	if !ok {
		t.entries = slices.Insert(t.entries, i, &e)
		t.Touch(&e)
		return
	}
	t.disown(t.entries[i])
	*t.entries[i] = e
	t.Touch(t.entries[i])
}

// Touch says that an entry changed: it is told again.
func (t *Table[K, V]) Touch(e *Entry[K, V]) {
	t.seq++
	e.changed = t.seq
	t.dirty = true
}

// Again tells an entry once more, although it did not change.
func (t *Table[K, V]) Again(e *Entry[K, V]) {
	t.seq++
	e.changed = t.seq
}

// Fail takes an entry down.
func (t *Table[K, V]) Fail(now time.Time, e *Entry[K, V]) {
	if !e.IsUp() {
		return
	}
	e.Hops = Infinity
	t.expire(e, now.Add(t.c.hold()))
	t.Touch(e)
}

// failPort takes down what is reached over a port. It is nobody's afterwards.
func (t *Table[K, V]) failPort(now time.Time, id int) {
	for _, e := range t.entries {
		if e.Port == id {
			t.disown(e)
			t.Fail(now, e)
		}
	}
}

// expire moves the expiry of an entry.
func (t *Table[K, V]) expire(e *Entry[K, V], at time.Time) {
	e.Expires = at
	t.expiry = earlier(t.expiry, at)
}

// earlier gives the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// age takes down and forgets what is too old.
func (t *Table[K, V]) age(now time.Time) {
	if t.expiry.IsZero() || now.Before(t.expiry) {
		return
	}
	t.expiry = time.Time{}
	t.entries = slices.DeleteFunc(t.entries, func(e *Entry[K, V]) bool {
		switch {
		case e.Expires.IsZero():
			return false
		case now.Before(e.Expires):
			t.expiry = earlier(t.expiry, e.Expires)
			return false
		case e.IsUp():
			t.Stats.Expired++
			t.Fail(now, e)
			return false
		}
		t.disown(e)
		return true
	})
}
