package interop

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/packet"
	"tapestry/link/pcap"
	"tapestry/link/segment"
	"tapestry/link/tap"
	"tapestry/stack"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8") // they wait for each other's timers, and compute little
	nstest.Main(m)
}

// run runs a program and gives what it printed.
func run(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(nstest.Tool(t, program), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", program, args, err, out, stderr.Bytes())
	}
	return out
}

func ip(t testing.TB, args ...string) { run(t, "ip", args...) }

// show decodes what ip's JSON says about one interface.
func show[T any](t testing.TB, name string) T {
	t.Helper()
	var all []T
	out := run(t, "ip", "-detail", "-json", "link", "show", "dev", name)
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		t.Fatalf("ip link show %s: %v: %s", name, err, out)
	}
	return all[0]
}

// eventually waits for others, who have clocks of their own.
func eventually(t testing.TB, within time.Duration, what string, isSo func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !isSo() {
		if time.Since(start) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(start)
}

// quiet has the kernel say nothing of its own at an interface, and not answer there.
func quiet(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", n, "disable_ipv6"), []byte("1"), 0); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// veth makes a pair of interfaces that are up. The second is to be joined to a switch of ours.
func veth(t testing.TB, kernel, ours string) {
	t.Helper()
	ip(t, "link", "add", kernel, "type", "veth", "peer", "name", ours)
	t.Cleanup(func() { ip(t, "link", "del", kernel) })
	quiet(t, kernel, ours)
	for _, n := range []string{kernel, ours} {
		ip(t, "link", "set", n, "up")
	}
}

// openVeth opens our end of a pair.
func openVeth(t testing.TB, c packet.Config) link.Device {
	t.Helper()
	dev, err := packet.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// needTUN skips a test that makes TAPs, or whose peer does, where this user may not.
func needTUN(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		nstest.Skip(t, "needs TAPs: "+err.Error())
	}
	f.Close()
}

// openTAP makes a TAP, whose interface is up.
func openTAP(t testing.TB, c tap.Config) link.Device {
	t.Helper()
	dev, err := tap.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	quiet(t, c.Name)
	ip(t, "link", "set", c.Name, "up")
	return dev
}

// captured wraps a device that is captured to a file, which is complete when the segment is closed.
func captured(t testing.TB, dev link.Device, path string) link.Device {
	t.Helper()
	d, err := pcap.New(dev, pcap.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newSegment(t testing.TB, c segment.Config) *segment.Segment {
	t.Helper()
	s, err := segment.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func bridge(t testing.TB, s *segment.Segment, dev link.Device, c segment.PortConfig) *segment.Port {
	t.Helper()
	p, err := s.Bridge(dev, c)
	if err != nil {
		dev.Close()
		t.Fatal(err)
	}
	return p
}

// newHost joins a host of ours.
func newHost(t testing.TB, s *segment.Segment, c segment.PortConfig, address string) *stack.Host {
	t.Helper()
	c.Offload = segment.AllOffloads
	dev, err := s.NewDevice(c)
	if err != nil {
		t.Fatal(err)
	}
	h, err := stack.New(stack.Config{Name: c.Name})
	if err != nil {
		dev.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	a := netip.MustParsePrefix(address)
	if _, err := h.AddInterface(dev, stack.InterfaceConfig{Name: "eth0", Addresses: []netip.Prefix{a}, NoIPv6: true}); err != nil {
		t.Fatal(err)
	}
	return h
}

// count is one of a host's counters.
func count(t testing.TB, h *stack.Host, name string) uint64 {
	t.Helper()
	for _, s := range h.Stats() {
		if s.Name == name {
			return s.Value
		}
	}
	t.Fatalf("a host has no counter %s", name)
	return 0
}
