package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

var otherMAC = ethernet.Addr{0x02, 0, 0, 0, 0, 0x0c}

// TestShortcutChanges changes what the way back depends on while it is kept.
func TestShortcutChanges(t *testing.T) {
	hi := []byte("hello")
	on := func(tw *twins, f func(h *Host) error) {
		t.Helper()
		for _, w := range []twin{tw.a, tw.b} {
			if err := f(w.host); err != nil {
				t.Fatal(err)
			}
			w.dev.sent() // announcements
		}
	}
	second := netip.MustParsePrefix("198.51.100.9/24")
	for _, c := range []struct {
		name   string
		ask    ask
		change func(h *Host) error
		answer bool // afterwards
	}{
		{"neighbour moves", ask{peer4, host4, 999, portEcho, hi},
			func(h *Host) error { return h.AddNeighbor(Neighbor{Addr: peer4, Link: otherMAC, Interface: "eth0"}) }, true},
		{"neighbour moves, IPv6", ask{peer6, host6, 0, 0, hi},
			func(h *Host) error { return h.AddNeighbor(Neighbor{Addr: peer6, Link: otherMAC, Interface: "eth0"}) }, true},
		{"neighbour is forgotten", ask{peer4, host4, 999, portEcho, hi},
			func(h *Host) error { return h.RemoveNeighbor("eth0", peer4) }, false},
		{"address is removed", ask{peer6, host6, 999, portEcho, hi},
			func(h *Host) error { return h.RemoveAddress("eth0", netip.PrefixFrom(host6, 64)) }, false},
		{"address is removed, echo", ask{peer4, host4, 0, 0, hi},
			func(h *Host) error { return h.RemoveAddress("eth0", netip.PrefixFrom(host4, 24)) }, false},
		{"asker becomes the host itself", ask{netip.MustParseAddr("198.51.100.1"), host4, 0, 0, hi},
			func(h *Host) error { return h.AddAddress("eth0", netip.PrefixFrom(peer4, 24)) }, false},
		{"address is added", ask{peer4, second.Addr(), 0, 0, hi},
			func(h *Host) error { return h.AddAddress("eth0", second) }, true},
		{"route through a gateway", ask{farther4, host4, 0, 0, hi},
			func(h *Host) error {
				return h.AddRoute(Route{Destination: mustPrefix("203.0.113.0/24"), Gateway: peer4, Interface: "eth0"})
			}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			tw := newTwins(t, 1, 0)
			f := link.NewFrame(c.ask.frame())
			tw.compare("before", f)
			tw.compare("kept", f)
			on(tw, c.change)
			for range 2 {
				if out := tw.compare("after", f); (len(out) == 1) != c.answer {
					t.Errorf("%d frames", len(out))
				}
			}
		})
	}
}

// TestShortcutTentative: an address that is being probed is not ours yet (RFC 4862 §5.4).
func TestShortcutTentative(t *testing.T) {
	clock := newHandClock()
	w := newTwin(t, false, InterfaceConfig{}, newKeeper(1, 0), clock)
	own := linkLocalOf(hostMAC)
	w.neighbor(t, link6, peerMAC)
	f := link.NewFrame(ask{link6, own, 999, portEcho, []byte("hi")}.frame())
	in := func() uint64 {
		one := f.Clone()
		w.nic.receive(&one)
		return statOf(t, w.host, "shortcut.in")
	}
	if n := in(); n != 0 {
		t.Errorf("%d taken at a tentative address", n)
	}
	clock.advance(5 * time.Second)
	if n := in(); n != 1 {
		t.Errorf("%d taken at an assigned address", n)
	}
}

// linkLocalOf is the address that a host gives itself (RFC 4291 appendix A).
func linkLocalOf(m ethernet.Addr) netip.Addr {
	b := [16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}
	return netip.AddrFrom16(b)
}

