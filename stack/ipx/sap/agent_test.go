package sap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

var (
	start = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	alpha = ipxwire.Node{2, 0, 0, 0, 0, 0xa}
	beta  = ipxwire.Node{2, 0, 0, 0, 0, 0xb}
	own   = ipxwire.Addr{Net: 0x1111, Node: ipxwire.Node{5: 1}, Socket: 0x451}
)

const gap = 55 * time.Millisecond

// rig is an agent, the time, the networks that can be reached, and what was sent.
type rig struct {
	t       testing.TB
	a       *Agent
	now     time.Time
	ticks   map[ipxwire.Network]uint16
	sent    []string
	changed int
	answers []string
}

func newRig(t testing.TB, c Config) *rig {
	g := &rig{t: t, now: start, ticks: map[ipxwire.Network]uint16{0xcafe: 1, 0xbeef: 1, 0xf00d: 3, 0xf00e: 2, 0x1111: 1}}
	c.Send = func(port int, to ipxwire.Addr, msg []byte) {
		m, err := Parse(msg)
		if err != nil || m.Operation().isResponse() && m.Len() == 0 || m.Len() > MaxEntries {
			t.Errorf("sends %x: %v", msg, err)
		}
		g.sent = append(g.sent, fmt.Sprintf("%d > %v: %s", port, to, brief(m)))
	}
	c.Reachable = func(n ipxwire.Network) (uint16, bool) {
		ticks, ok := g.ticks[n]
		return ticks, ok
	}
	c.Changed = func() { g.changed++ }
	c.Answer = func(s Service) { g.answers = append(g.answers, fmt.Sprintf("%v %v %v", s.Name, s.Addr, s.Hops)) }
	g.a = New(c)
	return g
}

// brief gives the operation, and of each entry name, type, network and hops.
func brief(m Message) string {
	if m.Operation().isQuery() {
		return fmt.Sprintf("%v %x", m.Operation(), uint16(m.Type()))
	}
	var s []string
	for i := range m.Len() {
		e := m.Entry(i)
		s = append(s, fmt.Sprintf("%v %x %x/%d", e.Name, uint16(e.Type), uint32(e.Addr.Net), e.Hops))
	}
	return m.Operation().String() + " " + strings.Join(s, ", ")
}

// newAgent has networks 0000cafe on port 0 and 0000beef on port 1.
func newAgent(t testing.TB, c Config) *rig {
	g := newRig(t, c)
	g.a.AddPort(g.now, 0, 0xcafe)
	g.a.AddPort(g.now, 1, 0xbeef)
	g.run(time.Second)
	g.sent, g.changed = nil, 0
	return g
}

func (g *rig) run(d time.Duration) {
	end := g.now.Add(d)
	for n := 0; ; n++ {
		at := g.a.Next()
		if at.IsZero() || at.After(end) {
			break
		}
		if n > 10000 {
			g.t.Fatalf("Next stays at %v", at)
		}
		g.now = at
		g.a.Tick(g.now)
	}
	g.now = end
}

func entryOf(s string, t Type, net ipxwire.Network, hops uint16) Entry {
	return Entry{t, name(s), ipxwire.Addr{Net: net, Node: ipxwire.Node{5: 1}, Socket: 0x451}, hops}
}

func (g *rig) deliver(port int, from ipxwire.Addr, msg []byte) { g.a.Deliver(g.now, port, from, msg) }

// hear delivers a general response of a station on the port's network.
func (g *rig) hear(port int, node ipxwire.Node, e ...Entry) {
	g.deliver(port, ipxwire.Addr{Node: node, Socket: ipxwire.SocketSAP}, AppendResponse(nil, GeneralResponse, e...))
}

