package rip

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

// internet is routers on networks in simulated time. Packets take a millisecond.
type internet struct {
	t       *testing.T
	now     time.Time
	routers []*Router
	on      map[ipxwire.Network][]plug
	wire    []flight
	cut     map[ipxwire.Network]bool
	packets int
}

type plug struct{ router, port int }

type flight struct {
	at   time.Time
	to   plug
	from ipxwire.Addr
	msg  []byte
}

func newInternet(t *testing.T, routers int) *internet {
	n := &internet{t: t, now: start, on: map[ipxwire.Network][]plug{}, cut: map[ipxwire.Network]bool{}}
	for i := range routers {
		n.routers = append(n.routers, New(Config{Routing: true, Send: func(port int, to ipxwire.Addr, msg []byte) {
			n.send(i, port, to, msg)
		}}))
	}
	return n
}

func node(router, port int) ipxwire.Node {
	return ipxwire.Node{2, 0, 0, 0, byte(router + 1), byte(port)}
}

func (n *internet) plug(router, port int, network ipxwire.Network) {
	n.on[network] = append(n.on[network], plug{router, port})
	n.routers[router].AddPort(n.now, port, network, 1)
}

func (n *internet) send(router, port int, to ipxwire.Addr, msg []byte) {
	n.packets++
	for _, p := range n.on[to.Net] {
		isFor := to.Node == ipxwire.Broadcast || to.Node == node(p.router, p.port)
		if p.router == router && p.port == port || !isFor || n.cut[to.Net] {
			continue
		}
		from := ipxwire.Addr{Net: to.Net, Node: node(router, port), Socket: ipxwire.SocketRIP}
		n.wire = append(n.wire, flight{n.now.Add(time.Millisecond), p, from, slices.Clone(msg)})
	}
}

// step goes to the next event, if it is not after end.
func (n *internet) step(end time.Time) bool {
	at := end.Add(1)
	for _, r := range n.routers {
		if next := r.Next(); !next.IsZero() && next.Before(at) {
			at = next
		}
	}
	if len(n.wire) > 0 && n.wire[0].at.Before(at) {
		at = n.wire[0].at
	}
	if at.After(end) {
		return false
	}
	n.now = at
	for len(n.wire) > 0 && !n.wire[0].at.After(at) {
		f := n.wire[0]
		n.wire = n.wire[1:]
		n.routers[f.to.router].Deliver(n.now, f.to.port, f.from, f.msg)
	}
	for _, r := range n.routers {
		r.Tick(n.now)
	}
	return true
}

func (n *internet) run(d time.Duration) {
	end := n.now.Add(d)
	for range 1000000 {
		if !n.step(end) {
			n.now = end
			return
		}
	}
	n.t.Fatal("a million events: something tells without end")
}

// hops gives, for each router, how many hops it has to a network; - for none.
func (n *internet) hops(network ipxwire.Network) string {
	var s []string
	for _, r := range n.routers {
		if v, ok := r.Lookup(network); ok {
			s = append(s, fmt.Sprint(v.Hops))
		} else {
			s = append(s, "-")
		}
	}
	return strings.Join(s, " ")
}

func (n *internet) want(network ipxwire.Network, hops string) {
	n.t.Helper()
	if got := n.hops(network); got != hops {
		n.t.Errorf("after %v, hops to %v are %s, want %s", n.now.Sub(start), network, got, hops)
	}
}

// row is routers in a row: router i is between networks i+1 and i+2.
func row(t *testing.T, routers int) *internet {
	n := newInternet(t, routers)
	for i := range routers {
		n.plug(i, 0, ipxwire.Network(i+1))
		n.plug(i, 1, ipxwire.Network(i+2))
	}
	return n
}

