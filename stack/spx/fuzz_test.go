package spx

import (
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

// zoo is a mux with a connection in every state.
func zoo(t testing.TB) (w *world, l *listener, all []*session) {
	w = newWorld(t, 1, Config{Window: 8, SendQueue: 16, Backlog: 4})
	w.cut = true
	l, err := w.at(0).listen(0x5001, func() {})
	if err != nil {
		t.Fatal(err)
	}
	dial := func() *session {
		s, err := w.at(0).dial(target)
		if err != nil {
			t.Fatal(err)
		}
		s.client = &user{}
		all = append(all, s)
		return s
	}
	dial() // requesting
	call := func(id uint16, c Control) *session {
		f := Fields{Control: c | ControlSystem | ControlAck, Source: id, Destination: UnknownID, Allocation: 3}
		w.inject(f, 0x5001, nil)
		s := w.ends[0].m.byPeer[peer{target, id, 0x5001}]
		all = append(all, s)
		return s
	}
	answer := func(s *session, f Fields) {
		f.Source, f.Destination, f.Control = uint16(0x9000+s.local.Socket), s.id, f.Control|ControlSystem
		w.inject(f, s.local.Socket, nil)
	}
	const two = ControlSPX2 | ControlNegotiate
	answer(dial(), Fields{Control: two, Allocation: 3, Size: 1500}) // negotiating
	s := dial()                                                     // awaiting
	answer(s, Fields{Control: two, Allocation: 3, Size: 1500})
	answer(s, Fields{Control: two, Allocation: 3, Size: 1400})
	call(0x1001, two) // answered
	s = call(0x1002, two)
	setup := Fields{
		Control: ControlSystem | ControlAck | two, Source: 0x1002, Destination: s.id, Allocation: 3, Size: 1500,
	}
	w.inject(setup, 0x5001, nil) // setup
	for _, f := range []Fields{{Allocation: 9}, {Allocation: 0xffff}, {Allocation: 2}, {Allocation: 9}, {Allocation: 9}} {
		answer(dial(), f)
	}
	open := all[len(all)-5:] // data on its way, no room, closing, disconnecting, over
	for _, s := range open[:3] {
		w.at(0)
		_, _, _ = s.write(make([]byte, 2000), MessageInfo{EOM: true})
	}
	open[2].close()
	open[3].close()
	end := Fields{Control: ControlAck, Stream: StreamEnd, Source: open[4].peerID, Destination: open[4].id}
	w.inject(end, open[4].local.Socket, nil)
	call(0x1003, 0) // waits for accept
	call(0x1004, 0)
	l.queue[0].client = &user{}
	l.accept()
	return w, l, all
}

// inject delivers a packet of the target to a socket of the first end.
func (w *world) inject(f Fields, to ipxwire.Socket, data []byte) {
	dst := ipxwire.Addr{Net: testNet, Node: testNodes[0], Socket: to}
	b := ipxwire.Fields{Type: ipxwire.TypeSPX, Destination: dst, Source: target}.AppendTo(nil, f.Len()+len(data))
	b = append(f.AppendTo(b), data...)
	w.at(0).receive(w.now, 0, b, target, dst)
}

// ops reads what to do from octets.
type ops struct{ b []byte }

func (o *ops) next() byte {
	if len(o.b) == 0 {
		return 0
	}
	c := o.b[0]
	o.b = o.b[1:]
	return c
}

func (o *ops) word() uint16 { return uint16(o.next())<<8 | uint16(o.next()) }

// number is one near a number that means something, or any.
func (o *ops) number(near uint16) uint16 {
	c := o.next()
	if c == 0x80 {
		return o.word()
	}
	return near + uint16(int8(c))/4
}

// TestZoo holds that the zoo is what it says.
func TestZoo(t *testing.T) {
	_, _, all := zoo(t)
	seen := map[state]bool{}
	for _, s := range all {
		seen[s.state] = true
	}
	for st := stateRequesting; st <= stateOver; st++ {
		if !seen[st] {
			t.Errorf("no connection is %v", st)
		}
	}
}

// FuzzConn sends anything to a mux with a connection in every state, has the program do anything, and lets time pass.
// What must be true of connections is checked after each step; what one packet causes is bounded; and once nobody
// answers any more, every connection ends.
func FuzzConn(f *testing.F) {
	f.Add([]byte("\x00\x01\x40\x00\x00\x00\x00\x00\x00\x05HELLO"))
	f.Add([]byte("\x06\x07\x50\x00\x00\x00\x00\x00\x00\x05HELLO\xf0\x10\xf1\x01"))
	f.Add([]byte("\xf4\x07\xf2\x05\xf3\x03\x08\x40\xfe\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, l, all := zoo(t)
		sent := 0
		w.log = func(int, Header) { sent++ }
		o := &ops{b: b}
		for range min(len(b), 300) {
			sent = 0
			fuzzStep(w, l, &all, o)
			if sent > 2*maxNak+16 {
				t.Fatalf("%d packets in one step", sent)
			}
			w.check()
			if len(l.queue)+len(l.opening) > l.m.c.Backlog {
				t.Fatalf("backlog: %d wait, %d half open", len(l.queue), len(l.opening))
			}
		}
		w.at(0)
		l.close()
		w.run(time.Hour, nil)
		m := w.ends[0].m
		if len(m.byID) != 0 || len(m.byPeer) != 0 || len(m.sockets) != 0 || len(m.timers.heap) != 0 {
			t.Fatalf("left: %+v, %d connections, %d sockets, %d timers", m.conns(), len(m.byID), len(m.sockets),
				len(m.timers.heap))
		}
	})
}

// fuzzStep does one thing.
func fuzzStep(w *world, l *listener, all *[]*session, o *ops) {
	op := o.next()
	s := (*all)[int(o.next())%len(*all)]
	m := w.at(0)
	switch op {
	case 0xf0:
		_, _ = s.read(make([]byte, int(o.next())*16))
	case 0xf1:
		w.run(time.Duration(o.next())*50*time.Millisecond, nil)
	case 0xf2:
		_, _, _ = s.write(make([]byte, int(o.next())*64), MessageInfo{EOM: true, Type: o.next() % 0xfc})
	case 0xf3:
		s.close()
	case 0xf4:
		_ = s.closeWrite()
	case 0xf5:
		if a := l.accept(); a != nil {
			a.client = &user{}
			*all = append(*all, a)
		}
	case 0xf6:
		if d, err := m.dial(target); err == nil {
			*all = append(*all, d)
		}
	case 0xf7:
		_, _, _ = s.readMessage(make([]byte, o.next()))
	case 0xf8:
		f := Fields{Control: 0xc0 | Control(o.next()), Destination: UnknownID}
		f.Source, f.Allocation = o.word(), o.word()
		w.inject(f, 0x5001, nil)
	default:
		f := Fields{Control: Control(o.next()), Stream: o.next(), Source: s.peerID, Destination: s.id}
		if f.Stream < 0xf0 {
			f.Stream = 0
		}
		f.Sequence, f.Acknowledge = o.number(s.recv.nxt), o.number(s.send.una)
		f.Allocation, f.Size = o.number(s.send.nxt), o.number(1500)
		if op == 1 {
			f.Source = o.word()
		}
		w.inject(f, s.local.Socket, make([]byte, int(o.next())*4))
	}
}
