package stack

import (
	"strings"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
	"tapestry/stack/ipx"
)

// manualClock makes its calls when told to.
type manualClock struct {
	now   time.Time
	calls []*manualTimer
}

type manualTimer struct {
	c  *manualClock
	at time.Time // zero: not armed
	f  func()
}

func (c *manualClock) Now() time.Time { return c.now }

func (c *manualClock) AfterFunc(d time.Duration, f func()) link.Timer {
	t := &manualTimer{c: c, at: c.now.Add(d), f: f}
	c.calls = append(c.calls, t)
	return t
}

func (t *manualTimer) Stop() bool {
	was := !t.at.IsZero()
	t.at = time.Time{}
	return was
}

func (t *manualTimer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.at = t.c.now.Add(d)
	return was
}

// run has d pass.
func (c *manualClock) run(d time.Duration) {
	end := c.now.Add(d)
	for {
		var next *manualTimer
		for _, t := range c.calls {
			if !t.at.IsZero() && !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			return
		}
		c.now, next.at = next.at, time.Time{}
		next.f()
	}
}

// ipxFrames lists the frame types that the host has on its interface, with their networks.
func ipxFrames(h *Host) map[ethernet.Kind]ipx.Network {
	m := map[ethernet.Kind]ipx.Network{}
	for _, p := range h.IPXPorts() {
		m[p.Frame] = p.Network
	}
	return m
}

