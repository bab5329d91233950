package rigs

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// node is the protocol under test, a small one: each node tells all others of itself every second over UDP. The leader
// is the lowest of those heard in the last three seconds, itself among them; but who hears less than half leads nobody
// and follows nobody.
type node struct {
	id, peers int
	conn      net.PacketConn
	addrs     []net.Addr

	mu    sync.Mutex
	heard map[int]time.Time
}

const (
	beat    = time.Second
	timeout = 3 * beat
	port    = 7400
)

type hello struct{ From int }

func (n *node) run(ctx context.Context) {
	go n.listen() // ends with the conn
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		b, _ := json.Marshal(hello{n.id})
		for _, a := range n.addrs {
			_, _ = n.conn.WriteTo(b, a)
		}
		select {
		case <-ctx.Done():
			n.conn.Close()
			return
		case <-tick.C:
		}
	}
}

func (n *node) listen() {
	var b [512]byte
	for {
		size, _, err := n.conn.ReadFrom(b[:])
		if err != nil {
			return
		}
		var h hello
		if json.Unmarshal(b[:size], &h) != nil {
			continue
		}
		n.mu.Lock()
		n.heard[h.From] = time.Now()
		n.mu.Unlock()
	}
}

// leader is whom the node follows, -1 if nobody.
func (n *node) leader() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	lowest, count := n.id, 1
	for id, at := range n.heard {
		if time.Since(at) <= timeout {
			count++
			lowest = min(lowest, id)
		}
	}
	if count <= n.peers/2 {
		return -1
	}
	return lowest
}

// TestRollingPartition cuts two neighbours off for a minute each time, five times round, on a wire that loses frames.
// There is one leader at the most at any time, and the three that are left have one.
func TestRollingPartition(t *testing.T) {
	stacktest.Run(t, stacktest.Config{Seed: 5, Impair: "loss=2%,delay=5ms,jitter=2ms"}, func(t *testing.T, n *stacktest.Net) {
		nodes, names := startNodes(t, n)
		time.Sleep(10 * time.Second)
		for round := range 5 {
			a, b := round, (round+1)%5
			var others []string
			for i, name := range names {
				if i != a && i != b {
					others = append(others, name)
				}
			}
			n.Partition([]string{names[a], names[b]}, others)
			time.Sleep(timeout + beat) // what was heard before is forgotten
			for range 50 {
				time.Sleep(beat)
				checkLeaders(t, n, nodes, map[int]bool{a: true, b: true})
			}
			n.Heal()
			time.Sleep(timeout + beat)
			checkLeaders(t, n, nodes, nil)
		}
		t.Logf("%v of virtual time", n.Elapsed())
	})
}

// checkLeaders holds that those outside the cut follow the lowest of them, and the others nobody.
func checkLeaders(t *testing.T, n *stacktest.Net, nodes []*node, cut map[int]bool) {
	t.Helper()
	lowest := 0
	for cut[lowest] {
		lowest++
	}
	for i, x := range nodes {
		want := lowest
		if cut[i] {
			want = -1
		}
		if got := x.leader(); got != want {
			t.Errorf("at %v node %d follows %d, want %d", n.Elapsed(), i, got, want)
		}
	}
}

func startNodes(t *testing.T, n *stacktest.Net) (nodes []*node, names []string) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	hosts := []*stacktest.Host{}
	for i := range 5 {
		names = append(names, fmt.Sprintf("node%d", i))
		hosts = append(hosts, n.Host(names[i]))
	}
	for i, h := range hosts {
		conn, err := h.ListenPacket("udp4", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Fatal(err)
		}
		x := &node{id: i, peers: len(hosts), conn: conn, heard: map[int]time.Time{}}
		for j, o := range hosts {
			if j != i {
				x.addrs = append(x.addrs, &net.UDPAddr{IP: o.Addr4().AsSlice(), Port: port})
			}
		}
		nodes = append(nodes, x)
		running.Go(func() {
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			x.run(ctx)
		})
	}
	return nodes, names
}
