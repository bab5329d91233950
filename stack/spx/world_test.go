package spx

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math/rand/v2"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// epoch is when every world begins.
var epoch = time.Date(1993, 2, 9, 0, 0, 0, 0, time.UTC)

// impairment is what a wire does to packets: parts of 100.
type impairment struct {
	loss, duplicate, late int
	delay                 time.Duration // of every packet
	jitter                time.Duration // of a late one
	max                   int           // longer packets vanish; zero: none do
}

// world is two muxes on a wire, in a time of their own. Everything in it happens in one order, which the seed decides.
type world struct {
	t      testing.TB
	now    time.Time
	random *rand.Rand
	ends   [2]*end
	wire   flights
	count  int // of packets on the wire
	steps  int
	impair impairment
	cut    bool // nothing arrives any more
	hash   hash.Hash
	log    func(from int, h Header) // sees each packet that is sent
	after  func()                   // runs after each step
}

// end is the node below one mux.
type end struct {
	w     *world
	i     int
	m     *mux
	bound map[ipxwire.Socket]bool
	max   int // of the port
}

// flight is a packet on the wire.
type flight struct {
	at time.Time
	n  int // in the order of sending
	to int
	b  []byte
}

type flights []flight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].n < f[j].n
}
func (f *flights) Push(x any) { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	x := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return x
}

func newWorld(t testing.TB, seed uint64, configs ...Config) *world {
	t.Helper()
	w := &world{
		t: t, now: epoch, random: rand.New(rand.NewPCG(seed, 1)), hash: sha256.New(),
		impair: impairment{delay: time.Millisecond},
	}
	for i := range w.ends {
		c := Config{}
		if i < len(configs) {
			c = configs[i]
		}
		c.Random = w.random.Uint32
		if err := c.fill(); err != nil {
			t.Fatal(err)
		}
		e := &end{w: w, i: i, bound: map[ipxwire.Socket]bool{}, max: 1500}
		e.m = newMux(c, e)
		e.m.now = w.now
		w.ends[i] = e
	}
	return w
}

// Send implements network.
func (e *end) Send(_ time.Time, f ipxwire.Fields, data []byte) error {
	if ipxwire.HeaderLen+len(data) > e.max {
		return ipx.ErrTooLong
	}
	f.Source.Net, f.Source.Node = testNet, testNodes[e.i]
	e.w.carry(e.i, append(f.AppendTo(nil, len(data)), data...))
	return nil
}

// Bind implements network.
func (e *end) Bind(s ipxwire.Socket) (ipxwire.Socket, error) {
	if s == 0 {
		for s = ipxwire.SocketDynamic; e.bound[s]; s++ {
		}
	}
	if e.bound[s] {
		return 0, ipx.ErrInUse
	}
	e.bound[s] = true
	return s, nil
}

// Unbind implements network.
func (e *end) Unbind(s ipxwire.Socket) { delete(e.bound, s) }

// Limit implements network.
func (e *end) Limit(ipx.PortID) int { return e.max }

// carry puts a packet on the wire, or loses it.
func (w *world) carry(from int, b []byte) {
	h, err := ParseHeader(b)
	if err != nil {
		w.t.Fatalf("end %d sent %x: %v", from, b, err)
	}
	if w.log != nil {
		w.log(from, h)
	}
	var at [9]byte
	binary.BigEndian.PutUint64(at[:], uint64(w.now.Sub(epoch)))
	at[8] = byte(from)
	w.hash.Write(at[:])
	w.hash.Write(b)
	copies := 1
	if w.random.IntN(100) < w.impair.duplicate {
		copies = 2
	}
	for range copies {
		delay := w.impair.delay
		if w.random.IntN(100) < w.impair.late {
			delay += time.Duration(w.random.Int64N(int64(w.impair.jitter)))
		}
		if w.random.IntN(100) < w.impair.loss || w.cut || w.impair.max > 0 && len(b) > w.impair.max {
			continue
		}
		w.count++
		heap.Push(&w.wire, flight{at: w.now.Add(delay), n: w.count, to: 1 - from, b: b})
	}
}

// step carries out what comes next, unless that is after the limit.
func (w *world) step(limit time.Time) bool {
	at, who := time.Time{}, -1
	for i, e := range w.ends {
		if t := e.m.next(); !t.IsZero() && (who < 0 || t.Before(at)) {
			at, who = t, i
		}
	}
	if len(w.wire) > 0 && (who < 0 || !at.Before(w.wire[0].at)) {
		at, who = w.wire[0].at, 2
	}
	if who < 0 || at.After(limit) {
		w.now = limit
		return false
	}
	if at.After(w.now) {
		w.now = at
	}
	if who == 2 {
		f := heap.Pop(&w.wire).(flight)
		w.deliver(f.to, f.b)
	} else {
		w.ends[who].m.tick(w.now)
	}
	if w.steps++; w.steps < 5000 || w.steps%64 == 0 { // it looks at everything
		w.check()
	}
	if w.after != nil {
		w.after()
	}
	return true
}

