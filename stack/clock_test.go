package stack

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
	"tapestry/link/pipe"
)

// handClock is a clock whose time the test sets. Calls that are due are made by advance, in the order of their times.
type handClock struct {
	mu    sync.Mutex
	now   time.Time
	calls []*handTimer
}

type handTimer struct {
	c  *handClock
	at time.Time
	f  func()
	on bool
}

func newHandClock() *handClock { return &handClock{now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) AfterFunc(d time.Duration, f func()) link.Timer {
	t := &handTimer{c: c, f: f}
	c.mu.Lock()
	c.calls = append(c.calls, t)
	c.mu.Unlock()
	t.Reset(d)
	return t
}

func (t *handTimer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := t.on
	t.on = false
	return was
}

func (t *handTimer) Reset(d time.Duration) bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := t.on
	t.on, t.at = true, t.c.now.Add(d)
	return was
}

// advance moves the clock and makes one call after the other.
func (c *handClock) advance(d time.Duration) {
	end := c.Now().Add(d)
	for {
		c.mu.Lock()
		var next *handTimer
		for _, t := range c.calls {
			if t.on && !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			c.mu.Unlock()
			return
		}
		next.on = false
		if next.at.After(c.now) {
			c.now = next.at
		}
		c.mu.Unlock()
		next.f()
	}
}

// TestEngineClock: readings differ while the clock stands, and timers count from the latest.
func TestEngineClock(t *testing.T) {
	if c := newEngineClock(nil); c != nil {
		t.Errorf("no clock is %v to the engine, want its own", c)
	}
	if c := newEngineClock(link.SystemClock{}); c != nil {
		t.Errorf("the system's clock is %v to the engine, want its own", c)
	}
	hand := newHandClock()
	c := newEngineClock(hand)
	first := c.NowMonotonic()
	if first == (tcpip.MonotonicTime{}) {
		t.Error("time begins at zero, which the engine takes for never")
	}
	second := c.NowMonotonic()
	if got := second.Sub(first); got != time.Nanosecond {
		t.Errorf("two readings of a clock that stands differ by %v", got)
	}
	var fired tcpip.MonotonicTime
	c.AfterFunc(time.Second, func() { fired = c.NowMonotonic() })
	hand.advance(2 * time.Second)
	if got := fired.Sub(second); got < time.Second || got > time.Second+10 {
		t.Errorf("the call came %v after the latest reading, want 1s", got)
	}
	isDue := false
	c.AfterFunc(0, func() { isDue = true })
	hand.advance(0)
	if !isDue {
		t.Error("a call that is due waits")
	}
	timer := c.AfterFunc(time.Second, func() { t.Error("a stopped call came") })
	if !timer.Stop() || timer.Stop() {
		t.Error("Stop does not say whether the call was still to come")
	}
	hand.advance(time.Minute)
}

// TestClockDeadline: deadlines and the sleep of who waits for a socket are the clock's.
func TestClockDeadline(t *testing.T) {
	hand := newHandClock()
	h, err := New(Config{Clock: hand})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	c, err := h.ListenPacket("udp", "127.0.0.1:7")
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(hand.Now().Add(time.Hour))
	done := make(chan error, 1)
	go func() { // ends with the deadline, or the host
		_, _, err := c.ReadFrom(make([]byte, 1))
		done <- err
	}()
	hand.advance(59 * time.Minute)
	select {
	case err := <-done:
		t.Fatalf("a minute before its deadline the read gave %v", err)
	default:
	}
	for { // the reader may not wait yet
		hand.advance(time.Minute)
		select {
		case err = <-done:
		case <-time.After(time.Millisecond):
			continue
		}
		break
	}
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

// TestDeterministic: two hosts of one seed send the same octets, also where they are secret otherwise.
func TestDeterministic(t *testing.T) {
	if _, err := New(Config{Deterministic: true}); !errors.Is(err, errNoSeed) {
		t.Errorf("without a seed: %v", err)
	}
	first, second, other := firstSYN(t, 1), firstSYN(t, 1), firstSYN(t, 2)
	if !bytes.Equal(first, second) {
		t.Errorf("one seed, two SYNs:\n% x\n% x", first, second)
	}
	if bytes.Equal(first, other) {
		t.Errorf("two seeds, one SYN:\n% x", first)
	}
}

// firstSYN gives the first TCP segment of a deterministic host.
func firstSYN(t *testing.T, seed int64) []byte {
	t.Helper()
	a, b := pipe.New(pipe.Config{})
	hand := newHandClock()
	h, err := New(Config{Clock: hand, Seed: seed, Deterministic: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	defer h.Close()
	if _, err := h.AddInterface(a, InterfaceConfig{Name: "eth0", Addr: hostMAC, Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24)}}); err != nil {
		t.Fatal(err)
	}
	if err := h.AddNeighbor(Neighbor{Addr: peer4, Link: peerMAC, Interface: "eth0"}); err != nil {
		t.Fatal(err)
	}
	dialed := make(chan struct{})
	go func() { // ends with the host
		defer close(dialed)
		if c, err := h.Dial("tcp", "198.51.100.1:80"); err == nil {
			c.Close()
		}
	}()
	defer func() {
		h.Close()
		for { // the dialer may not wait yet
			hand.advance(0)
			select {
			case <-dialed:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	var f [1]link.Frame
	for {
		if _, err := b.ReadFrames(f[:]); err != nil {
			t.Fatal(err)
		}
		bytes := f[0].AppendTo(nil)
		f[0].Release()
		if len(bytes) > 23 && bytes[12] == 8 && bytes[13] == 0 && bytes[23] == 6 {
			return bytes
		}
	}
}
