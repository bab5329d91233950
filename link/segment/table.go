package segment

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link/ethernet"
)

// station is an address in a VLAN, as one word: what a table is searched for.
type station uint64

func newStation(a []byte, vlan uint16) station {
	_ = a[5]
	return station(vlan)<<48 | station(a[0])<<40 | station(a[1])<<32 | station(a[2])<<24 | station(a[3])<<16 |
		station(a[4])<<8 | station(a[5])
}

func (k station) addr() ethernet.Addr {
	return ethernet.Addr{byte(k >> 40), byte(k >> 32), byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)}
}

func (k station) vlan() uint16 { return uint16(k >> 48) }

// withoutVLAN is the address alone.
func (k station) withoutVLAN() station { return k & (1<<48 - 1) }

func (k station) isGroup() bool { return k>>40&1 != 0 }

// entry says behind which port a station is. Its key and whether it is static never change, so that whoever kept one
// can see without a lock whether it still says something: an entry that was taken out of the table has no port.
type entry struct {
	key    station
	static bool
	port   atomic.Pointer[Port]
	seen   atomic.Int64 // when the station last sent, in the segment's time
}

// table is the filtering database (IEEE 802.1D-2004 §7.9). Frames of known stations read it; one that brings news
// locks it.
type table struct {
	age     atomic.Int64 // after which an entry says nothing, nanoseconds
	usual   time.Duration
	max     int64
	portMax int32

	learned   atomic.Int64 // entries that are not static; written under mu
	nextSweep atomic.Int64 // not before this instant, in the segment's time; written under mu

	mu      sync.RWMutex
	entries map[station]*entry
}

func (t *table) init(c Config) {
	t.entries = map[station]*entry{}
	t.usual = c.Age
	t.hurry(0)
	t.max, t.portMax = int64(c.MaxAddrs), int32(c.MaxPortAddrs)
}

// hurry has entries age within d, as after a change of topology (IEEE 802.1D-1998 §8.3.5); zero: as ever.
func (t *table) hurry(d time.Duration) {
	if d == 0 || d > t.usual {
		d = t.usual
	}
	t.age.Store(int64(d))
}

// isFresh reports whether e says something at the instant now.
func (t *table) isFresh(e *entry, now time.Duration) bool {
	return e.static || int64(now)-e.seen.Load() < t.age.Load()
}

// lookup finds the port that k is behind; nil: nobody knows. last remembers the answer for the next frame.
func (t *table) lookup(last *atomic.Pointer[entry], k station, now time.Duration) *Port {
	e := last.Load()
	if e == nil || e.key != k || e.port.Load() == nil {
		t.mu.RLock()
		e = t.entries[k]
		t.mu.RUnlock()
		if e == nil {
			return nil
		}
		last.Store(e)
	}
	if !t.isFresh(e, now) {
		return nil
	}
	return e.port.Load()
}

// learn notes that k sent from p.
func (t *table) learn(p *Port, k station, now time.Duration) {
	e := p.src.Load()
	if e == nil || e.key != k {
		t.mu.RLock()
		e = t.entries[k]
		t.mu.RUnlock()
	}
	if e == nil || e.port.Load() != p {
		if e == nil || !e.static {
			t.place(p, k, now)
		}
		return
	}
	if e.seen.Load() != int64(now) {
		e.seen.Store(int64(now))
	}
	if p.src.Load() != e {
		p.src.Store(e)
	}
}

