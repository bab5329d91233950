package nstest

import (
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// Veth makes two interfaces that are each other's wire, until the test ends. They are down; see [BringUp].
func Veth(t testing.TB, v *netlink.Veth) {
	t.Helper()
	Require(t)
	if err := netlink.LinkAdd(v); err != nil {
		t.Fatalf("make a veth pair: %v", err)
	}
	t.Cleanup(func() {
		if l, err := netlink.LinkByName(v.Name); err == nil {
			netlink.LinkDel(l)
		}
	})
}

// BringUp has interfaces up and taking frames, with a kernel that keeps quiet on them.
func BringUp(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		l, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(l); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		AwaitUp(t, name)
	}
}

// AwaitUp waits until the interface takes frames: the kernel gives it a queue some time after it is up.
func AwaitUp(t testing.TB, name string) {
	t.Helper()
	for range 5000 {
		if l, err := netlink.LinkByName(name); err == nil && l.Attrs().OperState == netlink.OperUp {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s is not operational after 5 s", name)
}