// TestShortcutUnresolved asks from a station whose link address is not known: it is asked for, the answer waits for
// it, and then the shortcut knows the way. Neighbours are probed as without it (RFC 4861 §7.3.3).
func TestShortcutUnresolved(t *testing.T) {
	stranger := netip.MustParseAddr("198.51.100.77")
	var logs [2][]string
	var hosts [2]twin
	for i := range hosts {
		clock := newHandClock()
		w := newTwin(t, i == 0, InterfaceConfig{}, newKeeper(1, 0), clock)
		hosts[i] = w
		give := func(b []byte) {
			f := link.NewFrame(b)
			w.nic.receive(&f)
		}
		clock.advance(10 * time.Second)
		w.dev.sent()
		q := ask{stranger, host4, 999, portEcho, []byte("hi")}.frame()
		for range 2 {
			give(q)
		}
		clock.advance(100 * time.Millisecond)
		reply := arpAnnouncement(peerMAC, stranger)
		reply[21] = 2 // a reply
		copy(reply[32:], hostMAC[:])
		copy(reply[38:], host4.AsSlice())
		copy(reply, hostMAC[:])
		give(reply)
		clock.advance(time.Second)
		for range 60 { // until after it was stale, at a random time, and was probed in vain
			give(q)
			clock.advance(time.Second)
			frames, _ := w.dev.sent()
			for _, b := range frames {
				if b[13] == 6 { // ARP
					logs[i] = append(logs[i], fmt.Sprintf("% x", b))
				}
			}
		}
	}
	for i := range min(len(logs[0]), len(logs[1])) {
		if logs[0][i] != logs[1][i] {
			t.Fatalf("request %d without the shortcut:\n%s\nwith it:\n%s", i, logs[0][i], logs[1][i])
		}
	}
	if len(logs[0]) != len(logs[1]) {
		t.Errorf("%d requests without the shortcut, %d with it", len(logs[0]), len(logs[1]))
	}
	if n := statOf(t, hosts[1].host, "shortcut.out"); n < 30 {
		t.Errorf("%d answers by the shortcut", n)
	}
}

// TestShortcutBatch: answers of a batch leave together, and in order with those of the engine.
func TestShortcutBatch(t *testing.T) {
	tw := newTwins(t, 1, 0)
	var fs []link.Frame
	for i := range 10 {
		fs = append(fs, link.NewFrame(ask{peer4, host4, 999, portEcho, []byte{byte(i)}}.frame()))
	}
	write := func(fs []link.Frame) []int {
		r := &receiver{nic: tw.b.nic, queue: tw.b.nic.queues[0]}
		for i := range fs {
			f := fs[i].Clone()
			r.receive(&f)
		}
		r.flush()
		_, w := tw.b.dev.sent()
		return w
	}
	if w := write(fs); len(w) != 1 || w[0] != 10 {
		t.Errorf("writes of %v frames", w)
	}
	fs[5] = link.NewFrame(withOptions([]byte{5}))
	if w := write(fs); len(w) != 3 || w[0] != 5 || w[1] != 1 || w[2] != 4 {
		t.Errorf("with one for the engine, writes of %v frames", w)
	}
	tw = newTwins(t, 1, 0)
	tw.compare("mixed", fs...)
	for range 3 {
		fs = append(fs, fs...)
	}
	tw.compare("more than wait at once", fs...)
}

// TestShortcutSharedRequest: an echo request that somebody else holds, too, is not written to.
func TestShortcutSharedRequest(t *testing.T) {
	tw := newTwins(t, 1, 0)
	want := ask{peer4, host4, 0, 0, []byte("hello")}.frame()
	f := link.NewFrame(want)
	tw.compare("shared", f)
	if got := f.AppendTo(nil); string(got) != string(want) {
		t.Errorf("% x, was % x", got, want)
	}
}