func (g *rig) want(lines ...string) {
	g.t.Helper()
	if got := g.sent; !slices.Equal(got, lines) {
		g.t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
	g.sent = nil
}

// table compares the services, each as "name type network/hops port from".
func (g *rig) table(lines ...string) {
	g.t.Helper()
	if got := list(g.a.Services()); !slices.Equal(got, lines) {
		g.t.Errorf("table\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func list(all []Service) (lines []string) {
	for _, v := range all {
		s := fmt.Sprintf("%s %x %x/%d %d", v.Name, uint16(v.Type), uint32(v.Addr.Net), v.Hops, v.Port)
		if !v.From.IsZero() {
			s += fmt.Sprintf(" %x", v.From[5])
		}
		if v.Static {
			s += " static"
		}
		if v.Unreachable {
			s += " unreachable"
		}
		lines = append(lines, s)
	}
	return lines
}

func (g *rig) add(s Service) {
	g.t.Helper()
	if err := g.a.AddStatic(g.now, s); err != nil {
		g.t.Error(err)
	}
}

// serve is a rig with a file server of its own.
func serve(t testing.TB, c Config) *rig {
	g := newAgent(t, c)
	g.add(Service{Type: FileServer, Name: "own", Addr: own, Port: Local})
	g.run(time.Second)
	g.sent, g.changed = nil, 0
	return g
}

func TestStart(t *testing.T) {
	g := newRig(t, Config{})
	g.add(Service{Type: FileServer, Name: "own", Addr: own, Port: Local})
	g.a.AddPort(g.now, 0, 0xcafe)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Query ffff")
	g.run(gap - 1)
	g.want()
	g.run(1)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Response OWN 4 1111/1")
	g.run(time.Minute - gap)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Response OWN 4 1111/1")
	g.add(Service{Type: PrintServer, Name: "lp", Addr: ipxwire.Addr{Node: alpha, Socket: 0x8060}, Port: Local})
	g.run(gap)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Response LP 7 cafe/1")
	if !g.a.RemoveStatic(g.now, PrintServer, "Lp") || g.a.RemoveStatic(g.now, PrintServer, "Lp") {
		t.Error("RemoveStatic does not work just once")
	}
	g.run(gap)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Response LP 7 cafe/16")
	g.a.Close(g.now)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Response OWN 4 1111/16")
	g.table("OWN 4 1111/0 -1 static")
}

func TestLearnRouting(t *testing.T) {
	g := serve(t, Config{Routing: true})
	g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 2), entryOf("OWN", FileServer, 0xf00d, 1), entryOf("", FileServer, 0xf00d, 1))
	g.hear(0, alpha, entryOf("X", 0, 0xf00d, 2), entryOf("Y", AnyType, 0xf00d, 2))
	g.want("1 > 0000beef:ffffffffffff:0452: General Response A 4 f00d/3")
	g.table("A 4 f00d/2 0 a", "OWN 4 1111/0 -1 static")
	g.run(time.Minute)
	g.want(
		"0 > 0000cafe:ffffffffffff:0452: General Response OWN 4 1111/1",
		"1 > 0000beef:ffffffffffff:0452: General Response A 4 f00d/3, OWN 4 1111/1",
	)
	g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 16))
	g.want("1 > 0000beef:ffffffffffff:0452: General Response A 4 f00d/16")
	g.table("OWN 4 1111/0 -1 static")
}

func TestLearnHost(t *testing.T) {
	g := serve(t, Config{})
	g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 2))
	g.run(time.Minute)
	g.want(
		"0 > 0000cafe:ffffffffffff:0452: General Response OWN 4 1111/1",
		"1 > 0000beef:ffffffffffff:0452: General Response OWN 4 1111/1",
	)
	g.table("A 4 f00d/2 0 a", "OWN 4 1111/0 -1 static")
}

func TestPreference(t *testing.T) {
	g := newAgent(t, Config{Routing: true})
	for _, tt := range []struct {
		name  string
		port  int
		node  ipxwire.Node
		entry Entry
		want  string
	}{
		{"first", 0, alpha, entryOf("A", FileServer, 0xf00d, 3), "A 4 f00d/3 0 a"},
		{"equal", 1, beta, entryOf("A", FileServer, 0xf00e, 3), "A 4 f00d/3 0 a"},
		{"nearer", 1, beta, entryOf("A", FileServer, 0xf00e, 2), "A 4 f00e/2 1 b"},
		{"nearer, but not reached", 0, alpha, entryOf("A", FileServer, 0xdead, 1), "A 4 f00e/2 1 b"},
		{"the owner's is another address", 1, beta, entryOf("A", FileServer, 0xdead, 2), "A 4 dead/2 1 b unreachable"},
		{"farther, but reached", 0, alpha, entryOf("A", FileServer, 0xf00d, 9), "A 4 f00d/9 0 a"},
		{"garbage behind the name", 1, beta, entryOf("A\x00GARBAGE", FileServer, 0xf00d, 1), "A 4 f00d/1 1 b"},
		{"down by another", 0, alpha, entryOf("A", FileServer, 0xf00d, 16), "A 4 f00d/1 1 b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.t = t
			g.hear(tt.port, tt.node, tt.entry)
			g.table(tt.want)
		})
	}
}

