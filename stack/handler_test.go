package stack

import (
	"net/netip"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// recorder is a Handler that keeps what it was given.
type recorder struct {
	frames chan []byte
	ticks  chan time.Time
	next   time.Duration // from a delivery to the tick
}

func newRecorder() *recorder {
	return &recorder{frames: make(chan []byte, 8), ticks: make(chan time.Time, 8)}
}

func (r *recorder) Deliver(now time.Time, f *link.Frame) time.Time {
	r.frames <- f.AppendTo(nil)
	if r.next == 0 {
		return time.Time{}
	}
	return now.Add(r.next)
}

func (r *recorder) Tick(now time.Time) time.Time {
	r.ticks <- now
	return time.Time{}
}

// framed writes a frame of the given kind for the host.
func framed(t *testing.T, f ethernet.Fields, payload []byte) []byte {
	t.Helper()
	f.Destination, f.Source = hostMAC, peerMAC
	b, err := f.AppendTo(nil, len(payload))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, payload...)
}

func TestHandlerFraming(t *testing.T) {
	for _, tt := range []struct {
		name string
		fr   Framing
		f    ethernet.Fields
		body string
	}{
		{"ethernet II", Framing{Kind: ethernet.KindII, Type: ethernet.TypeRARP}, ethernet.Fields{Type: ethernet.TypeRARP}, "hello"},
		{"raw 802.3", Framing{Kind: ethernet.KindRaw}, ethernet.Fields{Kind: ethernet.KindRaw}, "\xff\xff\x00\x1e"},
		{"802.2", Framing{Kind: ethernet.KindLLC, SAP: ethernet.SAPIPX},
			ethernet.Fields{Kind: ethernet.KindLLC, LLC: ethernet.LLC{DSAP: ethernet.SAPIPX, SSAP: ethernet.SAPIPX, Control: ethernet.ControlUI}}, "hello"},
		{"SNAP", Framing{Kind: ethernet.KindSNAP, Type: ethernet.TypeIPX},
			ethernet.Fields{Kind: ethernet.KindSNAP, LLC: ethernet.LLC{DSAP: ethernet.SAPSNAP, SSAP: ethernet.SAPSNAP, Control: ethernet.ControlUI}, Type: ethernet.TypeIPX}, "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStation(t, InterfaceConfig{})
			r := newRecorder()
			remove, err := s.host.Handle("eth0", tt.fr, r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.host.Handle("eth0", tt.fr, r); err == nil {
				t.Error("a second handler for the same frames was accepted")
			}
			b := framed(t, tt.f, []byte(tt.body))
			s.sendBytes(append(b, 0, 0, 0, 0xff)) // a pad that is not zero
			select {
			case got := <-r.frames:
				want := string(b)
				if tt.f.Kind == ethernet.KindII {
					want += "\x00\x00\x00\xff" // no length tells where the payload ends
				}
				if string(got) != want {
					t.Errorf("got %x, want %x", got, want)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("the handler was not called")
			}
			remove()
			s.sendBytes(b)
			s.settle("ethernet.drop.unknownprotocol", 1)
		})
	}
}

func TestHandlerDeadline(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	r := newRecorder()
	r.next = 10 * time.Millisecond
	if _, err := s.host.Handle("eth0", Framing{Kind: ethernet.KindII, Type: ethernet.TypeRARP}, r); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s.sendBytes(framed(t, ethernet.Fields{Type: ethernet.TypeRARP}, []byte("x")))
	select {
	case at := <-r.ticks:
		if at.Sub(start) < r.next {
			t.Errorf("called after %v, want %v", at.Sub(start), r.next)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the deadline passed without a call")
	}
}

// once is a Handler that unregisters itself.
type once struct {
	recorder
	remove func()
}

func (o *once) Deliver(now time.Time, f *link.Frame) time.Time {
	o.remove()
	return o.recorder.Deliver(now, f)
}

func TestHandlerRemovesItself(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	o := &once{recorder: *newRecorder()}
	o.next = time.Millisecond
	var err error
	if o.remove, err = s.host.Handle("eth0", Framing{Kind: ethernet.KindII, Type: ethernet.TypeRARP}, o); err != nil {
		t.Fatal(err)
	}
	b := framed(t, ethernet.Fields{Type: ethernet.TypeRARP}, []byte("x"))
	s.sendBytes(b)
	<-o.frames
	s.sendBytes(b)
	s.settle("ethernet.drop.unknownprotocol", 1)
	select {
	case <-o.ticks:
		t.Error("called after it was removed")
	case <-time.After(20 * time.Millisecond):
	}
}

// IPv4 arrives in SNAP (RFC 1042) and behind a priority tag, but not behind the tag of a VLAN.
func TestOtherEncapsulations(t *testing.T) {
	src, dst := netip.AddrPortFrom(peer4, 999), netip.AddrPortFrom(host4, 53)
	packet := ip4(peer4, host4, udpProto, udpDatagram(src, dst, []byte("hello"), 0), 0, false)[ethernet.HeaderLen:]
	snap := ethernet.LLC{DSAP: ethernet.SAPSNAP, SSAP: ethernet.SAPSNAP, Control: ethernet.ControlUI}
	tag := func(vid uint16) []ethernet.Tag { return []ethernet.Tag{{PCP: 5, VID: vid}} }
	for _, tt := range []struct {
		name    string
		f       ethernet.Fields
		dropped string
	}{
		{"SNAP", ethernet.Fields{Kind: ethernet.KindSNAP, LLC: snap, Type: ethernet.TypeIPv4}, ""},
		{"priority tag", ethernet.Fields{Tags: tag(0), Type: ethernet.TypeIPv4}, ""},
		{"VLAN tag", ethernet.Fields{Tags: tag(7), Type: ethernet.TypeIPv4}, "ethernet.drop.vlan"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStation(t, InterfaceConfig{})
			pc := s.listenUDP("udp4", ":53")
			s.sendBytes(framed(t, tt.f, packet))
			if tt.dropped != "" {
				s.settle(tt.dropped, 1)
				return
			}
			if got, ok := s.receive(pc, 5*time.Second); !ok || string(got) != "hello" {
				t.Errorf("got %q, %v", got, ok)
			}
		})
	}
}