// deliver gives a packet to an end, at once.
func (w *world) deliver(to int, b []byte) {
	h, err := ipxwire.ParseHeader(b)
	if err != nil {
		w.t.Fatal(err)
	}
	e := w.ends[to]
	if e.bound[h.Destination().Socket] {
		e.m.receive(w.now, 0, h, h.Source(), h.Destination())
	}
}

// run lets time pass, or until done says so.
func (w *world) run(d time.Duration, done func() bool) bool {
	limit := w.now.Add(d)
	for n := 0; done == nil || !done(); n++ {
		if n == 1_000_000 {
			w.t.Fatalf("no end at %v: %+v", w.now, w.ends[0].m.conns())
		}
		if !w.step(limit) {
			return done != nil && done()
		}
	}
	return true
}

// at has a call to a mux happen now.
func (w *world) at(i int) *mux {
	m := w.ends[i].m
	m.now = w.now
	return m
}

// check holds what must be true of every connection at any time.
func (w *world) check() {
	for i, e := range w.ends {
		for _, s := range e.m.byID {
			if err := s.invariant(); err != nil {
				w.t.Fatalf("end %d: %v: %+v", i, err, s.info())
			}
		}
		checkTimers(w.t, &e.m.timers)
	}
}

// invariant is what must be true of a connection at any time.
func (s *session) invariant() error {
	t, r := &s.send, &s.recv
	switch {
	case s.state == stateClosed:
		return fmt.Errorf("closed, and not forgotten")
	case int(t.nxt-t.una) > int(t.top-t.una), int(t.top-t.una) > t.queued(), t.queued() > t.max+1:
		return fmt.Errorf("send: una %d nxt %d top %d end %d, %d kept", t.una, t.nxt, t.top, t.end, t.max)
	case t.queued() > len(t.ring), t.cwnd < 1, t.cwnd > maxWindow:
		return fmt.Errorf("send: ring of %d, cwnd %d", len(t.ring), t.cwnd)
	case int(r.nxt-r.read) > r.window, r.held < 0, r.held > r.window:
		return fmt.Errorf("receive: read %d nxt %d, window %d, %d held", r.read, r.nxt, r.window, r.held)
	case s.at < 0 && !s.deadline().IsZero():
		return fmt.Errorf("a deadline, and no timer")
	case s.state != stateOver && s.deadline().IsZero():
		return fmt.Errorf("nothing ends this state")
	case s.size < MaxPacket:
		return fmt.Errorf("size %d", s.size)
	}
	held := 0
	for i := range r.ring {
		if r.ring[i].present && int(r.ring[i].seqFrom(r, i)-r.read) >= int(r.nxt-r.read) {
			held++
		}
	}
	if held != r.held {
		return fmt.Errorf("receive: %d held, counted %d", held, r.held)
	}
	for seq := t.una; seq != t.end; seq++ {
		if t.slot(seq).buf == nil {
			return fmt.Errorf("send: packet %d is gone", seq)
		}
	}
	return nil
}

// seqFrom is the sequence number of place i of the ring.
func (*incoming) seqFrom(r *receiver, i int) uint16 {
	first := int(r.read) & (len(r.ring) - 1)
	return r.read + uint16((i-first)&(len(r.ring)-1))
}

func checkTimers(t testing.TB, h *timers) {
	for i, s := range h.heap {
		if s.at != i || i > 0 && h.less(i, (i-1)/2) || !s.deadline().IsZero() && s.due.After(s.deadline()) {
			t.Fatalf("timers: place %d has at %d, due %v, deadline %v", i, s.at, s.due, s.deadline())
		}
	}
}

// user is the client of a connection in a world.
type user struct{ reads, writes, settles int }

func (u *user) readable() { u.reads++ }
func (u *user) writable() { u.writes++ }
func (u *user) settled()  { u.settles++ }

// target is how the listener of the second end is called.
var target = ipxwire.Addr{Net: testNet, Node: testNodes[1], Socket: 0x5001}

// listen has the second end listen.
func (w *world) listen() *listener {
	w.t.Helper()
	l, err := w.at(1).listen(target.Socket, func() {})
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// pair makes a connection.
func (w *world) pair() (a, b *session) {
	w.t.Helper()
	l := w.listen()
	a, err := w.at(0).dial(target)
	if err != nil {
		w.t.Fatal(err)
	}
	a.client = &user{}
	if !w.run(time.Minute, func() bool { return len(l.queue) > 0 && a.state == stateEstablished }) {
		w.t.Fatalf("no connection: caller %v, %d called", a.state, len(l.queue))
	}
	b = l.accept()
	b.client = &user{}
	w.run(10*time.Millisecond, nil)
	return a, b
}

// readAll reads what there is.
func readAll(s *session) ([]byte, error) {
	var out bytes.Buffer
	b := make([]byte, 4096)
	for {
		n, err := s.read(b)
		out.Write(b[:n])
		if err != nil {
			return out.Bytes(), err
		}
	}
}

// writeAll writes what there is room for, which must be all.
func (w *world) writeAll(i int, s *session, text string) {
	w.t.Helper()
	w.at(i)
	if _, all, err := s.write([]byte(text), MessageInfo{EOM: true}); !all || err != nil {
		w.t.Fatalf("write %q: all %v, %v", text, all, err)
	}
}
