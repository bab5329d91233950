package spx

import "testing"

// TestFlood: calls that nobody goes on with do not keep others out: the one that has been half open for longest makes
// room. Connections that wait for Accept stay.
func TestFlood(t *testing.T) {
	const two = ControlSystem | ControlAck | ControlSPX2 | ControlNegotiate
	w := newWorld(t, 1, Config{Backlog: 3})
	w.cut = true
	l, err := w.at(0).listen(0x5001, func() {})
	if err != nil {
		t.Fatal(err)
	}
	call := func(id uint16, c Control) *session {
		w.inject(Fields{Control: c, Source: id, Destination: UnknownID, Allocation: 3}, 0x5001, nil)
		return w.ends[0].m.byPeer[peer{target, id, 0x5001}]
	}
	plain := call(1, ControlSystem|ControlAck)
	for id := uint16(2); id <= 100; id++ {
		call(id, two)
		w.check()
	}
	s := call(101, two)
	if s == nil || len(l.opening) != 2 || len(l.queue) != 1 || len(w.ends[0].m.byID) != 3 {
		t.Fatalf("caller %v: %d half open, %d wait", s, len(l.opening), len(l.queue))
	}
	w.inject(Fields{Control: two, Source: 101, Destination: s.id, Allocation: 3, Size: 1500}, 0x5001, make([]byte, 1456))
	w.inject(Fields{Control: two &^ ControlAck, Source: 101, Destination: s.id, Allocation: 3, Size: 1500}, 0x5001, nil)
	if a, b := l.accept(), l.accept(); a != plain || b != s {
		t.Errorf("accepted %p and %p, want %p and %p", a, b, plain, s)
	}
	if n := w.ends[0].m.stats.dropBacklog; n != 98 {
		t.Errorf("%d dropped, want 98", n)
	}
	call(1000, ControlSystem|ControlAck)
	for id := uint16(102); id < 200; id++ {
		call(id, ControlSystem|ControlAck)
	}
	if len(l.queue) != 3 {
		t.Errorf("%d wait", len(l.queue))
	}
}
