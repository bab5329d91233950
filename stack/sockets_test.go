package stack

import (
	"net"
	"slices"
	"testing"
	"time"
)

// A socket's queues are what its application has not read, and what its peer has not acknowledged.
func TestSocketQueues(t *testing.T) {
	w := newWiretap(t)
	c := w.connect(t, peer4)
	sender := func(s Socket) bool { return s.Local.Port() == uint16(c.LocalAddr().(*net.TCPAddr).Port) }
	receiver := func(s Socket) bool { return s.Remote.Port() == uint16(c.LocalAddr().(*net.TCPAddr).Port) }
	for _, s := range w.client.Sockets() {
		if s.SendQ != 0 || s.RecvQ != 0 {
			t.Errorf("%+v has something queued before anything was sent", s)
		}
	}
	w.mute.Store(true)
	writeZeros(t, c, 1000)
	for end := time.Now().Add(receiveTime); ; time.Sleep(time.Millisecond) {
		from, to := w.client.Sockets(), w.server.Sockets()
		i, j := slices.IndexFunc(from, sender), slices.IndexFunc(to, receiver)
		if i >= 0 && j >= 0 && from[i].SendQ == 1000 && to[j].RecvQ == 1000 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("want 1000 octets to send and to read:\n%+v\n%+v", from, to)
		}
	}
}
