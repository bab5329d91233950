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
	const steps = 4
	for _, c := range []Config{{}, {NoSPX2: true}} {
		for order := range 256 { // each step is one of four, two bits
			w := newWorld(t, uint64(order), c, c)
			w.impair = harsh
			ends := [2]*session{}
			ends[0], ends[1] = w.pair()
			var closed [2]bool
			var got [2]string
			read := func() {
				for i, s := range ends {
					if !closed[i] {
						w.at(i)
						b, err := readAll(s)
						if got[i] += string(b); !errors.Is(err, errAgain) && err != io.EOF {
							t.Fatalf("order %03o: end %d: %v", order, i, err)
						}
					}
				}
			}
			w.after = read
			for i := range ends {
				w.writeAll(i, ends[i], "HELLO")
			}
			for k := range steps {
				i, half := order>>(2*k)&1, order>>(2*k+1)&1 == 1
				w.at(i)
				switch {
				case half:
					err := ends[i].closeWrite()
					if err != nil && err != syscall.EPIPE && (c.NoSPX2 != (err == syscall.EOPNOTSUPP)) {
						t.Fatalf("order %03o: closeWrite: %v", order, err)
					}
				default:
					closed[i], ends[i].client = true, nil
					ends[i].close()
				}
				w.run(time.Duration(w.random.IntN(20))*time.Millisecond, nil)
			}
			for i := range ends {
				if closed[i] {
					continue
				}
				if !w.run(time.Minute, func() bool { return got[i] == "HELLO" }) && !closed[1-i] {
					t.Errorf("order %03o: end %d read %q", order, i, got[i])
				}
				w.at(i)
				closed[i] = true
				ends[i].close()
			}
			w.run(5*time.Minute, nil)
			for i, e := range w.ends {
				if len(e.m.byID) != 0 || len(e.m.byPeer) != 0 || len(e.m.timers.heap) != 0 {
					t.Errorf("order %03o: end %d keeps %+v", order, i, e.m.conns())
				}
				if ends[i].err != nil {
					t.Errorf("order %03o: end %d: %v", order, i, ends[i].err)
				}
			}
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
			if len(m.byID) != 0 || l.half != 0 || len(l.queue) != 0 {
				t.Errorf("left: %d connections, %d half open, %d wait", len(m.byID), l.half, len(l.queue))
			}
			call(6)
			if len(m.byID) != 1 {
				t.Errorf("no connection after the others are gone")
			}
		})
	}
}
