package ipxtunnel

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Client joins a segment to a server: a [link.Device] with one queue, which is the Client itself.
type Client struct {
	port
	cfg    ClientConfig
	server *remote
	out    *outbox
	done   sync.WaitGroup
	ready  chan struct{} // of Dial: closed when the server has given a node

	mu       sync.Mutex
	sessions []*session                    // as they came
	groups   map[ipxwire.Node]ipxwire.Node // what nodes of groups are on the segment, and are in the tunnel
	timer    link.Timer
	deadline time.Time // of timer; zero: none
}

// NewClient makes a client. Each station that sends to the server's network gets a registration of its own, under which
// it is known there by another node; with Addr there is one station, and it is registered at once.
func NewClient(c ClientConfig) (*Client, error) {
	d, err := newClient(c)
	if err != nil {
		return nil, err
	}
	if d.cfg.Addr != (ethernet.Addr{}) {
		d.mu.Lock()
		d.add(d.cfg.Clock.Now(), ipxwire.Node(d.cfg.Addr))
		d.mu.Unlock()
	}
	return d, nil
}

// Dial makes a client for one station that takes the node which the server gives, as an emulator does: Info().Addr. It
// waits for that. c.Addr must be zero.
func Dial(ctx context.Context, c ClientConfig) (*Client, error) {
	if c.Addr != (ethernet.Addr{}) {
		return nil, fmt.Errorf("ipxtunnel: Dial with the address %v: it takes the server's; use NewClient", c.Addr)
	}
	c.Stations = 1
	d, err := newClient(c)
	if err != nil {
		return nil, err
	}
	d.ready = make(chan struct{})
	d.mu.Lock()
	d.add(d.cfg.Clock.Now(), ipxwire.Node{})
	d.mu.Unlock()
	select {
	case <-d.ready:
		return d, nil
	case <-ctx.Done():
		d.Close()
		return nil, fmt.Errorf("ipxtunnel: no answer from the server %v: %w", d.cfg.Server, ctx.Err())
	}
}

func newClient(c ClientConfig) (*Client, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Client{cfg: c, server: newRemote(c.Server), groups: map[ipxwire.Node]ipxwire.Node{}}
	d.init(c.Name, c.Wire, c.QueueFrames)
	d.out = newOutbox(c.QueueFrames, &d.drops)
	return d, nil
}

// Queues implements [link.Device].
func (c *Client) Queues() []link.Queue { return []link.Queue{c} }

// Close implements [link.Device]. The server is not told: the protocol has no word for it.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.mu.Lock()
	if c.timer != nil {
		c.timer.Stop()
	}
	for len(c.sessions) > 0 {
		c.remove(0)
	}
	c.mu.Unlock()
	c.fail(nil)
	c.done.Wait()
	c.out.close()
	return nil
}

// WriteFrames implements [link.Queue].
func (c *Client) WriteFrames(f []link.Frame) int { return c.write(f, c.fromSegment) }