// autoPair is a router with the given networks and a host that finds out.
func autoPair(t *testing.T, want ipx.Network, router ...IPXConfig) (h *Host) {
	t.Helper()
	a, b := pipe.New(pipe.Config{Names: [2]string{"eth0", "eth0"}})
	r, err := New(Config{Name: "router", IPX: ipx.Config{Router: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if _, err := r.AddInterface(a, InterfaceConfig{}); err != nil {
		t.Fatal(err)
	}
	addIPX(t, r, router...)
	if err := r.AddIPXNetwork(0xd0d0); err != nil { // as servers have: something to tell
		t.Fatal(err)
	}
	if h, err = New(Config{Name: "host"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if _, err := h.AddInterface(b, InterfaceConfig{}); err != nil {
		t.Fatal(err)
	}
	addIPX(t, h, IPXConfig{Auto: true, Network: want})
	return h
}

// TestIPXAuto: a host asks in all frame types and takes the one in which a router answers.
func TestIPXAuto(t *testing.T) {
	for k := range ipxNetworks {
		kind := ethernet.Kind(k)
		t.Run(kind.String(), func(t *testing.T) {
			h := autoPair(t, 0, IPXConfig{Frame: kind, Network: 0xcafe})
			eventually(t, "the frame type is found out", func() bool {
				f := ipxFrames(h)
				return len(f) == 1 && f[kind] == 0xcafe
			})
		})
	}
}

// TestIPXAutoNumbered: among several networks, the one with the number that is wanted.
func TestIPXAutoNumbered(t *testing.T) {
	h := autoPair(t, ipxNetworks[ethernet.KindRaw], []IPXConfig(nil)...)
	eventually(t, "the frame type is found out", func() bool {
		f := ipxFrames(h)
		return len(f) == 1 && f[ethernet.KindRaw] == ipxNetworks[ethernet.KindRaw]
	})
}

// eventually waits until what is true, and fails if it never gets so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(testTimeout); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", testTimeout, what)
		}
	}
}

// TestIPXAutoAlone: where nobody tells, a host with a number takes 802.2, and one without goes on listening.
func TestIPXAutoAlone(t *testing.T) {
	for _, want := range []ipx.Network{0, 0xcafe} {
		clock := &manualClock{now: time.Unix(1e9, 0)}
		h, err := New(Config{Clock: clock, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		i, err := h.AddInterface(newKeeper(1, 0), InterfaceConfig{NoIPv6: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := i.AddIPX(IPXConfig{Auto: true, Network: want}); err != nil {
			t.Fatal(err)
		}
		if f := ipxFrames(h); len(f) != 4 {
			t.Errorf("frame types at first: %v", f)
		}
		clock.run(autoWait)
		switch f := ipxFrames(h); {
		case want == 0 && len(f) != 4, want != 0 && (len(f) != 1 || f[ethernet.KindLLC] != want):
			t.Errorf("network %v: frame types %v", want, f)
		}
		h.Close()
	}
}

// TestIPXLink: a port goes down and up with the link of its device, and cannot be given twice.
func TestIPXLink(t *testing.T) {
	alpha, beta := ipxPair(t)
	isUp := func(h *Host) bool {
		for _, p := range h.IPXPorts() {
			if !p.Up {
				return false
			}
		}
		return true
	}
	if !isUp(alpha) {
		t.Error("not up at first")
	}
	i, _ := alpha.interfaceNamed("eth0")
	if err := i.AddIPX(IPXConfig{Network: 0x1234}); err == nil {
		t.Error("a second network in the same frames was taken")
	}
	if _, err := alpha.Handle("eth0", Framing{Kind: ethernet.KindRaw}, newRecorder()); err == nil {
		t.Error("a handler for frames of the node was taken")
	}
	beta.Close() // and its end of the cable
	eventually(t, "the ports are down", func() bool { return !isUp(alpha) })
	for k := range ipxNetworks {
		if !i.RemoveIPX(ethernet.Kind(k)) || i.RemoveIPX(ethernet.Kind(k)) {
			t.Errorf("%v: removed not once", ethernet.Kind(k))
		}
	}
	if ps := alpha.IPXPorts(); len(ps) != 0 {
		t.Errorf("ports left: %v", ps)
	}
	if _, err := alpha.Handle("eth0", Framing{Kind: ethernet.KindRaw}, newRecorder()); err != nil {
		t.Errorf("the frames are not free again: %v", err)
	}
}

// TestIPXMaxPacket: no less than every router passes on.
func TestIPXMaxPacket(t *testing.T) {
	alpha, _ := pair(t, 0)
	i, err := alpha.interfaceNamed("eth0")
	if err != nil {
		t.Fatal(err)
	}
	for _, auto := range []bool{false, true} {
		for _, n := range []int{-1, 100, 575} {
			if err := i.AddIPX(IPXConfig{Auto: auto, MaxPacket: n}); err == nil || !strings.Contains(err.Error(), "at least 576") {
				t.Errorf("packets of %d octets: %v", n, err)
			}
		}
	}
	if ps := alpha.IPXPorts(); len(ps) != 0 {
		t.Errorf("left: %v", ps)
	}
	if err := i.AddIPX(IPXConfig{MaxPacket: 576}); err != nil {
		t.Error(err)
	}
}

// TestIPXAutoRemoved: a frame type that is taken away during the search, and given anew, is not the search's any more; and
// where all are taken away, it is over.
func TestIPXAutoRemoved(t *testing.T) {
	clock := &manualClock{now: time.Unix(1e9, 0)}
	h, err := New(Config{Clock: clock, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	i, err := h.AddInterface(newKeeper(1, 0), InterfaceConfig{NoIPv6: true})
	if err != nil {
		t.Fatal(err)
	}
	addIPX(t, h, IPXConfig{Auto: true, Network: 0xcafe})
	i.RemoveIPX(ethernet.KindLLC)
	addIPX(t, h, IPXConfig{Frame: ethernet.KindLLC, Network: 0xbeef})
	clock.run(autoWait)
	if f := ipxFrames(h); len(f) != 2 || f[ethernet.KindLLC] != 0xbeef || f[ethernet.KindRaw] != 0xcafe {
		t.Errorf("after the search: %v", f)
	}
	i.RemoveIPX(ethernet.KindLLC)
	i.RemoveIPX(ethernet.KindRaw)
	addIPX(t, h, IPXConfig{Auto: true, Network: 0xcafe})
	for k := range ipxNetworks {
		i.RemoveIPX(ethernet.Kind(k))
	}
	clock.run(autoWait)
	if f := ipxFrames(h); len(f) != 0 {
		t.Errorf("given after everything was taken away: %v", f)
	}
}
