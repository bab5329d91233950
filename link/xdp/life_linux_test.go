package xdp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// frames reads a device until it is closed.
func frames(d link.Device) <-chan []byte {
	out := make(chan []byte, 1024)
	for _, q := range d.Queues() {
		go func() {
			f := make([]link.Frame, 16)
			for {
				n, err := q.ReadFrames(f)
				if err != nil {
					return
				}
				for i := range f[:n] {
					out <- f[i].AppendTo(nil)
					f[i].Release()
				}
			}
		}()
	}
	return out
}

func expect(t *testing.T, who string, c <-chan []byte, want []byte) {
	t.Helper()
	for {
		select {
		case got := <-c:
			if got[12] != 0x88 {
				continue // a stranger
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s got %x, want %x", who, got, want)
			}
			return
		case <-time.After(10 * time.Second):
			t.Fatalf("%s hears nothing, want %x", who, want)
		}
	}
}

// experiment is a frame that no kernel answers (IEEE 802 §9.2.3).
func experiment(dst ethernet.Addr, seq byte) []byte {
	b := make([]byte, 60)
	copy(b, dst[:])
	b[6], b[12], b[13], b[14] = 2, 0x88, 0xb5, seq
	return b
}

// TestUntouched sends frames for us and for others: each arrives, unchanged, at the one or the other alone.
func TestUntouched(t *testing.T) {
	tests := []struct {
		name   string
		mtu    int
		attach Attach
	}{
		{"driver", 1500, AttachDriver},
		{"generic", 1500, AttachGeneric},
		{"several chunks", 9000, AttachDriver},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := veth(t, tt.mtu, 1)
			d := open(t, Config{Interface: a, Addr: ours, NoBroadcast: true, Attach: tt.attach})
			taken, passed, peer := frames(d), frames(openPacket(t, a)), openPacket(t, b)
			for i, dst := range []ethernet.Addr{ours, others, ethernet.Broadcast, group, others, ours} {
				f := append(experiment(dst, byte(i)), make([]byte, tt.mtu+14-60)...)
				if n := peer.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(f)}); n != 1 {
					t.Fatal("not sent")
				}
				if dst == ours || dst == group {
					expect(t, "the device", taken, f)
				} else {
					expect(t, "the kernel", passed, f)
				}
			}
			if len(taken) > 0 {
				t.Errorf("the device took %d frames more", len(taken))
			}
		})
	}
}

// TestSetAddresses changes what is taken while the device is open.
func TestSetAddresses(t *testing.T) {
	a, b := veth(t, 1500, 1)
	d := open(t, Config{Interface: a, Addr: ours, Addresses: []netip.Addr{host4}})
	taken, peer := frames(d), openPacket(t, b)
	second := netip.MustParseAddr("198.51.100.7")
	for _, addr := range []netip.Addr{host4, second} {
		if err := d.SetAddresses([]netip.Addr{addr}); err != nil {
			t.Fatal(err)
		}
		for _, dst := range []netip.Addr{host4, second} {
			peer.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(to(ours, 0x0800, dst.AsSlice()...))})
		}
		select {
		case got := <-taken:
			if want := to(ours, 0x0800, addr.AsSlice()...); !bytes.Equal(got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing for %v", addr)
		}
	}
	if err := d.SetAddresses([]netip.Addr{{}}); err == nil {
		t.Error("an invalid address was taken")
	}
	d.Close()
	if err := d.SetAddresses(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetAddresses after Close = %v", err)
	}
}

func isAttached(t *testing.T, name string) bool {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l.Attrs().Xdp != nil && l.Attrs().Xdp.Attached
}

// TestClean holds that nothing is left on the interface after Close.
func TestClean(t *testing.T) {
	a, _ := veth(t, 1500, 1)
	for range 20 { // the kernel has not freed the queue yet when the next asks for it
		d := open(t, Config{Interface: a})
		if !isAttached(t, a) {
			t.Fatal("no program on the interface")
		}
		d.Close()
		if isAttached(t, a) {
			t.Fatal("Close left the program")
		}
	}
}

// holdEnv names the interface that a child opens and holds until it is killed.
const holdEnv = "XDP_TEST_HOLD"

func TestHold(t *testing.T) {
	name := os.Getenv(holdEnv)
	if name == "" {
		t.Skip("run by TestKilled only")
	}
	d, err := Open(Config{Interface: name, Addr: ours})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("holding", d.Mode())
	time.Sleep(time.Minute) // killed long before
}