func TestAge(t *testing.T) {
	g := newAgent(t, Config{Routing: true})
	g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 1))
	g.run(4*time.Minute - 1)
	g.table("A 4 f00d/1 0 a")
	g.sent = nil
	g.run(1)
	g.table()
	g.want("1 > 0000beef:ffffffffffff:0452: General Response A 4 f00d/16")
	g.run(2 * time.Minute)
	if n := len(g.a.t.Entries()); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// A service is gone when the route to it is, and back with it.
func TestRoutesChanged(t *testing.T) {
	g := newAgent(t, Config{Routing: true})
	g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 1))
	g.run(time.Second)
	g.sent = nil
	g.a.RoutesChanged(g.now)
	g.want()
	delete(g.ticks, 0xf00d)
	g.a.RoutesChanged(g.now)
	g.a.RoutesChanged(g.now)
	g.run(gap - 1)
	g.want()
	g.run(1)
	g.want("1 > 0000beef:ffffffffffff:0452: General Response A 4 f00d/16")
	g.table("A 4 f00d/1 0 a unreachable")
	if s, ok := g.a.Nearest(FileServer); ok {
		t.Errorf("the nearest is %+v, which cannot be reached", s)
	}
	g.run(time.Minute)
	g.want()
	g.ticks[0xf00d] = 7
	g.a.RoutesChanged(g.now)
	g.want("1 > 0000beef:ffffffffffff:0452: General Response A 4 f00d/2")
}

func TestNearest(t *testing.T) {
	query := func(ty Type) []byte { return AppendQuery(nil, NearestQuery, ty) }
	client := ipxwire.Addr{Node: beta, Socket: 0x4003}
	for _, tt := range []struct {
		name   string
		router bool
		port   int
		kind   Type
		want   string
	}{
		{"by ticks, not hops", true, 1, FileServer, "1 > 0000beef:02000000000b:4003: Nearest Response B 4 f00e/6"},
		{"of any type", true, 1, AnyType, "1 > 0000beef:02000000000b:4003: Nearest Response OWN 7 1111/1"},
		{"those before the port answer themselves", true, 0, FileServer, ""},
		{"its own on any port", true, 0, PrintServer, "0 > 0000cafe:02000000000b:4003: Nearest Response OWN 7 1111/1"},
		{"nobody", true, 0, DirectoryServer, ""},
		{"a host answers for itself", false, 0, PrintServer, "0 > 0000cafe:02000000000b:4003: Nearest Response OWN 7 1111/1"},
		{"and for nobody else", false, 1, FileServer, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newAgent(t, Config{Routing: tt.router})
			g.add(Service{Type: PrintServer, Name: "own", Addr: own, Port: Local})
			g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 1), entryOf("B", FileServer, 0xf00e, 5), entryOf("C", FileServer, 0xdead, 1))
			g.hear(0, alpha, entryOf("D", FileServer, 0xf00e, 5), entryOf("E", FileServer, 0xf00e, 6), entryOf("Z", FileServer, 0xf00e, 15))
			g.run(time.Second)
			g.sent = nil
			g.deliver(tt.port, client, query(tt.kind))
			if tt.want == "" {
				g.want()
			} else {
				g.want(tt.want)
			}
		})
	}
}

func TestGeneralQuery(t *testing.T) {
	client := ipxwire.Addr{Node: beta, Socket: 0x4003}
	g := serve(t, Config{Routing: true})
	var all []Entry
	for i := range 9 {
		all = append(all, entryOf(fmt.Sprint("P", i), PrintServer, 0xf00d, 1))
	}
	g.hear(0, alpha, all...)
	g.run(time.Second)
	g.sent = nil
	g.deliver(1, client, AppendQuery(nil, GeneralQuery, FileServer))
	g.want("1 > 0000beef:02000000000b:4003: General Response OWN 4 1111/1")
	g.run(time.Second)
	g.deliver(1, client, AppendQuery(nil, GeneralQuery, AnyType))
	if len(g.sent) != 1 || strings.Count(g.sent[0], ",") != MaxEntries-1 {
		t.Errorf("the first packet is %q, want seven services", g.sent)
	}
	g.run(gap)
	if len(g.sent) != 2 || strings.Count(g.sent[1], ",") != 2 {
		t.Errorf("then follows %q, want three services", g.sent[1:])
	}
	g.sent = nil
	g.run(time.Second)
	g.deliver(0, client, AppendQuery(nil, GeneralQuery, PrintServer))
	g.deliver(0, client, AppendQuery(nil, GeneralQuery, DirectoryServer))
	g.run(time.Second)
	g.want()
}

