package tap

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
	"tapestry/link/packet"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// open makes a device; the namespace and the node must be there.
func open(t testing.TB, c Config) *Device {
	t.Helper()
	nstest.Require(t)
	d, err := Open(c)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOENT) {
		nstest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// bringUp brings the kernel's side up, quiet. It takes frames at once, unlike one end of a veth pair.
func bringUp(t testing.TB, name string) netlink.Link {
	t.Helper()
	if err := writeSysctl("ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
		t.Fatal(err)
	}
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		t.Fatal(err)
	}
	return l
}

func writeSysctl(key, value string) error {
	return os.WriteFile("/proc/sys/net/"+key, []byte(value), 0)
}

func TestDevice(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   link.Offload
	}{
		{"all offloads", Config{}, link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO},
		{"jumbo", Config{MTU: 9000}, link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO},
		{"no tso4", Config{NoTSO4: true}, link.OffloadChecksum | link.OffloadTSO6 | link.OffloadUSO},
		{"no tso6", Config{NoTSO6: true}, link.OffloadChecksum | link.OffloadTSO4 | link.OffloadUSO},
		{"no uso", Config{NoUSO: true}, link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6},
		{"no checksum", Config{NoChecksum: true}, 0},
		{"no vnet header", Config{NoVnetHdr: true}, 0},
		{"two queues", Config{Queues: 2}, link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO},
		{"two queues of the kernel's choice", Config{Queues: 2, NoSteering: true},
			link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO},
		{"filter", Config{Accept: &Accept{Unicast: []ethernet.Addr{{0x02, 0x7e, 0x57, 0, 0, 2}}}}, // the one that the contract sends to
			link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				d := open(t, tt.config)
				i := d.Info()
				// A kernel may refuse USO (before 6.2), never more.
				if i.Rx|link.OffloadUSO != tt.want|link.OffloadUSO || i.Rx != i.Tx {
					t.Errorf("offloads are %v and %v, want %v", i.Rx, i.Tx, tt.want)
				}
				if want := max(1, tt.config.Queues); len(d.Queues()) != want {
					t.Errorf("%d queues, want %d", len(d.Queues()), want)
				}
				bringUp(t, i.Name)
				peer, err := packet.Open(packet.Config{Interface: i.Name})
				if err != nil {
					t.Fatal(err)
				}
				return d, peer
			})
		})
	}
}

