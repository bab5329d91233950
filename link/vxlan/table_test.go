package vxlan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tapestry/link/ethernet"
)

var epoch = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func station(i int) ethernet.Addr {
	return ethernet.Addr{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
}

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// known is a table with two peers and a prefix.
func known(t testing.TB, c Config) *table {
	t.Helper()
	c.Peers = []netip.AddrPort{at("198.51.100.1:4789"), at("198.51.100.2:4789"), at("198.51.100.2:4790")}
	c.Allow = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("fe80::/10")}
	c.Conn = closedConn(t)
	c, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return newTable(c)
}

func (t *table) at(now time.Time, a ethernet.Addr) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.lookup(now, a); v != nil {
		return v.addr.String()
	}
	return "flood"
}

// hear has a frame with source address a arrive.
func (t *table) hear(now time.Time, a ethernet.Addr, from string) (ok, moved bool) {
	v, known := t.knows(at(from))
	if !known {
		return false, false
	}
	return t.learn(now, a, at(from), v)
}

func TestKnows(t *testing.T) {
	tests := []struct {
		name, from string
		ok         bool
		vtep       string // of the peer; empty: made when learned
	}{
		{"peer", "198.51.100.1:4789", true, "198.51.100.1:4789"},
		{"peer, another source port", "198.51.100.1:50000", true, "198.51.100.1:4789"},
		{"one of two on a machine", "198.51.100.2:4790", true, "198.51.100.2:4790"},
		{"either of two on a machine", "198.51.100.2:1", true, "198.51.100.2:4789"},
		{"allowed", "203.0.113.9:40000", true, ""},
		{"allowed with a zone", "[fe80::1%eth0]:40000", true, ""},
		{"stranger", "198.51.100.3:4789", false, ""},
		{"stranger, IPv6", "[2001:db8::1]:4789", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, ok := known(t, Config{}).knows(at(tt.from))
			got := ""
			if v != nil {
				got = v.addr.String()
			}
			if ok != tt.ok || got != tt.vtep {
				t.Errorf("knows(%s) = %q, %v, want %q, %v", tt.from, got, ok, tt.vtep, tt.ok)
			}
		})
	}
}

func TestLearning(t *testing.T) {
	tab := known(t, Config{Age: time.Minute})
	now := epoch
	expect := func(a ethernet.Addr, want string) {
		t.Helper()
		if got := tab.at(now, a); got != want {
			t.Errorf("after %v: %v is at %s, want %s", now.Sub(epoch), a, got, want)
		}
	}
	expect(station(1), "flood")
	tab.hear(now, station(1), "198.51.100.1:33333")
	expect(station(1), "198.51.100.1:4789")
	tab.hear(now, station(2), "203.0.113.7:33333")
	expect(station(2), "203.0.113.7:4789")

	if ok, moved := tab.hear(now, station(1), "203.0.113.7:1"); !ok || !moved {
		t.Errorf("move: %v, %v, want true, true", ok, moved)
	}
	expect(station(1), "203.0.113.7:4789")

	now = now.Add(59 * time.Second)
	tab.hear(now, station(1), "203.0.113.7:1")
	now = now.Add(time.Second)
	expect(station(2), "flood")
	expect(station(1), "203.0.113.7:4789")
	now = now.Add(time.Minute)
	expect(station(1), "flood")

	for _, a := range []ethernet.Addr{ethernet.Broadcast, {1, 0, 0x5e, 0, 0, 1}, {}} {
		tab.hear(now, a, "198.51.100.1:4789")
		expect(a, "flood")
	}
	tab.sweep(now)
	if len(tab.entries) != 0 || len(tab.vteps) != 2 {
		t.Errorf("%d entries and %d VTEPs are left, want 0 and the 2 of the peers", len(tab.entries), len(tab.vteps))
	}
}