func TestQuery(t *testing.T) {
	g := newAgent(t, Config{})
	g.a.Query(g.now, 1, NearestQuery, FileServer)
	g.want("1 > 0000beef:ffffffffffff:0452: Nearest Query 4")
	g.a.Query(g.now, AllPorts, GeneralQuery, AnyType)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Query ffff", "1 > 0000beef:ffffffffffff:0452: General Query ffff")
	answer := AppendResponse(nil, NearestResponse, entryOf("A", FileServer, 0, 1))
	g.deliver(1, ipxwire.Addr{Node: beta, Socket: ipxwire.SocketSAP}, answer)
	if want := []string{"A 0000beef:000000000001:0451 1"}; !slices.Equal(g.answers, want) {
		t.Errorf("answers %q, want %q", g.answers, want)
	}
	g.table("A 4 beef/1 1 b")
	r := newAgent(t, Config{Routing: true})
	r.deliver(1, ipxwire.Addr{Node: beta, Socket: ipxwire.SocketSAP}, answer)
	r.table()
}

func TestUnnumbered(t *testing.T) {
	g := newRig(t, Config{Routing: true})
	g.add(Service{Type: FileServer, Name: "own", Addr: own, Port: Local})
	g.a.AddPort(g.now, 0, 0)
	client := ipxwire.Addr{Node: beta, Socket: 0x4003}
	g.deliver(0, client, AppendQuery(nil, GeneralQuery, FileServer))
	g.deliver(0, client, AppendQuery(nil, NearestQuery, FileServer))
	g.run(time.Hour)
	g.want("0 > 00000000:ffffffffffff:0452: General Query ffff")
	g.hear(0, alpha, entryOf("A", FileServer, 0, 1))
	g.table("A 4 0/1 0 a", "OWN 4 1111/0 -1 static")
	g.a.SetNetwork(g.now, 0, 0xcafe)
	g.a.SetNetwork(g.now, 0, 0xcafe)
	g.table("OWN 4 1111/0 -1 static")
	g.run(time.Second)
	g.want("0 > 0000cafe:ffffffffffff:0452: General Query ffff", "0 > 0000cafe:ffffffffffff:0452: General Response OWN 4 1111/1")
}

func TestStatic(t *testing.T) {
	g := newAgent(t, Config{Routing: true})
	far := ipxwire.Addr{Net: 0xf00d, Node: alpha, Socket: 0x451}
	g.add(Service{Type: FileServer, Name: "far", Addr: far, Hops: 4, Port: 0})
	g.add(Service{Type: FileServer, Name: "later", Addr: far, Hops: 4, Port: 5})
	g.add(Service{Type: FileServer, Name: "far", Addr: far, Hops: 3, Port: 0})
	g.hear(0, alpha, entryOf("FAR", FileServer, 0xf00e, 1))
	g.table("FAR 4 f00d/3 0 static")
	g.run(time.Second)
	for _, s := range g.sent {
		if strings.HasPrefix(s, "0 >") {
			t.Errorf("told on its own port: %s", s)
		}
	}
	g.a.AddPort(g.now, 5, 0xb0b0)
	g.a.RemovePort(g.now, 0)
	g.table("LATER 4 f00d/4 5 static")
	g.a.AddPort(g.now, 0, 0xcafe)
	g.table("FAR 4 f00d/3 0 static", "LATER 4 f00d/4 5 static")
	for _, s := range []Service{
		{Type: FileServer, Name: "", Addr: far},
		{Type: FileServer, Name: "\x1b", Addr: far},
		{Type: 0, Name: "a", Addr: far},
		{Type: AnyType, Name: "a", Addr: far},
		{Type: FileServer, Name: "a", Addr: far, Hops: 16},
		{Type: FileServer, Name: "a"},
	} {
		if err := g.a.AddStatic(g.now, s); !errors.Is(err, ErrService) {
			t.Errorf("%+v: %v, want %v", s, err, ErrService)
		}
	}
}