// TestKilled has a process die with the device open: the interface is clean, and the kernel hears frames again.
func TestKilled(t *testing.T) {
	a, b := veth(t, 1500, 1)
	open(t, Config{Interface: a}).Close() // or skips
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestHold$", "-test.v")
	cmd.Env = append(os.Environ(), holdEnv+"="+a)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for s := bufio.NewScanner(out); ; {
		if !s.Scan() {
			t.Fatal("the child did not open the device")
		}
		if strings.HasPrefix(s.Text(), "holding") {
			break
		}
	}
	if !isAttached(t, a) {
		t.Fatal("no program on the interface while the child runs")
	}
	if _, err := Open(Config{Interface: a}); err == nil || !strings.Contains(err.Error(), "XDP program already") {
		t.Errorf("Open on an interface in use = %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for range 1000 { // the kernel takes sockets down behind the process's back
		if !isAttached(t, a) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if isAttached(t, a) {
		t.Fatal("the program outlives its process")
	}
	kernel := openPacket(t, a)
	heard := frames(kernel)
	f := experiment(ours, 1)
	openPacket(t, b).Queues()[0].WriteFrames([]link.Frame{link.NewFrame(f)})
	expect(t, "the kernel", heard, f)
	kernel.Close()
	open(t, Config{Interface: a, Addr: ours})
}

// TestRemoved has the interface go away under a reader that waits.
func TestRemoved(t *testing.T) {
	a, _ := veth(t, 1500, 1)
	d := open(t, Config{Interface: a})
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
	l, err := netlink.LinkByName(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkDel(l); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-errs:
		if errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), a+" is gone") {
			t.Errorf("the reader ended with %v, want that %s is gone", err, a)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the reader hears nothing of the end")
	}
	<-changed
	if d.Info().Up {
		t.Error("carrier on a device that is gone")
	}
	write(d, 1)
	if n := write(d, 2); n != 0 {
		t.Errorf("WriteFrames = %d, want 0", n)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func write(d link.Device, n int) int {
	f := make([]link.Frame, n)
	for i := range f {
		f[i] = link.NewFrame(experiment(others, byte(i)))
	}
	return d.Queues()[0].WriteFrames(f)
}

// TestDown has the interface go down and come up again: what is written meanwhile is counted as lost, and it works again.
func TestDown(t *testing.T) {
	a, b := veth(t, 1500, 1)
	d := open(t, Config{Interface: a, Addr: ours})
	taken, peer := frames(d), openPacket(t, b)
	l, err := netlink.LinkByName(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetDown(l); err != nil {
		t.Fatal(err)
	}
	write(d, 1) // tells that it is down
	if n := write(d, 3); n != 0 || d.Stats().TxDropped != 3 {
		t.Errorf("WriteFrames = %d with %d drops, want 0 with 3", n, d.Stats().TxDropped)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		t.Fatal(err)
	}
	nstest.AwaitUp(t, a)
	if n := write(d, 3); n != 3 {
		t.Errorf("WriteFrames = %d after the interface is up again, want 3", n)
	}
	// The far end's kernel drops what it is given until it has seen the carrier.
	f := experiment(ours, 9)
	for range 1000 {
		peer.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(f)})
		select {
		case got := <-taken:
			if !bytes.Equal(got, f) {
				t.Errorf("got %x, want %x", got, f)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the device hears nothing after the interface is up again")
}

func TestOpenErrors(t *testing.T) {
	a, _ := veth(t, 1500, 1)
	open(t, Config{Interface: a}).Close() // or skips
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"no interface", Config{}, "needs an interface"},
		{"unknown interface", Config{Interface: "nosuch0"}, `no interface "nosuch0"`},
		{"no Ethernet", Config{Interface: "lo"}, "no Ethernet interface"},
		{"group address", Config{Interface: a, Addr: ethernet.Broadcast}, "group address"},
		{"MTU above the interface's", Config{Interface: a, MTU: 9000}, "raises it"},
		{"more queues than there are", Config{Interface: a, Queues: 3}, "has 1"},
		{"rings of an odd size", Config{Interface: a, Ring: 1000}, "power of two"},
		{"chunks of an odd size", Config{Interface: a, Chunk: 3000}, "2048 or 4096"},
		{"unknown attachment", Config{Interface: a, Attach: 9}, "attachment 9"},
		{"a group for a host", Config{Interface: a, Addresses: []netip.Addr{netip.MustParseAddr("224.0.0.1")}}, "not the address of a host"},
		{"too many hosts", Config{Interface: a, Addresses: make([]netip.Addr, 257)}, "at most 256"},
		{"negative", Config{Interface: a, Spin: -1}, "spin"},
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

// TestForbidden opens a device on a thread without capabilities.
func TestForbidden(t *testing.T) {
	a, _ := veth(t, 1500, 1)
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
	if err := <-errs; !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_BPF") {
		t.Errorf("Open = %v, want EPERM and a remedy", err)
	}
}
