package spx

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// TestUnreachable: what had no route ends a call, and nothing else.
func TestUnreachable(t *testing.T) {
	w := newWorld(t, 1)
	w.cut = true
	m := w.at(0)
	to := ipxwire.Addr{Net: testNet, Node: testNodes[1], Socket: 0x5001}
	s, err := m.dial(to)
	if err != nil {
		t.Fatal(err)
	}
	back := func(id uint16, to ipxwire.Addr) ipxwire.Header {
		f := s.fields(ControlSystem|ControlAck, 0)
		f.Source, f.Destination = id, UnknownID
		data := f.AppendTo(nil)
		b := ipxwire.Fields{Type: ipxwire.TypeSPX, Source: s.local, Destination: to}.AppendTo(nil, len(data))
		return append(b, data...)
	}
	elsewhere := to
	elsewhere.Socket++
	m.unreachable(w.now, back(s.id+1, to))
	m.unreachable(w.now, back(s.id, elsewhere))
	m.unreachable(w.now, back(s.id, to)[:ipxwire.HeaderLen])
	if s.state != stateRequesting {
		t.Fatalf("another packet ended it: %v", s.err)
	}
	m.unreachable(w.now, back(s.id, to))
	if s.state != stateClosed || !errors.Is(s.err, syscall.ENETUNREACH) || len(m.byID) != 0 || len(m.sockets) != 0 {
		t.Errorf("%v, %v", s.state, s.err)
	}

	w.cut = false
	a, _ := w.pair()
	m.unreachable(w.now, back(a.id, a.remote))
	if a.state != stateEstablished {
		t.Errorf("a connection ended: %v", a.err)
	}
}

// TestDialUnreachable: the call ends when RIP's last question was in vain.
func TestDialUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1500, Config{})
		defer r.stop()
		start := time.Now()
		_, err := r.spx[0].Dial(t.Context(), ipx.Addr{Net: 0xf00d, Node: testNodes[1], Socket: 0x5001})
		wantErr(t, "no route", err, syscall.ENETUNREACH, false)
		if d := time.Since(start); d != 1500*time.Millisecond {
			t.Errorf("after %v", d)
		}
		if c := r.spx[0].Conns(); len(c) != 0 {
			t.Errorf("left: %+v", c)
		}
	})
}
