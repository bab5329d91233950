package ipxtunnel

import (
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"tapestry/link"
)

// fakeClock stands still until it is advanced; then what is due is called, in order, on the caller's goroutine.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	c    *fakeClock
	at   time.Time
	f    func()
	live bool
}

func newClock() *fakeClock { return &fakeClock{now: time.Unix(1_000_000, 0)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) link.Timer {
	t := &fakeTimer{c: c, f: f}
	c.mu.Lock()
	c.timers = append(c.timers, t)
	c.mu.Unlock()
	t.Reset(d)
	return t
}

func (t *fakeTimer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := t.live
	t.live = false
	return was
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := t.live
	t.at, t.live = t.c.now.Add(d), true
	return was
}

// advance lets time pass.
func (c *fakeClock) advance(d time.Duration) {
	end := c.Now().Add(d)
	for range 100_000 {
		c.mu.Lock()
		i := -1
		for j, t := range c.timers {
			if t.live && !t.at.After(end) && (i < 0 || t.at.Before(c.timers[i].at)) {
				i = j
			}
		}
		if i < 0 {
			c.now = end
			c.mu.Unlock()
			return
		}
		t := c.timers[i]
		t.live = false
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.mu.Unlock()
		t.f()
	}
	panic("timers without end")
}

// mail is a datagram that a device wrote.
type mail struct {
	to   netip.AddrPort
	data []byte
}

// fakeConn is a socket that keeps what is written to it, and hears nothing.
type fakeConn struct {
	net.PacketConn
	out    chan mail
	closed chan struct{}
	once   sync.Once
}

func newConn() *fakeConn { return &fakeConn{out: make(chan mail, 4096), closed: make(chan struct{})} }

func (c *fakeConn) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.2:213"))
}

func (c *fakeConn) ReadFrom([]byte) (int, net.Addr, error) {
	<-c.closed
	return 0, nil, net.ErrClosed
}

func (c *fakeConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.out <- mail{to.(*net.UDPAddr).AddrPort(), slices.Clone(b)}
	return len(b), nil
}

func (c *fakeConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// settle waits until everything that a queue took is written.
func settle(o *outbox) {
	c, to := newConn(), newRemote(netip.MustParseAddrPort("203.0.113.9:9"))
	last := letter{packet: link.NewFrame([]byte{0}), sock: newSocket(c), to: to}
	for taken := false; !taken; taken, _ = o.queue.Put(last) {
		runtime.Gosched() // it may be full
	}
	<-c.out
}

// all gives what was written since.
func (c *fakeConn) all(o *outbox) (m []mail) {
	settle(o)
	for {
		select {
		case one := <-c.out:
			m = append(m, one)
		default:
			return m
		}
	}
}
