package pcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"tapestry/link"
)

// Sink is where frames go: a [link.Queue], or a port of a segment by [SinkFunc]. It owns what it is given and tells
// how many frames it took.
type Sink interface{ WriteFrames(f []link.Frame) int }

// SinkFunc makes a Sink of a function: pcap.SinkFunc(port.Write).
type SinkFunc func(f []link.Frame) int

// WriteFrames implements [Sink].
func (w SinkFunc) WriteFrames(f []link.Frame) int { return w(f) }

// ReplayConfig tells how a capture is replayed. The zero value of each field means its default.
type ReplayConfig struct {
	Fast      bool          // without the pauses between frames
	Speed     float64       // how many times faster than it was captured; default 1
	MaxPause  time.Duration // a longer silence is cut to this, before Speed; default: none is
	Loops     int           // how often; default 1; negative: until the context ends. More than once needs an io.Seeker
	Gap       time.Duration // between the last frame and the first again; default none
	Direction Direction     // only frames that went this way; Unknown, the zero value, means all
	Interface string        // only frames of this interface; default all
	Clock     link.Clock    // default the system's
	// Progress is told how far it is, after each write and at the end of each loop. Nil: nobody.
	Progress func(Replayed)
}

// Replayed counts what became of a capture's frames.
type Replayed struct {
	Sent    int           `json:"sent"`    // taken by the sink
	Dropped int           `json:"dropped"` // not taken by the sink
	Cut     int           `json:"cut"`     // not sent: the capture does not hold all of the frame
	Skipped int           `json:"skipped"` // not sent: went the other way, or on another interface
	Loops   int           `json:"loops"`   // completed
	At      time.Duration `json:"at"`      // of the last frame, from the first of its loop, in the capture's time
}

// maxWrite is how many frames that are due are written at once.
const maxWrite = 64

// Replay writes the frames of a capture, pcap or pcapng, with the pauses that it tells: to the far end of a cable, or
// into a segment. Each frame is due at its distance from the first, so that pauses do not add up; one that is late is
// sent at once; a time that runs backwards is no pause. Replay returns at the end of the last loop, of the context, or
// at an error in the file; the counts hold in each case.
func Replay(ctx context.Context, w Sink, capture io.Reader, c ReplayConfig) (Replayed, error) {
	p, err := newPlayer(w, capture, c)
	if err != nil {
		return Replayed{}, err
	}
	for err == nil && (p.c.Loops < 0 || p.done.Loops < p.c.Loops) {
		err = p.loop(ctx)
	}
	return p.done, err
}

// player is one call of Replay.
type player struct {
	c       ReplayConfig
	w       Sink
	capture io.Reader
	start   int64 // where the capture begins, for a seeker
	done    Replayed
	batch   []link.Frame

	begun time.Time     // on our clock, when the loop's first frame was due; zero before the first
	first time.Time     // in the capture
	last  time.Duration // of the frame before, from the first, never backwards
	cut   time.Duration // what MaxPause took
}

func newPlayer(w Sink, capture io.Reader, c ReplayConfig) (*player, error) {
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.Loops == 0 {
		c.Loops = 1
	}
	if c.Clock == nil {
		c.Clock = link.SystemClock{}
	}
	if !(c.Speed > 0) || math.IsInf(c.Speed, 0) {
		return nil, fmt.Errorf("pcap: replay at %v times the speed: want a positive number, or Fast", c.Speed)
	}
	if c.MaxPause < 0 || c.Gap < 0 {
		return nil, fmt.Errorf("pcap: replay with pauses of %v and %v: want none below zero", c.MaxPause, c.Gap)
	}
	p := &player{c: c, w: w, capture: capture, batch: make([]link.Frame, 0, maxWrite)}
	if c.Loops == 1 {
		return p, nil
	}
	s, ok := capture.(io.Seeker)
	if !ok {
		return nil, fmt.Errorf("pcap: a %T cannot be replayed more than once: it has no Seek", capture)
	}
	var err error
	if p.start, err = s.Seek(0, io.SeekCurrent); err != nil {
		return nil, fmt.Errorf("pcap: replay more than once: %w", err)
	}
	return p, nil
}

