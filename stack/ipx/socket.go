package ipx

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/stack/internal/wait"
	"tapestry/stack/ipx/sap"
)

// Ticker is a protocol above a node that has deadlines of its own. Its methods are called under the stack's lock.
type Ticker interface {
	Tick(now time.Time)
	Next() time.Time // the zero time is never
}

// StackConfig is the configuration of a Stack.
type StackConfig struct {
	Node  Config
	Clock link.Clock     // default: the system's
	Waker func(f func()) // wakes a socket's waiting caller by calling f soon; default: at once
	Flush func()         // ends each entry, under the lock: what Output collected leaves
}

// Stack is a Node with a lock, a clock and sockets.
type Stack struct {
	cfg StackConfig

	mu      sync.Mutex
	node    *Node
	now     time.Time // of the entry underway
	tickers []Ticker
	conns   map[*Conn]struct{}
	timer   link.Timer
	armed   time.Time // when the timer fires; zero: it is not armed
	closed  bool
}

// NewStack makes a node without ports, and its surroundings.
func NewStack(c StackConfig) (*Stack, error) {
	n, err := New(c.Node)
	if err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = link.SystemClock{}
	}
	if c.Flush == nil {
		c.Flush = func() {}
	}
	return &Stack{cfg: c, node: n, conns: map[*Conn]struct{}{}}, nil
}

// Do calls f under the lock. Afterwards what f sent to this node is delivered, what it sent to others leaves, and the
// next deadline is armed.
func (s *Stack) Do(f func(now time.Time, n *Node)) {
	s.Begin()
	defer s.End()
	f(s.now, s.node)
}

// Begin starts an entry of many packets, which End ends: between them, DeliverLocked.
func (s *Stack) Begin() {
	s.mu.Lock()
	s.now = s.cfg.Clock.Now()
	s.node.now = s.now
}

// DeliverLocked is Deliver between Begin and End.
func (s *Stack) DeliverLocked(p PortID, from NodeAddr, packet []byte) {
	s.node.Deliver(s.now, p, from, packet)
}

// End ends an entry.
func (s *Stack) End() {
	s.node.drain(s.now)
	s.cfg.Flush()
	s.arm()
	s.mu.Unlock()
}

// Deliver takes a packet up; see [Node.Deliver].
func (s *Stack) Deliver(p PortID, from NodeAddr, packet []byte) {
	s.Begin()
	s.DeliverLocked(p, from, packet)
	s.End()
}

// AddTicker has a protocol above the node called at its deadlines.
func (s *Stack) AddTicker(t Ticker) {
	s.Begin()
	s.tickers = append(s.tickers, t)
	s.End()
}

// arm has the timer fire at the earliest deadline, or before: a timer that finds nothing to do arms itself again, which
// costs less than to reset it whenever a deadline moves away.
func (s *Stack) arm() {
	next := s.node.Next()
	for _, t := range s.tickers {
		next = earlier(next, t.Next())
	}
	if s.closed || next.IsZero() || !s.armed.IsZero() && !next.Before(s.armed) {
		return
	}
	s.armed = next
	d := next.Sub(s.now)
	if s.timer == nil {
		s.timer = s.cfg.Clock.AfterFunc(d, s.expire)
		return
	}
	s.timer.Reset(d)
}

// expire does what is due.
func (s *Stack) expire() {
	s.Begin()
	defer s.End()
	s.armed = time.Time{}
	if s.closed {
		return
	}
	s.node.Tick(s.now)
	for _, t := range s.tickers {
		if next := t.Next(); !next.IsZero() && !next.After(s.now) {
			t.Tick(s.now)
		}
	}
}

// Close closes all sockets, has those who wait for an answer return, and stops the clock's calls. No handler of Inline
// is called any more.
func (s *Stack) Close() error {
	s.Begin()
	if s.closed {
		s.End()
		return nil
	}
	s.closed = true
	s.node.Close(s.now)
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, r := range s.node.sockets {
		if p, ok := r.(*ping); ok {
			p.point.Close()
		}
	}
	for _, k := range s.node.seekers {
		k.point.Close()
	}
	conns := slices.SortedFunc(maps.Keys(s.conns), func(a, b *Conn) int { return a.local.Compare(b.local) })
	s.End()
	for _, c := range conns {
		_ = c.Close()
	}
	return nil
}

// Inline registers a handler for the datagrams of a socket, which is called on the goroutine that received them. The
// result's Close gives the socket back.
func (s *Stack) Inline(sock SocketNumber, h InlineHandler) (io.Closer, error) {
	s.Begin()
	defer s.End()
	got, err := s.node.Bind(sock, &inline{n: s.node, h: h})
	if err != nil {
		return nil, opError("listen", Addr{Socket: sock}, err)
	}
	return &inlineCloser{s: s, sock: got}, nil
}

type inlineCloser struct {
	s    *Stack
	sock SocketNumber
	once sync.Once
}

// Close implements io.Closer.
func (c *inlineCloser) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		c.s.Do(func(_ time.Time, n *Node) { n.Unbind(c.sock) })
		err = nil
	})
	return err
}

// LocalAddr tells the socket.
func (c *inlineCloser) LocalAddr() net.Addr { return NetAddr{Addr: Addr{Socket: c.sock}} }

// opError is err as package net's users expect it.
func opError(op string, local Addr, err error) error {
	return &net.OpError{Op: op, Net: "ipx", Addr: NetAddr{Addr: local}, Err: sysError(op, err)}
}

// calls are the system calls that a socket of the kernel's would have failed in.
var calls = map[string]string{"listen": "bind", "dial": "connect", "write": "sendto", "read": "recvfrom", "ping": "sendto",
	"nearest": "sendto", "set": "setsockopt"}

