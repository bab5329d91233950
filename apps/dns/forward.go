package dns

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

const (
	maxAsking    = 256 // questions to other servers at once
	maxStrangers = 64  // datagrams that are no answer to ours, before a server is given up
)

var (
	errNoAnswer = errors.New("dns: no server answered")
	errBroken   = errors.New("dns: the answer is malformed")
)

// forwarder asks other servers, each question once at a time, and keeps what they answer.
type forwarder struct {
	env      apps.Env
	servers  []netip.AddrPort
	timeout  time.Duration
	counters apps.Counters
	cache    *ttlCache
	slots    chan struct{} // of maxAsking

	mu      sync.Mutex
	asking  map[string]*call // by query.key
	current int              // the server that answered last
}

// call is a question that is being asked; others who ask the same wait for it.
type call struct {
	done chan struct{}
	msg  []byte
	err  error
}

func newForwarder(env apps.Env, cfg *settings, c apps.Counters) *forwarder {
	return &forwarder{
		env: env, servers: cfg.forward, timeout: cfg.ForwardTimeout.Duration, counters: c,
		cache: newCache(cfg.CacheSize, env.Clock()), slots: make(chan struct{}, maxAsking), asking: make(map[string]*call),
	}
}

// enter takes a slot for one client's question, if there is one.
func (f *forwarder) enter() bool {
	select {
	case f.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a slot when there is one.
func (f *forwarder) wait(ctx context.Context) error {
	select {
	case f.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *forwarder) leave() { <-f.slots }

func (f *forwarder) flush() { f.cache.flush() }

// find gives a kept answer and its age in seconds. It does not allocate.
func (f *forwarder) find(key []byte) (*packed, uint32) { return f.cache.find(key) }

// recurse answers a request that other servers have to be asked for. It blocks.
func (s *server) recurse(ctx context.Context, msg []byte, stream bool) []byte {
	var q query
	if q.parse(msg) != accept {
		return nil
	}
	return s.ask(ctx, &q, stream)
}

// ask answers with what a server says, behind the aliases of our own zones that led there.
func (s *server) ask(ctx context.Context, q *query, stream bool) []byte {
	dv := s.delivery(q, stream, true)
	name, ok := q.text()
	if !ok {
		return s.refuse(nil, q, mdns.RcodeFormatError, dv)
	}
	a := s.data.Load().lookup(name, q.qtype)
	key := append([]byte(nil), q.key[:q.keyLen]...)
	if a.outside != "" {
		key = questionKey(a.outside, q.qtype)
	}
	p, age, err := s.forward.resolve(ctx, key)
	if err != nil {
		return s.refuse(nil, q, mdns.RcodeServerFailure, dv)
	}
	dv.age = age
	if a.outside != "" {
		if p, err = a.join(p, age, name, q.qtype); err != nil {
			return s.refuse(nil, q, mdns.RcodeServerFailure, dv)
		}
		dv.age = 0
	}
	return s.send(nil, q, p, dv)
}

// join puts another server's answer behind aliases of ours.
func (a *answer) join(p *packed, age uint32, name string, qtype uint16) (*packed, error) {
	aged := bytes.Clone(p.full)
	for _, at := range p.ttls {
		subtract(aged[at:], age)
	}
	var m mdns.Msg
	if err := m.Unpack(aged); err != nil {
		return nil, err
	}
	a.rcode, a.authority = m.Rcode, m.Ns
	a.answer = append(a.answer, m.Answer...)
	return a.pack(name, qtype, mdns.ClassINET)
}

// questionKey makes a query.key.
func questionKey(name string, qtype uint16) []byte {
	b := make([]byte, maxName+4)
	n, err := mdns.PackDomainName(name, b, 0, nil, false)
	if err != nil {
		return nil
	}
	binary.BigEndian.PutUint16(b[n:], qtype)
	binary.BigEndian.PutUint16(b[n+2:], mdns.ClassINET)
	return b[:n+4]
}

// resolve gives the answer from the cache, or from who asks the same at this moment, or from a server.
func (f *forwarder) resolve(ctx context.Context, key []byte) (*packed, uint32, error) {
	if len(key) == 0 {
		return nil, 0, errBroken
	}
	if p, age := f.cache.find(key); p != nil {
		return p, age, nil
	}
	f.mu.Lock()
	c, ok := f.asking[string(key)]
	if !ok {
		c = &call{done: make(chan struct{})}
		f.asking[string(key)] = c
	}
	f.mu.Unlock()
	if ok {
		f.counters.Add("forward.joined", 1)
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	} else {
		f.run(ctx, key, c)
	}
	if c.err != nil {
		return nil, 0, c.err
	}
	return &packed{full: c.msg}, 0, nil
}

// run asks and tells all who wait.
func (f *forwarder) run(ctx context.Context, key []byte, c *call) {
	c.err = errNoAnswer // if it panics
	defer func() {
		f.mu.Lock()
		delete(f.asking, string(key))
		f.mu.Unlock()
		close(c.done)
	}()
	msg, err := f.askServers(ctx, key)
	if ctx.Err() != nil {
		c.err = ctx.Err()
		return
	}
	if err != nil {
		msg = failure(key)
	}
	c.msg, c.err = msg, nil
	f.cache.keep(key, msg)
}

// failure is what is kept for a moment when nobody answered, so that clients that insist do not become a load for
// others: RFC 9520 §3.1.
func failure(key []byte) []byte {
	b := make([]byte, headerLen, headerLen+len(key))
	b[offFlags], b[offFlags+1], b[offQDCount+1] = flagQR>>8, mdns.RcodeServerFailure, 1
	return append(b, key...)
}

// askServers asks each server in turn, beginning with the one that answered last.
func (f *forwarder) askServers(ctx context.Context, key []byte) (last []byte, err error) {
	f.mu.Lock()
	first := f.current
	f.mu.Unlock()
	err = errNoAnswer
	for i := range f.servers {
		n := (first + i) % len(f.servers)
		msg, e := f.askServer(ctx, f.servers[n], key)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if e != nil {
			f.counters.Add("forward.errors", 1)
			continue
		}
		if last, err = msg, nil; usable(msg) {
			f.mu.Lock()
			f.current = n
			f.mu.Unlock()
			break
		}
	}
	return last, err
}

// usable says whether a server knew, or knew that there is nothing.
func usable(msg []byte) bool {
	rcode := msg[offFlags+1] & 0xf
	return rcode == mdns.RcodeSuccess || rcode == mdns.RcodeNameError
}

// askServer asks one server over UDP, and over TCP if the answer was cut (RFC 7766 §5).
func (f *forwarder) askServer(ctx context.Context, server netip.AddrPort, key []byte) ([]byte, error) {
	for _, edns := range []bool{true, false} {
		msg, err := f.exchange(ctx, "udp", server, key, edns)
		if err == nil && binary.BigEndian.Uint16(msg[offFlags:])&flagTC != 0 {
			msg, err = f.exchange(ctx, "tcp", server, key, edns)
		}
		if err != nil {
			return nil, err
		}
		// RFC 6891 §7: a server that does not know EDNS says so with FORMERR.
		if rcode := msg[offFlags+1] & 0xf; !edns || rcode != mdns.RcodeFormatError && rcode != mdns.RcodeNotImplemented {
			return tidy(msg, key)
		}
	}
	return nil, errBroken
}

// exchange sends a question from a port of its own with an ID that nobody can guess (RFC 5452 §9.2), and waits for the
// message that answers it.
func (f *forwarder) exchange(ctx context.Context, network string, server netip.AddrPort, key []byte, edns bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	conn, err := f.env.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	f.counters.Add("forward."+network, 1)
	request := newRequest(key, edns)
	if network == "tcp" {
		return exchangeStream(conn, request)
	}
	return exchangeDatagram(conn, request)
}

// newRequest makes a question for another server.
func newRequest(key []byte, edns bool) []byte {
	b := make([]byte, headerLen, headerLen+len(key)+optLen)
	_, _ = rand.Read(b[offID : offID+2]) // never fails
	binary.BigEndian.PutUint16(b[offFlags:], flagRD)
	b[offQDCount+1] = 1
	b = append(b, key...)
	if edns {
		b[offARCount+1] = 1
		b = append(b, 0, 0, byte(mdns.TypeOPT), upstreamPayload>>8, upstreamPayload&0xff, 0, 0, 0, 0, 0, 0)
	}
	return b
}

// upstreamPayload is what we take from other servers over UDP: no fragments.
const upstreamPayload = 1232

func exchangeStream(conn net.Conn, request []byte) ([]byte, error) {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(request)))
	if _, err := conn.Write(append(b, request...)); err != nil {
		return nil, err
	}
	msg, err := readMessage(conn)
	if err == nil && !answers(msg, request) {
		err = errBroken
	}
	return msg, err
}

// exchangeDatagram ignores what does not answer the question: it may be forged, and the answer may still come
// (RFC 5452 §9.1).
func exchangeDatagram(conn net.Conn, request []byte) ([]byte, error) {
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	b := make([]byte, maxRequest)
	for range maxStrangers {
		n, err := conn.Read(b)
		if err != nil {
			return nil, err
		}
		if answers(b[:n], request) {
			return b[:n], nil
		}
	}
	return nil, errNoAnswer
}

// answers says whether msg is a response with the ID and the question of request.
func answers(msg, request []byte) bool {
	var q query
	if len(msg) < headerLen || msg[offFlags]&0x80 == 0 || binary.BigEndian.Uint16(msg[offQDCount:]) != 1 ||
		!bytes.Equal(msg[offID:offID+2], request[offID:offID+2]) || binary.BigEndian.Uint16(msg[offFlags:])&maskOpcode != 0 {
		return false
	}
	q.msg = msg
	if !q.parseQuestion() {
		return false
	}
	end := headerLen + q.keyLen
	return len(request) >= end && bytes.Equal(q.key[:q.keyLen], request[headerLen:end])
}

// tidy makes of a server's answer what we send to clients: the answer section, and the SOA record of a negative one.
// Everything else a client would have to believe without having asked (RFC 5452 §6).
func tidy(msg, key []byte) ([]byte, error) {
	var m mdns.Msg
	if err := m.Unpack(msg); err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	out := mdns.Msg{Question: m.Question, Answer: m.Answer, Compress: true}
	out.Response, out.Rcode = true, m.Rcode&0xf
	for _, rr := range m.Ns {
		if soa, ok := rr.(*mdns.SOA); ok {
			out.Ns = append(out.Ns, soa)
		}
	}
	b, err := out.Pack()
	if err == nil && len(b) > maxMessage {
		err = io.ErrShortBuffer
	}
	if err == nil {
		err = new(mdns.Msg).Unpack(b) // records whose data ends early are read, and written as something else
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	copy(b[headerLen:], key) // the case in which it was asked
	return b, nil
}