// TestShortcutRawSocket: raw sockets see echo requests.
func TestShortcutRawSocket(t *testing.T) {
	tw := newTwins(t, 1, 0)
	pc, err := tw.b.host.ListenPacket("ip4:icmp", "0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	tw.compare("with a raw socket", link.NewFrame(ask{peer4, host4, 0, 0, []byte("hello")}.frame()))
	b := make([]byte, 100)
	if n, _, err := pc.ReadFrom(b); err != nil || n != 13 || b[0] != 8 {
		t.Errorf("% x, %v", b[:n], err)
	}
	tw.hit(0, 0)
	pc.Close()
	tw.compare("without", link.NewFrame(ask{peer4, host4, 0, 0, []byte("hello")}.frame()))
	tw.hit(1, 1)
}

// TestShortcutWhileThingsChange has queues read while handlers, addresses, routes and neighbours come and go. With the
// race detector it holds that all of that is safe, and that no handler is called after its Close.
func TestShortcutWhileThingsChange(t *testing.T) {
	w := newTwin(t, false, InterfaceConfig{}, newKeeper(2, 0), nil)
	w.neighbor(t, peer4, peerMAC)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for i := range 2 {
		readers.Go(func() { // a queue; ends with the test
			r := &receiver{nic: w.nic, queue: w.nic.queues[i]}
			for !stop.Load() {
				for _, q := range []ask{{peer4, host4, 999, portEcho, nil}, {peer4, host4, 999, 99, []byte("x")}, {peer4, host4, 0, 0, nil}} {
					f := link.NewFrame(q.frame())
					r.receive(&f)
				}
				r.flush()
				w.dev.sent()
			}
		})
	}
	var calls atomic.Int64
	for range 200 {
		var closed atomic.Bool
		c, err := w.host.Inline("udp", ":99", func(reply, request []byte, _, _ netip.AddrPort) []byte {
			if closed.Load() {
				t.Error("called after Close")
			}
			calls.Add(1)
			return append(reply, request...)
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if before := calls.Load(); before > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		w.host.AddAddress("eth0", mustPrefix("198.51.100.9/24"))
		w.neighbor(t, peer4, otherMAC)
		w.host.RemoveAddress("eth0", mustPrefix("198.51.100.9/24"))
		c.Close()
		closed.Store(true)
	}
	stop.Store(true)
	readers.Wait()
	if calls.Load() == 0 {
		t.Error("the handler was never called")
	}
}

type takerStub struct{ name string }

func (*takerStub) take(*datagram) bool { return true }

func TestTakers(t *testing.T) {
	var s shortcuts
	any4, one4, any6 := &takerStub{"any"}, &takerStub{"one"}, &takerStub{"any6"}
	keys := map[taker]takerKey{any4: {port: 7}, one4: {addr: host4, port: 7}, any6: {v6: true, port: 7}}
	for _, x := range []taker{any4, any6, one4} {
		if !s.add(keys[x], x) {
			t.Fatalf("%v refused", keys[x])
		}
		if s.add(keys[x], &takerStub{}) {
			t.Errorf("%v taken twice", keys[x])
		}
	}
	for _, c := range []struct {
		v6   bool
		to   netip.Addr
		port uint16
		want taker
	}{
		{false, host4, 7, one4}, {false, peer4, 7, any4}, {true, host6, 7, any6}, {false, host4, 8, nil},
	} {
		b := octets(c.to)
		if got := s.find(c.v6, &b, c.port); got != c.want {
			t.Errorf("%v port %d: %v", c.to, c.port, got)
		}
	}
	for _, x := range []taker{one4, any4, any6} {
		s.remove(keys[x], &takerStub{}) // not its own
		if b := octets(host4); x == one4 && s.find(false, &b, 7) != one4 {
			t.Error("removed by somebody else")
		}
		s.remove(keys[x], x)
	}
	if s.takers.Load() != nil {
		t.Error("the table is not empty")
	}
}

// TestShortcutBurst counts the super-frames that answers make.
func TestShortcutBurst(t *testing.T) {
	q := func(src netip.Addr, port uint16, sizes ...int) (fs []link.Frame) {
		dst := host4
		if src.Is6() {
			dst = host6
		}
		for _, n := range sizes {
			fs = append(fs, link.NewFrame(ask{src, dst, port, portEcho, make([]byte, n)}.frame()))
		}
		return fs
	}
	same := make([]int, 300)
	for i := range same {
		same[i] = 64
	}
	for _, c := range []struct {
		name string
		o    link.Offload
		in   []link.Frame
		want []int // datagrams of each frame written
	}{
		{"one", pipe.AllOffloads, q(peer4, 999, 64), []int{1}},
		{"equal", pipe.AllOffloads, q(peer4, 999, 64, 64, 64), []int{3}},
		{"equal, IPv6", pipe.AllOffloads, q(peer6, 999, 64, 64, 64), []int{3}},
		{"a shorter one ends it", pipe.AllOffloads, q(peer4, 999, 64, 64, 10, 10), []int{3, 1}},
		{"a longer one begins another", pipe.AllOffloads, q(peer4, 999, 64, 64, 70, 70), []int{2, 2}},
		{"another station", pipe.AllOffloads, append(q(peer4, 999, 64, 64), q(peer6, 999, 64)...), []int{2, 1}},
		{"another port", pipe.AllOffloads, append(q(peer4, 999, 64, 64), q(peer4, 998, 64)...), []int{2, 1}},
		{"many", pipe.AllOffloads, q(peer4, 999, same...), []int{128, 128, 44}},
		{"large", pipe.AllOffloads, q(peer4, 999, 1400, 1400, 1400), []int{3}},
		{"without the offload", link.OffloadChecksum, q(peer4, 999, 64, 64, 64), []int{1, 1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTwin(t, false, InterfaceConfig{}, newKeeper(1, c.o), frozenClock{})
			w.neighbor(t, peer4, peerMAC)
			w.neighbor(t, peer6, peerMAC)
			w.dev.sent()
			w.dev.whole = true
			r := &receiver{nic: w.nic, queue: w.nic.queues[0]}
			for i := range c.in {
				r.receive(&c.in[i])
			}
			r.flush()
			_, writes := w.dev.sent()
			if !slices.Equal(writes, c.want) {
				t.Errorf("frames of %v datagrams, want %v", writes, c.want)
			}
		})
	}
}

// TestShortcutTwoInterfaces asks over one interface what is to be answered over another, or is the other's address.
func TestShortcutTwoInterfaces(t *testing.T) {
	second := netip.MustParseAddr("203.0.113.2")
	for _, c := range []struct {
		name string
		ask  ask
		in   uint64 // of the shortcut, at the second interface
	}{
		{"its own net", ask{farther4, second, 999, portEcho, []byte("x")}, 1},
		{"its own net, echo", ask{farther4, second, 0, 0, []byte("x")}, 1},
		{"from the other net", ask{peer4, second, 999, portEcho, []byte("x")}, 0},
		{"from the other net, echo", ask{peer4, second, 0, 0, []byte("x")}, 0},
		{"to the other's address", ask{farther4, host4, 999, portEcho, []byte("x")}, 0},
		{"from the other's address", ask{host4, second, 999, portEcho, []byte("x")}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tw := newTwins(t, 1, 0)
			for _, w := range []*twin{&tw.a, &tw.b} {
				w.dev = newKeeper(1, 0)
				i, err := w.host.AddInterface(w.dev, InterfaceConfig{Name: "eth1", NoIPv6: true, Addresses: []netip.Prefix{netip.PrefixFrom(second, 24)}})
				if err != nil {
					t.Fatal(err)
				}
				if err := w.host.AddNeighbor(Neighbor{Addr: farther4, Link: peerMAC, Interface: "eth1"}); err != nil {
					t.Fatal(err)
				}
				w.nic = i.nic
				w.dev.sent()
			}
			tw.compare("first", link.NewFrame(c.ask.frame()))
			tw.compare("kept", link.NewFrame(c.ask.frame()))
			tw.hit(2*c.in, 2*c.in)
		})
	}
}

// TestShortcutConfig: an interface without IPv6, and one that trusts checksums.
func TestShortcutConfig(t *testing.T) {
	bad4, bad6 := ask{peer4, host4, 999, portEcho, []byte("x")}.frame(), ask{peer6, host6, 999, portEcho, []byte("x")}.frame()
	bad4[len(bad4)-1]++
	bad6[len(bad6)-1]++
	for _, c := range []struct {
		name string
		c    InterfaceConfig
		ask  []byte
		in   uint64
	}{
		{"no IPv6", InterfaceConfig{NoIPv6: true, Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24)}}, ask{peer6, host6, 0, 0, nil}.frame(), 0},
		{"no verification", InterfaceConfig{NoVerify: true}, bad4, 1},
		{"no verification, IPv6", InterfaceConfig{NoVerify: true}, bad6, 1},
		{"no verification, echo", InterfaceConfig{NoVerify: true}, set(ask{peer4, host4, 0, 0, nil}.frame(), 36, 1, 2), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tw := &twins{t: t}
			for i, w := range []*twin{&tw.a, &tw.b} {
				*w = newTwinWith(t, i == 0, c.c)
			}
			tw.compare("once", link.NewFrame(c.ask))
			tw.hit(c.in, c.in)
		})
	}
}

