package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/netip"
	"sync"
	"time"
)

// check is the result of hosts that echo to each other.
type check struct {
	Pairs   int     `json:"pairs"`
	Echoes  int     `json:"echoes"`
	Failed  int     `json:"failed"`
	Sources int     `json:"sources"` // different hosts that asked
	Targets int     `json:"targets"` // different hosts that were asked
	Elapsed float64 `json:"elapsed_ms"`
	First   string  `json:"first_error,omitempty"`
}

// atOnce is how many pairs talk at one time.
const atOnce = 16

// pair is who asks whom.
type pair struct{ from, to int }

// choose gives pairs: rounds in which every host asks once and is asked once, until there are n of them.
func choose(hosts, n int, seed int64) (pairs []pair) {
	r := rand.New(rand.NewSource(seed))
	for hosts > 1 && len(pairs) < n {
		order := r.Perm(hosts)
		for i, from := range order {
			pairs = append(pairs, pair{from, order[(i+1)%hosts]})
		}
	}
	return pairs[:min(n, len(pairs))]
}

// check has sampled pairs echo over TCP and UDP.
func (l *lab) check(n int, seed int64) check {
	pairs := choose(len(l.stations), n, seed)
	c := check{Pairs: len(pairs), Echoes: 2 * len(pairs)}
	sources, targets := map[int]bool{}, map[int]bool{}
	start := time.Now()
	var (
		mu    sync.Mutex
		talks sync.WaitGroup
		slots = make(chan struct{}, atOnce)
	)
	for _, p := range pairs {
		sources[p.from], targets[p.to] = true, true
		slots <- struct{}{}
		talks.Go(func() {
			defer func() { <-slots }()
			for _, network := range []string{"tcp", "udp"} {
				if err := l.echoes(network, p); err != nil {
					mu.Lock()
					c.fail(fmt.Errorf("%s from host %d to host %d: %w", network, p.from, p.to, err))
					mu.Unlock()
				}
			}
		})
	}
	talks.Wait()
	c.Elapsed = ms(time.Since(start))
	c.Sources, c.Targets = len(sources), len(targets)
	return c
}

func (c *check) fail(err error) {
	if c.Failed++; c.First == "" {
		c.First = err.Error()
	}
}

// echoes has one host ask another and compares the answer.
func (l *lab) echoes(network string, p pair) error {
	ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
	defer cancel()
	to := netip.AddrPortFrom(l.stations[p.to].addr, echoPort)
	conn, err := l.stations[p.from].DialContext(ctx, network, to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	want := fmt.Appendf(nil, "from %d to %d", p.from, p.to)
	if _, err := conn.Write(want); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}
