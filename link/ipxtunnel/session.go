package ipxtunnel

import (
	"net/netip"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
)

// Times of a registration.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	lostAfter  = 5 // registrations without an answer
)

// maxPending is how many packets of a station wait for its registration.
const maxPending = 8

// session is the registration of one station.
type session struct {
	station ipxwire.Node // on the segment; zero: the first node that the server gives
	node    ipxwire.Node // what the server gave; zero: nothing
	sock    *socket      // nil: not open
	isOpen  bool         // sock is, or is being opened
	removed bool

	asked    int // registrations since the last answer
	heard    time.Time
	used     time.Time // by its station
	deadline time.Time
	pending  []link.Frame // packets
}

// SessionInfo describes a registration, for tools.
type SessionInfo struct {
	Station ipxwire.Node `json:"station"` // on the segment
	Node    ipxwire.Node `json:"node"`    // that the server gave it; zero: none
	Local   string       `json:"local"`   // the socket's address
	Heard   time.Time    `json:"heard"`   // the server
}

// Sessions lists the registrations, the oldest first.
func (c *Client) Sessions() []SessionInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]SessionInfo, 0, len(c.sessions))
	for _, s := range c.sessions {
		i := SessionInfo{Station: s.station, Node: s.node, Heard: s.heard}
		if s.sock != nil {
			i.Local = s.sock.LocalAddr().String()
		}
		out = append(out, i)
	}
	return out
}

// find gives the session of a station, a new one if there may be; c.mu is held.
func (c *Client) find(now time.Time, station ipxwire.Node) *session {
	for _, s := range c.sessions {
		if s.station == station {
			return s
		}
	}
	if c.cfg.Addr != [6]byte{} && station != ipxwire.Node(c.cfg.Addr) || len(c.sessions) >= c.cfg.Stations {
		return nil
	}
	return c.add(now, station)
}

// add makes a session, which is opened at once, on the clock's goroutine: a writer must not wait for a socket.
func (c *Client) add(now time.Time, station ipxwire.Node) *session {
	s := &session{station: station, used: now, deadline: now}
	c.sessions = append(c.sessions, s)
	c.arm(now, now)
	return s
}

// isOwn reports whether the server gave a node to us.
func (c *Client) isOwn(n ipxwire.Node) bool {
	for _, s := range c.sessions {
		if s.node == n {
			return true
		}
	}
	return false
}

// listener is the session by which broadcasts come to the segment.
func (c *Client) listener() *session {
	for _, s := range c.sessions {
		if !s.node.IsZero() {
			return s
		}
	}
	return nil
}

// arm has tick called at t, if that is before it will be; c.mu is held.
func (c *Client) arm(now, t time.Time) {
	if c.closed.Load() || !c.deadline.IsZero() && !t.Before(c.deadline) {
		return
	}
	c.deadline = t
	if c.timer == nil {
		c.timer = c.cfg.Clock.AfterFunc(t.Sub(now), c.tick)
	} else {
		c.timer.Reset(t.Sub(now))
	}
}

// tick does what is due: it opens sockets, registers, and gives idle stations up.
func (c *Client) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Clock.Now()
	c.deadline = time.Time{}
	for i := 0; i < len(c.sessions); i++ {
		s := c.sessions[i]
		if len(c.sessions) > 1 && !s.used.Add(c.cfg.StationTimeout).After(now) {
			c.remove(i)
			i--
			continue
		}
		if s.deadline.After(now) {
			continue
		}
		if s.sock == nil {
			s.deadline = now.Add(lastRetry)
			c.open(now, s)
		} else {
			c.register(now, s)
		}
	}
	for _, s := range c.sessions {
		c.arm(now, s.deadline)
	}
}

// open opens the session's socket, without the lock, and registers.
func (c *Client) open(now time.Time, s *session) {
	if s.isOpen {
		return
	}
	s.isOpen = true
	c.mu.Unlock()
	conn, err := c.cfg.Listen()
	c.mu.Lock()
	switch {
	case err != nil:
		s.isOpen = false
		c.cfg.Log.Warn("no socket for an IPX station", "device", c.info.Name, "station", s.station, "err", err)
	case c.closed.Load() || s.removed:
		conn.Close()
	default:
		s.sock = newSocket(conn)
		c.done.Go(func() { c.receive(s, s.sock) })
		c.register(now, s)
	}
}

// register asks the server for a node, or whether it is still there.
func (c *Client) register(now time.Time, s *session) {
	if s.asked == lostAfter && !s.node.IsZero() {
		c.cfg.Log.Warn("the IPX server is silent", "device", c.info.Name, "server", c.cfg.Server, "station", s.station)
		s.node = ipxwire.Node{}
	}
	wait := min(firstRetry<<min(s.asked, 8), lastRetry)
	s.asked++
	s.deadline = now.Add(wait)
	var b [ipxwire.HeaderLen]byte
	c.out.sendBytes(registration(b[:0], s.node), s.sock, c.server)
	c.arm(now, s.deadline)
}

// remove gives a session up; its reader ends.
func (c *Client) remove(i int) {
	s := c.sessions[i]
	s.removed = true
	c.sessions = append(c.sessions[:i], c.sessions[i+1:]...)
	link.ReleaseAll(s.pending)
	s.pending = nil
	if s.sock != nil {
		s.sock.Close()
	}
}

// receive reads a session's socket until it is closed. One that fails is opened anew.
func (c *Client) receive(s *session, sock *socket) {
	f, one := c.newFramer(), make([]link.Frame, 1)
	isClosed := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.closed.Load() || s.removed
	}
	err := sock.each(func(b []byte, from netip.AddrPort) { c.datagram(f, one, s, b, from) }, isClosed)
	if isClosed() {
		return
	}
	sock.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.Log.Warn("an IPX station has lost its socket", "device", c.info.Name, "station", s.station, "err", err)
	now := c.cfg.Clock.Now()
	s.sock, s.isOpen, s.asked, s.deadline = nil, false, 0, now.Add(firstRetry)
	c.arm(now, s.deadline)
}
