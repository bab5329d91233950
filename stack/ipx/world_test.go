package ipx

import (
	"bytes"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

// world is nodes on wires, with a time of its own: a packet is there at once, packets arrive in the order in which they
// were sent, and time passes only when none is underway.
type world struct {
	t     testing.TB
	now   time.Time
	nodes []*member
	queue []flight
	seed  uint32
}

// wire joins ports.
type wire struct {
	name  string
	ends  []end2
	cut   bool // carries nothing, and nobody is told
	taken []Header
}

type end2 struct {
	m  *member
	id PortID
}

// member is a node in the world.
type member struct {
	*Node
	w     *world
	wires map[PortID]*wire
	got   []string // what its test sockets received
}

// flight is a packet underway.
type flight struct {
	on     *wire
	from   *member
	node   NodeAddr // that sends
	to     NodeAddr
	packet []byte
}

func newWorld(t testing.TB) *world {
	return &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// add makes a node.
func (w *world) add(c Config) *member {
	w.t.Helper()
	m := &member{w: w, wires: map[PortID]*wire{}}
	c.Random = func() uint32 { w.seed = w.seed*1664525 + 1013904223; return w.seed >> 8 }
	c.Output = func(id PortID, to NodeAddr, p []byte) {
		port, _ := m.Port(id)
		w.queue = append(w.queue, flight{m.wires[id], m, port.Node, to, bytes.Clone(p)})
	}
	n, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	m.Node = n
	w.nodes = append(w.nodes, m)
	return m
}

// join adds a port on a wire.
func (m *member) join(on *wire, net Network, last byte) PortID {
	m.w.t.Helper()
	id := PortID(len(m.wires))
	m.wires[id] = on
	got, err := m.AddPort(m.w.now, PortConfig{Name: on.name, Network: net, Node: node(last)})
	if err != nil || got != id {
		m.w.t.Fatalf("port %v, %v; want %v", got, err, id)
	}
	on.ends = append(on.ends, end2{m, id})
	return id
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	until := w.now.Add(d)
	for range 1_000_000 {
		if len(w.queue) > 0 {
			f := w.queue[0]
			w.queue = w.queue[1:]
			w.deliver(f)
			continue
		}
		next := w.next()
		if next.IsZero() || next.After(until) {
			w.now = until
			return
		}
		if next.After(w.now) {
			w.now = next
		}
		for _, m := range w.nodes {
			if at := m.Next(); !at.IsZero() && !at.After(w.now) {
				m.Tick(w.now)
			}
		}
	}
	w.t.Fatal("packets without end")
}

func (w *world) next() (at time.Time) {
	for _, m := range w.nodes {
		at = earlier(at, m.Next())
	}
	return at
}

func (w *world) deliver(f flight) {
	if f.on.cut {
		return
	}
	f.on.taken = append(f.on.taken, Header(f.packet))
	for _, e := range f.on.ends {
		port, ok := e.m.Port(e.id)
		if ok && e.m != f.from && (f.to == port.Node || f.to == ipxwire.Broadcast) {
			e.m.Deliver(w.now, e.id, f.node, f.packet)
		}
	}
}

// count is how many packets of a type a wire carried.
func (l *wire) count(t PacketType) (n int) {
	for _, h := range l.taken {
		if h.Type() == t {
			n++
		}
	}
	return n
}

// hears binds a socket that keeps what it gets.
func (m *member) hears(s SocketNumber) {
	m.w.t.Helper()
	if _, err := m.Bind(s, keeper{m}); err != nil {
		m.w.t.Fatal(err)
	}
}

type keeper struct{ m *member }

func (k keeper) Receive(_ time.Time, _ PortID, h ipxwire.Header) {
	k.m.got = append(k.m.got, string(h.Data()))
}

// stat gives a counter.
func (m *member) stat(name string) uint64 {
	m.w.t.Helper()
	return statOf(m.w.t, m.Node, name)
}

func statOf(t testing.TB, n *Node, name string) uint64 {
	t.Helper()
	for _, s := range n.Stats() {
		if s.Name == name {
			return s.Value
		}
	}
	t.Fatalf("no counter %q", name)
	return 0
}

// row is three networks in a row: host a on cafe, routers r and s, host b on food.
type row struct {
	*world
	cafe, beef, food *wire
	a, r, s, b       *member
}

func newRow(t testing.TB, learned bool) *row {
	w := newWorld(t)
	x := &row{
		world: w, cafe: &wire{name: "cafe"}, beef: &wire{name: "beef"}, food: &wire{name: "food"},
		a: w.add(Config{Name: "A"}), r: w.add(Config{Name: "R", Router: true}),
		s: w.add(Config{Name: "S", Router: true}), b: w.add(Config{Name: "B"}),
	}
	x.r.join(x.cafe, cafe, 0x11)
	x.r.join(x.beef, beef, 0x12)
	x.s.join(x.beef, beef, 0x21)
	x.s.join(x.food, food, 0x22)
	first, last := cafe, food
	if learned {
		first, last = 0, 0
	}
	x.a.join(x.cafe, first, 0x01)
	x.b.join(x.food, last, 0x02)
	return x
}
