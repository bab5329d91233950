package segment

import (
	"bytes"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/segment/stp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handClock is a clock that a test moves. Timers of one instant go off in the order in which they were set.
type handClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*handTimer
}

type handTimer struct {
	clock *handClock
	at    time.Time
	f     func()
}

func newHandClock() *handClock { return &handClock{now: time.Unix(1_000_000, 0)} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) AfterFunc(d time.Duration, f func()) link.Timer {
	t := &handTimer{clock: c, f: f}
	t.Reset(d)
	return t
}

func (t *handTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	i := slices.Index(t.clock.timers, t)
	if i >= 0 {
		t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
	}
	return i >= 0
}

func (t *handTimer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.at = t.clock.now.Add(max(0, d))
	t.clock.timers = append(t.clock.timers, t)
	return was
}

// advance lets d pass, and what is due happen at its instant.
func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		var next *handTimer
		for _, t := range c.timers {
			if !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			break
		}
		c.timers = slices.DeleteFunc(c.timers, func(t *handTimer) bool { return t == next })
		if next.at.After(c.now) {
			c.now = next.at
		}
		c.mu.Unlock()
		next.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

// listener is the station behind a port of a test: it keeps what it hears.
type listener struct {
	*Port
	mu    sync.Mutex
	heard []link.Frame
	bpdus int // that were heard, and not kept
}

// listen attaches a station to s.
func listen(t testing.TB, s *Segment, c PortConfig) *listener {
	t.Helper()
	l := &listener{}
	c.Out = func(f []link.Frame) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := range f {
			if h := f[i].Head(); len(h) > 6 && ethernet.Addr(h[:6]) == stp.GroupAddr {
				l.bpdus++
				f[i].Release()
				continue
			}
			l.heard = append(l.heard, f[i])
		}
	}
	p, err := s.Attach(c)
	if err != nil {
		t.Fatal(err)
	}
	l.Port = p
	t.Cleanup(func() { l.take() })
	return l
}

// listenAll attaches n stations.
func listenAll(t testing.TB, s *Segment, n int, c PortConfig) []*listener {
	t.Helper()
	all := make([]*listener, n)
	for i := range all {
		all[i] = listen(t, s, c)
	}
	return all
}

// take gives the octets of what was heard since the last call.
func (l *listener) take() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all [][]byte
	for i := range l.heard {
		all = append(all, l.heard[i].AppendTo(nil))
		l.heard[i].Release()
	}
	l.heard = nil
	return all
}

// say writes one frame.
func (l *listener) say(b []byte) int { return l.Write([]link.Frame{link.NewFrame(b)}) }

// expect holds what was heard against want.
func (l *listener) expect(t *testing.T, what string, want ...[]byte) {
	t.Helper()
	got := l.take()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%s: %s heard %d frames, want %d:\n got %.40x\nwant %.40x", what, l.Name(), len(got), len(want), got, want)
	}
}

// expectDrops holds the number of frames dropped for a reason against want.
func (l *listener) expectDrops(t *testing.T, why string, want uint64) {
	t.Helper()
	if got := l.Drops()[why]; got != want {
		t.Errorf("%s: %d frames dropped for %q, want %d (%v)", l.Name(), got, why, want, l.Drops())
	}
}

// textLog writes log lines without time.
func textLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}