// place makes an entry for a station that is new or has moved, if p may have one more. A port that sends from ever new
// addresses costs no lock once it has its share.
func (t *table) place(p *Port, k station, now time.Duration) {
	if !t.hasRoom(p) && int64(now) < t.nextSweep.Load() {
		p.unlearned.Add(1)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[k]
	if e != nil && e.static || !p.has(modeLearn) {
		return
	}
	if !t.hasRoom(p) {
		t.sweep(now)
		if e = t.entries[k]; !t.hasRoom(p) {
			p.unlearned.Add(1)
			return
		}
	}
	if e == nil {
		e = &entry{key: k}
		t.entries[k] = e
		t.learned.Add(1)
	} else {
		e.port.Load().addrs.Add(-1)
	}
	e.seen.Store(int64(now))
	e.port.Store(p)
	p.addrs.Add(1)
	p.src.Store(e)
}

// hasRoom reports whether p may have one more address.
func (t *table) hasRoom(p *Port) bool {
	n := p.addrs.Load()
	return n < t.portMax && (n < reservedAddrs || t.learned.Load() < t.max)
}

// sweepsPerAge is how often in an ageing time a full table is looked through for what has aged: not for each frame
// of a port that sends from ever new addresses.
const sweepsPerAge = 16

// sweep takes out what has aged; t.mu is held.
func (t *table) sweep(now time.Duration) {
	if int64(now) < t.nextSweep.Load() {
		return
	}
	t.nextSweep.Store(int64(now) + t.age.Load()/sweepsPerAge)
	t.remove(func(e *entry) bool { return !t.isFresh(e, now) })
}

// remove takes out the entries that drop picks; t.mu is held.
func (t *table) remove(drop func(*entry) bool) {
	for k, e := range t.entries {
		if drop(e) {
			t.delete(k, e)
		}
	}
}

func (t *table) delete(k station, e *entry) {
	delete(t.entries, k)
	if !e.static {
		t.learned.Add(-1)
		e.port.Load().addrs.Add(-1)
	}
	e.port.Store(nil)
}

// flushPort forgets what was learned behind p.
func (t *table) flushPort(p *Port) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(func(e *entry) bool { return !e.static && e.port.Load() == p })
}

// dropPort forgets all that is behind p, which is no more.
func (t *table) dropPort(p *Port) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(func(e *entry) bool { return e.port.Load() == p })
}

// Flush forgets all addresses that were learned.
func (s *Segment) Flush() {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.remove(func(e *entry) bool { return !e.static })
}

var errNoPort = errors.New("the port is none of this segment's")

// SetStatic has frames for a station in a VLAN (0 where the segment has none) go to p, whoever else sends from its
// address, until Forget or Detach. It counts against no limit.
func (s *Segment) SetStatic(a ethernet.Addr, vlan uint16, p *Port) error {
	switch {
	case a.IsZero() || a.IsMulticast():
		return fmt.Errorf("segment %s: address %v is no station's", s.name, a)
	case s.vlans != (vlan != 0) || vlan > ethernet.MaxVID:
		return fmt.Errorf("segment %s: VLAN %d: want 1 to %d on a segment with VLANs, else 0", s.name, vlan, ethernet.MaxVID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == nil || !slices.Contains(*s.ports.Load(), p) {
		return fmt.Errorf("segment %s: %v: %w", s.name, a, errNoPort)
	}
	t, k := &s.table, newStation(a[:], vlan)
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.entries[k]; old != nil {
		t.delete(k, old)
	}
	e := &entry{key: k, static: true}
	e.port.Store(p)
	t.entries[k] = e
	return nil
}

// Forget removes an address, static or learned, and reports whether it was in the table.
func (s *Segment) Forget(a ethernet.Addr, vlan uint16) bool {
	t, k := &s.table, newStation(a[:], vlan)
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[k]
	if e != nil {
		t.delete(k, e)
	}
	return e != nil
}

// Addrs lists the addresses that the segment knows, by VLAN and address.
func (s *Segment) Addrs() []AddrEntry {
	now := s.now()
	t := &s.table
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]AddrEntry, 0, len(t.entries))
	for k, e := range t.entries {
		if !t.isFresh(e, now) {
			continue
		}
		p := e.port.Load()
		a := AddrEntry{Addr: k.addr(), VLAN: k.vlan(), Port: p.Name(), Index: p.index, Static: e.static}
		if !e.static {
			a.Idle = now - time.Duration(e.seen.Load())
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b AddrEntry) int {
		return cmp.Compare(newStation(a.Addr[:], a.VLAN), newStation(b.Addr[:], b.VLAN))
	})
	return all
}
