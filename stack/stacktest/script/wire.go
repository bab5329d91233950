package script

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// The addresses of a script's two stations.
var (
	hostLink = ethernet.Addr{0x02, 0, 0, 0, 0, 0x01}
	peerLink = ethernet.Addr{0x02, 0, 0, 0, 0, 0x02}

	hostAddrs = map[int]netip.Prefix{4: netip.MustParsePrefix("198.51.100.1/24"), 6: netip.MustParsePrefix("2001:db8:51::1/64")}
	peerAddrs = map[int]netip.Addr{4: netip.MustParseAddr("198.51.100.2"), 6: netip.MustParseAddr("2001:db8:51::2")}
)

// captured is a frame that the host sent.
type captured struct {
	at    time.Time
	frame []byte
}

// wire is the host's device. What the host writes is kept with its time; what the script injects is read at once.
type wire struct {
	mtu  int
	wake chan struct{} // holds a token while seen has something new

	mu     sync.Mutex
	cond   sync.Cond
	in     []link.Frame
	seen   []captured
	closed bool
}

func newWire(mtu int) *wire {
	w := &wire{mtu: mtu, wake: make(chan struct{}, 1)}
	w.cond.L = &w.mu
	return w
}

// Info implements [link.Device].
func (w *wire) Info() link.Info { return link.Info{Name: "eth0", Addr: hostLink, MTU: w.mtu, Up: true} }

// Queues implements [link.Device].
func (w *wire) Queues() []link.Queue { return []link.Queue{w} }

// Close implements [link.Device].
func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	link.ReleaseAll(w.in)
	w.in = nil
	w.cond.Broadcast()
	return nil
}

// ReadFrames implements [link.Queue].
func (w *wire) ReadFrames(f []link.Frame) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.in) == 0 && !w.closed {
		w.cond.Wait()
	}
	if w.closed {
		return 0, net.ErrClosed
	}
	n := copy(f, w.in)
	w.in = w.in[n:]
	return n, nil
}

// WriteFrames implements [link.Queue]. The device has no offloads, so what is kept is what would cross a cable.
func (w *wire) WriteFrames(f []link.Frame) int {
	for i := range f {
		parts, err := link.Fit(nil, f[i], 0)
		f[i] = link.Frame{}
		if err != nil {
			link.ReleaseAll(parts)
			continue
		}
		w.mu.Lock()
		for j := range parts {
			w.seen = append(w.seen, captured{time.Now(), parts[j].AppendTo(nil)})
		}
		w.mu.Unlock()
		link.ReleaseAll(parts)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return len(f)
}

// inject hands a frame to the host.
func (w *wire) inject(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.in = append(w.in, link.NewFrame(b))
	w.cond.Signal()
}

// take gives the frames that nobody has taken yet.
func (w *wire) take() []captured {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen
	w.seen = nil
	return s
}