func TestFind(t *testing.T) {
	g := newAgent(t, Config{})
	g.hear(0, alpha, entryOf("A", FileServer, 0xf00d, 1), entryOf("B", FileServer, 0xf00e, 5), entryOf("C", FileServer, 0xdead, 1))
	g.hear(0, alpha, entryOf("D", FileServer, 0xf00e, 4), entryOf("P", PrintServer, 0xf00e, 4))
	want := []string{"D 4 f00e/4 0 a", "B 4 f00e/5 0 a", "A 4 f00d/1 0 a", "C 4 dead/1 0 a unreachable"}
	if got := list(g.a.Find(FileServer)); !slices.Equal(got, want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
	if s, ok := g.a.Nearest(FileServer); !ok || s.Name != "D" {
		t.Errorf("the nearest is %+v", s)
	}
}

func TestStrangers(t *testing.T) {
	msg := AppendResponse(nil, GeneralResponse, entryOf("A", FileServer, 0xf00d, 1))
	for _, tt := range []struct {
		name  string
		from  ipxwire.Addr
		msg   []byte
		count func(Stats) uint64
	}{
		{"another network", ipxwire.Addr{Net: 0xdead, Node: alpha}, msg, func(s Stats) uint64 { return s.Strangers }},
		{"no node", ipxwire.Addr{Net: 0xcafe}, msg, func(s Stats) uint64 { return s.Strangers }},
		{"a group", ipxwire.Addr{Node: ipxwire.Broadcast}, msg, func(s Stats) uint64 { return s.Strangers }},
		{"half an entry", ipxwire.Addr{Node: alpha}, msg[:33], func(s Stats) uint64 { return s.Malformed }},
		{"no operation", ipxwire.Addr{Node: alpha}, []byte{0, 9}, func(s Stats) uint64 { return s.Malformed }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newAgent(t, Config{Routing: true})
			g.deliver(0, tt.from, tt.msg)
			g.deliver(7, tt.from, tt.msg)
			g.run(time.Second)
			g.table()
			g.want()
			if s := g.a.Stats(); tt.count(s) != 1 || s.In != 1 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// One station cannot fill the table, nor push out what others told.
func TestLimits(t *testing.T) {
	g := newAgent(t, Config{Routing: true, MaxServices: 40, MaxPerPort: 20, MaxPerNeighbor: 10})
	g.hear(0, alpha, entryOf("GOOD", FileServer, 0xf00d, 1))
	for i := range 200 {
		g.hear(0, beta, entryOf(fmt.Sprint("BAD", i), FileServer, 0xf00d, 1))
	}
	if n := len(g.a.Services()); n != 11 {
		t.Errorf("%d services, want 10 and one", n)
	}
	if s := g.a.Find(FileServer); s[len(s)-1].Name != "GOOD" {
		t.Errorf("the good one is gone")
	}
}

func TestAllocations(t *testing.T) {
	g := newAgent(t, Config{Routing: true})
	var all []Entry
	for i := range MaxEntries {
		all = append(all, entryOf(fmt.Sprint("S", i), FileServer, 0xf00d, 1))
	}
	from := ipxwire.Addr{Net: 0xcafe, Node: alpha, Socket: ipxwire.SocketSAP}
	msg := AppendResponse(nil, GeneralResponse, all...)
	g.a.Deliver(g.now, 0, from, msg)
	g.run(time.Second)
	if n := testing.AllocsPerRun(100, func() { g.a.Deliver(g.now, 0, from, msg); g.a.Tick(g.now); g.a.Next() }); n != 0 {
		t.Errorf("Deliver allocates %v times", n)
	}
	g.a.c.Send = func(int, ipxwire.Addr, []byte) {}
	query := AppendQuery(nil, NearestQuery, FileServer)
	if n := testing.AllocsPerRun(100, func() { g.a.Deliver(g.now, 1, from, query) }); n != 0 {
		t.Errorf("the answer to a nearest query allocates %v times", n)
	}
}
