package stack

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// keeper is a device that nothing comes in by itself and that keeps what goes out, as a kernel without offloads
// would see it.
type keeper struct {
	info   link.Info
	queues []link.Queue
	once   sync.Once
	closed chan struct{}

	mu     sync.Mutex
	frames [][]byte
	writes []int // frames of each write, or datagrams of each frame
	whole  bool  // which of the two
}

func newKeeper(queues int, tx link.Offload) *keeper {
	d := &keeper{info: link.Info{Name: "eth0", Addr: hostMAC, MTU: 1500, Up: true, Rx: tx, Tx: tx}, closed: make(chan struct{})}
	for range queues {
		d.queues = append(d.queues, keeperQueue{d})
	}
	return d
}

func (d *keeper) Info() link.Info      { return d.info }
func (d *keeper) Queues() []link.Queue { return d.queues }
func (d *keeper) Close() error         { d.once.Do(func() { close(d.closed) }); return nil }

type keeperQueue struct{ d *keeper }

func (q keeperQueue) ReadFrames([]link.Frame) (int, error) { <-q.d.closed; return 0, net.ErrClosed }

func (q keeperQueue) WriteFrames(fs []link.Frame) int {
	q.d.mu.Lock()
	defer q.d.mu.Unlock()
	if !q.d.whole {
		q.d.writes = append(q.d.writes, len(fs))
	}
	for _, f := range fs {
		parts, err := link.Fit(nil, f, 0)
		if err != nil {
			panic(err) // a host of ours sends no such frame
		}
		if q.d.whole {
			q.d.writes = append(q.d.writes, len(parts))
		}
		for i := range parts {
			q.d.frames = append(q.d.frames, parts[i].AppendTo(nil))
			parts[i].Release()
		}
	}
	return len(fs)
}

// sent gives what was written since the last call.
func (d *keeper) sent() (frames [][]byte, writes []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	frames, writes = d.frames, d.writes
	d.frames, d.writes = nil, nil
	return frames, writes
}

// frozenClock stands still, and makes no calls.
type frozenClock struct{}

type frozenTimer struct{}

func (frozenClock) Now() time.Time                             { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }
func (frozenClock) AfterFunc(time.Duration, func()) link.Timer { return frozenTimer{} }
func (frozenTimer) Stop() bool                                 { return true }
func (frozenTimer) Reset(time.Duration) bool                   { return true }

// twin is one of two hosts that differ in Config.NoShortcut alone.
type twin struct {
	host *Host
	dev  *keeper
	nic  *nic
}

// Ports of handlers that twins have.
const (
	portEcho   = 7
	portLong   = 9 // answers with far more than it was asked
	portOwn    = 11
	portSilent = 13
	portOne    = 17 // at one address only
	portNobody = 23
)

var twinHandlers = []struct {
	address string
	f       func(reply, request []byte, from, to netip.AddrPort) []byte
}{
	{":7", echo},
	{":9", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		return append(reply, bytes.Repeat(request, 40)...)
	}},
	{":11", func(_, _ []byte, from, to netip.AddrPort) []byte { return []byte(from.String() + " to " + to.String()) }},
	{":13", func([]byte, []byte, netip.AddrPort, netip.AddrPort) []byte { return nil }},
	{"198.51.100.2:17", echo},
	{"[2001:db8:51::2]:17", echo},
	{":19", func([]byte, []byte, netip.AddrPort, netip.AddrPort) []byte { panic("a bug of the handler") }},
}

