package stacktest

import (
	"container/heap"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"tapestry/link"
)

// event is something that the loop will do. Events of one instant are done by owner, and those of one owner in the order
// in which it asked for them.
type event struct {
	at    time.Duration // since the loop began
	owner int
	seq   uint64
	index int  // in the heap; -1: not there
	wakes bool // it can make goroutines run that are not the loop's
	run   func()
}

func (e *event) before(o *event) bool {
	switch {
	case e.at != o.at:
		return e.at < o.at
	case e.owner != o.owner:
		return e.owner < o.owner
	}
	return e.seq < o.seq
}

// queue implements [heap.Interface].
type queue []*event

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].before(q[j]) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	e := x.(*event)
	e.index = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.index = -1
	return e
}

// maxAtOnce is how many events one instant may have before the loop gives up on it: a wire without delay on which frames
// go round for ever, for example, never lets time pass.
const maxAtOnce = 20_000_000

// eternity is how long the loop rests when it has no event. Everybody else in the bubble who waits for a time wakes before,
// so when it is over nothing is left that can ever happen.
const eternity = 50 * 365 * 24 * time.Hour

// loop does one event after the other, each when all goroutines of the bubble have come to rest.
type loop struct {
	start time.Time
	wake  chan struct{} // one token: there may be a new earliest event, or a wish
	ended chan struct{}
	limit time.Duration
	over  func(error) // told once when a limit was passed or nothing can happen any more; the loop goes on
	stuck func()      // told once, by the loop itself, when even then nothing can happen

	mu      sync.Mutex // a leaf
	events  queue
	owners  []uint64 // sequence number of each
	settled []chan struct{}
	stopped bool
	done    uint64 // events

	instant  time.Duration // of the loop's goroutine alone, as is all below
	atOnce   int           // events of that instant
	isOver   bool
	isStuck  bool
	starved  time.Duration // how much of the time was eternity
	deadline *time.Timer
}

func newLoop(limit time.Duration, over func(error), stuck func()) *loop {
	l := &loop{start: time.Now(), wake: make(chan struct{}, 1), ended: make(chan struct{}), limit: limit, over: over, stuck: stuck}
	l.deadline = time.NewTimer(time.Hour)
	l.deadline.Stop()
	return l
}

// newOwner gives the next number of those who ask for events.
func (l *loop) newOwner() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owners = append(l.owners, 0)
	return len(l.owners) - 1
}

// now is the time since the loop began.
func (l *loop) now() time.Duration { return time.Since(l.start) }

// push asks for e at the time d from now.
func (l *loop) push(e *event, d time.Duration) {
	l.mu.Lock()
	l.schedule(e, d)
	l.mu.Unlock()
	l.poke()
}

// schedule puts e, which can be in the queue already, at d from now; l.mu is held.
func (l *loop) schedule(e *event, d time.Duration) {
	e.at = l.now() + max(d, 0)
	l.owners[e.owner]++
	e.seq = l.owners[e.owner]
	if e.index >= 0 && e.index < len(l.events) && l.events[e.index] == e {
		heap.Fix(&l.events, e.index)
		return
	}
	heap.Push(&l.events, e)
}

// cancel reports whether e was still to come.
func (l *loop) cancel(e *event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remove(e)
}

func (l *loop) remove(e *event) bool {
	if e.index < 0 {
		return false
	}
	heap.Remove(&l.events, e.index)
	return true
}

func (l *loop) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run is the loop's goroutine; stop ends it.
func (l *loop) run() {
	defer close(l.ended)
	synctest.Wait()
	for {
		e, idle := l.next()
		switch {
		case e != nil:
			e.run()
			if e.wakes {
				synctest.Wait()
			}
		case idle < 0:
			l.deadline.Stop()
			return
		default:
			l.rest(idle)
		}
	}
}

// next takes the earliest event if it is due. Else it gives how long the loop may rest, or -1 at its end.
func (l *loop) next() (due *event, idle time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) > 0 && l.events[0].at <= now {
		l.count(now)
		return heap.Pop(&l.events).(*event), 0
	}
	for _, c := range l.settled {
		close(c)
	}
	l.settled = nil
	switch {
	case l.stopped:
		return nil, -1
	case len(l.events) == 0:
		return nil, eternity
	}
	return nil, l.events[0].at - now
}

// count counts an event against the limits; l.mu is held.
func (l *loop) count(now time.Duration) {
	if now != l.instant {
		l.instant, l.atOnce = now, 0
	}
	l.done++
	l.atOnce++
	var err error
	switch {
	case l.isOver:
		return
	case now > l.limit:
		err = fmt.Errorf("the run has lasted %v, more than Config.Limit: something waits for what does not come", now)
	case l.atOnce > maxAtOnce:
		err = fmt.Errorf("more than %d events at one instant, %v after the start: a wire without delay on which frames go round?", maxAtOnce, now)
	default:
		return
	}
	l.isOver = true
	go l.over(err) // ends when the hosts are closed
}

// rest sleeps until an event is due or somebody has a wish, and then until all have acted who woke at that instant.
func (l *loop) rest(d time.Duration) {
	if !l.isStuck {
		l.deadline.Reset(d)
	}
	select {
	case <-l.wake:
	case <-l.deadline.C:
		if d == eternity {
			l.starve()
		}
	}
	l.deadline.Stop()
	synctest.Wait()
}

// starve has the hosts closed, which unblocks those who wait for them. If nothing comes of it, the loop rests without a
// timer, and synctest ends the test with the deadlock.
func (l *loop) starve() {
	l.starved += eternity
	if l.isOver {
		l.isStuck = true
		l.stuck()
		return
	}
	l.isOver = true
	go l.over(errStarved(l.instant)) // ends when the hosts are closed
}

// errStarved is the time of the last event.
type errStarved time.Duration

func (e errStarved) Error() string {
	return fmt.Sprintf("everybody waits and nothing is left to happen after %v", time.Duration(e))
}

// settle returns when nothing is left to do at this instant.
func (l *loop) settle() {
	c := make(chan struct{})
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return
	}
	l.settled = append(l.settled, c)
	l.mu.Unlock()
	l.poke()
	<-c
}

// stop ends the loop when nothing is left to do at this instant. Later events are never done.
func (l *loop) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.poke()
	<-l.ended
}

// clock is the [link.Clock] of one owner.
type clock struct {
	loop   *loop
	owner  int
	inline bool // calls are made on the loop's goroutine: they block for nobody and wake nobody
}

// newClock makes the clock of a new owner.
func (l *loop) newClock(inline bool) *clock {
	return &clock{loop: l, owner: l.newOwner(), inline: inline}
}

// Now implements [link.Clock].
func (c *clock) Now() time.Time { return time.Now() }

// AfterFunc implements [link.Clock].
func (c *clock) AfterFunc(d time.Duration, f func()) link.Timer {
	t := &timer{loop: c.loop}
	t.event = event{owner: c.owner, index: -1, wakes: !c.inline, run: f}
	if !c.inline {
		t.run = func() { go f() } // ends with f
	}
	c.loop.push(&t.event, d)
	return t
}

type timer struct {
	event
	loop *loop
}

// Stop implements [link.Timer].
func (t *timer) Stop() bool { return t.loop.cancel(&t.event) }

// Reset implements [link.Timer].
func (t *timer) Reset(d time.Duration) bool {
	t.loop.mu.Lock()
	was := t.index >= 0
	t.loop.schedule(&t.event, d)
	t.loop.mu.Unlock()
	t.loop.poke()
	return was
}

func (l *loop) String() string { return fmt.Sprintf("%d events in %v", l.done, l.now()-l.starved) }
