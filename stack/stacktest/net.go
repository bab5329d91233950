package stacktest

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapestry/link/ethernet"
	"tapestry/link/segment"
)

// Net is the rig of one test: segments, hosts and stations. Its methods are for the goroutines of the test, inside the
// bubble, and not for calls of a clock.
type Net struct {
	t       *testing.T
	cfg     Config
	loop    *loop
	capture capture

	sender *port          // whose frame the loop is carrying
	groups map[string]int // while parted: of each station, from 1; of the loop

	mu       sync.Mutex // a leaf
	names    map[string][]netip.Addr
	hosts    []*Host
	segments []*Segment
	ports    []*port
	next     int // number of the latest station
}

func newNet(t *testing.T, c Config) *Net {
	n := &Net{t: t, cfg: c.withDefaults(), names: map[string][]netip.Addr{}}
	n.loop = newLoop(n.cfg.Limit, n.giveUp, n.report)
	n.capture = capture{
		isOff: n.cfg.NoCapture, limit: n.cfg.CaptureBytes, start: n.loop.start, hasFailed: t.Failed, shown: n.cfg.Trace,
	}
	go n.loop.run() // ends with close
	return n
}

// giveUp fails the test and unblocks everybody.
func (n *Net) giveUp(err error) {
	n.t.Errorf("stacktest: %v; the test's goroutines:\n%s", err, bubbleStacks())
	for _, h := range n.Hosts() {
		h.Host.Close()
	}
}

// Segment gives the segment of that name; the first call makes it, a switch.
func (n *Net) Segment(name string) *Segment {
	n.t.Helper()
	n.mu.Lock()
	i := slices.IndexFunc(n.segments, func(s *Segment) bool { return s.Name() == name })
	if i >= 0 {
		defer n.mu.Unlock()
		return n.segments[i]
	}
	n.mu.Unlock()
	return n.AddSegment(segment.Config{Name: name})
}

// Hub makes a segment that repeats each frame on every other port.
func (n *Net) Hub(name string) *Segment {
	n.t.Helper()
	return n.AddSegment(segment.Config{Name: name, Kind: segment.Hub})
}

// AddSegment makes a segment. Its clock is the rig's.
func (n *Net) AddSegment(c segment.Config) *Segment {
	n.t.Helper()
	defaultTo(&c.Name, "segment")
	n.mu.Lock()
	taken := slices.ContainsFunc(n.segments, func(s *Segment) bool { return s.Name() == c.Name })
	n.mu.Unlock()
	if taken {
		n.t.Fatalf("stacktest: two segments with the name %q", c.Name)
	}
	c.Clock = n.loop.newClock(true)
	s, err := segment.New(c)
	if err != nil {
		n.t.Fatalf("stacktest: %v", err)
	}
	seg := &Segment{Segment: s, net: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.segments = append(n.segments, seg)
	return seg
}

// Connect lays a cable between two segments. Shutting one of its ends cuts it.
func (n *Net) Connect(a, b *Segment) (pa, pb *segment.Port) {
	n.t.Helper()
	pa, pb, err := segment.Connect(a.Segment, b.Segment, segment.PortConfig{MTU: n.cfg.MTU}, segment.PortConfig{MTU: n.cfg.MTU})
	if err != nil {
		n.t.Fatalf("stacktest: %v", err)
	}
	return pa, pb
}

// Segment is an Ethernet of the rig.
type Segment struct {
	*segment.Segment
	net *Net
}

// Hosts lists the hosts in the order in which they were made.
func (n *Net) Hosts() []*Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.hosts)
}

// Settle returns when nothing is left to do at this instant: every frame that can arrive without time passing has
// arrived, everybody it woke has acted. Use it in place of synctest.Wait, which is the loop's alone.
func (n *Net) Settle() { n.loop.settle() }

// Elapsed is the virtual time since the rig was made.
func (n *Net) Elapsed() time.Duration { return n.loop.now() }

// do has f done by the loop, in its turn, and waits for it.
func (n *Net) do(f func()) {
	done := make(chan struct{})
	n.loop.push(&event{owner: 0, index: -1, wakes: true, run: func() { f(); close(done) }}, 0)
	<-done
}

// address hands out the addresses of the next station: 198.51.100.n and 2001:db8::n, and a hardware address that ends
// like them, so that the interface's own link-local address is in the same solicited-node group (RFC 4291 §2.7.1).
func (n *Net) address() (ethernet.Addr, []netip.Prefix) {
	n.mu.Lock()
	n.next++
	i := n.next
	n.mu.Unlock()
	a6 := netip.MustParseAddr("2001:db8::").As16()
	a6[13], a6[14], a6[15] = byte(i>>16), byte(i>>8), byte(i)
	mac := ethernet.Addr{0x02, 0, 0x5e, a6[13], a6[14], a6[15]}
	p := []netip.Prefix{netip.PrefixFrom(netip.AddrFrom16(a6), 64)}
	if i < 255 {
		p = slices.Insert(p, 0, netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 24))
	}
	return mac, p
}

func (n *Net) addName(name string, ps []netip.Prefix) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range ps {
		n.names[strings.ToLower(name)] = append(n.names[strings.ToLower(name)], p.Addr())
	}
}

// lookup is the name service of all hosts.
func (n *Net) lookup(name string) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[strings.ToLower(strings.TrimSuffix(name, "."))]
}

// seed gives the source of chance with that name a seed of its own.
func (n *Net) seed(name string, i int) int64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range fmt.Appendf(nil, "%d/%s/%d", n.cfg.Seed, name, i) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return int64(h>>2) | 1
}

// close ends everything. For a goroutine of the test that is left synctest panics afterwards.
func (n *Net) close() {
	for _, h := range n.Hosts() {
		if err := h.Host.Close(); err != nil {
			n.t.Errorf("stacktest: closing host %s: %v", h.name, err)
		}
	}
	n.Settle()
	n.loop.stop()
	n.checkLeft()
	if n.t.Failed() {
		n.report()
	}
	for _, p := range n.ports {
		p.close()
	}
	for _, s := range n.segments {
		s.Close()
	}
	n.capture.release()
}

// checkLeft fails the test for goroutines that it has left behind, before synctest panics for them.
func (n *Net) checkLeft() {
	synctest.Wait() // the loop has ended
	if s := bubbleStacks(); s != "" {
		n.t.Errorf("stacktest: these goroutines of the test are left though its hosts are closed; have them end before it returns, "+
			"or in a t.Cleanup (with net/http: close each response body):\n%s", s)
	}
}

// report writes down what a failed test needs: what led to the first failure, and all of the run as a file.
func (n *Net) report() {
	n.t.Helper()
	n.t.Logf("stacktest: seed %d, %v", n.cfg.Seed, n.loop)
	c := &n.capture
	if len(c.records) == 0 {
		return
	}
	if c.failure == nil {
		c.markFailure()
	}
	if c.failure.shown > 0 {
		n.t.Logf("stacktest: the latest frames before the failure:\n%s", c.failure.trace)
	}
	name, err := n.saveCapture()
	if err != nil {
		n.t.Logf("stacktest: capture not written: %v", err)
		return
	}
	n.t.Logf("stacktest: capture of the run: %s%s", name, c.remarks())
}

// saveCapture writes the capture to a file that stays: in a folder of its own, or the one that go test -artifacts gives.
func (n *Net) saveCapture() (string, error) {
	dir, err := captureDir(n.t)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "capture.pcapng")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	err = n.capture.writeTo(f)
	if e := f.Close(); err == nil {
		err = e
	}
	return name, err
}
