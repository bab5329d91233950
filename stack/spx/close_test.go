package spx

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"
)

// TestCloseOrders ends connections on a harsh wire in all orders of four steps: nothing is left on either end, nothing
// fails, and what was written arrives where somebody still reads.
func TestCloseOrders(t *testing.T) {
	for _, c := range []Config{{}, {NoSPX2: true}} {
		for order := range 256 { // each step is one of four, two bits
			w := newWorld(t, uint64(order), c, c)
			w.impair = harsh
			x := &closing{w: w, order: order}
			x.ends[0], x.ends[1] = w.pair()
			w.after = x.read
			for i := range x.ends {
				w.writeAll(i, x.ends[i], "HELLO")
			}
			for k := range 4 {
				x.step(order>>(2*k)&1, order>>(2*k+1)&1 == 1)
				w.run(time.Duration(w.random.IntN(20))*time.Millisecond, nil)
			}
			x.finish()
		}
	}
}

// closing is a connection that is ended step by step.
type closing struct {
	w      *world
	order  int
	ends   [2]*session
	closed [2]bool
	got    [2]string
}

// read takes what there is, where nobody closed.
func (x *closing) read() {
	for i, s := range x.ends {
		if x.closed[i] {
			continue
		}
		x.w.at(i)
		b, err := readAll(s)
		if x.got[i] += string(b); !errors.Is(err, errAgain) && err != io.EOF {
			x.w.t.Fatalf("order %03o: end %d: %v", x.order, i, err)
		}
	}
}

// step closes one end, or half of it.
func (x *closing) step(i int, half bool) {
	x.w.at(i)
	if !half {
		x.closed[i], x.ends[i].client = true, nil
		x.ends[i].close()
		return
	}
	err := x.ends[i].closeWrite()
	if err != nil && err != syscall.EPIPE && x.ends[i].spx2 == (err == syscall.EOPNOTSUPP) {
		x.w.t.Fatalf("order %03o: closeWrite: %v", x.order, err)
	}
}

// finish closes what is open, when it has read everything.
func (x *closing) finish() {
	t, w := x.w.t, x.w
	for i := range x.ends {
		if x.closed[i] {
			continue
		}
		if !w.run(time.Minute, func() bool { return x.got[i] == "HELLO" }) && !x.closed[1-i] {
			t.Errorf("order %03o: end %d read %q", x.order, i, x.got[i])
		}
		x.step(i, false)
	}
	w.run(5*time.Minute, nil)
	for i, e := range w.ends {
		if len(e.m.byID) != 0 || len(e.m.byPeer) != 0 || len(e.m.timers.heap) != 0 {
			t.Errorf("order %03o: end %d keeps %+v", x.order, i, e.m.conns())
		}
		if x.ends[i].err != nil {
			t.Errorf("order %03o: end %d: %v", x.order, i, x.ends[i].err)
		}
	}
}

func TestBacklog(t *testing.T) {
	for _, c := range []Control{0, ControlSPX2 | ControlNegotiate} {
		t.Run(fmt.Sprintf("%02x", uint8(c)), func(t *testing.T) {
			w := newWorld(t, 1, Config{Backlog: 3})
			w.cut = true
			l, err := w.at(0).listen(0x5001, func() {})
			if err != nil {
				t.Fatal(err)
			}
			call := func(id uint16) {
				f := Fields{Control: c | ControlSystem | ControlAck, Source: id, Destination: UnknownID, Allocation: 3}
				w.inject(f, 0x5001, nil)
			}
			for id := uint16(1); id <= 5; id++ {
				call(id)
			}
			m := w.ends[0].m
			if len(m.byID) != 3 || m.stats.dropBacklog != 2 {
				t.Errorf("%d connections, %d dropped", len(m.byID), m.stats.dropBacklog)
			}
			w.run(time.Minute, nil) // they are half open, or nobody answers the watchdog
			if len(m.byID) != 0 || len(l.opening) != 0 || len(l.queue) != 0 {
				t.Errorf("left: %d connections, %d half open, %d wait", len(m.byID), len(l.opening), len(l.queue))
			}
			call(6)
			if len(m.byID) != 1 {
				t.Errorf("no connection after the others are gone")
			}
		})
	}
}