func newTwin(t testing.TB, without bool, c InterfaceConfig, dev *keeper, clock link.Clock) twin {
	t.Helper()
	h, err := New(Config{Name: "twin", NoShortcut: without, Clock: clock, Seed: 1, Deterministic: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if c.Addresses == nil {
		c.Addresses = []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64), mustPrefix("fe80::2/64")}
	}
	c.NoSLAAC = true
	i, err := h.AddInterface(dev, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range twinHandlers {
		if _, err := h.Inline("udp", x.address, x.f); err != nil {
			t.Fatal(err)
		}
	}
	h.ndp.ended.Wait() // the routes of a new interface
	return twin{h, dev, i.nic}
}

// twins are a host without the shortcut and one with it.
type twins struct {
	t    testing.TB
	a, b twin
}

func newTwins(t testing.TB, queues int, tx link.Offload) *twins {
	t.Helper()
	tw := &twins{t: t}
	for i, w := range []*twin{&tw.a, &tw.b} {
		*w = newTwin(t, i == 0, InterfaceConfig{}, newKeeper(queues, tx), frozenClock{})
		for _, p := range []netip.Addr{peer4, peer6, netip.MustParseAddr("fe80::1")} {
			w.neighbor(t, p, peerMAC)
		}
		w.dev.sent()
	}
	return tw
}

func (w twin) neighbor(t testing.TB, a netip.Addr, m ethernet.Addr) {
	t.Helper()
	if err := w.host.AddNeighbor(Neighbor{Addr: a, Link: m, Interface: "eth0"}); err != nil {
		t.Fatal(err)
	}
}

// compare gives both hosts a batch of frames, and holds that they send the same and count the same. It returns what was
// sent.
func (tw *twins) compare(what string, fs ...link.Frame) [][]byte {
	tw.t.Helper()
	var out [2][][]byte
	for i, w := range []twin{tw.a, tw.b} {
		r := &receiver{nic: w.nic, queue: w.nic.queues[0]}
		for j := range fs {
			f := fs[j].Clone()
			r.receive(&f)
		}
		r.flush()
		frames, _ := w.dev.sent()
		for _, b := range frames {
			out[i] = append(out[i], normal(b))
		}
	}
	if len(out[0]) != len(out[1]) {
		tw.t.Errorf("%s: %d frames without the shortcut, %d with it\n%s%s", what, len(out[0]), len(out[1]), dumps("in", bytesOf(fs)), dumps("out", append(out[0], out[1]...)))
	} else {
		for j := range out[0] {
			if !bytes.Equal(out[0][j], out[1][j]) {
				tw.t.Errorf("%s: frame %d\n%s%s%s", what, j, dumps("in", bytesOf(fs)), dumps("without", out[0][j:j+1]), dumps("with", out[1][j:j+1]))
			}
		}
	}
	tw.sameStats(what)
	return out[1]
}

// sameStats holds that both hosts count the same, apart from the shortcut's own counters.
func (tw *twins) sameStats(what string) {
	tw.t.Helper()
	a, b := tw.a.host.Stats(), tw.b.host.Stats()
	for i := range a {
		if a[i] != b[i] && !strings.HasPrefix(a[i].Name, "shortcut.") {
			tw.t.Errorf("%s: %s is %d without the shortcut, %s is %d with it", what, a[i].Name, a[i].Value, b[i].Name, b[i].Value)
		}
	}
}

func bytesOf(fs []link.Frame) (bs [][]byte) {
	for i := range fs {
		bs = append(bs, fs[i].AppendTo(nil))
	}
	return bs
}

func dumps(what string, bs [][]byte) string {
	var s strings.Builder
	for _, b := range bs {
		s.WriteString(what + ":\n" + hex.Dump(b))
	}
	return s.String()
}

// normal takes random identifications out of a frame: of IPv4, whose checksum follows, and of fragments of IPv6.
// Replies to echo requests have the request's.
func normal(b []byte) []byte {
	if len(b) < plain4 {
		return b
	}
	switch p := b[ethernet.HeaderLen:]; ethernet.EtherType(binary.BigEndian.Uint16(b[12:])) {
	case ethernet.TypeIPv4:
		if p[9] == protoICMP4 && p[20] == 0 {
			return b
		}
		ip := header.IPv4(p[:header.IPv4MinimumSize])
		if ip.ID() == 0 && ip.Flags()&header.IPv4FlagDontFragment == 0 {
			return b // that is a difference
		}
		if !ip.IsChecksumValid() {
			return b
		}
		ip.SetID(0)
		ip.SetChecksum(0)
		ip.SetChecksum(^ip.CalculateChecksum())
	case ethernet.TypeIPv6:
		if len(p) >= 48 && p[6] == 44 {
			clear(p[44:48])
		}
	}
	return b
}

// hit holds that the shortcut took and sent so many packets since the test began.
func (tw *twins) hit(in, out uint64) {
	tw.t.Helper()
	if i, o := statOf(tw.t, tw.b.host, "shortcut.in"), statOf(tw.t, tw.b.host, "shortcut.out"); i != in || o != out {
		tw.t.Errorf("the shortcut took %d and sent %d, want %d and %d", i, o, in, out)
	}
	if i := statOf(tw.t, tw.a.host, "shortcut.in"); i != 0 {
		tw.t.Errorf("the shortcut took %d where it is off", i)
	}
}
