package rip

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

// model is a router's table the stupid way: every word ever told is kept with its time, and the table is what they
// say.
type model struct {
	own   map[ipxwire.Network]int
	words map[ipxwire.Network]word
}

type word struct {
	Entry
	port int
	node ipxwire.Node
	at   time.Time
	down bool
}

func (m *model) hear(now time.Time, port int, node ipxwire.Node, e Entry) {
	if _, ok := m.own[e.Network]; ok || e.Network == 0 || e.Network == All {
		return
	}
	e.Hops, e.Ticks = min(max(e.Hops, 1), Down), max(e.Ticks, 1)
	m.expire(now)
	w, ok := m.words[e.Network]
	n := word{e, port, node, now, e.Hops == Down}
	isOwner := ok && w.port == port && w.node == node
	switch {
	case e.Hops == Down && isOwner && !w.down:
		w.down, w.at = true, now
		m.words[e.Network] = w
	case e.Hops == Down:
	case !ok, isOwner, w.down, e.Ticks < w.Ticks, e.Ticks == w.Ticks && e.Hops < w.Hops,
		e.Ticks == w.Ticks && e.Hops == w.Hops && now.Sub(w.at) > 160*time.Second:
		m.words[e.Network] = n
	}
}

// expire takes down after 240 s, and forgets after 90 more.
func (m *model) expire(now time.Time) {
	for k, w := range m.words {
		switch age := now.Sub(w.at); {
		case !w.down && age >= 240*time.Second:
			w.down, w.at = true, w.at.Add(240*time.Second)
			m.words[k] = w
		case w.down && age >= 90*time.Second:
			delete(m.words, k)
		}
	}
}

func (m *model) table(now time.Time) (lines []string) {
	m.expire(now)
	for k, p := range m.own {
		lines = append(lines, fmt.Sprintf("%v 0 1 %d %v", k, p, ipxwire.Node{}))
	}
	for k, w := range m.words {
		if !w.down {
			lines = append(lines, fmt.Sprintf("%v %d %d %d %v", k, w.Hops, w.Ticks, w.port, w.node))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for round := range 30 {
		g := newRouter(t, Config{})
		m := &model{own: map[ipxwire.Network]int{0xcafe: 0, 0xbeef: 1}, words: map[ipxwire.Network]word{}}
		for range 300 {
			g.run(time.Duration(rnd.IntN(20)) * time.Second)
			port, from := rnd.IntN(2), ipxwire.Node{2, 0, 0, 0, 0, byte(1 + rnd.IntN(3))}
			e := Entry{ipxwire.Network(rnd.IntN(6)), uint16(rnd.IntN(18)), uint16(rnd.IntN(5))}
			if rnd.IntN(8) == 0 {
				e.Network = 0xcafe
			}
			g.hear(port, from, e)
			m.hear(g.now, port, from, e)
			var got []string
			for _, v := range g.r.Routes() {
				got = append(got, fmt.Sprintf("%v %d %d %d %v", v.Network, v.Hops, v.Ticks, v.Port, v.NextHop))
			}
			slices.Sort(got)
			if want := m.table(g.now); !slices.Equal(got, want) {
				t.Fatalf("seed %d round %d: after %v of %v on port %d the table is\n%q, want\n%q", seed, round, e, from, port, got, want)
			}
		}
	}
}

// Whatever arrives whenever: what is sent parses, the table stays within its limits, and Next moves on.
func FuzzRouter(f *testing.F) {
	f.Add([]byte("\x00\x01\x0a\x00\x02\x00\x00\xf0\x0d\x00\x01\x00\x02"))
	f.Add([]byte("\x01\x20\x0b\x00\x01\xff\xff\xff\xff\x00\x10\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := newRouter(t, Config{MaxRoutes: 12, MaxPerPort: 8, MaxPerNeighbor: 5})
		for len(b) > 3 {
			port, wait, from := int(b[0]%3), time.Duration(b[1])*time.Second/4, b[2]
			n := min(len(b)-3, 2+EntryLen*int(b[0]>>4))
			msg := b[3 : 3+n]
			b = b[3+n:]
			g.run(wait)
			g.r.Deliver(g.now, port, ipxwire.Addr{Node: ipxwire.Node{2, 5: from}, Socket: ipxwire.SocketRIP}, msg)
			switch from {
			case 0xf0:
				g.r.RemovePort(g.now, port)
			case 0xf1:
				g.r.AddPort(g.now, port, ipxwire.Network(wait/time.Second), 1)
			}
			g.check()
		}
		g.r.Close(g.now)
		g.run(5 * time.Minute)
		if n := len(g.r.t.Entries()); n != 0 {
			t.Errorf("%d entries are left without a port", n)
		}
	})
}

// check holds that counts, order and limits are right.
func (g *rig) check() {
	g.t.Helper()
	type owner struct {
		port int
		node ipxwire.Node
	}
	owners, ports := map[owner]int{}, map[int]int{}
	last := ipxwire.Network(0)
	for _, e := range g.r.t.Entries() {
		if e.Key <= last {
			g.t.Fatalf("%v follows %v", e.Key, last)
		}
		last = e.Key
		if e.IsLearned() {
			owners[owner{e.Port, e.From}]++
			ports[e.Port]++
		}
	}
	for o, n := range owners {
		if n > 5 || ports[o.port] > 8 {
			g.t.Fatalf("%d entries of %v, %d of its port", n, o, ports[o.port])
		}
	}
	if next := g.r.Next(); !next.IsZero() && next.Before(g.now) {
		g.r.Tick(g.now)
		if again := g.r.Next(); again.Before(g.now) {
			g.t.Fatalf("Next stays at %v, now is %v", again, g.now)
		}
	}
}
