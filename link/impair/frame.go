package impair

import (
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// accept takes the frame at f, which was written at now. l.mu is held here and below.
func (l *Line) accept(f *link.Frame, queue int, now time.Duration) {
	if f.GSO == link.GSONone || !l.perFrame {
		l.admit(*f, queue, now)
		*f = link.Frame{}
		return
	}
	// Whoever is given super-frames takes partial checksums too.
	parts, err := link.Segment(l.parts[:0], f, link.OffloadChecksum)
	if err != nil {
		l.stats.Frames++
		l.stats.Bytes += uint64(f.Len())
		l.drop(f, &l.stats.Drops.Invalid)
		return
	}
	f.Release()
	for i := range parts {
		l.admit(parts[i], queue, now)
	}
	clear(parts)
	l.parts = parts
}

// admit decides about a frame in the order of the package's theory of operation.
func (l *Line) admit(f link.Frame, queue int, now time.Duration) {
	l.stats.Frames++
	l.stats.Bytes += uint64(f.Len())
	switch {
	case l.isCut(now):
		l.drop(&f, &l.stats.Drops.Cut)
		return
	case l.c.MTU > 0 && f.Len() >= ethernet.HeaderLen && !wire.Carries(l.c.MTU, &f):
		l.drop(&f, &l.stats.Drops.MTU)
		return
	case l.loses():
		l.drop(&f, &l.stats.Drops.Loss)
		return
	case l.chances.happens(streamCorrupt, l.c.Corrupt) && !l.corrupt(&f):
		l.drop(&f, &l.stats.Drops.Invalid)
		return
	}
	if l.chances.happens(streamDuplicate, l.c.Duplicate) {
		l.stats.Duplicated++
		defer l.transmit(f.Clone(), queue, now)
	}
	l.transmit(f, queue, now)
}

func (l *Line) drop(f *link.Frame, reason *uint64) {
	*reason++
	f.Release()
}

func (l *Line) loses() bool {
	if l.loss != (Gilbert{}) {
		return l.bursts.loses(&l.chances, l.loss)
	}
	return l.chances.happens(streamLoss, l.c.Loss)
}

// corrupt turns one bit behind the Ethernet header over, in memory of f's own. It finishes the checksum first and takes
// back that somebody verified it, so that the receiver notices. It reports whether the frame's metadata allowed that.
func (l *Line) corrupt(f *link.Frame) bool {
	if f.Len() <= ethernet.HeaderLen {
		return true
	}
	if link.FinishChecksum(f) != nil {
		return false
	}
	bit := l.chances.source(streamCorrupt).IntN((f.Len() - ethernet.HeaderLen) * 8)
	var b [1]byte
	at := ethernet.HeaderLen + bit/8
	f.Data.ReadAt(b[:], int64(at))
	b[0] ^= 1 << (bit % 8)
	f.Overwrite(at, b[:])
	f.DataValid = false
	l.stats.Corrupted++
	return true
}

// transmit has a frame wait for the rate, if there is one.
func (l *Line) transmit(f link.Frame, queue int, now time.Duration) {
	h := held{frame: f, size: f.Len(), queue: queue, at: now}
	switch s := &l.server; {
	case l.c.Rate == 0:
		l.propagate(h, now)
	case s.busy && !s.hasRoom(&l.c, h.size):
		l.drop(&h.frame, &l.stats.Drops.Queue)
	default:
		s.waiting.push(h)
		if !s.busy {
			l.serve(now)
		}
	}
}

// propagate sends a frame on its way at the time at.
func (l *Line) propagate(h held, at time.Duration) {
	if l.c.Delay == 0 && l.c.Jitter == 0 && l.flight.count == 0 {
		l.arrive(&h, at)
		return
	}
	if l.chances.happens(streamReorder, l.c.Reorder) {
		l.stats.Reordered++
		l.arrive(&h, at)
		return
	}
	h.at = at + l.delays.draw(&l.chances, &l.c)
	switch q := &l.flight; {
	case q.count > 0:
		h.at = max(h.at, q.at(q.count-1).at) // nobody overtakes
	case h.at <= at:
		l.arrive(&h, at)
		return
	}
	if l.flight.count >= l.c.Limit || l.flight.bytes+h.size > l.c.LimitBytes {
		l.drop(&h.frame, &l.stats.Drops.Limit)
		return
	}
	l.flight.push(h)
}

// arrive has a frame come out at the time at.
func (l *Line) arrive(h *held, at time.Duration) {
	switch {
	case l.isCut(at):
		l.drop(&h.frame, &l.stats.Drops.Cut)
		return
	case l.handing && (len(l.ready) >= l.c.Limit || l.readyBytes+h.size > l.c.LimitBytes): // out is slow, or writes to its own line
		l.drop(&h.frame, &l.stats.Drops.Limit)
		return
	}
	l.stats.Passed++
	l.stats.PassedBytes += uint64(h.size)
	l.ready = append(l.ready, h.frame)
	l.readyBytes += h.size
	if n := len(l.runs); n > 0 && l.runs[n-1].queue == h.queue {
		l.runs[n-1].frames++
	} else {
		l.runs = append(l.runs, run{h.queue, 1})
	}
}

// isCut reports whether nothing crosses at the time t.
func (l *Line) isCut(t time.Duration) bool {
	if l.down || t < l.cutUntil {
		return true
	}
	for i := range l.c.Cuts {
		if l.c.Cuts[i].covers(t - l.cutsFrom) {
			return true
		}
	}
	return false
}
