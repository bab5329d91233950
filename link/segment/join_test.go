package segment

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
	"tapestry/link/pipe"
)

// TestBridgeDevice: two cables bridged by a switch are one wire.
func TestBridgeDevice(t *testing.T) {
	for _, offload := range []link.Offload{0, AllOffloads} {
		t.Run(offload.String(), func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				s := newSegment(t, Config{})
				var far [2]*pipe.End
				for i := range far {
					a, b := pipe.New(pipe.Config{Offload: offload})
					far[i] = a
					if _, err := s.Bridge(b, PortConfig{}); err != nil {
						t.Fatal(err)
					}
				}
				return far[0], &owner{far[1], s}
			})
		})
	}
}

// owner closes the segment with its device.
type owner struct {
	*pipe.End
	segment *Segment
}

func (o *owner) Close() error {
	return errors.Join(o.End.Close(), o.segment.Close())
}

// TestConnectDevice: a cable between two switches carries all that a wire does.
func TestConnectDevice(t *testing.T) {
	linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
		a, b := newSegment(t, Config{Name: "a"}), newSegment(t, Config{Name: "b"})
		if _, _, err := Connect(a, b, PortConfig{}, PortConfig{}); err != nil {
			t.Fatal(err)
		}
		da, err := a.NewDevice(PortConfig{Offload: AllOffloads})
		if err != nil {
			t.Fatal(err)
		}
		db, err := b.NewDevice(PortConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return da, db
	})
}

// TestBridgeEnds: the port goes when the device does, and the device when the port does.
func TestBridgeEnds(t *testing.T) {
	s := newSegment(t, Config{})
	far, near := pipe.New(pipe.Config{})
	p, err := s.Bridge(near, PortConfig{Name: "tap0"})
	if err != nil {
		t.Fatal(err)
	}
	far.Close() // takes the carrier
	waitFor(t, "the carrier goes", func() bool { return p.Info().State == "no carrier" })
	near.Close()
	waitFor(t, "the port goes", func() bool { return len(s.Ports()) == 0 })

	far, near = pipe.New(pipe.Config{})
	if p, err = s.Bridge(near, PortConfig{}); err != nil {
		t.Fatal(err)
	}
	p.Detach()
	if far.Info().Up {
		t.Error("the device is open after Detach")
	}
	far.Close()
	s.Close()
	far, near = pipe.New(pipe.Config{})
	if _, err = s.Bridge(near, PortConfig{}); !errors.Is(err, net.ErrClosed) || !near.Info().Up {
		t.Errorf("Bridge on a closed segment: %v, want net.ErrClosed and the device left open", err)
	}
	near.Close()
	far.Close()
}

// waitFor waits for what another goroutine does.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%s: not in ten seconds", what)
		}
	}
}

