package apps

import (
	"context"
	"time"
)

// pauses are how long a loop waits between failures: ever longer, so that an error that stays takes no core.
type pauses struct{ last time.Duration }

const (
	firstPause = 5 * time.Millisecond
	mostPause  = time.Second
)

func (p *pauses) reset() { p.last = 0 }

// next gives the pause that wait will take.
func (p *pauses) next() time.Duration { return min(max(2*p.last, firstPause), mostPause) }

func (p *pauses) wait(ctx context.Context) {
	p.last = p.next()
	select {
	case <-ctx.Done():
	case <-time.After(p.last):
	}
}
