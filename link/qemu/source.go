package qemu

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"tapestry/link"
)

// single is a source of one connection.
type single struct {
	conn net.Conn
	used bool
}

func (s *single) next(context.Context) (net.Conn, error) {
	if s.used {
		return nil, io.EOF
	}
	s.used = true
	return s.conn, nil
}

func (s *single) close() error { return nil } // the peer closes it

// client dials.
type client struct {
	dial  func(context.Context) (net.Conn, error)
	cfg   Config
	pause time.Duration
}

// next dials until it succeeds. A connection that ended at once is no reason to hurry: the pause grows until one was
// made, and starts again from Retry after that.
func (s *client) next(ctx context.Context) (net.Conn, error) {
	for {
		if err := pause(ctx, s.cfg.Clock, s.pause); err != nil {
			return nil, err
		}
		conn, err := s.dial(ctx)
		if err == nil {
			s.pause = s.cfg.Retry
			return conn, nil
		}
		s.pause = min(max(2*s.pause, s.cfg.Retry), s.cfg.MaxRetry)
	}
}

// pause waits for d; not at all if that is zero.
func pause(ctx context.Context, clock link.Clock, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	done := make(chan struct{})
	t := clock.AfterFunc(d, func() { close(done) })
	defer t.Stop()
	select {
	case <-done:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *client) close() error { return nil } // the context ends the dial

// server accepts, one connection after the other: others wait in the listener's backlog, as QEMU has them wait.
type server struct {
	l   net.Listener
	cfg Config
}

func (s *server) next(ctx context.Context) (net.Conn, error) {
	for {
		conn, err := s.l.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		if err := pause(ctx, s.cfg.Clock, s.cfg.MaxRetry); err != nil { // too many open files, say
			return nil, err
		}
	}
}

func (s *server) close() error {
	if err := s.l.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