// TestCarrier: a station sees its port shut and opened, and the far end of a cable too.
func TestCarrier(t *testing.T) {
	a, b := newSegment(t, Config{Name: "a"}), newSegment(t, Config{Name: "b"})
	pa, pb, err := Connect(a, b, PortConfig{}, PortConfig{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.NewDevice(PortConfig{})
	if err != nil {
		t.Fatal(err)
	}
	far := listen(t, b, PortConfig{})
	frame := octets(ethernet.Broadcast, addr(0), 60)

	changed := d.Info().Changed
	d.Port().Shut()
	<-changed
	if i := d.Info(); i.Up || d.WriteFrames([]link.Frame{link.NewFrame(frame)}) != 0 {
		t.Errorf("shut: %+v, want no carrier and no frames", i)
	}
	changed = d.Info().Changed
	d.Port().Reopen()
	<-changed
	if i := d.Info(); !i.Up || d.WriteFrames([]link.Frame{link.NewFrame(frame)}) != 1 {
		t.Errorf("open again: %+v", i)
	}
	far.expect(t, "open again", frame)
	if n := len(b.Addrs()); n != 1 {
		t.Errorf("%d addresses on b, want 1", n)
	}

	pa.Shut()
	if i := pb.Info(); i.Up || i.State != "no carrier" {
		t.Errorf("the far end of a cut cable: %+v", i)
	}
	if n := len(b.Addrs()); n != 0 {
		t.Errorf("%d addresses behind a cut cable", n)
	}
	d.WriteFrames([]link.Frame{link.NewFrame(frame)})
	far.expect(t, "cut")
	pa.Reopen()
	d.WriteFrames([]link.Frame{link.NewFrame(frame)})
	far.expect(t, "repaired", frame)
	a.Close()
	if i := pb.Info(); i.Up {
		t.Errorf("the far end of a segment that is gone: %+v", i)
	}
	if _, err := a.Attach(PortConfig{Out: func([]link.Frame) {}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Attach to a closed segment: %v", err)
	}
}

// TestCableCutAtBothEnds: each end tells the other that it is shut, at the same time, and none waits for the other.
func TestCableCutAtBothEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		cut  func(*Port)
	}{
		{"shut", (*Port).Shut},
		{"shut and reopen", func(p *Port) { p.Shut(); p.Reopen() }},
		{"close", func(p *Port) { p.Segment().Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 1000 {
				cutBothEnds(t, tt.cut)
			}
		})
	}
}

func cutBothEnds(t *testing.T, cut func(*Port)) {
	t.Helper()
	a, b := newSegment(t, Config{Name: "a"}), newSegment(t, Config{Name: "b"})
	pa, pb, err := Connect(a, b, PortConfig{}, PortConfig{})
	if err != nil {
		t.Fatal(err)
	}
	begin, done := make(chan struct{}), make(chan struct{}, 2)
	for _, p := range []*Port{pa, pb} {
		go func() {
			<-begin
			cut(p)
			done <- struct{}{}
		}()
	}
	close(begin)
	for range 2 {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("the ends wait for each other")
		}
	}
	for i, end := range []*Port{pa, pb} {
		far := []*Port{pb, pa}[i]
		far.mu.Lock()
		carrier := far.hasCarrier
		far.mu.Unlock()
		end.mu.Lock()
		open := end.isOpen()
		end.mu.Unlock()
		if carrier != open {
			t.Fatalf("end %d is open: %v; the far end has carrier: %v", i, open, carrier)
		}
	}
}

