package vector

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

var (
	start = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	alpha = ipxwire.Node{2, 5: 0xa}
	beta  = ipxwire.Node{2, 5: 0xb}
)

const gap = DefaultGap

// rig is a table of octets to numbers of which the lesser is better, and what it sent: keys with their hops, two a packet.
type rig struct {
	*Table[byte, int]
	now     time.Time
	sent    []string
	changed int
}

func newRig(c Config[byte, int]) *rig {
	g := &rig{now: start}
	c.Compare = cmp.Compare[byte]
	c.Better = func(a int, _ uint16, b int, _ uint16) bool { return a < b }
	c.Matches = func(k byte, want uint16) bool { return want == 0 || uint16(k) == want }
	c.Begin = func(b []byte) []byte { return b }
	c.Append = func(b []byte, e *Entry[byte, int], _ Port, isNews bool) []byte {
		b = append(b, e.Key)
		if e.Hops == Infinity {
			b = append(b, '-')
		}
		if isNews {
			b = append(b, '!')
		}
		return b
	}
	c.Send = func(port int, to ipxwire.Addr, msg []byte) {
		g.sent = append(g.sent, fmt.Sprintf("%d>%02x %s", port, to.Node[5], msg))
	}
	c.Changed = func() { g.changed++ }
	c.PerPacket, c.Advertises, c.Socket = 2, true, 1
	g.Table = New(c)
	return g
}

// newTable has ports 1 and 2, and said hello.
func newTable(c Config[byte, int]) *rig {
	g := newRig(c)
	g.AddPort(g.now, Port{ID: 1, Network: 1})
	g.AddPort(g.now, Port{ID: 2, Network: 2})
	g.run(time.Second)
	return g
}

func (g *rig) run(d time.Duration) {
	end := g.now.Add(d)
	for at := g.Next(); !at.IsZero() && !at.After(end); at = g.Next() {
		g.now = at
		g.Tick(at)
	}
	g.now = end
}

// tell has a neighbour on port 1 tell of keys.
func (g *rig) tell(port int, from ipxwire.Node, keys string, hops uint16) {
	for _, k := range []byte(keys) {
		g.Learn(g.now, port, from, k, 5, hops)
	}
	g.Done(g.now)
}

func (g *rig) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(g.sent, lines) {
		t.Errorf("sent %q, want %q", g.sent, lines)
	}
	g.sent = nil
}

// A change overtakes an advertisement of everything that is under way, and both go on where they were.
func TestOvertake(t *testing.T) {
	g := newTable(Config[byte, int]{})
	g.tell(1, alpha, "bdfhj", 1)
	g.run(time.Second)
	g.want(t, "2>ff b!d!", "2>ff f!h!", "2>ff j!")
	g.run(58 * time.Second)
	g.want(t, "2>ff bd")
	g.tell(1, alpha, "ace", 1)
	g.run(gap)
	g.want(t, "2>ff a!c!")
	g.run(time.Second)
	g.want(t, "2>ff e!", "2>ff ef", "2>ff hj")
}

// An entry that goes between two packets of an advertisement does not stop it, and one that comes is told in its place.
func TestChangesBetweenPackets(t *testing.T) {
	g := newTable(Config[byte, int]{})
	g.tell(1, alpha, "bdfh", 1)
	g.run(time.Second)
	g.sent = nil
	g.Answer(2, ipxwire.Addr{Node: beta, Socket: 9}, 0)
	g.Done(g.now)
	g.want(t, "2>0b bd")
	g.entries = slices.DeleteFunc(g.entries, func(e *Entry[byte, int]) bool { return e.Key <= 'd' })
	g.tell(1, alpha, "ag", 1)
	g.run(time.Second)
	g.want(t, "2>ff a!g!", "2>0b fg", "2>0b h")
}

// Everything is not told twice at once, however long it takes.
func TestSlowAdvertisement(t *testing.T) {
	g := newTable(Config[byte, int]{Update: 2 * time.Second, Gap: time.Second, Age: time.Hour})
	g.tell(1, alpha, "abcdefghijklmnopqrstuvwxyz", 1)
	g.run(time.Minute)
	if p := g.port(2); len(p.jobs) > 3 {
		t.Errorf("%d jobs wait", len(p.jobs))
	}
	if n := len(g.sent); n < 58 || n > 62 {
		t.Errorf("%d packets in a minute, want one a second", n)
	}
}

// Advertisements keep their phase, and one that is late by long is told once.
func TestPhase(t *testing.T) {
	g := newTable(Config[byte, int]{})
	g.Set(Entry[byte, int]{Key: 'a', Port: Local})
	g.Tick(start.Add(60*time.Second + 300*time.Millisecond))
	if at := g.port(1).update.Sub(start); at != 120*time.Second {
		t.Errorf("the next is at %v, want 2m0s", at)
	}
	g.sent = nil
	g.Tick(start.Add(time.Hour + time.Second))
	if at := g.port(1).update.Sub(start); at != time.Hour+61*time.Second || len(g.sent) != 2 {
		t.Errorf("after an hour the next is at %v with %q sent, want a minute later and one for each port", at, g.sent)
	}
}

