package http

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/apps"
)

// minProgress is what must pass within a write or body timeout for the next one to begin.
const minProgress = 4 << 10

// copyBuffer is larger than net/http's own 32 KiB, so that a file takes fewer walks through the stack. The gain is small
// beside the noise of a busy machine, and seen with offloads only; each client that is slow to take a file holds one.
const copyBuffer = 256 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// listener bounds the number of open connections, and gives them their write timeout.
type listener struct {
	net.Listener
	slots    chan struct{} // shared by all listeners of a server
	closed   chan struct{}
	close    sync.Once
	timeout  time.Duration
	counters apps.Counters
}

func newListener(l net.Listener, slots chan struct{}, timeout time.Duration, c apps.Counters) *listener {
	return &listener{Listener: l, slots: slots, closed: make(chan struct{}), timeout: timeout, counters: c}
}

// Accept waits for a free slot first, so that the backlog of the socket is the queue.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	default:
		l.counters.Add("connections.delayed", 1)
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	l.counters.Add("connections", 1)
	return &conn{Conn: c, l: l}, nil
}

func (l *listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn writes with large buffers, and as long as the peer takes what is written.
//
// It ends for readers with the first read that times out. After a timeout within a body net/http would go on, and take
// the rest of the body for the next request.
type conn struct {
	net.Conn
	l      *listener
	closed sync.Once
	ended  atomic.Bool // for readers

	mu        sync.Mutex
	limit     time.Time // the deadline of writes that was set from above; zero: none
	readLimit time.Time
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() { <-c.l.slots })
	return err
}

// CloseWrite lets net/http end a connection without the reset that would take its last reply from the client:
// RFC 9112 §9.6.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = t
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readLimit = t
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) Write(b []byte) (int, error) {
	sent := 0
	for {
		if err := c.arm(); err != nil {
			return sent, err
		}
		n, err := c.Conn.Write(b[sent:])
		sent += n
		c.l.counters.Add("bytes.out", uint64(n))
		if err == nil || n < minProgress || !errors.Is(err, os.ErrDeadlineExceeded) || c.expired() {
			return sent, err
		}
	}
}

// arm gives the next write its deadline.
func (c *conn) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := time.Now().Add(c.l.timeout)
	if !c.limit.IsZero() && c.limit.Before(t) {
		t = c.limit
	}
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) expired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.limit.IsZero() && !time.Now().Before(c.limit)
}

// ReadFrom is where net/http sends the files of plain connections.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	b := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(b)
	return io.CopyBuffer(onlyWriter{c}, r, b[:])
}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

func (c *conn) Read(b []byte) (int, error) {
	if c.ended.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(b)
	c.l.counters.Add("bytes.in", uint64(n))
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.wasWoken() {
		c.ended.Store(true)
	}
	return n, err
}

// wasWoken tells if net/http only wanted its reader back: it sets a deadline in 1970 then, and a new one after it.
func (c *conn) wasWoken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readLimit.IsZero() || c.readLimit.Unix() < 1000
}