// TestLoopWithoutTree: frames go round a loop of hubs, but nobody's stack or time is used up, and Close ends it.
func TestLoopWithoutTree(t *testing.T) {
	var hubs [3]*Segment
	for i := range hubs {
		hubs[i] = newSegment(t, Config{Name: string(rune('a' + i)), Kind: Hub})
	}
	for i := range hubs {
		if _, _, err := Connect(hubs[i], hubs[(i+1)%3], PortConfig{}, PortConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	l := listen(t, hubs[0], PortConfig{})
	l.say(octets(ethernet.Broadcast, addr(0), 60))
	if n := len(l.take()); n < 100 {
		t.Errorf("%d frames came back: there is no storm", n)
	}
	for _, h := range hubs {
		h.Close()
	}
}

// TestNumbers: a port takes the lowest number that is free, and floods go by number.
func TestNumbers(t *testing.T) {
	s := newSegment(t, Config{Kind: Hub})
	var order []int
	attach := func() *Port {
		var p *Port
		p, err := s.Attach(PortConfig{Out: func(f []link.Frame) {
			order = append(order, p.Index())
			link.ReleaseAll(f)
		}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ports := []*Port{attach(), attach(), attach(), attach()}
	ports[1].Detach()
	ports[1].Detach()
	again := attach()
	if again.Index() != 1 || again.Name() != "port1" {
		t.Errorf("a new port is %s, want port1", again.Name())
	}
	ports[2].Write([]link.Frame{link.NewFrame(octets(addr(0), addr(1), 60))})
	if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 3 {
		t.Errorf("flooded to %v, want 0 1 3", order)
	}
	if p, ok := s.Port("port3"); !ok || p != ports[3] {
		t.Errorf("Port(port3) = %v, %v", p, ok)
	}
}

func TestConfigErrors(t *testing.T) {
	out := func(f []link.Frame) { link.ReleaseAll(f) }
	plain, vlans := newSegment(t, Config{}), newSegment(t, Config{VLANs: true})
	attach := func(s *Segment, c PortConfig) error {
		c.Out = out
		_, err := s.Attach(c)
		return err
	}
	make := func(c Config) error {
		_, err := New(c)
		return err
	}
	_, noOut := plain.Attach(PortConfig{})
	_, _, self := Connect(plain, plain, PortConfig{}, PortConfig{})
	_, _, twice := Connect(plain, vlans, PortConfig{Out: out}, PortConfig{})
	tests := []struct {
		name string
		err  error
	}{
		{"kind", make(Config{Kind: 7})},
		{"age", make(Config{Age: time.Millisecond})},
		{"hub with VLANs", make(Config{Kind: Hub, VLANs: true})},
		{"bridge priority", make(Config{Tree: &TreeConfig{Priority: 5}})},
		{"bridge address", make(Config{Tree: &TreeConfig{Addr: ethernet.Broadcast}})},
		{"bridge times", make(Config{Tree: &TreeConfig{Hello: time.Hour}})},
		{"no Out", noOut},
		{"cable to itself", self},
		{"cable with Out", twice},
		{"MTU", attach(plain, PortConfig{MTU: 67})},
		{"group", attach(plain, PortConfig{Addr: ethernet.Broadcast})},
		{"TSO alone", attach(plain, PortConfig{Offload: link.OffloadTSO4})},
		{"depth", attach(plain, PortConfig{DepthBytes: 1})},
		{"VLAN without VLANs", attach(plain, PortConfig{VLAN: VLAN{PVID: 5}})},
		{"tree without", attach(plain, PortConfig{Tree: PortTree{Guard: true}})},
		{"PVID", attach(vlans, PortConfig{VLAN: VLAN{PVID: 4095}})},
		{"trunk", attach(vlans, PortConfig{VLAN: VLAN{Trunk: VLANSet{{5, 4}}}})},
		{"jabber", attach(vlans, PortConfig{Jabber: Jabber{Frames: -1}})},
	}
	for _, tt := range tests {
		if tt.err == nil {
			t.Errorf("%s: want an error", tt.name)
		}
	}
	if n := len(plain.Ports()) + len(vlans.Ports()); n != 0 {
		t.Errorf("%d ports are left of those that failed", n)
	}
}

// TestTogether has everything happen at once, for the race detector.
func TestTogether(t *testing.T) {
	s := newSegment(t, Config{VLANs: true, Tree: &TreeConfig{}, MaxAddrs: 64})
	var wg sync.WaitGroup
	for id := range 4 {
		wg.Go(func() {
			for round := range 30 {
				d, err := s.NewDevice(PortConfig{Depth: 64, Jabber: Jabber{Frames: 500, Shut: time.Millisecond}})
				if err != nil {
					t.Error(err)
					return
				}
				wg.Go(func() {
					f := make([]link.Frame, 8)
					for {
						n, err := d.ReadFrames(f)
						if err != nil {
							return
						}
						link.ReleaseAll(f[:n])
					}
				})
				for i := range 20 {
					d.WriteFrames([]link.Frame{link.NewFrame(octets(addr((id+1)%4), addr(id), 60+i)), link.NewFrame(octets(ethernet.Broadcast, addr(100*id+i), 60))})
				}
				switch round % 4 {
				case 0:
					s.Flush()
				case 1:
					d.Port().Shut()
					d.Port().Reopen()
				case 2:
					s.Ports()
				case 3:
					s.Addrs()
				}
				d.Close()
			}
		})
	}
	wg.Wait()
	if n := len(s.Addrs()); n != 0 {
		t.Errorf("%d addresses are left without a port", n)
	}
}
