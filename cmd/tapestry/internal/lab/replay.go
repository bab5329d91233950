package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tapestry/link"
	"tapestry/link/impair"
	"tapestry/link/pcap"
)

// replayPort makes a port at which a capture comes in; what leaves by it is dropped.
func (l *Lab) replayPort(j *JointPlan) error {
	b := l.buses[j.At.Segment]
	c := portConfig(j.At)
	c.Out = link.ReleaseAll
	port, err := b.Attach(c)
	if err != nil {
		return fmt.Errorf("lab: replay %s: %w", j.Name, err)
	}
	tx, err := impair.NewLine(j.At.Tx.Config, impair.LineConfig{Seed: l.seed(j.At), Out: func(f []link.Frame) {
		b.capture.show(f)
		port.Write(f)
	}})
	if err != nil {
		return fmt.Errorf("lab: replay %s: %w", j.Name, err)
	}
	l.undo = append(l.undo, func() error { tx.Close(); return nil })
	rx, err := impair.NewLine(j.At.Rx.Config, impair.LineConfig{Out: link.ReleaseAll})
	if err != nil {
		return fmt.Errorf("lab: replay %s: %w", j.Name, err)
	}
	b.add(port, j.At, newDirection(tx, j.At.Tx.Own), newDirection(rx, j.At.Rx.Own))
	return nil
}

// startReplays begins when everybody is there. Where a lab is only tried, the captures are looked at.
func (l *Lab) startReplays(ctx context.Context, isTrial bool) error {
	for _, j := range l.Plan.Joints {
		if j.Replay == nil {
			continue
		}
		f, err := os.Open(j.Replay.File)
		if err == nil {
			if _, e := pcap.NewReader(f); e != nil {
				err = errors.Join(fmt.Errorf("%s: %w", j.Replay.File, e), f.Close())
			}
		}
		if err != nil {
			return fmt.Errorf("lab: replay %s: %w", j.Name, err)
		}
		if isTrial {
			f.Close()
			continue
		}
		l.apps.Go(func() { // ends with the capture, or when ctx does
			defer f.Close()
			if err := l.replay(ctx, j, f); err != nil && ctx.Err() == nil {
				l.log.Error("the replay ended", "replay", j.Name, "file", j.Replay.File, "error", err)
			}
		})
	}
	return nil
}

func (l *Lab) replay(ctx context.Context, j *JointPlan, f *os.File) error {
	if err := pause(ctx, j.Replay.After); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	loops := j.Replay.Times
	if loops == 0 {
		loops = -1
	}
	line := l.buses[j.At.Segment].port(j.At).tx
	_, err := pcap.Replay(ctx, pcap.SinkFunc(line.Write), f, pcap.ReplayConfig{
		Fast: j.Replay.Fast, Speed: j.Replay.Speed, MaxPause: j.Replay.MaxPause, Loops: loops,
	})
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// port finds a port by its plan.
func (b *bus) port(p *Port) *place {
	for _, q := range b.ports {
		if q.plan == p {
			return q
		}
	}
	return nil
}
