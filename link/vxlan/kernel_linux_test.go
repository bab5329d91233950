package vxlan

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
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
	"tapestry/link/tap"
	"tapestry/stack"
)

// Addresses of both undersides, and of both stations on the stretched segment.
var (
	kernelUnder = []string{"198.51.100.1/24", "2001:db8:51::1/64"}
	oursUnder   = []string{"198.51.100.2/24", "2001:db8:51::2/64"}
	kernelOver  = []string{"203.0.113.1/24", "2001:db8:77::1/64"}
	oursOver    = []string{"203.0.113.2/24", "2001:db8:77::2/64"}
)

// underlay is a wire between the kernel and us.
type underlay struct {
	iface string                                       // the kernel's side
	do    func(t testing.TB, f func())                 // calls f where our side's interfaces are
	open  func(address string) (net.PacketConn, error) // a UDP socket on our side
	name  string                                       // of our side's interface
}

// TestKernel joins the kernel's vxlan device.
func TestKernel(t *testing.T) {
	nstest.Require(t)
	for _, u := range []struct {
		name string
		make func(testing.TB) underlay
	}{{"machine's socket", overVeth}, {"host of ours", overTAP}} {
		t.Run(u.name, func(t *testing.T) {
			under := u.make(t)
			for _, tt := range []struct{ name, remote, group string }{
				{"IPv4 unicast", "198.51.100.2", ""},
				{"IPv6 unicast", "2001:db8:51::2", ""},
				{"IPv4 group", "", "239.1.1.1"},
				{"IPv6 group", "", "ff05::4789"},
			} {
				t.Run(tt.name, func(t *testing.T) { joinKernel(t, under, tt.remote, tt.group) })
			}
		})
	}
}

