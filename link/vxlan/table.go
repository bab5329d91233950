package vxlan

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tapestry/link/ethernet"
)

// Entry says behind which VTEP an address is.
type Entry struct {
	Addr   ethernet.Addr  `json:"addr"`
	VTEP   netip.AddrPort `json:"vtep"`
	Static bool           `json:"static"`
	Idle   time.Duration  `json:"idle"` // since the last frame from it, to a second; of a learned entry
}

// vtep is a tunnel end elsewhere.
type vtep struct {
	addr    netip.AddrPort
	udp     *net.UDPAddr // the same
	listed  bool         // in Config.Peers
	learned int          // addresses behind it; guarded by table.mu
}

func newVTEP(a netip.AddrPort, listed bool) *vtep {
	return &vtep{addr: a, udp: net.UDPAddrFromAddrPort(a), listed: listed}
}

type entry struct {
	at     *vtep
	seen   time.Time
	static bool
}

// fresh is how old an entry may be before a frame renews it: not each costs a write to the table.
const fresh = time.Second

// table knows VTEPs and the addresses behind them. The caller tells the time.
type table struct {
	age                  time.Duration
	maxAddrs, maxPerPeer int
	learning             bool
	port                 uint16 // of VTEPs within allow
	allow                []netip.Prefix
	listed               map[netip.AddrPort]*vtep
	flood                []*vtep // read-only

	mu      sync.Mutex
	vteps   map[netip.Addr]*vtep // the first of Peers with this address, or one within allow that has entries
	entries map[ethernet.Addr]entry
	swept   time.Time // before this moment nothing more can have aged
}

func newTable(c Config) *table {
	t := &table{
		age: c.Age, maxAddrs: c.MaxAddrs, maxPerPeer: c.MaxPerPeer, learning: !c.NoLearning, port: c.Port,
		allow: slices.Clone(c.Allow), listed: map[netip.AddrPort]*vtep{}, vteps: map[netip.Addr]*vtep{},
		entries: map[ethernet.Addr]entry{},
	}
	for _, p := range c.Peers {
		if t.listed[p] != nil {
			continue
		}
		v := newVTEP(p, true)
		t.listed[p] = v
		t.flood = append(t.flood, v)
		if t.vteps[p.Addr()] == nil {
			t.vteps[p.Addr()] = v
		}
	}
	if c.Group.IsValid() {
		t.flood = append(t.flood, newVTEP(c.Group, true))
	}
	for _, e := range c.Static {
		t.setStatic(e.Addr, e.VTEP)
	}
	return t
}

// knows reports whether from may send to us, and gives its VTEP if there is one already.
func (t *table) knows(from netip.AddrPort) (*vtep, bool) {
	if v := t.listed[from]; v != nil {
		return v, true
	}
	t.mu.Lock()
	v := t.vteps[from.Addr()]
	t.mu.Unlock()
	if v != nil && v.listed {
		return v, true
	}
	plain := from.Addr().WithZone("")
	for _, p := range t.allow {
		if p.Contains(plain) {
			return v, true
		}
	}
	return nil, false
}

// learn notes that a is behind from, whose VTEP is v unless that is nil. It reports whether the frame may pass, and
// whether the address was elsewhere before.
func (t *table) learn(now time.Time, a ethernet.Addr, from netip.AddrPort, v *vtep) (ok, moved bool) {
	if a.IsMulticast() || a.IsZero() {
		return true, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e, there := t.entries[a]
	if there && e.static {
		return e.at == v || e.at.addr.Addr() == from.Addr(), false
	}
	if !t.learning {
		return true, false
	}
	if there && e.at == v {
		if now.Sub(e.seen) >= fresh {
			t.entries[a] = entry{at: v, seen: now}
		}
		return true, false
	}
	return true, t.insert(now, a, from, v) && there
}

// insert puts a learned address in or moves it, if the limits let it. t.mu is held.
func (t *table) insert(now time.Time, a ethernet.Addr, from netip.AddrPort, v *vtep) bool {
	if v == nil {
		if v = t.vteps[from.Addr()]; v == nil {
			v = newVTEP(netip.AddrPortFrom(from.Addr(), t.port), false)
		}
	}
	old, there := t.entries[a]
	if v.learned >= t.maxPerPeer || !there && len(t.entries) >= t.maxAddrs {
		t.sweep(now)
		old, there = t.entries[a]
		if v.learned >= t.maxPerPeer || !there && len(t.entries) >= t.maxAddrs {
			return false
		}
	}
	if there {
		t.remove(a, old)
	}
	if !v.listed {
		t.vteps[v.addr.Addr()] = v
	}
	v.learned++
	t.entries[a] = entry{at: v, seen: now}
	return true
}

// remove takes an entry out, and its VTEP if nothing else is known behind that. t.mu is held.
func (t *table) remove(a ethernet.Addr, e entry) {
	delete(t.entries, a)
	if e.static {
		return
	}
	if e.at.learned--; e.at.learned == 0 && !e.at.listed && t.vteps[e.at.addr.Addr()] == e.at {
		delete(t.vteps, e.at.addr.Addr())
	}
}

// sweep removes what has aged, unless the last sweep showed that nothing can have. t.mu is held.
func (t *table) sweep(now time.Time) {
	if now.Before(t.swept) {
		return
	}
	t.swept = now.Add(t.age)
	for a, e := range t.entries {
		if e.static {
			continue
		}
		if ends := e.seen.Add(t.age); !now.Before(ends) {
			t.remove(a, e)
		} else if ends.Before(t.swept) {
			t.swept = ends
		}
	}
}

// lookup gives the VTEP behind which a is, nil if none is known. t.mu is held.
func (t *table) lookup(now time.Time, a ethernet.Addr) *vtep {
	if a.IsMulticast() {
		return nil
	}
	e, ok := t.entries[a]
	if !ok || !e.static && now.Sub(e.seen) >= t.age {
		return nil
	}
	return e.at
}

// setStatic fixes the VTEP of an address, also of one that was learned. It reports whether there was room.
func (t *table) setStatic(a ethernet.Addr, at netip.AddrPort) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, there := t.entries[a]
	if !there && len(t.entries) >= t.maxAddrs {
		return false
	}
	if there {
		t.remove(a, old)
	}
	v := t.listed[at]
	if v == nil {
		v = newVTEP(at, false)
	}
	t.entries[a] = entry{at: v, static: true}
	return true
}

// forget removes an entry of any kind.
func (t *table) forget(a ethernet.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.entries[a]
	if ok {
		t.remove(a, e)
	}
	return ok
}

// list gives what is known at a moment, sorted by address.
func (t *table) list(now time.Time) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Entry, 0, len(t.entries))
	for a, e := range t.entries {
		switch idle := now.Sub(e.seen); {
		case e.static:
			all = append(all, Entry{Addr: a, VTEP: e.at.addr, Static: true})
		case idle < t.age:
			all = append(all, Entry{Addr: a, VTEP: e.at.addr, Idle: max(0, idle)})
		}
	}
	slices.SortFunc(all, func(x, y Entry) int { return slices.Compare(x.Addr[:], y.Addr[:]) })
	return all
}
