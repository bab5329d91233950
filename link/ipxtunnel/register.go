package ipxtunnel

import (
	"net/netip"
	"time"

	"tapestry/internal/ipxwire"
)

// register makes a client of who asks to be one, if limits allow; s.mu is held.
func (s *Server) register(now time.Time, h ipxwire.Header, from netip.AddrPort) {
	switch {
	case !s.isAllowed(from.Addr()):
		s.drops.refused.Add(1)
		return
	case len(s.clients.order) >= s.c.MaxClients,
		s.clients.subnets[subnet(from.Addr())] >= s.c.MaxPerAddress, !s.pace.allows(now):
		s.drops.limit.Add(1)
		return
	}
	c := &client{remote: newRemote(from), nonce: s.draw(), since: now, wait: firstPing, ping: now.Add(firstPing)}
	for c.node = nodeOf(from); s.isTaken(c.node); c.node = next(c.node) {
	}
	c.hears(now, h.Len(), s.c.KeepAlive)
	s.clients.add(c)
	s.c.Log.Info("an IPX client has joined", "device", s.info.Name, "remote", from, "node", c.node)
	s.answer(c)
	s.arm(now, c.ping)
}

// answer tells a client its node: as many octets as it took to ask.
func (s *Server) answer(c *client) {
	var b [ipxwire.HeaderLen]byte
	if c.mayGet(len(b)) && s.out.sendBytes(answer(b[:0], c.node, s.node), s.sock, c.remote) {
		s.drops.registers.Add(1)
	}
}

// confirm notes that a client answered a ping.
func (s *Server) confirm(now time.Time, c *client) {
	c.confirmed = true
	c.hears(now, 0, s.c.KeepAlive)
}

// arm has tick called at t, if that is before it will be; s.mu is held.
func (s *Server) arm(now, t time.Time) {
	if s.closed.Load() || !s.deadline.IsZero() && !t.Before(s.deadline) {
		return
	}
	s.deadline = t
	if s.timer == nil {
		s.timer = s.c.Clock.AfterFunc(t.Sub(now), s.tick)
	} else {
		s.timer.Reset(t.Sub(now))
	}
}

// tick pings clients and forgets those who are no more.
func (s *Server) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.c.Clock.Now()
	s.deadline = time.Time{}
	var first time.Time
	for i := 0; i < len(s.clients.order); {
		c := s.clients.order[i]
		end := c.expires(s.c.Timeout)
		if !end.After(now) {
			s.clients.remove(c)
			s.c.Log.Info("an IPX client is silent", "device", s.info.Name, "remote", c.addr, "node", c.node)
			continue
		}
		if t := s.ping(now, c); !t.IsZero() && t.Before(end) {
			end = t
		}
		if first.IsZero() || end.Before(first) {
			first = end
		}
		i++
	}
	if !first.IsZero() {
		s.arm(now, first)
	}
}

// ping asks a client if it is time to, and gives when it is the next time; zero: never.
func (s *Server) ping(now time.Time, c *client) time.Time {
	if c.confirmed && s.c.KeepAlive < 0 {
		return time.Time{}
	}
	if c.ping.After(now) {
		return c.ping
	}
	if c.quiet.After(now) {
		return c.quiet
	}
	var b [ipxwire.HeaderLen]byte
	if c.mayGet(len(b)) {
		s.out.sendBytes(ping(b[:0], c.nonce), s.sock, c.remote)
	}
	c.ping = now.Add(c.wait)
	if !c.confirmed {
		c.wait *= 2
	}
	return c.ping
}