func joinKernel(t *testing.T, u underlay, remote, group string) {
	v6 := strings.Contains(remote+group, ":")
	local := kernelUnder[0]
	if v6 {
		local = kernelUnder[1]
	}
	kernel := netip.MustParsePrefix(local)
	c := Config{VNI: 4711, Interface: u.name, TTL: 5, ZeroChecksum: v6 && u.name == "veth1"}
	if group != "" {
		c.Group = netip.AddrPortFrom(netip.MustParseAddr(group), 0)
		c.Allow = []netip.Prefix{kernel.Masked()}
	} else {
		c.Peers = []netip.AddrPort{netip.AddrPortFrom(kernel.Addr(), 0)}
	}
	vx := kernelDevice(t, u.iface, kernel.Addr(), remote+group)

	var d *Device
	var err error
	u.do(t, func() {
		if c.Conn, err = u.open(":4789"); err == nil {
			d, err = New(c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	h := host(t, d, oursOver...)
	pingHost(t)
	pingKernel(t, h)
	bulk(t, h)
	if got := vx.Attrs().MTU; got != d.Info().MTU {
		t.Errorf("our MTU is %d, the kernel's %d", d.Info().MTU, got)
	}
	learned(t, d, h, vx, kernel.Addr())
	if got := d.Drops(); got != (Drops{}) {
		t.Errorf("drops %+v", got)
	}
	h.Close()
}

// overVeth is a cable to another namespace, where our socket is one of the machine's own.
func overVeth(t testing.TB) underlay {
	t.Helper()
	do := namespace(t)
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth0"}, PeerName: "veth1"}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(veth) })
	addresses(t, "veth0", kernelUnder)
	peer, err := netlink.LinkByName("veth1")
	if err != nil {
		t.Fatal(err)
	}
	do(t, func() {
		ns, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			t.Error(err)
			return
		}
		defer ns.Close()
		if err := inFirst(func() error { return netlink.LinkSetNsFd(peer, int(ns.Fd())) }); err != nil {
			t.Error(err)
			return
		}
		addresses(t, "lo", nil) // package net asks for ::1 once to see whether there is IPv6
		addresses(t, "veth1", oursUnder)
	})
	if t.Failed() {
		t.FailNow()
	}
	return underlay{
		iface: "veth0", name: "veth1", do: do,
		open: func(address string) (net.PacketConn, error) { return net.ListenPacket("udp", address) },
	}
}

// inFirst calls f on a thread of the test's own namespace.
func inFirst(f func() error) error {
	err := make(chan error)
	go func() { err <- f() }()
	return <-err
}

// namespace makes another network namespace and gives a function that calls others in it.
func namespace(t testing.TB) func(testing.TB, func()) {
	t.Helper()
	calls, ready := make(chan func()), make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		ready <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range calls {
			f()
		}
	}()
	t.Cleanup(func() { close(calls) })
	if err := <-ready; err != nil {
		nstest.Skip(t, "no second network namespace: "+err.Error())
	}
	return func(_ testing.TB, f func()) {
		done := make(chan struct{})
		calls <- func() { defer close(done); f() }
		<-done
	}
}

// overTAP is a TAP with a host of ours.
func overTAP(t testing.TB) underlay {
	t.Helper()
	d, err := tap.Open(tap.Config{})
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOENT) {
		nstest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	h := host(t, d, oursUnder...)
	addresses(t, d.Info().Name, kernelUnder)
	return underlay{
		iface: d.Info().Name, name: "eth0",
		do:   func(_ testing.TB, f func()) { f() },
		open: func(address string) (net.PacketConn, error) { return h.ListenPacket("udp", address) },
	}
}

// addresses brings an interface of the calling thread's namespace up.
func addresses(t testing.TB, name string, prefixes []string) {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Error(err)
		return
	}
	for _, p := range prefixes {
		a, err := netlink.ParseAddr(p)
		if err != nil {
			t.Error(err)
			return
		}
		if a.IP.To4() == nil {
			a.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(l, a); err != nil {
			t.Errorf("%s on %s: %v", p, name, err)
		}
	}
	if err := netlink.LinkSetUp(l); err != nil {
		t.Error(err)
	}
}

// kernelDevice is the kernel's tunnel end, with its station's addresses.
func kernelDevice(t *testing.T, under string, local netip.Addr, to string) netlink.Link {
	t.Helper()
	dev, err := netlink.LinkByName(under)
	if err != nil {
		t.Fatal(err)
	}
	vx := &netlink.Vxlan{
		LinkAttrs: netlink.LinkAttrs{Name: "vx0"}, VxlanId: 4711, VtepDevIndex: dev.Attrs().Index, Port: Port,
		SrcAddr: local.AsSlice(), Group: net.ParseIP(to), Learning: true, UDP6ZeroCSumTx: under == "veth0", UDP6ZeroCSumRx: true,
	}
	if err := netlink.LinkAdd(vx); err != nil {
		nstest.Skip(t, "the kernel has no vxlan device: "+err.Error())
	}
	t.Cleanup(func() { netlink.LinkDel(vx) })
	if under == "veth0" { // which says that it finishes the inner checksum, and leaves it to a reader that cannot know
		if out, err := exec.Command(nstest.Tool(t, "ethtool"), "-K", "vx0", "tx", "off").CombinedOutput(); err != nil {
			t.Fatalf("ethtool: %v\n%s", err, out)
		}
	}
	addresses(t, "vx0", kernelOver)
	l, err := netlink.LinkByName("vx0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func pingHost(t *testing.T) {
	t.Helper()
	ping := nstest.Tool(t, "ping")
	for _, p := range oursOver {
		to := netip.MustParsePrefix(p).Addr().String()
		out, err := exec.Command(ping, "-n", "-c", "5", "-i", "0.05", "-w", "10", "-s", "1380", to).CombinedOutput()
		if err != nil || !strings.Contains(string(out), " 5 received") {
			t.Errorf("ping %s: %v\n%s", to, err, out)
		}
	}
}

func pingKernel(t *testing.T, h *stack.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, p := range kernelOver {
		if _, err := h.Ping(ctx, netip.MustParsePrefix(p).Addr(), stack.PingOptions{Size: 1380}); err != nil {
			t.Errorf("ping %s: %v", p, err)
		}
	}
}

// bulkSize is what one connection carries in each direction.
const bulkSize = 8 << 20

// bulk sends data from the kernel to h and back.
func bulk(t *testing.T, h *stack.Host) {
	t.Helper()
	for _, p := range oursOver {
		addr := net.JoinHostPort(netip.MustParsePrefix(p).Addr().String(), "7")
		l, err := h.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				io.Copy(c, c)
				c.Close()
			}
		}()
		start := time.Now()
		c, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(start.Add(30 * time.Second))
		sent, got := sha256.New(), sha256.New()
		go func() {
			b := make([]byte, 64<<10)
			for i := range bulkSize / len(b) {
				b[0], b[len(b)-1] = byte(i), byte(i>>8)
				sent.Write(b)
				c.Write(b)
			}
			c.(*net.TCPConn).CloseWrite()
		}()
		n, err := io.Copy(got, c)
		if err != nil || n != bulkSize || string(sent.Sum(nil)) != string(got.Sum(nil)) {
			t.Errorf("%s: %d of %d octets came back, %v", addr, n, bulkSize, err)
		}
		t.Logf("%s: %d MiB there and back in %v", addr, bulkSize>>20, time.Since(start).Round(time.Millisecond))
	}
}

// learned holds that both tables say the same.
func learned(t *testing.T, d *Device, h *stack.Host, vx netlink.Link, kernel netip.Addr) {
	t.Helper()
	found := false
	for _, e := range d.Entries() {
		if string(e.Addr[:]) == string(vx.Attrs().HardwareAddr) {
			found = e.VTEP == netip.AddrPortFrom(kernel, Port)
		}
	}
	if !found {
		t.Errorf("we learned %+v, want %v behind %v", d.Entries(), vx.Attrs().HardwareAddr, kernel)
	}
	fdb, err := netlink.NeighList(vx.Attrs().Index, unix.AF_BRIDGE)
	if err != nil {
		t.Fatal(err)
	}
	ours := h.Interfaces()[0].Link
	found = false
	for _, n := range fdb {
		if string(n.HardwareAddr) == string(ours[:]) {
			found = strings.Contains(strings.Join(oursUnder, " "), n.IP.String()+"/")
		}
	}
	if !found {
		t.Errorf("the kernel learned %v, want %v behind us", fdb, ours)
	}
}
