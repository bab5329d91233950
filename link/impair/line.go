package impair

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link"
)

// LineConfig is what a line is made with.
type LineConfig struct {
	Clock link.Clock // default [link.SystemClock]
	Seed  int64      // the same seed, calls and times give the same frames
	// Out takes the frames that come out, and owns them; the slice is the line's. It is called by Write and by the
	// clock's goroutine, never twice at the same time, and may write to any line, this one too.
	Out func(f []link.Frame)
}

// Line is one direction of a wire. Its methods may be called by any goroutine.
type Line struct {
	clock link.Clock
	out   func(queue int, f []link.Frame)
	plain atomic.Bool // frames may go around the line: it does nothing to them and holds none before them

	mu       sync.Mutex
	config   Config // as it was set
	c        Config // with defaults
	perFrame bool   // super-frames are taken apart
	perfect  bool   // c does nothing
	loss     Gilbert
	chances  chances
	bursts   bursts
	delays   delays
	origin   time.Time     // when the line was made: its times count from then
	cutsFrom time.Duration // when c.Cuts began to count
	cutUntil time.Duration
	down     bool
	closed   bool

	server server // frames that wait for the rate
	flight fifo   // frames on their way, in order of their due times
	timer  link.Timer
	armed  time.Duration // when timer will call; zero: never

	ready      []link.Frame // came out and are to be handed to out
	readyBytes int          // octets of ready
	runs       []run        // of ready
	spare      []link.Frame // memory of the batch before
	spareRun   []run
	parts      []link.Frame // memory for segments
	handing    bool         // somebody calls out, and looks at ready afterwards
	stats      Stats
}

// run is a number of frames of one queue.
type run struct{ queue, frames int }

// NewLine makes a line.
func NewLine(c Config, o LineConfig) (*Line, error) {
	if o.Out == nil {
		return nil, errors.New("impair: LineConfig.Out is nil: say where frames come out")
	}
	out := o.Out
	return newLine(c, o.Clock, uint64(o.Seed), func(_ int, f []link.Frame) { out(f) })
}

func newLine(c Config, clock link.Clock, seed uint64, out func(int, []link.Frame)) (*Line, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if clock == nil {
		clock = link.SystemClock{}
	}
	l := &Line{clock: clock, out: out, origin: clock.Now(), chances: chances{seed: seed}}
	l.use(c)
	l.plain.Store(l.isPlain())
	return l, nil
}

// use makes c the configuration.
func (l *Line) use(c Config) {
	l.config, l.c = c, c.withDefaults()
	l.perFrame, l.perfect, l.loss = c.actsOnFrames(), c.IsZero(), c.model()
}

// Write takes ownership of all frames in f and never blocks. It returns how many the line took: all, unless it is closed;
// a frame that is lost on a wire was taken by it. See the package's theory of operation for what happens to a frame.
func (l *Line) Write(f []link.Frame) int { return l.write(f, 0) }

func (l *Line) write(f []link.Frame, queue int) int {
	l.mu.Lock()
	switch {
	case l.closed:
		l.stats.count(f)
		l.stats.Drops.Closed += uint64(len(f))
		l.mu.Unlock()
		link.ReleaseAll(f)
		return 0
	case l.isPlain():
		l.pass(f, queue)
		return len(f)
	}
	now := l.advance()
	for i := range f {
		l.accept(&f[i], queue, now)
	}
	l.run(now) // a fast rate sends a frame in less than a nanosecond
	l.settle()
	return len(f)
}

// isPlain reports whether a frame written now has nothing before it and nothing to fear. l.mu is held.
func (l *Line) isPlain() bool {
	return l.perfect && !l.handing && !l.down && !l.closed && l.cutUntil == 0 && l.held() == 0
}

// pass hands f on as it is and unlocks l.mu.
func (l *Line) pass(f []link.Frame, queue int) {
	bytes := l.stats.count(f)
	l.stats.Passed += uint64(len(f))
	l.stats.PassedBytes += bytes
	l.handing = true
	l.mu.Unlock()
	l.out(queue, f)
	l.mu.Lock()
	l.handing = false
	l.settle()
}

// settle hands out what is ready, sets the timer, and unlocks l.mu.
func (l *Line) settle() {
	l.arm()
	if !l.handing {
		l.hand()
	}
	l.plain.Store(l.isPlain())
	l.mu.Unlock()
}

// hand calls out until nothing is ready; l.mu is free meanwhile. Whoever finds it at work leaves frames to it.
func (l *Line) hand() {
	l.handing = true
	for len(l.ready) > 0 {
		f, runs := l.ready, l.runs
		l.ready, l.readyBytes, l.runs = l.spare[:0], 0, l.spareRun[:0]
		l.mu.Unlock()
		rest := f
		for _, r := range runs {
			l.out(r.queue, rest[:r.frames])
			rest = rest[r.frames:]
		}
		clear(f)
		l.mu.Lock()
		l.spare, l.spareRun = f, runs
	}
	l.handing = false
}

// held is how many frames are in the line. l.mu is held.
func (l *Line) held() int { return l.server.count() + l.flight.count + len(l.ready) }

// now is the time since the line was made.
func (l *Line) now() time.Duration { return l.clock.Now().Sub(l.origin) }

// advance does all that is due, and gives the time.
func (l *Line) advance() time.Duration {
	now := l.now()
	l.run(now)
	if l.cutUntil <= now {
		l.cutUntil = 0
	}
	return now
}

// run does all that was due until now, each at its own time: a timer that is late makes nothing later than itself.
func (l *Line) run(now time.Duration) {
	for {
		sent := l.server.busy && l.server.end <= now
		due := l.flight.count > 0 && l.flight.at(0).at <= now
		switch {
		case due && (!sent || l.flight.at(0).at <= l.server.end):
			h := l.flight.pop()
			l.arrive(&h, h.at)
		case sent:
			l.sent()
		default:
			return
		}
	}
}

// arm sets the timer for the next thing to do. l.mu is held.
func (l *Line) arm() {
	next := time.Duration(0)
	if l.flight.count > 0 {
		next = l.flight.at(0).at
	}
	if l.server.busy && (next == 0 || l.server.end < next) {
		next = l.server.end
	}
	if next == l.armed {
		return
	}
	l.armed = next
	switch {
	case next == 0:
		l.timer.Stop()
	case l.timer == nil:
		l.timer = l.clock.AfterFunc(next-l.now(), l.tick)
	default:
		l.timer.Reset(next - l.now())
	}
}

// tick is the timer's call.
func (l *Line) tick() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.armed = 0
	l.advance()
	l.settle()
}

// Close releases all that the line holds. Out is not called anew, but a call on another goroutine may still be under way.
// Closing twice is allowed.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.plain.Store(false)
	l.stats.Drops.Closed += uint64(l.held())
	if l.timer != nil {
		l.timer.Stop()
	}
	l.server.clear()
	l.flight.clear()
	for i := range l.ready {
		l.stats.Passed--
		l.stats.PassedBytes -= uint64(l.ready[i].Len())
	}
	link.ReleaseAll(l.ready)
	l.ready, l.readyBytes, l.runs = nil, 0, nil
}
