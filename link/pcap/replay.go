package pcap

import (
	"context"
	"errors"
	"io"
	"time"

	"tapestry/link"
)

// ReplayConfig tells how a capture is replayed.
type ReplayConfig struct {
	Fast      bool             // without the pauses between frames
	Direction Direction        // only frames that went this way; Unknown, the zero value, means all
	Now       func() time.Time // default time.Now
	// Wait blocks for d or until the context ends, whose error it returns. Default: a timer.
	Wait func(ctx context.Context, d time.Duration) error
}

// Replayed counts what became of a capture's frames.
type Replayed struct {
	Sent    int // written to the queue
	Dropped int // not taken by the queue
	Cut     int // not sent: the capture does not hold all of the frame
	Skipped int // not sent: went the other way
}

// Replay writes the frames of a capture to a queue, the far end of a cable for example, with the pauses that the
// capture tells. A time that runs backwards is no pause. It returns at the end of the capture, of the context, or at an
// error in the file; the counts hold in each case.
func Replay(ctx context.Context, q link.Queue, r *Reader, c ReplayConfig) (Replayed, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	var done Replayed
	pace := pacer{c: c}
	for ctx.Err() == nil {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
		switch {
		case len(p.Data) < p.Length:
			done.Cut++
			continue
		case c.Direction != Unknown && c.Direction != p.Direction:
			done.Skipped++
			continue
		}
		frame := []link.Frame{link.NewFrame(p.Data)}
		if err := pace.until(ctx, p.Time); err != nil {
			link.ReleaseAll(frame)
			return done, err
		}
		n := q.WriteFrames(frame)
		done.Sent += n
		done.Dropped += 1 - n
	}
	return done, ctx.Err()
}

// pacer keeps the distance of each frame from the first.
type pacer struct {
	c            ReplayConfig
	first, start time.Time // in the capture, on our clock
}

func (p *pacer) until(ctx context.Context, t time.Time) error {
	if p.c.Fast {
		return ctx.Err()
	}
	now := p.c.Now()
	if p.start.IsZero() {
		p.first, p.start = t, now
	}
	if d := t.Sub(p.first) - now.Sub(p.start); d > 0 {
		return p.c.Wait(ctx, d)
	}
	return ctx.Err()
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