// What was told of a port that was removed is nobody's, and does not count when the port is back.
func TestReturn(t *testing.T) {
	g := newTable(Config[byte, int]{MaxPerFrom: 3, MaxPerPort: 4})
	g.tell(1, alpha, "abcd", 1)
	g.RemovePort(g.now, 1)
	g.AddPort(g.now, Port{ID: 1, Network: 1})
	g.tell(1, alpha, "cde", 1)
	if p := g.port(1); p.learned != 3 || p.from[alpha] != 3 || g.Stats.Full != 1 {
		t.Errorf("%d learned, %d of alpha, %d refused; want 3, 3 and 1", p.learned, p.from[alpha], g.Stats.Full)
	}
	g.run(2 * time.Minute)
	if n := len(g.Entries()); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
	g.RemovePort(g.now, 1)
	g.run(2 * time.Minute)
	if len(g.Entries()) != 0 {
		t.Error("entries of a port that is gone are left")
	}
}

// A neighbour at its limit cannot take what another told; the other keeps it.
func TestTakeover(t *testing.T) {
	g := newTable(Config[byte, int]{MaxPerFrom: 2, MaxPerPort: 4})
	g.tell(1, alpha, "ab", 1)
	g.tell(2, beta, "cd", 1)
	g.Learn(g.now, 2, beta, 'a', 1, 1)
	if e := g.Find('a'); e.From != alpha || g.Stats.Full != 1 {
		t.Errorf("taken by %v, %d refused", e.From, g.Stats.Full)
	}
	g.Fail(g.now, g.Find('c'))
	g.run(2 * time.Minute)
	g.Learn(g.now, 2, beta, 'a', 1, 1)
	if e := g.Find('a'); e.From != beta || g.port(1).from[alpha] != 1 || g.port(2).from[beta] != 2 {
		t.Errorf("not taken: of %v, counts %v and %v", e.From, g.port(1).from, g.port(2).from)
	}
}

// On a port that is full, what one neighbour told can be taken by a better one: the port has no more entries then.
func TestTakeoverOnAFullPort(t *testing.T) {
	g := newTable(Config[byte, int]{MaxPerFrom: 2, MaxPerPort: 2})
	g.tell(1, alpha, "ab", 1)
	g.Learn(g.now, 1, beta, 'a', 1, 1)
	if e := g.Find('a'); e.From != beta || g.port(1).learned != 2 || g.Stats.Full != 0 {
		t.Errorf("of %v, %d on the port, %d refused", e.From, g.port(1).learned, g.Stats.Full)
	}
	g.Learn(g.now, 1, beta, 'c', 1, 1)
	if g.Find('c') != nil || g.Stats.Full != 1 {
		t.Errorf("learned beyond the limit, %d refused", g.Stats.Full)
	}
}

// What is configured takes the place of what was learned, and no neighbour changes it.
func TestSet(t *testing.T) {
	g := newTable(Config[byte, int]{})
	g.tell(1, alpha, "a", 1)
	g.Set(Entry[byte, int]{Key: 'a', Value: 9, Port: Local})
	for _, hops := range []uint16{1, Infinity} {
		g.tell(1, alpha, "a", hops)
	}
	if e := g.Find('a'); e.Value != 9 || !e.IsUp() || e.IsLearned() || !e.Expires.IsZero() || len(g.port(1).from) != 0 {
		t.Errorf("entry is %+v, counts %v", e, g.port(1).from)
	}
	g.run(time.Hour)
	g.Fail(g.now, g.Find('a'))
	g.run(DefaultUpdate + DefaultUpdate/2)
	if g.Find('a') != nil {
		t.Error("what failed is not forgotten")
	}
}

// A port that is not there, or a station that is none, is nobody's.
func TestNobody(t *testing.T) {
	g := newTable(Config[byte, int]{})
	g.Learn(g.now, 7, alpha, 'a', 1, 1)
	g.Learn(g.now, 1, ipxwire.Node{}, 'a', 1, 1)
	g.Answer(7, ipxwire.Addr{}, 0)
	g.SetNetwork(g.now, 7, 1)
	g.RemovePort(g.now, 7)
	if _, ok := g.Port(7); ok || len(g.Entries()) != 0 {
		t.Errorf("%d entries are learned", len(g.Entries()))
	}
	var ids []string
	g.Ports(func(p Port) { ids = append(ids, fmt.Sprint(p.ID)) })
	if s := strings.Join(ids, " "); s != "1 2" {
		t.Errorf("ports are %s", s)
	}
}