// newTwinWith is a twin without handlers at one address, which need not have that.
func newTwinWith(t *testing.T, without bool, c InterfaceConfig) twin {
	t.Helper()
	h, err := New(Config{NoShortcut: without, Clock: frozenClock{}, Seed: 1, Deterministic: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if c.Addresses == nil {
		c.Addresses = []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)}
	}
	c.NoSLAAC = true
	dev := newKeeper(1, 0)
	i, err := h.AddInterface(dev, c)
	if err != nil {
		t.Fatal(err)
	}
	w := twin{h, dev, i.nic}
	w.neighbor(t, peer4, peerMAC)
	if !c.NoIPv6 {
		w.neighbor(t, peer6, peerMAC)
	}
	if _, err := h.Inline("udp", ":7", echo); err != nil {
		t.Fatal(err)
	}
	dev.sent()
	return w
}

// TestShortcutSources: who does not answer takes what comes from anybody who may ask, with a way back or without.
func TestShortcutSources(t *testing.T) {
	w := newTwin(t, false, InterfaceConfig{}, newKeeper(1, 0), frozenClock{})
	stub := &takerStub{}
	w.host.shortcuts.add(takerKey{port: 99}, stub)
	w.dev.sent() // announcements
	for _, c := range []struct {
		name string
		src  netip.Addr
		want bool
	}{
		{"no way back", farther4, true},
		{"no neighbour", peer4, true},
		{"itself", host4, false},
		{"the subnet's broadcast address", netip.MustParseAddr("198.51.100.255"), false},
		{"a group", netip.MustParseAddr("224.0.0.5"), false},
		{"nobody", netip.IPv4Unspecified(), false},
	} {
		before := statOf(t, w.host, "shortcut.in")
		f := link.NewFrame(ask{c.src, host4, 999, 99, []byte("x")}.frame())
		w.nic.receive(&f)
		if got := statOf(t, w.host, "shortcut.in") > before; got != c.want {
			t.Errorf("from %s: taken %v, want %v", c.name, got, c.want)
		}
	}
	if out, _ := w.dev.sent(); len(out) > 0 {
		t.Errorf("something was sent: % x", out)
	}
}

// TestShortcutDeprecated: an address that is to be used no more is asked for again.
func TestShortcutDeprecated(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	before := s.host.shortcuts.epoch.Load()
	s.host.ndp.OnAutoGenAddressDeprecated(2, tcpip.AddressWithPrefix{Address: toAddress(host6), PrefixLen: 64})
	if s.host.shortcuts.epoch.Load() == before {
		t.Error("paths and ways hold")
	}
}
