package stp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/link/ethernet"
)

// start is when tests begin.
var start = time.Unix(1_000_000, 0)

// bed is a bridge of a test and what it did.
type bed struct {
	*Bridge
	now    time.Time
	sent   map[int][]BPDU
	states map[int]State
	ageing time.Duration
}

func newBed(t testing.TB, id BridgeID, ports int) *bed {
	t.Helper()
	d := &bed{now: start, sent: map[int][]BPDU{}, states: map[int]State{}}
	var err error
	d.Bridge, err = New(start, Config{
		ID: id,
		Send: func(port int, b []byte) {
			m, err := Parse(b)
			if err != nil {
				t.Fatalf("sends %x: %v", b, err)
			}
			d.sent[port] = append(d.sent[port], m)
		},
		State:  func(port int, s State) { d.states[port] = s },
		Ageing: func(limit time.Duration) { d.ageing = limit },
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= ports; n++ {
		if err := d.AddPort(PortConfig{Number: n}); err != nil {
			t.Fatal(err)
		}
		d.Enable(d.now, n)
	}
	return d
}

// run lets time pass.
func (d *bed) run(to time.Duration) {
	end := d.now.Add(to)
	for next := d.Next(); !next.IsZero() && !next.After(end); next = d.Next() {
		d.now = next
		d.Tick(next)
	}
	d.now = end
}

// hear gives the bridge a BPDU and what it did before is forgotten.
func (d *bed) hear(t testing.TB, port int, m BPDU) {
	t.Helper()
	clear(d.sent)
	if err := d.Receive(d.now, port, m.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
}

func (d *bed) expectStates(t *testing.T, when string, want ...State) {
	t.Helper()
	for i, s := range want {
		if d.states[i+1] != s {
			t.Errorf("%s: port %d is %v, want %v", when, i+1, d.states[i+1], s)
		}
	}
}

func id(n int) BridgeID {
	return NewBridgeID(DefaultPriority, ethernet.Addr{2, 0, 0x5e, 0, 0, byte(n)})
}

// from is what a bridge says whose path to the root costs cost.
func from(root, bridge BridgeID, cost uint32) BPDU {
	m := configBPDU
	m.Flags, m.Root, m.Bridge, m.Cost, m.MessageAge, m.Port = 0, root, bridge, cost, 0, NewPortID(128, 1)
	return m
}

func TestRootForwards(t *testing.T) {
	d := newBed(t, id(1), 2)
	d.expectStates(t, "at once", Listening, Listening)
	d.run(15 * time.Second)
	d.expectStates(t, "after a forward delay", Learning, Learning)
	d.run(15 * time.Second)
	d.expectStates(t, "after two", Forwarding, Forwarding)
	if got := len(d.sent[1]); got < 15 || got > 17 {
		t.Errorf("%d BPDUs sent in 30 s, want one every 2 s", got)
	}
	if d.ageing != DefaultForwardDelay {
		t.Errorf("addresses age within %v after a change, want %v", d.ageing, DefaultForwardDelay)
	}
	d.run(35*time.Second + time.Millisecond)
	if d.ageing != 0 {
		t.Errorf("addresses age within %v for good", d.ageing)
	}
}

func TestRootIsFound(t *testing.T) {
	d := newBed(t, id(5), 3)
	d.run(71500 * time.Millisecond) // no hello is held back, and the changes of the beginning are over
	d.hear(t, 1, from(id(1), id(3), 10))
	if d.root != id(1) || d.rootPort.c.Number != 1 || d.rootCost != 14 {
		t.Fatalf("root %v at cost %d by %v, want %v at 14 by port 1", d.root, d.rootCost, d.rootPort, id(1))
	}
	if m := d.sent[2]; len(m) != 1 || m[0].Root != id(1) || m[0].Cost != 14 || m[0].MessageAge != NewTicks(time.Second) {
		t.Errorf("port 2 sent %v, want what came from the root, one second older", m)
	}
	d.hear(t, 2, from(id(1), id(2), 4)) // a shorter path
	if d.rootPort.c.Number != 2 || d.rootCost != 8 {
		t.Errorf("root port %d at %d, want 2 at 8", d.rootPort.c.Number, d.rootCost)
	}
	d.expectStates(t, "two paths", Forwarding, Forwarding, Forwarding) // port 1 is designated: 8 < 10
	d.hear(t, 1, from(id(1), id(3), 8))                                // as short as ours, by a lower bridge
	d.expectStates(t, "a better neighbour", Blocking, Forwarding, Forwarding)
	if tcn := d.sent[2]; len(tcn) != 1 || tcn[0].Type != TypeTCN {
		t.Errorf("the root port sent %v, want a topology change notification", tcn)
	}
	clear(d.sent)
	d.run(2 * time.Second)
	if tcn := d.sent[2]; len(tcn) != 1 || tcn[0].Type != TypeTCN {
		t.Errorf("without acknowledgement the root port sent %v, want another", tcn)
	}
	ack := from(id(1), id(2), 4)
	ack.Flags = TopologyChangeAck | TopologyChange
	d.hear(t, 2, ack)
	d.run(4 * time.Second)
	for _, m := range d.sent[2] {
		if m.Type == TypeTCN {
			t.Error("notified again after the acknowledgement")
		}
	}
	if d.ageing != DefaultForwardDelay {
		t.Errorf("addresses age within %v", d.ageing)
	}
	d.run(20 * time.Second) // all are silent
	if !d.isRoot() {
		t.Errorf("root %v after max age of silence", d.root)
	}
	d.expectStates(t, "silence", Listening, Forwarding, Forwarding)
}

// TestTCN: a designated port acknowledges and passes it on.
func TestTCN(t *testing.T) {
	d := newBed(t, id(5), 2)
	d.run(70 * time.Second)
	d.hear(t, 1, from(id(1), id(2), 0))
	d.run(3 * time.Second)
	clear(d.sent)
	d.hear(t, 2, BPDU{Type: TypeTCN})
	if m := d.sent[2]; len(m) != 1 || m[0].Flags&TopologyChangeAck == 0 {
		t.Errorf("answered %v, want an acknowledgement", m)
	}
	if m := d.sent[1]; len(m) != 1 || m[0].Type != TypeTCN {
		t.Errorf("told the root %v, want a notification", m)
	}
}

// TestHold: however often it is provoked, a port sends one configuration BPDU a second.
func TestHold(t *testing.T) {
	d := newBed(t, id(1), 1)
	d.run(10 * time.Second)
	clear(d.sent)
	for range 1000 {
		if err := d.Receive(d.now, 1, from(id(9), id(9), 0).AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		d.run(time.Millisecond)
	}
	if n := len(d.sent[1]); n > 2 {
		t.Errorf("%d BPDUs in a second, want at most 2", n)
	}
}

// TestHostileTimes: a root's times are believed within the ranges alone.
func TestHostileTimes(t *testing.T) {
	d := newBed(t, id(5), 2)
	m := from(id(1), id(1), 0)
	m.MaxAge, m.HelloTime, m.ForwardDelay = 1, 0, 0
	d.hear(t, 1, m)
	if i := d.Info(); i.MaxAge != minMaxAge || i.Hello != minHello || i.ForwardDelay != leastForwardDelay {
		t.Errorf("times %+v", i)
	}
	m.MaxAge, m.HelloTime, m.ForwardDelay = 65535, 65535, 65535
	d.hear(t, 1, m)
	if i := d.Info(); i.MaxAge != maxMaxAge || i.Hello != maxHello || i.ForwardDelay != maxForwardDelay {
		t.Errorf("times %+v", i)
	}
	m.Root, m.Cost = id(0), 1<<32-1
	d.hear(t, 1, m)
	if d.rootCost != 1<<32-1 {
		t.Errorf("cost %d: want the sum not to go round", d.rootCost)
	}
}

func TestConfig(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   string // of the error
	}{
		{"defaults", Config{}, ""},
		{"fastest", Config{MaxAge: 6 * time.Second, Hello: time.Second, ForwardDelay: 4 * time.Second}, ""},
		{"hello", Config{Hello: 11 * time.Second}, "hello time 11s: want 1s to 10s"},
		{"max age", Config{MaxAge: time.Second}, "max age 1s: want 6s to 40s"},
		{"forward delay", Config{ForwardDelay: 3 * time.Second}, "forward delay 3s: want 4s to 30s"},
		{"hello too slow", Config{MaxAge: 6 * time.Second, Hello: 3 * time.Second}, "max age 6s: want at least"},
		{"delay too short", Config{ForwardDelay: 4 * time.Second}, "max age 20s: want at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(start, tt.config)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

// TestRandomTrees joins bridges at random and holds the outcome against what a tree is: as many links forward as join
// all that are joined, and no two ways lead anywhere.
func TestRandomTrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		bridges, links := 2+r.IntN(5), 1+r.IntN(12)
		beds := make([]*bed, bridges)
		for i := range beds {
			beds[i] = newBed(t, NewBridgeID(uint16(r.IntN(16))<<12, ethernet.Addr{2, 0, 0, 0, 0, byte(i)}), links)
		}
		ends := make([][2]int, links) // link l is at port l+1 of both
		for l := range ends {
			a := r.IntN(bridges)
			ends[l] = [2]int{a, (a + 1 + r.IntN(bridges-1)) % bridges}
		}
		exchange(t, beds, ends, 120)
		checkTree(t, beds, ends)
		if t.Failed() {
			t.Fatalf("seed %d: links %v", seed, ends)
		}
	}
}

// exchange runs all bridges for some seconds and carries what they send.
func exchange(t *testing.T, beds []*bed, ends [][2]int, seconds int) {
	for range seconds * 2 {
		for l, e := range ends {
			for i := range e {
				sent := beds[e[i]].sent[l+1]
				delete(beds[e[i]].sent, l+1)
				for _, m := range sent {
					to := beds[e[1-i]]
					if err := to.Receive(to.now, l+1, m.AppendTo(nil)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for _, d := range beds {
			d.run(time.Second / 2)
		}
	}
}

func checkTree(t *testing.T, beds []*bed, ends [][2]int) {
	all, active := newSets(len(beds)), newSets(len(beds))
	for l, e := range ends {
		all.join(e[0], e[1])
		a, b := beds[e[0]].states[l+1], beds[e[1]].states[l+1]
		for _, s := range []State{a, b} {
			if s != Forwarding && s != Blocking {
				t.Errorf("link %d is %v at one end", l, s)
			}
		}
		if a == Forwarding && b == Forwarding && !active.join(e[0], e[1]) {
			t.Errorf("link %d closes a loop", l)
		}
	}
	if !slices.Equal(all.names(), active.names()) {
		t.Errorf("joined %v, forwarding joins %v", all.names(), active.names())
	}
}

// sets say which bridges are joined.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// join reports whether a and b were apart.
func (s sets) join(a, b int) bool {
	from, to := max(s[a], s[b]), min(s[a], s[b])
	for i := range s {
		if s[i] == from {
			s[i] = to
		}
	}
	return from != to
}

func (s sets) names() []string {
	n := make([]string, len(s))
	for i, v := range s {
		n[i] = fmt.Sprint(v)
	}
	return n
}