// loop replays the capture once.
func (p *player) loop(ctx context.Context) error {
	r, err := p.open()
	if err != nil {
		return err
	}
	p.rewind()
	defer p.flush()
	sent := p.done.Sent + p.done.Dropped
	for ctx.Err() == nil {
		k, err := r.Next()
		if errors.Is(err, io.EOF) {
			return p.endLoop(ctx, p.done.Sent+p.done.Dropped+len(p.batch) > sent)
		}
		if err != nil {
			return err
		}
		if !p.wants(&k) {
			continue
		}
		f := link.NewFrame(k.Data)
		if err := p.await(ctx, k.Time); err != nil {
			f.Release()
			return err
		}
		if p.batch = append(p.batch, f); len(p.batch) == maxWrite {
			p.flush()
		}
	}
	return ctx.Err()
}

// open reads the capture from its beginning.
func (p *player) open() (*Reader, error) {
	if p.done.Loops > 0 {
		if _, err := p.capture.(io.Seeker).Seek(p.start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("pcap: replay again: %w", err)
		}
	}
	return NewReader(p.capture)
}

// rewind begins a loop: its first frame is due Gap after the last one of the loop before.
func (p *player) rewind() {
	if !p.begun.IsZero() {
		p.begun = p.begun.Add(p.scaled(p.last - p.cut)).Add(p.c.Gap)
	}
	p.first, p.last, p.cut = time.Time{}, 0, 0
}

// endLoop ends a loop. One without any frame to send would be an endless hurry.
func (p *player) endLoop(ctx context.Context, any bool) error {
	p.done.Loops++
	p.flush()
	p.report()
	if !any && p.c.Loops != 1 {
		return errors.New("pcap: the capture holds no frame to replay again and again")
	}
	return ctx.Err()
}

// wants counts frames that are not sent.
func (p *player) wants(k *Packet) bool {
	switch {
	case len(k.Data) < k.Length:
		p.done.Cut++
		return false
	case p.c.Direction != Unknown && p.c.Direction != k.Direction, p.c.Interface != "" && p.c.Interface != k.Interface:
		p.done.Skipped++
		return false
	}
	return true
}

// await waits until a frame captured at t is due. What was due before is written first.
func (p *player) await(ctx context.Context, t time.Time) error {
	if p.first.IsZero() {
		p.first = t
	}
	p.done.At = t.Sub(p.first)
	if p.c.Fast {
		return ctx.Err()
	}
	if pause := p.done.At - p.last; pause > 0 {
		if p.c.MaxPause > 0 && pause > p.c.MaxPause {
			p.cut += pause - p.c.MaxPause
		}
		p.last = p.done.At
	}
	if p.begun.IsZero() {
		p.begun = p.c.Clock.Now()
	}
	due := p.begun.Add(p.scaled(p.last - p.cut))
	if !due.After(p.c.Clock.Now()) {
		return ctx.Err()
	}
	p.flush() // which may take time
	if d := due.Sub(p.c.Clock.Now()); d > 0 {
		return wait(ctx, p.c.Clock, d)
	}
	return ctx.Err()
}

// scaled is a time of the capture on our clock. What would exceed the range of time is its end.
func (p *player) scaled(d time.Duration) time.Duration {
	s := float64(d) / p.c.Speed
	if s >= math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return time.Duration(s)
}

// flush writes what has gathered.
func (p *player) flush() {
	if len(p.batch) == 0 {
		return
	}
	n := p.w.WriteFrames(p.batch)
	p.done.Sent += n
	p.done.Dropped += len(p.batch) - n
	clear(p.batch)
	p.batch = p.batch[:0]
	p.report()
}

func (p *player) report() {
	if p.c.Progress != nil {
		p.c.Progress(p.done)
	}
}

func wait(ctx context.Context, clock link.Clock, d time.Duration) error {
	due := make(chan struct{})
	t := clock.AfterFunc(d, func() { close(due) })
	defer t.Stop()
	select {
	case <-due:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
