package spx

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/internal/wait"
	"tapestry/stack/ipx"
)

// Transport is SPX of one stack.
type Transport struct {
	stack *ipx.Stack
	node  *ipx.Node // guarded, like all below, by the stack's lock
	mux   *mux

	closed bool
}

// New makes SPX of a stack. It has the clock and the waker of the stack, which the configuration repeats.
func New(s *ipx.Stack, c Config) (*Transport, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	if c.Random == nil {
		c.Random = rand.Uint32
	}
	t := &Transport{stack: s}
	s.Do(func(_ time.Time, n *ipx.Node) {
		t.node = n
		t.mux = newMux(c, below{t})
	})
	s.AddTicker(below{t})
	return t, nil
}

// below is what a Transport is to the node, and the node to the mux.
type below struct{ t *Transport }

// Receive implements ipx.Receiver.
func (b below) Receive(now time.Time, p ipx.PortID, h ipxwire.Header) {
	b.t.mux.receive(now, p, h, b.t.node.Source(p, h), b.t.node.Destination(p, h))
}

// Unreachable implements ipx.UnreachableReceiver.
func (b below) Unreachable(now time.Time, h ipxwire.Header) { b.t.mux.unreachable(now, h) }

// Describe tells whose the socket is.
func (b below) Describe() ipx.SocketInfo { return ipx.SocketInfo{Owner: "spx"} }

// Tick implements ipx.Ticker.
func (b below) Tick(now time.Time) { b.t.mux.tick(now) }

// Next implements ipx.Ticker.
func (b below) Next() time.Time { return b.t.mux.next() }

func (b below) Send(now time.Time, f ipxwire.Fields, data []byte) error {
	return b.t.node.Send(now, f, data)
}

func (b below) Bind(s ipxwire.Socket) (ipxwire.Socket, error) { return b.t.node.Bind(s, b) }

func (b below) Unbind(s ipxwire.Socket) { b.t.node.Unbind(s) }

func (b below) Limit(id ipx.PortID) int {
	p, _ := b.t.node.Port(id)
	return p.MaxPacket
}

// enter takes the stack's lock, which leave gives back when what was sent in between has left.
func (t *Transport) enter() {
	t.stack.Begin()
	t.mux.now = t.mux.c.Clock.Now()
}

func (t *Transport) leave() { t.stack.End() }

// Dial connects to an address, of which node and socket are needed. The context ends the attempt, not the connection.
// Without it, a node that does not answer is given up after Config.Retries (ETIMEDOUT), a network that no router knows
// after a second and a half (ENETUNREACH).
func (t *Transport) Dial(ctx context.Context, remote ipxwire.Addr) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", ipx.NetAddr{}, remote, contextError(err))
	}
	c, err := t.call(remote)
	if err == nil {
		if err = c.connect(ctx); err == nil {
			return c, nil
		}
		_ = c.Close()
	}
	return nil, opError("dial", ipx.NetAddr{}, remote, err)
}

// call sends the request.
func (t *Transport) call(remote ipxwire.Addr) (*Conn, error) {
	t.enter()
	defer t.leave()
	if t.closed {
		return nil, net.ErrClosed
	}
	s, err := t.mux.dial(remote)
	if err != nil {
		return nil, err
	}
	return t.conn(s), nil
}

// conn makes the client of a connection.
func (t *Transport) conn(s *session) *Conn {
	c := &Conn{t: t, s: s}
	c.rd.Init(t.mux.c.Clock, t.mux.c.Waker)
	c.wr.Init(t.mux.c.Clock, t.mux.c.Waker)
	s.client = c
	c.name()
	return c
}

// connect waits for the answer.
func (c *Conn) connect(ctx context.Context) error {
	for {
		if done, err := c.settle(); done {
			return err
		}
		if !c.wr.WaitUntil(ctx.Done()) {
			return contextError(ctx.Err())
		}
	}
}

// settle reports whether the call succeeded or failed.
func (c *Conn) settle() (done bool, err error) {
	c.t.enter()
	defer c.t.leave()
	switch c.s.state {
	case stateRequesting, stateNegotiating, stateAwaiting:
		return false, nil
	case stateClosed:
		if c.s.err == nil {
			return true, syscall.ECONNRESET
		}
		return true, c.s.err
	}
	c.name()
	return true, nil // and perhaps ended again already, as the first Read will tell
}

