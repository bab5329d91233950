package impair

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"tapestry/link"
)

// fakeClock stands still until it is told to go on. Not for several goroutines.
type fakeClock struct {
	now    time.Time
	timers []*fakeTimer // that are set, in the order of their calls
}

type fakeTimer struct {
	clock *fakeClock
	at    time.Time
	call  func()
}

func newClock() *fakeClock { return &fakeClock{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) AfterFunc(d time.Duration, f func()) link.Timer {
	t := &fakeTimer{clock: c, call: f}
	t.Reset(d)
	return t
}

func (t *fakeTimer) Stop() bool {
	i := slices.Index(t.clock.timers, t)
	if i >= 0 {
		t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
	}
	return i >= 0
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.at = t.clock.now.Add(max(d, 0))
	i := slices.IndexFunc(t.clock.timers, func(o *fakeTimer) bool { return o.at.After(t.at) })
	if i < 0 {
		i = len(t.clock.timers)
	}
	t.clock.timers = slices.Insert(t.clock.timers, i, t)
	return was
}

// advance makes all calls within the next d, each at its time.
func (c *fakeClock) advance(d time.Duration) {
	end := c.now.Add(d)
	for len(c.timers) > 0 && !c.timers[0].at.After(end) {
		t := c.timers[0]
		c.timers = slices.Delete(c.timers, 0, 1)
		if t.at.After(c.now) {
			c.now = t.at
		}
		t.call()
	}
	c.now = end
}

// arrival is a frame that came out.
type arrival struct {
	id int           // that mark gave it
	at time.Duration // since the test began
}

// bench is a line on a clock, and what came out of it.
type bench struct {
	*Line
	t     testing.TB
	clock *fakeClock
	begin time.Time
	got   []arrival
	check func(f *link.Frame) // of each frame that comes out
}

func newBench(t testing.TB, text string) *bench { return newSeeded(t, text, 1) }

func newSeeded(t testing.TB, text string, seed int64) *bench {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, clock: newClock()}
	b.begin = b.clock.now
	b.Line, err = NewLine(c, LineConfig{Clock: b.clock, Seed: seed, Out: b.out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

// close holds what a closed line owes: no timer, and each frame accounted for.
func (b *bench) close() {
	b.Close()
	b.Close()
	if n := len(b.clock.timers); n != 0 {
		b.t.Errorf("%d timers are left after Close", n)
	}
	b.conserves()
}

// conserves holds that each frame went somewhere.
func (b *bench) conserves() {
	b.t.Helper()
	s := b.Stats()
	if in, out := s.Frames+s.Duplicated, s.Passed+uint64(s.Held)+s.Drops.Total(); in != out {
		b.t.Errorf("%d frames and copies went in, %d passed, are held or were dropped: %+v", in, out, s)
	}
	if s.Passed != uint64(len(b.got)) {
		b.t.Errorf("%d frames passed, %d came out", s.Passed, len(b.got))
	}
}

func (b *bench) out(f []link.Frame) {
	for i := range f {
		if b.check != nil {
			b.check(&f[i])
		}
		var id [4]byte
		f[i].Data.ReadAt(id[:], 14)
		b.got = append(b.got, arrival{int(binary.BigEndian.Uint32(id[:])), b.clock.now.Sub(b.begin)})
	}
	link.ReleaseAll(f)
}

// send writes a frame of size octets that is known by id.
func (b *bench) send(id, size int) { b.Write([]link.Frame{marked(id, size)}) }

func marked(id, size int) link.Frame {
	p := make([]byte, max(size, 18))
	copy(p, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
	binary.BigEndian.PutUint32(p[14:], uint32(id))
	return link.NewFrame(p)
}

// set changes some keys.
func (b *bench) set(text string) {
	b.t.Helper()
	c, err := b.Config().With(text)
	if err == nil {
		err = b.Set(c)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// ids are those that came out so far, in order.
func (b *bench) ids() []int {
	var ids []int
	for _, a := range b.got {
		ids = append(ids, a.id)
	}
	return ids
}

// want holds what came out so far.
func (b *bench) want(want ...arrival) {
	b.t.Helper()
	if !slices.Equal(b.got, want) {
		b.t.Errorf("came out: %v\n    want: %v", b.got, want)
	}
}
