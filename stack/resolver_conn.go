package stack

import (
	"context"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dialDNS is what package net's resolver calls for each question to each server of the machine's configuration. The
// address of that server is not used.
func (h *Host) dialDNS(ctx context.Context, network, _ string) (net.Conn, error) {
	c := &dnsConn{host: h, answers: make(chan []byte, 1), done: make(chan struct{})}
	if network != "udp" { // an answer over UDP was cut, so a server gave it
		if len(h.cfg.DNS) == 0 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errMissingAddress}
		}
		return h.DialContext(ctx, network, h.cfg.DNS[0].String())
	}
	if len(h.cfg.DNS) > 0 {
		up, err := h.DialContext(ctx, "udp", h.nextServer().String())
		if err != nil {
			return nil, err
		}
		c.up = up
	}
	return c, nil
}

var _ net.PacketConn = (*dnsConn)(nil) // tells package net that these are datagrams

// dnsConn looks like a connected UDP socket to a server. It answers for the names of the configuration itself, and
// passes other questions on to a real server, or denies them if there is none.
type dnsConn struct {
	host *Host
	up   net.Conn // nil without a server

	mu       sync.Mutex
	deadline time.Time
	local    bool // the last question is answered from here

	answers chan []byte
	done    chan struct{}
	once    sync.Once
}

// Write takes one question.
func (c *dnsConn) Write(b []byte) (int, error) {
	a := c.host.answer(b, c.up == nil)
	c.mu.Lock()
	c.local = a != nil
	c.mu.Unlock()
	switch {
	case a == nil && c.up == nil:
		return 0, errMisbehaving // package net asked what is no question
	case a == nil:
		return c.up.Write(b)
	}
	select {
	case c.answers <- a:
	default: // nobody read the last one
	}
	return len(b), nil
}

// Read gives one answer.
func (c *dnsConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	local, deadline := c.local, c.deadline
	c.mu.Unlock()
	if !local && c.up != nil {
		return c.up.Read(b)
	}
	var expired <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		expired = t.C
	}
	select {
	case a := <-c.answers:
		return copy(b, a), nil
	case <-c.done:
		return 0, net.ErrClosed
	case <-expired:
		return 0, os.ErrDeadlineExceeded
	}
}

// ReadFrom implements [net.PacketConn].
func (c *dnsConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

// WriteTo implements [net.PacketConn].
func (c *dnsConn) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// Close implements [net.Conn].
func (c *dnsConn) Close() error {
	c.once.Do(func() { close(c.done) })
	if c.up != nil {
		return c.up.Close()
	}
	return nil
}

// LocalAddr implements [net.Conn].
func (c *dnsConn) LocalAddr() net.Addr {
	if c.up != nil {
		return c.up.LocalAddr()
	}
	return &net.UDPAddr{}
}

// RemoteAddr implements [net.Conn].
func (c *dnsConn) RemoteAddr() net.Addr {
	if c.up != nil {
		return c.up.RemoteAddr()
	}
	return &net.UDPAddr{}
}

// SetDeadline implements [net.Conn].
func (c *dnsConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	if c.up != nil {
		return c.up.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline implements [net.Conn].
func (c *dnsConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline implements [net.Conn].
func (c *dnsConn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }

// answer answers a question about a name of the configuration; nil means that a server must be asked. With deny, what
// is not known does not exist.
func (h *Host) answer(query []byte, deny bool) []byte {
	var p dnsmessage.Parser
	hdr, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	as, known := h.static(q.Name.String())
	if !known && !deny {
		return nil
	}
	out := dnsmessage.Header{ID: hdr.ID, Response: true, Authoritative: true, RecursionDesired: hdr.RecursionDesired,
		RecursionAvailable: true}
	if !known {
		out.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, out)
	b.StartQuestions()
	b.Question(q)
	b.StartAnswers()
	rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 0}
	for _, a := range as {
		switch a = a.Unmap(); {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			b.AResource(rh, dnsmessage.AResource{A: a.As4()})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	answer, err := b.Finish()
	if err != nil {
		return nil
	}
	return answer
}
