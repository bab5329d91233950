package xdp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/stack"
)

// far is a thread in a network namespace of its own, where the kernel is the peer.
type far struct {
	calls chan func()
	netns int
}

// newFar makes the namespace and moves an interface into it, with addresses.
func newFar(t testing.TB, name string, addrs ...string) *far {
	t.Helper()
	f := &far{calls: make(chan func())}
	ready := make(chan error)
	go f.run(ready)
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(f.calls); unix.Close(f.netns) })
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetNsFd(l, f.netns); err != nil {
		t.Fatal(err)
	}
	f.command(t, "ip", "link", "set", name, "up")
	for _, a := range addrs {
		f.command(t, "ip", "address", "add", a, "dev", name, "nodad")
	}
	nstest.AwaitUp(t, "vetha")
	return f
}

func (f *far) run(ready chan error) {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	err := unix.Unshare(unix.CLONE_NEWNET)
	if err == nil {
		f.netns, err = unix.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	ready <- err
	for call := range f.calls {
		call()
	}
}

// do runs call there.
func (f *far) do(call func()) {
	done := make(chan struct{})
	f.calls <- func() { defer close(done); call() }
	<-done
}

// command runs a program there, which must succeed.
func (f *far) command(t testing.TB, name string, args ...string) string {
	t.Helper()
	var out []byte
	var err error
	path := nstest.Tool(t, name)
	f.do(func() { out, err = exec.Command(path, args...).CombinedOutput() })
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// newHost puts a host on a device.
func newHost(t testing.TB, d link.Device) *stack.Host {
	t.Helper()
	h, err := stack.New(stack.Config{Name: "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	_, err = h.AddInterface(d, stack.InterfaceConfig{
		Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.2/24"), netip.MustParsePrefix("2001:db8::2/64")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHost has a host talk to the machine's kernel: echoes, and TCP in both directions at the same time.
func TestHost(t *testing.T) {
	tests := []struct {
		name        string
		mtu, queues int
		config      Config
	}{
		{"driver", 1500, 1, Config{}},
		{"generic", 1500, 1, Config{Attach: AttachGeneric}},
		{"two queues", 1500, 2, Config{}},
		{"several chunks", 9000, 1, Config{}},
		{"several chunks, generic", 9000, 1, Config{Attach: AttachGeneric}},
		{"busy polling", 1500, 1, Config{Spin: 50 * time.Microsecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := vethOf(t, tt.mtu, tt.queues, tt.queues)
			f := newFar(t, b, "198.51.100.1/24", "2001:db8::1/64")
			c := tt.config
			c.Interface = a
			d := open(t, c)
			h := newHost(t, d)
			f.command(t, "ping", "-c", "5", "-i", "0.02", "-W", "5", "198.51.100.2")
			f.command(t, "ping", "-c", "5", "-i", "0.02", "-W", "5", "2001:db8::2")
			transfer(t, f, h, "198.51.100.1:7000")
			transfer(t, f, h, "[2001:db8::1]:7000")
			t.Logf("%v: %+v, queues %+v", d.Mode(), d.Stats(), d.QueueStats())
		})
	}
}

// transfer sends random octets both ways over one connection, and compares.
func transfer(t *testing.T, f *far, h *stack.Host, addr string) {
	t.Helper()
	const size = 8 << 20
	there, back := randomOctets(1, size), randomOctets(2, size)
	var l net.Listener
	var err error
	f.do(func() { l, err = net.Listen("tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	errs := make(chan error, 2)
	go func() {
		c, err := l.Accept()
		if err != nil {
			errs <- err
			return
		}
		defer c.Close()
		errs <- exchange(c, back, there)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := h.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	start := time.Now()
	if err := exchange(c, there, back); err != nil {
		t.Errorf("our side of %s: %v", addr, err)
	}
	if err := <-errs; err != nil {
		t.Errorf("the kernel's side of %s: %v", addr, err)
	}
	t.Logf("%s: %d MiB each way in %v", addr, size>>20, time.Since(start).Round(time.Millisecond))
}

// exchange writes out and reads as many octets as in has, which must be these.
func exchange(c net.Conn, out, in []byte) error {
	errs := make(chan error, 1)
	go func() { _, err := c.Write(out); errs <- err }()
	got := make([]byte, len(in))
	if n, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("after %d octets: %w", n, err)
	}
	if !bytes.Equal(got, in) {
		return fmt.Errorf("%d octets differ from what was sent", len(in))
	}
	return <-errs
}

func randomOctets(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// TestShared has the host and the kernel share an interface and its hardware address: each answers for its own.
func TestShared(t *testing.T) {
	a, b := veth(t, 1500, 1)
	f := newFar(t, b, "198.51.100.1/24", "2001:db8::1/64")
	l, err := netlink.LinkByName(a)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr("198.51.100.3/24")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(l, addr); err != nil {
		t.Fatal(err)
	}
	d := open(t, Config{Interface: a, Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("2001:db8::2")}})
	newHost(t, d)
	for _, dst := range []string{"198.51.100.2", "198.51.100.3", "2001:db8::2"} {
		f.command(t, "ping", "-c", "3", "-i", "0.02", "-W", "5", dst)
	}
	if n := d.Stats().RxFrames; n < 8 || n > 40 {
		t.Errorf("the device took %d frames, want those for two of three addresses", n)
	}
}

// TestQueues has the kernel spread datagrams of many flows: each queue gets some, and none is lost.
func TestQueues(t *testing.T) {
	const flows = 64
	a, b := vethOf(t, 1500, 2, 2)
	f := newFar(t, b, "198.51.100.1/24")
	d := open(t, Config{Interface: a})
	h := newHost(t, d)
	pc, err := h.ListenPacket("udp", "198.51.100.2:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	for range flows {
		var c net.Conn
		var err error
		f.do(func() { c, err = net.Dial("udp", "198.51.100.2:7000") })
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	pc.SetDeadline(time.Now().Add(10 * time.Second))
	for i := range flows {
		if _, _, err := pc.ReadFrom(make([]byte, 16)); err != nil {
			t.Fatalf("datagram %d: %v", i, err)
		}
	}
	for i, s := range d.QueueStats() {
		if s.RxFrames == 0 {
			t.Errorf("queue %d of 2 got none of %d flows", i, flows)
		}
	}
}