func TestStatic(t *testing.T) {
	tab := known(t, Config{Static: []Entry{{Addr: station(1), VTEP: at("198.51.100.1:0")}, {Addr: station(2), VTEP: at("203.0.113.7:0")}}})
	tests := []struct {
		name string
		a    int
		from string
		ok   bool
	}{
		{"from its peer", 1, "198.51.100.1:7", true},
		{"from another peer", 1, "198.51.100.2:4789", false},
		{"from its VTEP", 2, "203.0.113.7:7", true},
		{"from another VTEP", 2, "203.0.113.8:4789", false},
		{"another address", 3, "203.0.113.8:4789", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if ok, moved := tab.hear(epoch, station(tt.a), tt.from); ok != tt.ok || moved {
				t.Errorf("passes: %v, moved: %v, want %v, false", ok, moved, tt.ok)
			}
		})
	}
	later := epoch.Add(24 * time.Hour)
	if got := tab.at(later, station(1)); got != "198.51.100.1:4789" {
		t.Errorf("a day later at %s", got)
	}
	if !tab.forget(station(1)) || tab.forget(station(1)) || tab.at(later, station(1)) != "flood" {
		t.Error("a static entry was not forgotten, or twice")
	}
	if l := tab.list(epoch); len(l) != 2 || l[0] != (Entry{Addr: station(2), VTEP: at("203.0.113.7:4789"), Static: true}) {
		t.Errorf("list = %+v", l)
	}
}

// TestLimits: a peer that makes up addresses neither grows the table nor keeps others from being learned.
func TestLimits(t *testing.T) {
	tab := known(t, Config{MaxAddrs: 40, Age: time.Minute})
	for i := range 10_000 {
		tab.hear(epoch, station(i), "198.51.100.1:4789")
	}
	if len(tab.entries) != 10 {
		t.Errorf("one peer has %d entries, want a quarter of 40", len(tab.entries))
	}
	for i := range 10_000 { // more senders than entries
		tab.hear(epoch, station(20_000+i), fmt.Sprintf("203.0.113.%d:4789", i%256))
	}
	if len(tab.entries) != 40 || len(tab.vteps) > 2+30 {
		t.Errorf("%d entries, %d VTEPs, want 40 and at most 32", len(tab.entries), len(tab.vteps))
	}
	if tab.setStatic(station(1<<20), at("198.51.100.1:4789")) {
		t.Error("a static entry found room in a full table")
	}
	later := epoch.Add(time.Minute)
	tab.hear(later, station(500), "198.51.100.2:4789")
	if got := tab.at(later, station(500)); got != "198.51.100.2:4789" || len(tab.entries) != 1 {
		t.Errorf("after ageing at %s among %d entries, want 198.51.100.2:4789 alone", got, len(tab.entries))
	}
}

// TestCounts holds the counts of addresses behind VTEPs against a recount, after random events.
func TestCounts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	tab := known(t, Config{MaxAddrs: 50, MaxPerPeer: 20, Age: time.Minute})
	from := []string{"198.51.100.1:9", "198.51.100.2:4790", "198.51.100.2:4789", "203.0.113.1:9", "203.0.113.2:9"}
	now := epoch
	for range 20_000 {
		a := station(r.IntN(100))
		switch r.IntN(20) {
		case 0:
			tab.forget(a)
		case 1:
			tab.setStatic(a, at(from[r.IntN(len(from))]))
			tab.forget(station(r.IntN(100)))
		case 2:
			now = now.Add(time.Duration(r.IntN(20)) * time.Second)
		default:
			tab.hear(now, a, from[r.IntN(len(from))])
		}
		count := map[*vtep]int{}
		for _, e := range tab.entries {
			if !e.static {
				count[e.at]++
			}
		}
		for _, v := range tab.vteps {
			if !v.listed && count[v] == 0 {
				t.Fatalf("%v is kept without entries", v.addr)
			}
		}
		for v, n := range count {
			if v.learned != n || n > 20 || len(tab.entries) > 50 {
				t.Fatalf("%v counts %d of %d entries, %d in all", v.addr, v.learned, n, len(tab.entries))
			}
		}
	}
}
