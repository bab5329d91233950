package ipxtunnel

import (
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Server is where emulators join a segment: a [link.Device] with one queue, which is the Server itself.
type Server struct {
	port
	c    ServerConfig
	sock *socket
	out  *outbox
	done sync.WaitGroup

	mu       sync.Mutex
	clients  clients
	pace     pace
	node     ipxwire.Node // the server's own, in answers
	timer    link.Timer
	deadline time.Time // of timer; zero: none
}

// NewServer makes a server, which owns c.Conn from then on. With an error, Conn is the caller's.
func NewServer(c ServerConfig) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{c: c, sock: newSocket(c.Conn), clients: newClients()}
	s.init(c.Name, c.Wire, c.QueueFrames)
	s.pace = pace{interval: time.Minute / time.Duration(c.RegistrationRate), burst: c.RegistrationRate}
	if a, err := netip.ParseAddrPort(c.Conn.LocalAddr().String()); err == nil {
		s.node = nodeOf(a)
	}
	s.out = newOutbox(c.QueueFrames, &s.drops)
	s.done.Go(s.receive)
	return s, nil
}

// Queues implements [link.Device].
func (s *Server) Queues() []link.Queue { return []link.Queue{s} }

// Clients lists who is registered, by node.
func (s *Server) Clients() []ClientInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients.list()
}

// Close implements [link.Device]. Clients are not told: the protocol has no word for it.
func (s *Server) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	err := s.sock.Close()
	s.fail(nil)
	s.done.Wait()
	s.out.close()
	return err
}

// receive reads the socket until it is closed: clients are relayed also while nobody reads the device.
func (s *Server) receive() {
	f, one := s.newFramer(), make([]link.Frame, 1)
	err := s.sock.each(func(b []byte, from netip.AddrPort) { s.datagram(f, one, b, from) }, s.closed.Load)
	if !s.closed.Load() {
		s.fail(err)
	}
}

// datagram takes what came from an address.
func (s *Server) datagram(f *framer, one []link.Frame, b []byte, from netip.AddrPort) {
	now := s.c.Clock.Now()
	s.mu.Lock()
	h, ok := s.accept(now, b, from)
	s.mu.Unlock()
	if !ok {
		return
	}
	renumber(h, 0, s.wire.Network)
	h = s.echoes.in(now, h, f.room())
	if fr, ok := f.frame(ethernet.Addr(h.Destination().Node), ethernet.Addr(h.Source().Node), h); ok {
		one[0] = fr
		s.deliver(one)
	}
}

// accept does with a datagram what concerns clients, and gives the packet if it is also for the segment; s.mu is held.
func (s *Server) accept(now time.Time, b []byte, from netip.AddrPort) (ipxwire.Header, bool) {
	c := s.clients.byAddr[from]
	h, err := parse(b)
	switch {
	case err == ipxwire.ErrShort:
		s.drops.short.Add(1)
	case err != nil:
		s.drops.length.Add(1)
	case c == nil && isRegistration(h):
		s.register(now, h, from)
	case c == nil:
		s.drops.stranger.Add(1)
	case isRegistration(h):
		c.hears(now, len(b), s.c.KeepAlive)
		s.answer(c)
	case h.Source().Node != c.node || !s.isHere(h.Source().Net):
		s.drops.spoofed.Add(1)
	case h.Len() > s.wire.MaxPacket:
		s.drops.long.Add(1)
	case h.Destination().Node.IsZero():
		s.drops.destination.Add(1)
	default:
		c.hears(now, len(b), s.c.KeepAlive)
		return h, s.relay(now, c, h)
	}
	return nil, false
}

// isHere reports whether clients may say that they are on a network: on this one, by its number or as 0.
func (s *Server) isHere(n ipxwire.Network) bool {
	return n == 0 || n == s.wire.Network || s.wire.Network == 0
}

// relay takes a client's packet to other clients, and reports whether it goes to the segment too.
func (s *Server) relay(now time.Time, c *client, h ipxwire.Header) bool {
	to := h.Destination().Node
	if to == c.nonce {
		s.confirm(now, c)
		return false
	}
	if isPing(h) {
		c.quiet = now.Add(pingsWait)
	}
	renumber(h, s.wire.Network, 0)
	if to == ipxwire.Broadcast {
		s.broadcast(h, c)
		return true
	}
	if d := s.clients.byNode[to]; d != nil {
		if d != c {
			s.send(link.NewFrame(h), d)
		}
		return false
	}
	return true
}

// broadcast sends a packet to all clients but one, and reports whether there was any.
func (s *Server) broadcast(h ipxwire.Header, but *client) (sent bool) {
	if len(s.clients.order) == 0 {
		return false
	}
	p := link.NewFrame(h)
	for _, c := range s.clients.order {
		if c != but && s.send(p.Clone(), c) {
			sent = true
		}
	}
	p.Release()
	return sent
}

// send takes a packet to a client.
func (s *Server) send(p link.Frame, c *client) bool {
	if !c.mayGet(p.Len()) {
		s.drops.unconfirmed.Add(1)
		p.Release()
		return false
	}
	return s.out.send(letter{p, s.sock, c.remote})
}

// WriteFrames implements [link.Queue].
func (s *Server) WriteFrames(f []link.Frame) int { return s.write(f, s.fromSegment) }

// fromSegment takes a frame to the clients it is for.
func (s *Server) fromSegment(f *framer, fr *link.Frame) bool {
	h, _, mac, ok := f.unframe(fr)
	if !ok {
		return false
	}
	renumber(h, s.wire.Network, 0)
	h, ping := s.echoes.out(s.c.Clock.Now(), h, f.room())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients.byNode[h.Source().Node] != nil {
		s.drops.spoofed.Add(1)
		return false
	}
	to, sent := h.Destination().Node, false
	if to == ipxwire.Broadcast {
		sent = s.broadcast(h, nil)
	} else if c := s.clients.byNode[to]; c != nil && (mac.IsMulticast() || mac == ethernet.Addr(to)) {
		sent = s.send(link.NewFrame(h), c)
		if ping != nil {
			s.send(link.NewFrame(ping), c)
		}
		return sent
	}
	if !sent {
		s.drops.destination.Add(1)
	}
	return sent
}

// isAllowed applies the access list.
func (s *Server) isAllowed(a netip.Addr) bool {
	return len(s.c.Allow) == 0 || slices.ContainsFunc(s.c.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// draw gives a node that nobody has and nobody can guess.
func (s *Server) draw() ipxwire.Node {
	n := ipxwire.Node{2, 0xff}
	io.ReadFull(s.c.Random, n[2:]) // a source that fails leaves nodes that can be guessed, no two of them equal
	for s.isTaken(n) {
		n = next(n)
	}
	return n
}

func (s *Server) isTaken(n ipxwire.Node) bool {
	return s.clients.byNode[n] != nil || n == ipxwire.Node(s.wire.Addr) ||
		slices.ContainsFunc(s.clients.order, func(c *client) bool { return c.nonce == n })
}