func TestRow(t *testing.T) {
	n := row(t, 3)
	n.run(2 * time.Second)
	n.want(1, "0 1 2")
	n.want(4, "2 1 0")
	t.Run("a port goes", func(t *testing.T) {
		n.t = t
		n.routers[2].RemovePort(n.now, 1)
		n.run(time.Second)
		n.want(4, "- - -")
		n.routers[2].AddPort(n.now, 1, 4, 1)
		n.run(time.Second)
		n.want(4, "2 1 0")
	})
	t.Run("a cable breaks", func(t *testing.T) {
		n.t = t
		n.cut[3] = true
		n.run(179 * time.Second)
		n.want(4, "2 1 0")
		n.run(62 * time.Second)
		n.want(4, "- - 0")
		n.want(1, "0 1 -")
		n.cut[3] = false
		n.run(61 * time.Second)
		n.want(4, "2 1 0")
		n.want(1, "0 1 2")
	})
}

// Fifteen routers are the limit.
func TestFar(t *testing.T) {
	n := row(t, 17)
	n.run(10 * time.Second)
	n.want(1, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 -")
}

// In a ring the way round is found when a link goes, and nothing is left of a network that goes.
func TestRing(t *testing.T) {
	n := newInternet(t, 4)
	for i := range 4 {
		n.plug(i, 0, ipxwire.Network(i+1))
		n.plug(i, 1, ipxwire.Network((i+1)%4+1))
	}
	n.plug(0, 2, 0xf00d)
	n.run(2 * time.Second)
	n.want(0xf00d, "0 1 2 1")
	n.routers[1].RemovePort(n.now, 0)
	n.run(61 * time.Second)
	n.want(0xf00d, "0 3 2 1")
	n.packets = 0
	n.routers[0].RemovePort(n.now, 2)
	n.run(10 * time.Second)
	n.want(0xf00d, "- - - -")
	if n.packets > 40 {
		t.Errorf("%d packets until four routers agree that a network is gone", n.packets)
	}
	n.run(3 * time.Minute)
	for i, r := range n.routers {
		if r.t.Find(0xf00d) != nil {
			t.Errorf("router %d has not forgotten what is gone", i)
		}
	}
}

// Random networks of routers settle on the distances that a search of the graph gives, again after ports came and
// went.
func TestConvergence(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for round := range 15 {
		n := newInternet(t, 2+rnd.IntN(6))
		networks := 2 + rnd.IntN(6)
		plugged := map[plug]ipxwire.Network{}
		toggle := func() {
			p := plug{rnd.IntN(len(n.routers)), rnd.IntN(3)}
			if network, ok := plugged[p]; ok {
				n.routers[p.router].RemovePort(n.now, p.port)
				n.on[network] = slices.DeleteFunc(n.on[network], func(q plug) bool { return q == p })
				delete(plugged, p)
				return
			}
			network := ipxwire.Network(1 + rnd.IntN(networks))
			for q, other := range plugged {
				if q.router == p.router && other == network {
					return
				}
			}
			plugged[p] = network
			n.plug(p.router, p.port, network)
		}
		for range 20 {
			toggle()
			n.run(time.Duration(rnd.IntN(int(2 * time.Second))))
		}
		n.run(8 * time.Minute)
		for to := range networks {
			network := ipxwire.Network(to + 1)
			if got, want := n.hops(network), distances(n, plugged, network); got != want {
				t.Fatalf("seed %d round %d: hops to %v are %s, want %s with %v", seed, round, network, got, want, plugged)
			}
		}
	}
}

// distances is the stupid way: routers on the network have 0 hops, those next to them 1, and so on.
func distances(n *internet, plugged map[plug]ipxwire.Network, network ipxwire.Network) string {
	at := map[ipxwire.Network]int{network: 0}
	hops := make([]int, len(n.routers))
	for i := range hops {
		hops[i] = -1
	}
	for range len(n.routers) * len(n.routers) {
		for p, net := range plugged {
			if d, ok := at[net]; ok && (hops[p.router] < 0 || d < hops[p.router]) {
				hops[p.router] = d
			}
		}
		for p, net := range plugged {
			d := hops[p.router] + 1
			if old, ok := at[net]; d > 0 && (!ok || d < old) {
				at[net] = d
			}
		}
	}
	var s []string
	for _, h := range hops {
		s = append(s, cmp.Or(strings.ReplaceAll(fmt.Sprint(h), "-1", "-"), "-"))
	}
	return strings.Join(s, " ")
}
