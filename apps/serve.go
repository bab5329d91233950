package apps

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bounds what the clients of one listener may take. Every field can be left out.
type Limits struct {
	Sessions int           // at once; more are closed when they come; default 8192
	Idle     time.Duration // a session that moves nothing for so long is closed; default never
	Clock    Clock         // of Idle; default the machine's
	Counters Counters      // gets tcp.sessions or spx.sessions, drop.sessions, drop.idle and panics; default none
}

const defaultSessions = 8192

func (l *Limits) fill() {
	if l.Sessions <= 0 {
		l.Sessions = defaultSessions
	}
	if l.Clock == nil {
		l.Clock = RealClock{}
	}
	if l.Counters == nil {
		l.Counters = new(counterGroup)
	}
}

// ServeStream accepts connections and runs a session on each, in a goroutine of its own; the connection is closed when
// the session returns. A session that panics is logged and ends alone.
//
// When ctx ends, the listener and all connections are closed and ServeStream returns nil after the last session.
// Sessions get a context that ends with it. A listener that somebody else closes is an error; other errors of Accept
// are logged and tried again, slower and slower up to a second.
func ServeStream(ctx context.Context, log *slog.Logger, l net.Listener, session func(context.Context, net.Conn), limits Limits) error {
	limits.fill()
	s := &streamServer{log: log, session: session, limits: limits, conns: map[net.Conn]struct{}{}}
	s.sessions = l.Addr().Network() + ".sessions"
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer s.cancel()
	closed := make(chan struct{})
	context.AfterFunc(s.ctx, func() { s.closeAll(l); close(closed) })
	err := s.acceptLoop(l)
	s.cancel()
	<-closed
	s.running.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// streamServer is one call of ServeStream.
type streamServer struct {
	ctx     context.Context
	cancel  context.CancelFunc
	log     *slog.Logger
	session func(context.Context, net.Conn)
	limits  Limits
	running sync.WaitGroup // sessions

	sessions string // the name of their counter

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil when the server has ended
}

func (s *streamServer) acceptLoop(l net.Listener) error {
	pause := pauses{}
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause.reset()
			s.start(c)
		case s.ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, a connection that died in the queue, …
			s.log.Warn("cannot accept", "listener", l.Addr().String(), "err", err, "again in", pause.next())
			pause.wait(s.ctx)
		}
	}
}

// start runs a session on c, unless there are too many or the server has ended.
func (s *streamServer) start(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conns == nil:
		_ = c.Close()
	case len(s.conns) >= s.limits.Sessions:
		s.limits.Counters.Add("drop.sessions", 1)
		_ = c.Close()
	default:
		s.limits.Counters.Add(s.sessions, 1)
		s.conns[c] = struct{}{}
		s.running.Go(func() { s.run(c) }) // ends with the session; closeAll unblocks it
	}
}

func (s *streamServer) run(c net.Conn) {
	defer s.end(c)
	defer func() {
		if p := recover(); p != nil {
			s.limits.Counters.Add("panics", 1)
			logPanic(s.log, "session panicked", c.RemoteAddr(), p)
		}
	}()
	if s.limits.Idle <= 0 {
		s.session(s.ctx, c)
		return
	}
	w := watchIdle(c, s.limits)
	defer w.stop()
	s.session(s.ctx, w)
}

func (s *streamServer) end(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *streamServer) closeAll(l net.Listener) {
	_ = l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

// idleConn closes a connection that moves nothing. Its timer is not reset by traffic: it looks, when it fires, how
// long nothing moved, and waits for the rest.
type idleConn struct {
	net.Conn
	limits Limits
	last   atomic.Int64 // nanoseconds since the epoch

	mu    sync.Mutex
	timer Timer // nil after stop
}

func watchIdle(c net.Conn, l Limits) *idleConn {
	w := &idleConn{Conn: c, limits: l}
	w.touch()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = l.Clock.AfterFunc(l.Idle, w.check)
	return w
}

func (w *idleConn) touch() { w.last.Store(w.limits.Clock.Now().UnixNano()) }

func (w *idleConn) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		return
	}
	rest := w.limits.Idle - time.Duration(w.limits.Clock.Now().UnixNano()-w.last.Load())
	if rest > 0 {
		w.timer = w.limits.Clock.AfterFunc(rest, w.check)
		return
	}
	w.limits.Counters.Add("drop.idle", 1)
	_ = w.Conn.Close()
}

func (w *idleConn) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.timer = nil
}

func (w *idleConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.touch()
	return n, err
}

// Write gives the octets on in parts, so that a large write that moves is not taken for idle.
func (w *idleConn) Write(b []byte) (int, error) {
	const part = 256 << 10
	n := 0
	for {
		m, err := w.Conn.Write(b[n:min(n+part, len(b))])
		w.touch()
		if n += m; err != nil || n == len(b) {
			return n, err
		}
	}
}

// CloseWrite is the half-close of the connection below, where it has one.
func (w *idleConn) CloseWrite() error { return CloseWrite(w.Conn) }

// CloseWrite ends the stream in this direction, if the connection can.
func CloseWrite(c net.Conn) error {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.ErrUnsupported
}

// ServeDatagrams keeps what Inline registered until the context ends, and unregisters it.
func ServeDatagrams(ctx context.Context, registered io.Closer) error {
	<-ctx.Done()
	return registered.Close()
}