// fromSegment takes a frame to the server, by the registration of its station.
func (c *Client) fromSegment(f *framer, fr *link.Frame) bool {
	h, mac, _, ok := f.unframe(fr)
	if !ok {
		return false
	}
	from, now := ipxwire.Node(mac), c.cfg.Clock.Now()
	if h.Source().Node != from || from.IsGroup() {
		c.drops.routed.Add(1)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch to := h.Destination().Node; {
	case c.isForeign(from):
		c.drops.spoofed.Add(1)
		return false
	case to.IsZero() || c.isLocal(to):
		c.drops.destination.Add(1)
		return false
	}
	s := c.find(now, from)
	if s == nil {
		c.drops.stations.Add(1)
		return false
	}
	s.used = now
	h, ping := c.echoes.out(now, h, f.room())
	if ping != nil {
		defer c.post(s, ping)
	}
	return c.post(s, h)
}

// post sends a packet of a station, or keeps it until the server has given a node.
func (c *Client) post(s *session, h ipxwire.Header) bool {
	if s.node.IsZero() {
		return c.hold(s, h)
	}
	return c.send(s, h)
}

// isForeign reports whether a source is one that a registration translates to: it comes back by a loop.
func (c *Client) isForeign(n ipxwire.Node) bool {
	for _, s := range c.sessions {
		if s.node == n && s.station != n {
			return true
		}
	}
	return false
}

// isLocal reports whether a node is a station of the segment.
func (c *Client) isLocal(n ipxwire.Node) bool {
	for _, s := range c.sessions {
		if s.station == n {
			return true
		}
	}
	return false
}

// hold keeps a packet until the server has given its station a node.
func (c *Client) hold(s *session, h ipxwire.Header) bool {
	if len(s.pending) >= maxPending {
		c.drops.unregistered.Add(1)
		return false
	}
	s.pending = append(s.pending, link.NewFrame(h))
	return true
}

// send translates a packet of a station and sends it.
func (c *Client) send(s *session, h ipxwire.Header) bool {
	if s.sock == nil {
		c.drops.unregistered.Add(1)
		return false
	}
	if s.station != s.node {
		setNode(h, sourceNodeOff, s.node)
	}
	if n, ok := c.groups[h.Destination().Node]; ok {
		setNode(h, destinationNodeOff, n)
	}
	renumber(h, c.wire.Network, 0)
	return c.out.sendBytes(h, s.sock, c.server)
}

// datagram takes what came to the socket of a session.
func (c *Client) datagram(f *framer, one []link.Frame, s *session, b []byte, from netip.AddrPort) {
	if from != c.cfg.Server {
		c.drops.stranger.Add(1)
		return
	}
	h, err := parse(b)
	switch {
	case err == ipxwire.ErrShort:
		c.drops.short.Add(1)
		return
	case err != nil:
		c.drops.length.Add(1)
		return
	case h.Len() > c.wire.MaxPacket:
		c.drops.long.Add(1)
		return
	}
	now := c.cfg.Clock.Now()
	c.mu.Lock()
	ok := c.accept(now, s, h)
	c.mu.Unlock()
	if !ok {
		return
	}
	renumber(h, 0, c.wire.Network)
	h = c.echoes.in(now, h, f.room())
	if fr, ok := f.frame(ethernet.Addr(h.Destination().Node), ethernet.Addr(h.Source().Node), h); ok {
		one[0] = fr
		c.deliver(one)
	}
}

// accept does with a packet what concerns its session, and reports whether it is for the segment; c.mu is held.
func (c *Client) accept(now time.Time, s *session, h ipxwire.Header) bool {
	if s.removed {
		return false
	}
	if isAnswer(h, s) {
		c.registered(now, s, h.Destination().Node)
		return false
	}
	if s.node.IsZero() {
		c.drops.unregistered.Add(1)
		return false
	}
	s.heard, s.asked, s.deadline = now, 0, now.Add(c.cfg.KeepAlive)
	to := h.Destination().Node
	switch {
	case isKeepAlive(h):
		var b [ipxwire.HeaderLen]byte
		c.out.sendBytes(pong(b[:0], h.Source().Node, s.node), s.sock, c.server)
		return false
	case c.isOwn(h.Source().Node), to == ipxwire.Broadcast && c.listener() != s:
		c.drops.copies.Add(1)
		return false
	case to == s.node:
		setNode(h, destinationNodeOff, s.station)
	case to != ipxwire.Broadcast:
		c.drops.destination.Add(1)
		return false
	}
	if n := h.Source().Node; n.IsGroup() {
		setNode(h, sourceNodeOff, c.station(n))
	}
	return true
}

// maxGroups is how many nodes are remembered that have the form of a group's.
const maxGroups = 1024

// station gives a node that has the form of a group's the address of a station.
func (c *Client) station(n ipxwire.Node) ipxwire.Node {
	own := station(n)
	if _, ok := c.groups[own]; !ok && len(c.groups) >= maxGroups {
		clear(c.groups) // they are known again by their next packets
	}
	c.groups[own] = n
	return own
}

// isAnswer reports whether a packet answers a registration. DOSBox answers a ping much alike, but not as from network
// 1.
func isAnswer(h ipxwire.Header, s *session) bool {
	from, to := h.Source(), h.Destination()
	if s.asked == 0 || from.Socket != ipxwire.SocketEcho || to.Socket != ipxwire.SocketEcho ||
		to.Node == ipxwire.Broadcast || to.Node.IsZero() {
		return false
	}
	return s.node.IsZero() || from.Net == networkOfAnswers
}

// registered notes the node that the server gave, and sends what waited for it.
func (c *Client) registered(now time.Time, s *session, node ipxwire.Node) {
	if s.node != node {
		c.cfg.Log.Info("the IPX server gave a node",
			"device", c.info.Name, "server", c.cfg.Server, "station", s.station, "node", node)
	}
	s.node, s.heard, s.asked, s.deadline = node, now, 0, now.Add(c.cfg.KeepAlive)
	if s.station.IsZero() {
		if s.station = node; node.IsGroup() {
			s.station = station(node)
		}
		c.info.Addr = ethernet.Addr(s.station)
		close(c.ready)
	}
	for i := range s.pending {
		if h, err := ipxwire.ParseHeader(s.pending[i].AppendTo(nil)); err == nil {
			c.send(s, h)
		}
		s.pending[i].Release()
	}
	s.pending = s.pending[:0]
}