// TestInfo holds what the zero configuration gives.
func TestInfo(t *testing.T) {
	d := open(t, Config{})
	i := d.Info()
	if i.Name != "tap0" || i.MTU != 1500 || !i.Addr.IsLocal() || i.Addr.IsMulticast() {
		t.Errorf("Info = %+v, want tap0, 1500, a local address", i)
	}
	l, err := netlink.LinkByName(i.Name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(l.Attrs().HardwareAddr, i.Addr[:]) {
		t.Error("the stack's address is the kernel's")
	}
	d.Close()
	if _, err := netlink.LinkByName("tap0"); err == nil {
		t.Error("the interface outlives Close")
	}
}

// persistent makes a TAP that no process holds.
func persistent(t *testing.T, name string, flags netlink.TuntapFlag) netlink.Link {
	t.Helper()
	nstest.Require(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	l := &netlink.Tuntap{LinkAttrs: attrs, Mode: netlink.TUNTAP_MODE_TAP, Flags: flags, NonPersist: false}
	if err := netlink.LinkAdd(l); err != nil {
		nstest.Skip(t, "cannot make a persistent TAP: "+err.Error())
	}
	for _, f := range l.Fds {
		f.Close()
	}
	t.Cleanup(func() { netlink.LinkDel(l) })
	return l
}

func TestExisting(t *testing.T) {
	tests := []struct {
		name  string
		flags netlink.TuntapFlag
	}{
		{"one queue", netlink.TUNTAP_DEFAULTS},
		{"with a virtio-net header", netlink.TUNTAP_DEFAULTS | netlink.TUNTAP_VNET_HDR},
		{"multi queue", netlink.TUNTAP_MULTI_QUEUE_DEFAULTS},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			persistent(t, "keep0", tt.flags)
			for range 2 { // Close leaves it as it was
				d := open(t, Config{Name: "keep0", Existing: true, Addr: ethernet.Addr{2, 0, 0, 0, 0, 9}, MTU: 1400})
				if i := d.Info(); i.Name != "keep0" || i.MTU != 1400 || !i.Rx.Has(link.OffloadTSO4) {
					t.Errorf("Info = %+v", i)
				}
				if tt.flags&netlink.TUNTAP_MULTI_QUEUE == 0 {
					_, err := Open(Config{Name: "keep0", Existing: true})
					if !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "in use") {
						t.Errorf("a second Open = %v, want EBUSY", err)
					}
				}
				d.Close()
			}
			if l, err := netlink.LinkByName("keep0"); err != nil || l.Attrs().MTU != 1400 {
				t.Errorf("after Close: %v, %v", l, err)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	nstest.Require(t)
	tests := []struct {
		name   string
		config Config
		is     error
		want   string
	}{
		{"long name", Config{Name: "sixteen-letters0"}, nil, "at most 15"},
		{"name taken", Config{Name: "lo"}, unix.EEXIST, "exists already"},
		{"not there", Config{Name: "nosuch0", Existing: true}, unix.ENODEV, "ip tuntap add"},
		{"no TAP", Config{Name: "lo", Existing: true}, unix.EINVAL, "not a TAP"},
		{"nameless", Config{Existing: true}, nil, "needs its name"},
		{"queues", Config{Queues: 1000}, nil, "1 to 256"},
		{"MTU", Config{MTU: 20}, nil, "68 to"},
		{"group address", Config{Addr: ethernet.Broadcast}, nil, "group address"},
		{"bad name", Config{Name: "a/b"}, unix.EINVAL, "a/b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Open(tt.config)
			if err == nil {
				d.Close()
				t.Fatal("Open succeeded")
			}
			if errors.Is(err, unix.EACCES) {
				nstest.Skip(t, err.Error())
			}
			if tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want %v and %q", err, tt.is, tt.want)
			}
		})
	}
	if ifs, _ := net.Interfaces(); len(ifs) != 1 {
		t.Errorf("failed opens left interfaces: %v", ifs)
	}
}

// TestForbidden opens on a thread that lacks what it takes.
func TestForbidden(t *testing.T) {
	open(t, Config{}).Close()
	tests := []struct {
		name string
		drop func() error
		want []string // one of these; which, depends on the node's mode
	}{
		{"no capabilities, another user", func() error {
			if err := unix.Setfsuid(65534); err != nil { // takes the right to override file modes with it
				return err
			}
			return nstest.DropCapabilities()
		}, []string{"is closed to this user (mode", "may not use tap%d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs := make(chan error)
			go func() {
				runtime.LockOSThread() // for good: the thread ends with the goroutine
				if err := tt.drop(); err != nil {
					errs <- err
					return
				}
				_, err := Open(Config{})
				errs <- err
			}()
			err := <-errs
			if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
				t.Fatalf("Open = %v, want EACCES or EPERM", err)
			}
			if !strings.Contains(err.Error(), tt.want[0]) && !strings.Contains(err.Error(), tt.want[1]) {
				t.Errorf("Open = %v, want one of %q", err, tt.want)
			}
		})
	}
}

// TestRemoved has the interface go away under a reader that waits.
func TestRemoved(t *testing.T) {
	for _, up := range []bool{true, false} {
		d := open(t, Config{})
		l, err := netlink.LinkByName(d.Info().Name)
		if err != nil {
			t.Fatal(err)
		}
		if up {
			l = bringUp(t, d.Info().Name)
		}
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
		if err := netlink.LinkDel(l); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-errs:
			if errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "tap0 is gone") {
				t.Errorf("up %v: the reader ended with %v, want that tap0 is gone", up, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("up %v: the reader hears nothing of the end", up)
		}
		<-changed
		if d.Info().Up {
			t.Error("carrier on a device that is gone")
		}
		if n := d.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 0 || d.Stats().TxDropped != 1 {
			t.Errorf("WriteFrames = %d with %d drops, want 0 with 1", n, d.Stats().TxDropped)
		}
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// TestDown writes to an interface that is not up: a drop, and no end.
func TestDown(t *testing.T) {
	d := open(t, Config{})
	q := d.Queues()[0]
	if n := q.WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 0 || d.Stats().TxDropped != 1 {
		t.Errorf("WriteFrames = %d with %d drops, want 0 with 1", n, d.Stats().TxDropped)
	}
	bringUp(t, d.Info().Name)
	if n := q.WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 1 {
		t.Errorf("WriteFrames once it is up = %d, want 1", n)
	}
}

// TestKernelTCP has the kernel talk TCP to itself through two devices whose frames are passed on by hand: what it
// leaves undone on one, it must take back on the other.
//
//	198.51.100.1 ── kernel ── tap0 ══ this test ══ tap1 ── kernel ── 198.51.100.2
func TestKernelTCP(t *testing.T) {
	a, b := open(t, Config{}), open(t, Config{})
	local, remote := net.IPv4(198, 51, 100, 1), net.IPv4(198, 51, 100, 2)
	var ends [2]netlink.Link
	for i, d := range []*Device{a, b} {
		ends[i] = bringUp(t, d.Info().Name)
	}
	crossover(t, ends[0], ends[1], local, remote)
	go forward(a, b)
	go forward(b, a)

	l, err := net.Listen("tcp", net.JoinHostPort(remote.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const size = 8 << 20
	sum := make(chan int64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			sum <- -1
			return
		}
		defer c.Close()
		n, _ := io.Copy(io.Discard, c)
		sum <- n
	}()
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: local}, Timeout: 10 * time.Second}).Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Error(err)
	}
	c.Close()
	if got := <-sum; got != size {
		t.Errorf("%d octets arrived, want %d", got, size)
	}
	if s := a.Stats(); s.RxGSO == 0 || s.RxDropped+s.TxDropped > 0 {
		t.Errorf("counters %+v: want super-frames and no drops", s)
	}
}

