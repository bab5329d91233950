package sap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

// word is what a model of the stupid way remembers of a service: the last word of the station that has it.
type word struct {
	Entry
	port int
	node ipxwire.Node
	at   time.Time
}

// The table is what a model of it says, whatever neighbours tell in whatever order. No one is silent for long here.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	nets := []ipxwire.Network{0xf00d, 0xf00e, 0xdead}
	for round := range 30 {
		g := newAgent(t, Config{Routing: true})
		words := map[string]word{}
		for range 200 {
			g.run(time.Duration(rnd.IntN(800)) * time.Millisecond)
			w := word{port: rnd.IntN(2), node: ipxwire.Node{2, 5: byte(1 + rnd.IntN(3))}, at: g.now}
			w.Entry = entryOf(string(rune('A'+rnd.IntN(5))), FileServer, nets[rnd.IntN(3)], uint16(rnd.IntN(17)))
			g.hear(w.port, w.node, w.Entry)
			w.Hops = max(w.Hops, 1)
			told(words, w)
			var want []string
			for k, v := range words {
				s := fmt.Sprintf("%s 4 %x/%d %d %x", k, uint32(v.Addr.Net), v.Hops, v.port, v.node[5])
				if v.Addr.Net == 0xdead {
					s += " unreachable"
				}
				if v.Hops < Down {
					want = append(want, s)
				}
			}
			slices.Sort(want)
			if got := list(g.a.Services()); !slices.Equal(got, want) {
				t.Fatalf("seed %d round %d: the table is\n%q, want\n%q", seed, round, got, want)
			}
		}
	}
}

func told(words map[string]word, w word) {
	k := w.Name.String()
	old, ok := words[k]
	gone := func(w word) int {
		if w.Addr.Net == 0xdead {
			return 100
		}
		return 0
	}
	isOwner := ok && old.port == w.port && old.node == w.node
	switch {
	case isOwner && w.Hops == Down:
		old.Hops = Down
		words[k] = old
	case w.Hops == Down:
	case !ok, isOwner, old.Hops == Down, gone(w)+int(w.Hops) < gone(old)+int(old.Hops):
		words[k] = w
	}
}

// Whatever arrives whenever: what is sent parses, and nothing is left without ports.
func FuzzAgent(f *testing.F) {
	f.Add(append([]byte("\x00\x01\x0a"), AppendResponse(nil, GeneralResponse, entryOf("A", FileServer, 0xf00d, 1))...))
	f.Add(append([]byte("\x01\x20\x0b"), AppendQuery(nil, NearestQuery, FileServer)...))
	f.Add(append([]byte("\x01\x20\x0b"), AppendQuery(nil, GeneralQuery, AnyType)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := newAgent(t, Config{Routing: true, MaxServices: 12, MaxPerPort: 8, MaxPerNeighbor: 5})
		for len(b) > 3 {
			port, wait, from := int(b[0]%3), time.Duration(b[1])*time.Second/4, b[2]
			n := min(len(b)-3, 2+EntryLen*int(b[0]>>4))
			msg := b[3 : 3+n]
			b = b[3+n:]
			g.run(wait)
			g.deliver(port, ipxwire.Addr{Node: ipxwire.Node{2, 5: from}, Socket: ipxwire.SocketSAP}, msg)
			switch from {
			case 0xf0:
				g.a.RemovePort(g.now, port)
			case 0xf1:
				g.a.AddPort(g.now, port, ipxwire.Network(wait/time.Second))
			case 0xf2:
				g.ticks[0xf00d] ^= 1
				g.a.RoutesChanged(g.now)
			}
			if len(g.a.t.Entries()) > 12 {
				t.Fatalf("%d entries, want at most 12", len(g.a.t.Entries()))
			}
		}
		g.a.Close(g.now)
		g.run(5 * time.Minute)
		if n := len(g.a.t.Entries()); n != 0 {
			t.Errorf("%d entries are left without a port", n)
		}
	})
}
