package ipxtunnel

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"tapestry/internal/ipxwire"
)

// What is not configured.
const (
	firstPing      = 250 * time.Millisecond // after a registration, so that its answer is there first
	pingsWait      = 2 * time.Second        // after a ping by the client, which would show ours among the answers
	confirmTimeout = time.Minute            // of a client that has shown nothing yet
	amplification  = 3                      // octets sent to such a client for each of his, as RFC 9000 §8.1
)

// client is who has registered.
type client struct {
	*remote
	node      ipxwire.Node
	nonce     ipxwire.Node // what our pings come from: who answers to it hears us
	confirmed bool
	got, sent int // octets, until it is confirmed

	since, heard time.Time
	ping         time.Time // the next of ours
	wait         time.Duration
	quiet        time.Time // until then none
}

// ClientInfo describes a client, for tools.
type ClientInfo struct {
	Remote    netip.AddrPort `json:"remote"`
	Node      ipxwire.Node   `json:"node"`
	Since     time.Time      `json:"since"`
	Heard     time.Time      `json:"heard"`
	Confirmed bool           `json:"confirmed"` // it has answered
}

// mayGet takes octets for a client, which is refused what it has not earned before it has shown that it hears us.
func (c *client) mayGet(octets int) bool {
	if c.confirmed {
		return true
	}
	if c.sent+octets > amplification*c.got {
		return false
	}
	c.sent += octets
	return true
}

// hears notes a datagram. Pings start anew after silence.
func (c *client) hears(now time.Time, octets int, keepAlive time.Duration) {
	c.heard = now
	if !c.confirmed {
		c.got = min(c.got+octets, 1<<20)
		return
	}
	c.ping, c.wait = now.Add(keepAlive), keepAlive
}

// expires is when the client is forgotten.
func (c *client) expires(timeout time.Duration) time.Time {
	if !c.confirmed {
		timeout = min(timeout, confirmTimeout)
	}
	return c.heard.Add(timeout)
}

// clients is the table of a server.
type clients struct {
	byAddr  map[netip.AddrPort]*client
	byNode  map[ipxwire.Node]*client
	order   []*client // as they came
	subnets map[netip.Addr]int
}

func newClients() clients {
	return clients{map[netip.AddrPort]*client{}, map[ipxwire.Node]*client{}, nil, map[netip.Addr]int{}}
}

func (t *clients) add(c *client) {
	t.byAddr[c.addr], t.byNode[c.node] = c, c
	t.order = append(t.order, c)
	t.subnets[subnet(c.addr.Addr())]++
}

func (t *clients) remove(c *client) {
	delete(t.byAddr, c.addr)
	delete(t.byNode, c.node)
	t.order = slices.DeleteFunc(t.order, func(o *client) bool { return o == c })
	s := subnet(c.addr.Addr())
	if t.subnets[s]--; t.subnets[s] == 0 {
		delete(t.subnets, s)
	}
}

func (t *clients) list() []ClientInfo {
	out := make([]ClientInfo, 0, len(t.order))
	for _, c := range t.order {
		out = append(out, ClientInfo{c.addr, c.node, c.since, c.heard, c.confirmed})
	}
	slices.SortFunc(out, func(a, b ClientInfo) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	return out
}

// pace lets burst events pass at once, and one each interval in the long run.
type pace struct {
	interval time.Duration
	burst    int
	full     time.Time // when what has passed is worked off
}

func (p *pace) allows(now time.Time) bool {
	if p.full.Before(now) {
		p.full = now
	}
	if p.full.Sub(now) > p.interval*time.Duration(p.burst-1) {
		return false
	}
	p.full = p.full.Add(p.interval)
	return true
}
