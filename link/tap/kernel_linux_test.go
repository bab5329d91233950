package tap

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"tapestry/link"
)

// Addresses of the two ends: the kernel, and the station that tests play.
var (
	kernel4, station4 = netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	kernel6, station6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
)

// patience is how long a frame that must come may take.
const patience = 10 * time.Second

// withKernel makes a device with the kernel's addresses on the other side, which knows the station's.
func withKernel(t testing.TB, c Config) *Device {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	d := open(t, c)
	l := bringUp(t, d.Info().Name)
	addressed(t, l, d)
	return d
}

func addressed(t testing.TB, l netlink.Link, d *Device) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(writeSysctl("ipv6/conf/"+l.Attrs().Name+"/disable_ipv6", "0"))
	station := d.Info().Addr
	for _, e := range []struct {
		own, other netip.Addr
		bits       int
	}{{kernel4, station4, 24}, {kernel6, station6, 64}} {
		ipNet := &net.IPNet{IP: e.own.AsSlice(), Mask: net.CIDRMask(e.bits, e.own.BitLen())}
		must(netlink.AddrAdd(l, &netlink.Addr{IPNet: ipNet, Flags: unix.IFA_F_NODAD}))
		must(netlink.NeighAdd(&netlink.Neigh{
			LinkIndex: l.Attrs().Index, IP: e.other.AsSlice(), State: netlink.NUD_PERMANENT, HardwareAddr: station[:],
		}))
		waitLocal(t, e.own)
	}
}

// waitLocal waits until the kernel takes packets for an address. That of IPv6 is worked at behind the caller's back.
func waitLocal(t testing.TB, a netip.Addr) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if r, err := netlink.RouteGet(a.AsSlice()); err == nil && len(r) > 0 && r[0].Type == unix.RTN_LOCAL {
			return
		}
	}
	t.Fatalf("the kernel does not get to take packets for %v", a)
}

// arrival is a frame and the queue that it came in on.
type arrival struct {
	queue int
	frame link.Frame
}

// arrivals reads all queues; UDP to the station alone is handed on.
func arrivals(t testing.TB, d *Device) <-chan arrival {
	t.Helper()
	c := make(chan arrival, 4096)
	done := make(chan struct{})
	for i, q := range d.Queues() {
		go func() {
			defer func() { done <- struct{}{} }()
			f := make([]link.Frame, 16)
			for {
				n, err := q.ReadFrames(f)
				if err != nil {
					return
				}
				for j := range f[:n] {
					if p, ok := parseUDP(&f[j]); ok && (p.dst.Addr() == station4 || p.dst.Addr() == station6) {
						c <- arrival{i, f[j]}
						f[j] = link.Frame{}
						continue
					}
					f[j].Release()
				}
			}
		}()
	}
	t.Cleanup(func() {
		d.Close()
		for range d.Queues() {
			<-done
		}
	})
	return c
}

// next waits for a frame.
func next(t testing.TB, c <-chan arrival) arrival {
	t.Helper()
	select {
	case a := <-c:
		return a
	case <-time.After(patience):
		t.Fatal("no frame from the kernel")
	}
	panic("unreachable")
}

// kernelUDP opens a socket of the kernel's that is connected to the station's port.
func kernelUDP(t testing.TB, station netip.Addr, port uint16) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(station, port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// TestQueues has the kernel talk UDP with the station on many ports. Whatever chooses the queue: once the station has
// answered, a flow has one queue for both directions, the one that QueueOf says.
func TestQueues(t *testing.T) {
	const flows = 64
	for _, n := range []int{2, 3} {
		for _, builtin := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d queues, built in %v", n, builtin), func(t *testing.T) {
				d := withKernel(t, Config{Queues: n, NoSteering: builtin})
				program := d.Help().Steering.By == Program
				in := arrivals(t, d)
				var hits [8]int
				for i := range flows {
					addr := []netip.Addr{station4, station6}[i%2]
					hits[converse(t, d, in, kernelUDP(t, addr, 9), program)]++
				}
				checkShares(t, d, hits[:n], flows, program)
			})
		}
	}
}

// converse has the kernel send and the station echo, three times, and gives the queue of the flow.
func converse(t *testing.T, d *Device, in <-chan arrival, c *net.UDPConn, program bool) int {
	t.Helper()
	queue := -1
	for i := range 3 {
		want := fmt.Sprint("message ", i)
		if _, err := c.Write([]byte(want)); err != nil {
			t.Fatal(err)
		}
		a := next(t, in)
		p, _ := parseUDP(&a.frame)
		back := p.reply().frame(0)
		if there := d.QueueOf(&a.frame); there != d.QueueOf(&back) {
			t.Fatalf("QueueOf says %d for one direction and %d for the other", there, d.QueueOf(&back))
		}
		if queue = d.QueueOf(&back); a.queue != queue && (program || i > 0) {
			t.Errorf("message %d of %v came in on queue %d, QueueOf says %d", i, c.LocalAddr(), a.queue, queue)
		}
		a.frame.Release()
		if d.Queues()[queue].WriteFrames([]link.Frame{back}) != 1 {
			t.Fatal("the echo is dropped")
		}
		b := make([]byte, 100)
		if n, err := c.Read(b); err != nil || string(b[:n]) != want {
			t.Fatalf("the echo is %q, %v, want %q", b[:n], err, want)
		}
	}
	return queue
}

// checkShares holds the counters to what the flows did.
func checkShares(t *testing.T, d *Device, hits []int, flows int, program bool) {
	t.Helper()
	total := link.Stats{}
	for q, s := range d.QueueStats() {
		total.RxFrames += s.RxFrames
		total.TxFrames += s.TxFrames
		if int(s.TxFrames) != 3*hits[q] {
			t.Errorf("queue %d sent %d frames, want 3 for each of %d flows", q, s.TxFrames, hits[q])
		}
		// The kernel reports its groups besides, on any queue.
		if program && int(s.RxFrames) < 3*hits[q] {
			t.Errorf("queue %d received %d frames, want 3 for each of %d flows", q, s.RxFrames, hits[q])
		}
		if hits[q] < flows/len(hits)/3 {
			t.Errorf("queue %d has %d of %d flows: not spread", q, hits[q], flows)
		}
	}
	if s := d.Stats(); s.RxFrames != total.RxFrames || s.TxFrames != total.TxFrames || s.RxDropped+s.TxDropped > 0 {
		t.Errorf("Stats = %+v, the queues' sum %+v", s, total)
	}
}
