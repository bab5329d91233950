package packet

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// veth makes two interfaces that are each other's wire, up, with a kernel that keeps quiet.
func veth(t testing.TB, mtu int) (a, b string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "vetha", mtu
	nstest.Veth(t, &netlink.Veth{LinkAttrs: attrs, PeerName: "vethb", PeerMTU: uint32(mtu)})
	nstest.BringUp(t, "vetha", "vethb")
	return "vetha", "vethb"
}

func open(t testing.TB, c Config) *Device {
	t.Helper()
	d, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDevice(t *testing.T) {
	tests := []struct {
		name   string
		mtu    int
		config Config
	}{
		{"all offloads", 1500, Config{}},
		{"jumbo", 9000, Config{}},
		{"no tso4", 1500, Config{NoTSO4: true}},
		{"no tso6", 1500, Config{NoTSO6: true}},
		{"no uso", 1500, Config{NoUSO: true}},
		{"no checksum", 1500, Config{NoChecksum: true}},
		{"no vnet header", 1500, Config{NoVnetHdr: true}},
		{"ring", 1500, Config{Ring: true}},
		{"ring, no checksum", 1500, Config{Ring: true, NoChecksum: true}},
		{"ring, no vnet header", 1500, Config{Ring: true, NoVnetHdr: true}},
		{"own address", 1500, Config{Addr: ethernet.Addr{0x02, 1, 2, 3, 4, 5}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				a, b := veth(t, tt.mtu)
				c, peer := tt.config, Config{}
				c.Interface, peer.Interface = a, b
				peer.NoVnetHdr = c.NoVnetHdr // it cannot tell what super-frames are
				return open(t, c), open(t, peer)
			})
		})
	}
}

// TestRemoved has the interface go away under a reader that waits.
func TestRemoved(t *testing.T) {
	for _, ring := range []bool{false, true} {
		a, _ := veth(t, 1500)
		d := open(t, Config{Interface: a, Ring: ring})
		changed := d.Info().Changed
		errs := make(chan error, 1)
		go func() {
			f := make([]link.Frame, 1)
			for {
				n, err := d.Queues()[0].ReadFrames(f)
				if err != nil {
					errs <- err
					return
				}
				link.ReleaseAll(f[:n])
			}
		}()
		// Down and up again is no end.
		l, err := netlink.LinkByName(a)
		if err != nil {
			t.Fatal(err)
		}
		netlink.LinkSetDown(l)
		netlink.LinkSetUp(l)
		if err := netlink.LinkDel(l); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-errs:
			if errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), a+" is gone") {
				t.Errorf("ring %v: the reader ended with %v, want that %s is gone", ring, err, a)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("ring %v: the reader hears nothing of the end", ring)
		}
		<-changed
		if d.Info().Up {
			t.Error("carrier on a device that is gone")
		}
		if n := d.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 0 || d.Stats().TxDropped != 1 {
			t.Errorf("WriteFrames = %d with %d drops, want 0 with 1", n, d.Stats().TxDropped)
		}
		d.Close()
	}
}

func TestOpenErrors(t *testing.T) {
	nstest.Require(t)
	a, _ := veth(t, 1500)
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"no interface", Config{}, "needs an interface"},
		{"unknown interface", Config{Interface: "nosuch0"}, `no interface "nosuch0"`},
		{"group address", Config{Interface: a, Addr: ethernet.Broadcast}, "group address"},
		{"MTU above the interface's", Config{Interface: a, MTU: 9000}, "raises it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Open(tt.config)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want %q", err, tt.want)
			}
		})
	}
}

// TestForbidden opens a socket on a thread without CAP_NET_RAW.
func TestForbidden(t *testing.T) {
	a, _ := veth(t, 1500)
	errs := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := nstest.DropCapabilities(); err != nil {
			errs <- err
			return
		}
		_, err := Open(Config{Interface: a})
		errs <- err
	}()
	if err := <-errs; !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("Open = %v, want EPERM and a remedy", err)
	}
}

// BenchmarkRead passes frames, and super-frames of 45 segments, through a veth pair in bursts: with recvmsg(2) and with
// the ring.
func BenchmarkRead(b *testing.B) {
	const burst = 16
	for _, ring := range []bool{false, true} {
		for _, n := range []int{60, 1514, 54 + 45*1448} {
			b.Run(fmt.Sprintf("ring=%v/%d", ring, n), func(b *testing.B) {
				one, two := veth(b, 1500)
				from, to := open(b, Config{Interface: one}), open(b, Config{Interface: two, Ring: ring})
				f := make([]link.Frame, burst)
				kept := tcpFrame(n)
				b.SetBytes(int64(n * burst))
				b.ReportAllocs()
				for b.Loop() {
					for i := range f {
						f[i] = kept.Clone()
					}
					if from.Queues()[0].WriteFrames(f) != burst {
						b.Fatal("dropped")
					}
					for got := 0; got < burst; {
						read, err := to.Queues()[0].ReadFrames(f)
						if err != nil {
							b.Fatal(err)
						}
						link.ReleaseAll(f[:read])
						got += read
					}
				}
			})
		}
	}
}

// tcpFrame is a frame of n octets with a TCP header, a super-frame if it is longer than the MTU.
func tcpFrame(n int) link.Frame {
	b := make([]byte, n)
	copy(b[12:], []byte{8, 0, 0x45, 0, byte((n - 14) >> 8), byte(n - 14), 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2})
	b[46] = 5 << 4
	f := link.NewFrame(b)
	if n > 1514 {
		f.NeedsChecksum, f.CsumStart, f.CsumOffset, f.GSO, f.GSOSize = true, 34, 16, link.GSOTCPv4, 1448
	}
	return f
}
