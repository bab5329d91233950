package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/packet"
	"tapestry/link/segment"
	"tapestry/link/tap"
	"tapestry/stack"
)

// campus is a switch of ours and Open vSwitch, joined by a trunk of VLANs 10 and 20:
//
//	kernel 198.51.100.129 ── access 10 ─┐                         ┌─ access 10 ── ten      198.51.100.130
//	                                    │ Open vSwitch ═══ ours ──┼─ access 20 ── twenty   203.0.113.130
//	kernel 203.0.113.129 ─── access 20 ─┘                         ├─ access 20 ── stranger 198.51.100.131
//	                                                              └─ access 30 ── lonely   198.51.100.132
type campus struct {
	ovs                           *ovs
	ours                          *segment.Segment
	trunk                         *segment.Port
	ten, twenty, stranger, lonely *stack.Host
	file                          string // what crossed the trunk
}

// newCampus joins the two by open, which gives the end of the trunk that is ours, and the name of the interface that
// Open vSwitch is to take.
func newCampus(t *testing.T, o *ovs, open func(t *testing.T) (dev link.Device, theirs string)) *campus {
	c := &campus{ovs: o, file: t.TempDir() + "/trunk.pcapng"}
	c.ours = newSegment(t, segment.Config{Name: "campus", VLANs: true})
	access := func(name string, vlan uint16, address string) *stack.Host {
		return newHost(t, c.ours, segment.PortConfig{Name: name, VLAN: segment.VLAN{PVID: vlan}}, address)
	}
	c.ten, c.twenty = access("ten", 10, "198.51.100.130/26"), access("twenty", 20, "203.0.113.130/26")
	c.stranger, c.lonely = access("stranger", 20, "198.51.100.131/26"), access("lonely", 30, "198.51.100.132/26")
	dev, theirs := open(t)
	c.trunk = bridge(t, c.ours, captured(t, dev, c.file), segment.PortConfig{Name: "trunk",
		VLAN: segment.VLAN{Trunk: segment.VLANSet{{First: 10, Last: 10}, {First: 20, Last: 20}}}})
	c.ovs.vsctl(t, "add-br", "campus", "--", "set", "bridge", "campus", "datapath_type=netdev", "fail_mode=standalone",
		"--", "add-port", "campus", theirs, "vlan_mode=trunk", "trunks=10,20")
	t.Cleanup(func() { c.ovs.vsctl(t, "del-br", "campus") })
	c.station(t, "k10", "10", "198.51.100.129/26")
	c.station(t, "k20", "20", "203.0.113.129/26")
	return c
}

// station gives the kernel an interface at an access port of Open vSwitch.
func (c *campus) station(t *testing.T, name, vlan, address string) {
	t.Helper()
	veth(t, name, name+"o")
	run(t, "ethtool", "-K", name, "tx", "off") // as on the trunk
	ip(t, "address", "add", address, "dev", name)
	c.ovs.vsctl(t, "add-port", "campus", name+"o", "tag="+vlan)
}

// overVeth is a trunk on a pair of interfaces. That datapath takes neither super-frames nor partial checksums, so that
// they are to be finished before the trunk.
func overVeth(t *testing.T) (link.Device, string) {
	veth(t, "trunk", "trunkp")
	return openVeth(t, packet.Config{Interface: "trunkp", NoChecksum: true}), "trunk"
}

// overTAP is a trunk on a TAP.
func overTAP(t *testing.T) (link.Device, string) {
	return openTAP(t, tap.Config{Name: "trunk", NoChecksum: true}), "trunk"
}

// testVLANs has stations in two VLANs talk across both switches, and none to another VLAN.
func testVLANs(t *testing.T, o *ovs, open func(t *testing.T) (link.Device, string)) {
	c := newCampus(t, o, open)
	c.reaches(t, c.ten, "198.51.100.129")
	c.reaches(t, c.twenty, "203.0.113.129")
	run(t, "ping", "-c", "2", "-i", "0.2", "-W", "2", "-s", "1472", "-M", "do", "198.51.100.130")
	run(t, "ping", "-c", "2", "-i", "0.2", "-W", "2", "203.0.113.130")
	c.bulk(t, c.ten, "198.51.100.130", "198.51.100.129")
	c.isolated(t, c.stranger, "198.51.100.129") // his subnet, another VLAN
	c.isolated(t, c.lonely, "198.51.100.129")   // a VLAN that the trunk does not carry
	c.isolated(t, c.ten, "198.51.100.131")
	c.learned(t)
	c.readable(t)
}

// reaches pings from a host of ours.
func (c *campus) reaches(t *testing.T, h *stack.Host, address string) {
	t.Helper()
	eventually(t, 10*time.Second, h.Name()+" reaches "+address, func() bool { return pings(h, address) })
}

func (c *campus) isolated(t *testing.T, h *stack.Host, address string) {
	t.Helper()
	if pings(h, address) {
		t.Errorf("%s reaches %s in another VLAN", h.Name(), address)
	}
}

func pings(h *stack.Host, address string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := h.Ping(ctx, netip.MustParseAddr(address), stack.PingOptions{})
	return err == nil
}

// bulk has octets come back over TCP: super-frames of ours leave as frames with tags.
func (c *campus) bulk(t *testing.T, h *stack.Host, ours, kernel string) {
	t.Helper()
	sent := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{}).Read(sent)
	l, err := h.Listen("tcp", net.JoinHostPort(ours, "9"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() { done <- echoOnce(l) }()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(kernel)}}).Dial("tcp", net.JoinHostPort(ours, "9"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	go func() {
		conn.Write(sent)
		conn.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d octets came back, want the same %d: %v", len(got), len(sent), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func echoOnce(l net.Listener) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = io.Copy(c, c)
	return err
}

// learned holds that both switches know each host of ours in its VLAN, and where.
func (c *campus) learned(t *testing.T) {
	t.Helper()
	theirs := c.ovs.appctl(t, "fdb/show", "campus")
	for _, x := range []struct {
		host *stack.Host
		vlan uint16
	}{{c.ten, 10}, {c.twenty, 20}} {
		addr := x.host.Interfaces()[0].Link
		if !hasEntry(theirs, x.vlan, addr.String()) {
			t.Errorf("Open vSwitch has not learned %v in VLAN %d:\n%s", addr, x.vlan, theirs)
		}
		found := false
		for _, e := range c.ours.Addrs() {
			found = found || e.Addr == addr && e.VLAN == x.vlan && e.Port == x.host.Name()
		}
		if !found {
			t.Errorf("ours has not learned %v in VLAN %d: %+v", addr, x.vlan, c.ours.Addrs())
		}
	}
}

// hasEntry looks for a line of port, VLAN, address and age.
func hasEntry(table string, vlan uint16, addr string) bool {
	var port, v, a string
	for line := range strings.Lines(table) {
		fmt.Sscan(line, &port, &v, &a)
		if v == fmt.Sprint(vlan) && a == addr {
			return true
		}
	}
	return false
}

// readable has Wireshark read what crossed the trunk: nothing without a tag, nothing of another VLAN.
func (c *campus) readable(t *testing.T) {
	t.Helper()
	c.trunk.Detach()
	for i, f := range wireshark(t, c.file, "vlan.id=10 icmp", "vlan.id=20 icmp", "vlan.id=10 tcp", "arp") {
		if !f.has("vlan.id=10") && !f.has("vlan.id=20") {
			t.Errorf("frame %d on the trunk has no tag, or one of another VLAN: %v", i+1, f)
		}
	}
}
