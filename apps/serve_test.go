package apps_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// lockedBuffer collects a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// streamTest is a ServeStream that runs.
type streamTest struct {
	listener net.Listener
	log      lockedBuffer
	counters apps.CounterSet
	clock    apptest.Clock
	result   chan error
	cancel   context.CancelFunc
}

func serveStream(t *testing.T, l net.Listener, session func(context.Context, net.Conn), limits apps.Limits) *streamTest {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	s := &streamTest{listener: l, result: make(chan error, 1)}
	limits.Clock, limits.Counters = &s.clock, s.counters.Group("test")
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	go func() { s.result <- apps.ServeStream(ctx, log, l, session, limits) }()
	t.Cleanup(func() {
		s.cancel()
		if err := <-s.result; err != nil {
			t.Errorf("ServeStream: got %v, want nil after the end of its context", err)
		}
		goleak.VerifyNone(t, ignore)
	})
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := apps.System{}.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *streamTest) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func echoSession(_ context.Context, c net.Conn) { _, _ = io.Copy(c, c) }

func exchange(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// expectClosed holds that the other side ended the connection, in whatever way.
func expectClosed(t *testing.T, c net.Conn) {
	t.Helper()
	var timeout net.Error
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("Read: got %d, %v, want the end of the connection", n, err)
	}
}

func TestServeStreamSessionLimit(t *testing.T) {
	s := serveStream(t, listen(t), echoSession, apps.Limits{Sessions: 2})
	a, b := s.dial(t), s.dial(t)
	exchange(t, a)
	exchange(t, b)
	expectClosed(t, s.dial(t))
	if got := s.counters.Value("test.drop.sessions"); got != 1 {
		t.Errorf("drop.sessions: got %d, want 1", got)
	}
	_ = a.Close()
	apptest.Eventually(t, "a place for another session", func() bool {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			return false
		}
		defer c.Close()
		_, _ = c.Write([]byte("x"))
		n, _ := c.Read(make([]byte, 1))
		return n == 1
	})
	exchange(t, b)
}

func TestServeStreamPanic(t *testing.T) {
	session := func(_ context.Context, c net.Conn) {
		b := make([]byte, 1)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if b[0] == '!' {
				panic("a bug of ours")
			}
			_, _ = c.Write(b)
		}
	}
	s := serveStream(t, listen(t), session, apps.Limits{Idle: time.Minute})
	other, c := s.dial(t), s.dial(t)
	exchange(t, other)
	if _, err := c.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	expectClosed(t, c)
	exchange(t, other)
	if log := s.log.String(); !strings.Contains(log, "a bug of ours") || !strings.Contains(log, "serve_test.go") {
		t.Errorf("log lacks the panic or its stack: %s", log)
	}
	if got := s.counters.Value("test.panics"); got != 1 {
		t.Errorf("panics: got %d, want 1", got)
	}
}

func TestServeStreamIdle(t *testing.T) {
	s := serveStream(t, listen(t), echoSession, apps.Limits{Idle: time.Minute})
	c := s.dial(t)
	exchange(t, c)
	s.clock.Advance(45 * time.Second)
	exchange(t, c)
	s.clock.Advance(45 * time.Second) // 90 s after the first octet, 45 s after the last
	exchange(t, c)
	s.clock.Advance(59 * time.Second)
	if got := s.counters.Value("test.drop.idle"); got != 0 {
		t.Fatalf("drop.idle after 59 s: got %d, want 0", got)
	}
	s.clock.Advance(time.Second)
	expectClosed(t, c)
	if got := s.counters.Value("test.drop.idle"); got != 1 {
		t.Errorf("drop.idle: got %d, want 1", got)
	}
	apptest.Eventually(t, "the end of the timer", func() bool { return s.clock.Timers() == 0 })
}

func TestServeStreamEndsSessions(t *testing.T) {
	s := serveStream(t, listen(t), func(ctx context.Context, c net.Conn) {
		echoSession(ctx, c)
		<-ctx.Done() // a session that minds its context alone ends too
	}, apps.Limits{})
	c := s.dial(t)
	exchange(t, c)
	s.cancel()
	expectClosed(t, c)
}

func TestServeStreamClosedListener(t *testing.T) {
	l := listen(t)
	_ = l.Close()
	err := apps.ServeStream(t.Context(), slog.New(slog.DiscardHandler), l, echoSession, apps.Limits{})
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}

// failing is a listener whose first calls of Accept fail.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left--; f.left >= 0 {
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}

func TestServeStreamAcceptErrors(t *testing.T) {
	s := serveStream(t, &failing{Listener: listen(t), left: 3}, echoSession, apps.Limits{})
	exchange(t, s.dial(t))
	if n := strings.Count(s.log.String(), "too many open files"); n != 3 {
		t.Errorf("log: got %d errors, want 3", n)
	}
}
