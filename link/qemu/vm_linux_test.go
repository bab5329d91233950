package qemu

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/dgram"
	"tapestry/link/segment"
	"tapestry/stack"
)

// bootTime is how long a VM may take to boot in software and say all it has to say.
const bootTime = 100 * time.Second

// nic is one network card of the VM: how QEMU joins our segment, and the two addresses that talk.
type nic struct {
	name        string
	netdev      string // of QEMU, without the type's id
	host, guest netip.Prefix
	dev         link.Device // our end
}

// nics are the ways to join, all onto one segment. dir holds the sockets.
func nics(t *testing.T, dir string) []nic {
	t.Helper()
	l := listen(t, "tcp")
	to, vm := filepath.Join(dir, "lan"), filepath.Join(dir, "vm")
	lan, err := dgram.ListenUnix(to)
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.ListenPacket("udp", "127.0.0.1:0") // a port for QEMU
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	process := func(c dgram.Config) link.Device {
		d, err := dgram.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	inet := func(key string, a net.Addr) string {
		p := a.(*net.UDPAddr)
		return fmt.Sprintf("%s.type=inet,%s.host=%v,%s.port=%d", key, key, p.IP, key, p.Port)
	}
	stream := filepath.Join(dir, "stream")
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", stream) }
	return []nic{
		{"socket", "socket,connect=" + l.Addr().String(), prefix("198.51.100.1/24"), prefix("198.51.100.9/24"),
			must(t)(Listen(l, Config{Name: "socket"}))},
		{"stream", "stream,server=on,addr.type=unix,addr.path=" + stream, prefix("203.0.113.1/24"), prefix("203.0.113.9/24"),
			must(t)(Dial(dial, Config{Name: "stream"}))},
		{"dgram", "dgram,local.type=unix,local.path=" + vm + ",remote.type=unix,remote.path=" + to,
			prefix("2001:db8:3::1/64"), prefix("2001:db8:3::9/64"), process(dgram.Config{Conn: lan, Name: "dgram"})},
		{"udp", "dgram," + inet("local", free.LocalAddr()) + "," + inet("remote", u.LocalAddr()),
			prefix("2001:db8:4::1/64"), prefix("2001:db8:4::9/64"),
			process(dgram.Config{Conn: u, Remote: free.LocalAddr(), Name: "udp"})},
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// TestVM boots Linux in a QEMU without any other network. It pings our host over each kind of wire, is pinged, and fetches a
// file. The judges are its console and our host's counters.
func TestVM(t *testing.T) {
	qemu := nstest.Tool(t, "qemu-system-x86_64")
	kernel := findKernel(t)
	dir := t.TempDir()
	cards := nics(t, dir)
	h := hostOn(t, cards)
	page := bytes.Repeat([]byte("tapestry\n"), 1<<20/9)
	serve(t, h, page)
	initrd := filepath.Join(dir, "initrd")
	if err := os.WriteFile(initrd, guest(t, kernel, cards), 0o600); err != nil {
		t.Fatal(err)
	}

	start := time.Now()
	lines, kill := boot(t, qemu, kernel.image, initrd, cards)
	defer kill()
	var console strings.Builder
	pinged := false
	for line := range lines {
		fmt.Fprintf(&console, "%6.2f %s\n", time.Since(start).Seconds(), line)
		if strings.Contains(line, readyMark) {
			pinged = pingGuest(t, h, cards)
			t.Logf("up after %v", time.Since(start).Round(10*time.Millisecond))
		}
	}
	said := console.String()
	for _, c := range cards {
		if !strings.Contains(said, c.name+": 3 packets transmitted, 3 packets received, 0% packet loss") {
			t.Errorf("%s: the guest's pings of %v were not all answered", c.name, c.host.Addr())
		}
	}
	if want := fmt.Sprintf("fetched %x", md5.Sum(page)); !strings.Contains(said, want) || !pinged {
		t.Errorf("the guest did not say %q, or was not up (%v)", want, pinged)
	}
	counts(t, h, map[string]uint64{"icmpInEchos": 6, "icmp6InEchos": 6})
	if t.Failed() {
		t.Logf("the console:\n%s", said)
	}
	t.Logf("over after %v", time.Since(start).Round(10*time.Millisecond))
}

// hostOn is a host of ours on a segment that all wires lead to.
func hostOn(t *testing.T, cards []nic) *stack.Host {
	t.Helper()
	s, err := segment.New(segment.Config{Name: "lan"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var addresses []netip.Prefix
	for _, c := range cards {
		if _, err := s.Bridge(c.dev, segment.PortConfig{Name: c.name}); err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, c.host)
	}
	dev, err := s.NewDevice(segment.PortConfig{Name: "host"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := stack.New(stack.Config{Name: "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if _, err := h.AddInterface(dev, stack.InterfaceConfig{Addresses: addresses}); err != nil {
		t.Fatal(err)
	}
	return h
}

// serve serves a page to the guest.
func serve(t *testing.T, h *stack.Host, page []byte) {
	t.Helper()
	l, err := h.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page) })}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
}

// pingGuest pings each of the guest's addresses from our host.
func pingGuest(t *testing.T, h *stack.Host, cards []nic) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ok := true
	for _, c := range cards {
		r, err := h.Ping(ctx, c.guest.Addr(), stack.PingOptions{Size: 1000})
		if err != nil || r.From != c.guest.Addr() {
			t.Errorf("%s: ping %v: %+v, %v", c.name, c.guest.Addr(), r, err)
			ok = false
		}
	}
	return ok
}

// counts holds our host's counters against what they must be at least.
func counts(t *testing.T, h *stack.Host, want map[string]uint64) {
	t.Helper()
	for _, s := range h.Stats() {
		if n, ok := want[s.Name]; ok && s.Value < n {
			t.Errorf("%s is %d, want at least %d", s.Name, s.Value, n)
		}
		delete(want, s.Name)
	}
	for name := range want {
		t.Errorf("no counter %s", name)
	}
}

// boot starts the VM and gives the lines of its serial console, until it is over or time is up. kill ends it.
func boot(t *testing.T, qemu, kernel, initrd string, cards []nic) (lines <-chan string, kill func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	args := []string{
		"-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-accel", "tcg", "-m", "128", "-serial", "stdio", "-monitor", "none",
		"-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on tsc=unstable",
	}
	for _, c := range cards {
		args = append(args, "-netdev", c.netdev+",id="+c.name, "-device", "virtio-net-pci,romfile=,netdev="+c.name)
	}
	cmd := exec.CommandContext(ctx, qemu, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	go func() {
		defer close(said)
		for r := bufio.NewScanner(out); r.Scan(); {
			said <- strings.TrimRight(r.Text(), "\r")
		}
	}()
	return said, func() {
		cancel()
		for range said { // nothing more is of interest
		}
		cmd.Wait()
		if complaints.Len() > 0 {
			t.Logf("qemu: %s", complaints.String())
		}
	}
}

// linux is a kernel of Debian: its image and the folder of its modules.
type linux struct{ image, modules string }

// kernelEnv names a folder in which a package linux-image-…-cloud-amd64 was unpacked.
const kernelEnv = "TAPESTRY_VM"

// findKernel looks for an unpacked kernel, and for an installed one.
func findKernel(t *testing.T) linux {
	t.Helper()
	for _, root := range []string{os.Getenv(kernelEnv), "/var/cache/tapestry/vm", "/"} {
		images, _ := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*-amd64"))
		slices.Sort(images)
		for _, image := range slices.Backward(images) {
			release := strings.TrimPrefix(filepath.Base(image), "vmlinuz-")
			modules := filepath.Join(root, "lib", "modules", release, "kernel")
			if _, err := os.Stat(filepath.Join(modules, "drivers", "net", "virtio_net.ko")); err == nil && root != "" {
				return linux{image, modules}
			}
		}
	}
	nstest.Skip(t, "no kernel for a VM: unpack Debian's linux-image-cloud-amd64 with dpkg-deb -x and name the folder in "+kernelEnv)
	return linux{}
}

// modules are what the guest loads, in this order.
var modules = []string{
	"drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev",
	"drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "net/core/failover", "drivers/net/net_failover",
	"drivers/net/virtio_net",
}

// readyMark is what the guest says when it has its addresses.
const readyMark = "the guest is up"

// guest is an initial file system for the kernel: busybox, modules, and a script.
func guest(t *testing.T, kernel linux, cards []nic) []byte {
	t.Helper()
	busybox, err := os.ReadFile(nstest.Tool(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	var a archive
	for _, dir := range []string{"bin", "proc", "sys", "dev"} {
		a.add(dir, 0o40755, nil)
	}
	a.add("bin/busybox", 0o100755, busybox)
	for _, m := range modules {
		b, err := os.ReadFile(filepath.Join(kernel.modules, m+".ko"))
		if err != nil {
			t.Fatal(err)
		}
		a.add(filepath.Base(m)+".ko", 0o100644, b)
	}
	a.add("init", 0o100755, []byte(script(cards)))
	a.add("TRAILER!!!", 0, nil)
	return a.Bytes()
}

// script is the guest's only process.
func script(cards []nic) string {
	var s strings.Builder
	s.WriteString("#!/bin/busybox sh\n/bin/busybox --install -s /bin\nexport PATH=/bin\nmount -t proc proc /proc\n" +
		"mount -t sysfs sysfs /sys\nmount -t devtmpfs dev /dev\n")
	for _, m := range modules {
		fmt.Fprintf(&s, "insmod /%s.ko\n", filepath.Base(m))
	}
	s.WriteString("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad\n")
	for i, c := range cards {
		fmt.Fprintf(&s, "echo 0 > /proc/sys/net/ipv6/conf/eth%d/accept_dad; ip link set eth%d up; ip addr add %v dev eth%d\n", i, i, c.guest, i)
	}
	fmt.Fprintf(&s, "echo %s\n", readyMark)
	for _, c := range cards {
		fmt.Fprintf(&s, "echo %s: $(ping -c 3 -i 0.2 -w 20 %v | grep transmitted)\n", c.name, c.host.Addr())
	}
	for _, c := range cards[:1] {
		fmt.Fprintf(&s, "echo fetched $(wget -q -O - http://%v/ | md5sum)\n", c.host.Addr())
	}
	s.WriteString("poweroff -f\n")
	return s.String()
}

// archive is what the kernel unpacks: cpio in its "newc" form (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	bytes.Buffer
	files int
}

func (a *archive) add(name string, mode int, data []byte) {
	a.files++
	fmt.Fprintf(a, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.files, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	a.pad()
	a.Write(data)
	a.pad()
}

func (a *archive) pad() { io.CopyN(a, zeros{}, int64(-a.Len()&3)) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
