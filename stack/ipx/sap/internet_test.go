package sap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

// row is routers in a row in simulated time, each with both engines: router i is between networks i+1 and i+2. Packets
// take a millisecond, and some are lost.
type row struct {
	now     time.Time
	routers int
	rips    []*rip.Router
	agents  []*Agent
	wire    []flight
	loss    func() bool
	cut     ipxwire.Network
}

type flight struct {
	at     time.Time
	router int
	port   int
	from   ipxwire.Addr
	msg    []byte
}

func newRow(routers int, loss func() bool) *row {
	w := &row{now: start, routers: routers, loss: loss}
	for i := range routers {
		r := rip.New(rip.Config{Routing: true, Send: w.sender(i, ipxwire.SocketRIP)})
		a := New(Config{
			Routing: true, Send: w.sender(i, ipxwire.SocketSAP),
			Reachable: func(n ipxwire.Network) (uint16, bool) { v, ok := r.Lookup(n); return v.Ticks, ok },
		})
		w.rips, w.agents = append(w.rips, r), append(w.agents, a)
		for port := range 2 {
			r.AddPort(w.now, port, ipxwire.Network(i+port+1), 1)
			a.AddPort(w.now, port, ipxwire.Network(i+port+1))
		}
	}
	return w
}

// sender puts a packet on the wire to the router at the other end, which is the only one on the network.
func (w *row) sender(router int, socket ipxwire.Socket) func(int, ipxwire.Addr, []byte) {
	return func(port int, to ipxwire.Addr, msg []byte) {
		peer := router - 1 + 2*port
		if peer < 0 || peer >= w.routers || w.loss() || to.Net == w.cut {
			return
		}
		from := ipxwire.Addr{Net: to.Net, Node: ipxwire.Node{2, 0, 0, 0, byte(router), byte(port)}, Socket: socket}
		w.wire = append(w.wire, flight{w.now.Add(time.Millisecond), peer, 1 - port, from, slices.Clone(msg)})
	}
}

func (w *row) run(d time.Duration) {
	end := w.now.Add(d)
	for at := w.next(end); !at.After(end); at = w.next(end) {
		w.now = at
		for len(w.wire) > 0 && !w.wire[0].at.After(w.now) {
			f := w.wire[0]
			w.wire = w.wire[1:]
			if f.from.Socket == ipxwire.SocketRIP {
				w.rips[f.router].Deliver(w.now, f.port, f.from, f.msg)
			} else {
				w.agents[f.router].Deliver(w.now, f.port, f.from, f.msg)
			}
		}
		for i := range w.rips {
			w.rips[i].Tick(w.now)
			w.agents[i].RoutesChanged(w.now)
			w.agents[i].Tick(w.now)
		}
	}
	w.now = end
}

// next gives the time of the next event, or one after end.
func (w *row) next(end time.Time) time.Time {
	at := end.Add(1)
	if len(w.wire) > 0 && w.wire[0].at.Before(at) {
		at = w.wire[0].at
	}
	for i := range w.rips {
		for _, t := range []time.Time{w.rips[i].Next(), w.agents[i].Next()} {
			if !t.IsZero() && t.Before(at) {
				at = t
			}
		}
	}
	return at
}

// hops gives, for each router, how many hops it has to a service that can be reached.
func (w *row) hops() string {
	var s []string
	for _, a := range w.agents {
		if v, ok := a.Nearest(FileServer); ok {
			s = append(s, fmt.Sprint(v.Hops))
		} else {
			s = append(s, "-")
		}
	}
	return strings.Join(s, " ")
}

func (w *row) want(t *testing.T, hops string) {
	t.Helper()
	if got := w.hops(); got != hops {
		t.Errorf("after %v hops to the server are %s, want %s", w.now.Sub(start), got, hops)
	}
}

func TestRow(t *testing.T) {
	w := newRow(3, func() bool { return false })
	if err := w.rips[0].AddStatic(w.now, rip.Route{Network: own.Net, Port: rip.Local}); err != nil {
		t.Fatal(err)
	}
	if err := w.agents[0].AddStatic(w.now, Service{Type: FileServer, Name: "OWN", Addr: own, Port: Local}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	w.want(t, "0 1 2")
	w.cut = 2
	w.run(4*time.Minute + time.Second)
	w.want(t, "0 - -")
	w.cut = 0
	w.run(61 * time.Second)
	w.want(t, "0 1 2")
	w.rips[0].RemoveStatic(w.now, own.Net)
	w.agents[0].RoutesChanged(w.now)
	w.run(time.Second)
	w.want(t, "- - -")
	for i, a := range w.agents[1:] {
		if s := a.Services(); len(s) != 0 {
			t.Errorf("router %d still has %+v", i+1, s)
		}
	}
}

// With every tenth packet lost all know of a service in the end, and forget it when it goes. Four advertisements lost
// in a row let it expire, so no single moment tells.
func TestRowWithLoss(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := newRow(3, func() bool { return rnd.IntN(10) == 0 })
	w.agents[0].c.Reachable = func(ipxwire.Network) (uint16, bool) { return 1, true }
	s := Service{Type: FileServer, Name: "OWN", Addr: ipxwire.Addr{Net: 1, Node: alpha, Socket: 0x451}, Port: Local}
	if err := w.agents[0].AddStatic(w.now, s); err != nil {
		t.Fatal(err)
	}
	await := func(hops string) {
		t.Helper()
		for range 60 {
			if w.run(time.Minute); w.hops() == hops {
				return
			}
		}
		w.want(t, hops)
	}
	await("0 1 2")
	w.agents[0].RemoveStatic(w.now, FileServer, "OWN")
	await("- - -")
}