func forward(from, to *Device) {
	f := make([]link.Frame, 32)
	for {
		n, err := from.Queues()[0].ReadFrames(f)
		if err != nil {
			return
		}
		to.Queues()[0].WriteFrames(f[:n])
	}
}

// crossover makes the kernel route between two addresses of its own over the wire instead of inside.
func crossover(t testing.TB, a, b netlink.Link, local, remote net.IP) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"all", a.Attrs().Name, b.Attrs().Name} {
		for key, value := range map[string]string{"rp_filter": "0", "accept_local": "1"} {
			must(os.WriteFile("/proc/sys/net/ipv4/conf/"+name+"/"+key, []byte(value), 0))
		}
	}
	for _, e := range []struct {
		own, other netlink.Link
		addr, peer net.IP
		table      int
	}{{a, b, local, remote, 101}, {b, a, remote, local, 102}} {
		must(netlink.AddrAdd(e.own, &netlink.Addr{IPNet: netlink.NewIPNet(e.addr)}))
		must(netlink.NeighAdd(&netlink.Neigh{LinkIndex: e.own.Attrs().Index, IP: e.peer, State: netlink.NUD_PERMANENT,
			HardwareAddr: e.other.Attrs().HardwareAddr}))
		must(netlink.RouteAdd(&netlink.Route{LinkIndex: e.own.Attrs().Index, Dst: netlink.NewIPNet(e.peer), Src: e.addr,
			Scope: netlink.SCOPE_LINK, Table: e.table}))
		// What comes in on the wire is looked up in the local table first; what is sent, in the wire's.
		in := netlink.NewRule()
		in.IifName, in.Table, in.Priority = e.own.Attrs().Name, unix.RT_TABLE_LOCAL, 1
		addRule(t, in)
		out := netlink.NewRule()
		out.Src, out.Table, out.Priority = netlink.NewIPNet(e.addr), e.table, 2
		addRule(t, out)
	}
	local0 := netlink.NewRule()
	local0.Table, local0.Priority = unix.RT_TABLE_LOCAL, 10
	addRule(t, local0)
	first := netlink.NewRule()
	first.Table, first.Priority = unix.RT_TABLE_LOCAL, 0
	must(netlink.RuleDel(first))
	t.Cleanup(func() { netlink.RuleAdd(first) })
}

// addRule adds a rule for as long as the test runs.
func addRule(t testing.TB, r *netlink.Rule) {
	t.Helper()
	if err := netlink.RuleAdd(r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.RuleDel(r) })
}

// TestUserNamespace runs some tests in a user namespace, where this process is root only of what it makes
// there: with the node open to it, no more is needed.
func TestUserNamespace(t *testing.T) {
	open(t, Config{}).Close()
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^(TestInfo|TestDown|TestHelp|TestQueues|TestAccept)$")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		nstest.Skip(t, "needs a user namespace: "+err.Error())
	}
	if err != nil || bytes.Contains(out, []byte("SKIP")) || bytes.Count(out, []byte("\n--- PASS: ")) != 5 {
		t.Errorf("in a user namespace: %v\n%s", err, out)
	}
}