// contextError gives the error of package net for one of a context.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// Listen has connections to a socket accepted; zero is a free one.
func (t *Transport) Listen(sock ipxwire.Socket) (*Listener, error) {
	t.enter()
	defer t.leave()
	l := &Listener{t: t}
	l.point.Init(t.mux.c.Clock, t.mux.c.Waker)
	var err error
	if t.closed {
		err = net.ErrClosed
	} else {
		l.l, err = t.mux.listen(sock, l.point.Signal)
	}
	if err != nil {
		return nil, opError("listen", ipx.NetAddr{Addr: ipxwire.Addr{Socket: sock}, SPX: true}, ipxwire.Addr{}, err)
	}
	return l, nil
}

// Conns lists connections and listeners.
func (t *Transport) Conns() []ConnInfo {
	t.enter()
	defer t.leave()
	return t.mux.conns()
}

// Stats lists the counters, always in the same order.
func (t *Transport) Stats() []ipx.Stat {
	t.enter()
	defer t.leave()
	return t.mux.list()
}

// Close ends all connections at once, and all listeners.
func (t *Transport) Close() error {
	t.enter()
	defer t.leave()
	if t.closed {
		return net.ErrClosed
	}
	t.closed = true
	t.mux.close(net.ErrClosed)
	return nil
}

// Listener accepts connections. It is a net.Listener.
type Listener struct {
	t      *Transport
	l      *listener
	point  wait.Point
	closed atomic.Bool
}

var _ net.Listener = (*Listener)(nil)

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptSPX()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptSPX waits for a connection.
func (l *Listener) AcceptSPX() (*Conn, error) {
	l.point.Lock()
	defer l.point.Unlock()
	for {
		if err := l.point.Check(); err != nil {
			return nil, l.error("accept", err)
		}
		c, err := l.take()
		if err != nil {
			return nil, l.error("accept", err)
		}
		if c != nil {
			return c, nil
		}
		l.point.Wait()
	}
}

func (l *Listener) take() (*Conn, error) {
	l.t.enter()
	defer l.t.leave()
	if l.t.closed {
		return nil, net.ErrClosed
	}
	if s := l.l.accept(); s != nil {
		return l.t.conn(s), nil
	}
	return nil, nil
}

// SetDeadline bounds Accept.
func (l *Listener) SetDeadline(t time.Time) error {
	if l.point.IsClosed() {
		return l.error("set", net.ErrClosed)
	}
	l.point.SetDeadline(t)
	return nil
}

// Close implements net.Listener. Connections that were not accepted are ended.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return l.error("close", net.ErrClosed)
	}
	l.t.enter()
	l.l.close()
	l.t.leave()
	l.point.Close()
	return nil
}

// Addr implements net.Listener: network and node are zero, since it is called at all of this node's.
func (l *Listener) Addr() net.Addr {
	return ipx.NetAddr{Addr: ipxwire.Addr{Socket: l.l.sock}, SPX: true}
}

func (l *Listener) error(op string, err error) error {
	return opError(op, ipx.NetAddr{Addr: ipxwire.Addr{Socket: l.l.sock}, SPX: true}, ipxwire.Addr{}, err)
}

// calls are the system calls that a socket of the kernel's would have failed in.
var calls = map[string]string{"listen": "bind", "dial": "connect", "set": "setsockopt"}

// opError is err as package net's users expect it.
func opError(op string, local ipx.NetAddr, remote ipxwire.Addr, err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		call := calls[op]
		if call == "" {
			call = op
		}
		err = os.NewSyscallError(call, no)
	}
	e := &net.OpError{Op: op, Net: "spx", Err: err}
	switch {
	case remote == (ipxwire.Addr{}):
		e.Addr = local
	default:
		e.Addr = ipx.NetAddr{Addr: remote, SPX: true}
		if local != (ipx.NetAddr{}) {
			e.Source = local
		}
	}
	return e
}