// sysError gives an error of the node the number of the system.
func sysError(op string, err error) error {
	var no syscall.Errno
	if errors.As(err, &no) && calls[op] != "" {
		return os.NewSyscallError(calls[op], no)
	}
	return err
}

// queue is what waits for the reader of a Conn. Its lock is a leaf: a reader need not wait for the stack's.
type queue struct {
	mu     sync.Mutex
	ring   ring
	head   [ipxwire.HeaderLen]byte // of the packet that is pushed or popped
	drops  uint64
	closed bool

	noRoute atomic.Bool // no router knew the network of the peer, and no caller was told
}

// push appends a packet, whose addresses with the numbers of their networks are given. It reports whether there was
// room, and whether the queue was empty.
func (q *queue) push(id PortID, h Header, to, from Network) (first, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = q.ring.len() == 0
	copy(q.head[:], h)
	Header(q.head[:]).SetNetworks(to, from)
	if q.closed || !q.ring.push(id, q.head[:], h.Data()) {
		q.drops++
		return first, false
	}
	return first, true
}

// pop takes the first packet. It reports whether there was one.
func (q *queue) pop(b []byte) (int, Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ring.len() == 0 {
		return 0, Message{}, false
	}
	id, n := q.ring.pop(&q.head, b)
	h := Header(q.head[:])
	return min(n, len(b)), Message{From: h.Source(), To: h.Destination(), Type: h.Type(), Port: id}, true
}

// takeNoRoute reports whether a packet to the peer had no route, to the first who asks.
func (q *queue) takeNoRoute() bool { return q.noRoute.Load() && q.noRoute.Swap(false) }

// load tells how many octets wait and how many packets were dropped.
func (q *queue) load() (octets int, drops uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ring.len(), q.drops
}

// setMax bounds the queue.
func (q *queue) setMax(octets int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ring.max = octets
}

// close drops what waits.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ring.clear()
}

// Ping asks a node for a sign of life and waits for it. The error is the context's where nothing came in time, and
// os.ErrDeadlineExceeded after PingOptions.Timeout; but ENETUNREACH where no router knew the network by then.
func (s *Stack) Ping(ctx context.Context, to Addr, o PingOptions) (PingReply, error) {
	p, err := s.startPing(to, o)
	if err != nil {
		return PingReply{}, opError("ping", to, err)
	}
	defer p.stop()
	err = s.await(ctx, &p.point, func() bool { return p.answered || p.noRoute })
	if err = p.outcome(err); err != nil {
		return PingReply{}, opError("ping", to, err)
	}
	return p.reply, nil
}

// outcome gives the error of a question whose wait ended with err. One that is still asking for a route has none.
func (p *ping) outcome(err error) error {
	n := p.s.node
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	isLate := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
	if p.noRoute || isLate && n.pending.isUnanswered(p.to.Net) && n.knowsNetworks() {
		return ErrNoRoute
	}
	return err
}

// await waits at a point until done, which is called under the lock and stays true once it is.
func (s *Stack) await(ctx context.Context, p *wait.Point, done func() bool) error {
	p.Lock()
	defer p.Unlock()
	for {
		s.mu.Lock()
		isDone := done()
		s.mu.Unlock()
		if isDone {
			return nil
		}
		if err := p.Check(); err != nil {
			return err
		}
		if !p.WaitUntil(ctx.Done()) {
			return ctx.Err()
		}
	}
}

// startPing binds a socket and sends the question.
func (s *Stack) startPing(to Addr, o PingOptions) (*ping, error) {
	s.Begin()
	defer s.End()
	p := &ping{s: s, start: s.now}
	p.point.Init(s.cfg.Clock, s.cfg.Waker)
	f, data := p.question(s.node, to, o)
	sock, err := s.node.Bind(0, p)
	if err != nil {
		return nil, err
	}
	p.sock, f.Source.Socket = sock, sock
	if err := s.node.Send(s.now, f, data); err != nil {
		s.node.Unbind(sock)
		return nil, err
	}
	p.point.SetDeadline(s.now.Add(o.timeout()))
	return p, nil
}

// stop frees the socket.
func (p *ping) stop() {
	p.s.Do(func(_ time.Time, n *Node) { n.Unbind(p.sock) })
	p.point.Close()
}

// Nearest asks all networks for the nearest service of a type, or of AnyType, as a client that starts looks for its
// server, and gives the first that is told. The error is the context's, or os.ErrDeadlineExceeded after the time-out,
// of one second by default. What is known without asking is in [Node.Services] and [sap.Agent.Nearest].
func (s *Stack) Nearest(ctx context.Context, t sap.Type, timeout time.Duration) (sap.Service, error) {
	k := &seeker{want: t}
	k.point.Init(s.cfg.Clock, s.cfg.Waker)
	defer s.stopSeeking(k)
	if err := s.startSeeking(k, timeout); err != nil {
		return sap.Service{}, opError("nearest", toServers, err)
	}
	if err := s.await(ctx, &k.point, func() bool { return k.found }); err != nil {
		return sap.Service{}, opError("nearest", toServers, err)
	}
	return k.service, nil
}

// toServers is where questions for services go.
var toServers = Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketSAP}

// startSeeking asks.
func (s *Stack) startSeeking(k *seeker, timeout time.Duration) error {
	s.Begin()
	defer s.End()
	if s.closed {
		return net.ErrClosed
	}
	k.point.SetDeadline(s.now.Add(PingOptions{Timeout: timeout}.timeout()))
	return s.node.seek(s.now, k)
}

// stopSeeking ends a question.
func (s *Stack) stopSeeking(k *seeker) {
	s.Do(func(_ time.Time, n *Node) { n.leave(k) })
	k.point.Close()
}
