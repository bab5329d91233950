package stacktest_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"tapestry/link/ethernet"
	"tapestry/stack"
	"tapestry/stack/ipx"
	"tapestry/stack/stacktest"
)

// ipxHost makes a host with one network of IPX in frames of each type.
func ipxHost(n *stacktest.Net, name string) *stacktest.Host {
	var cs []stack.IPXConfig
	for k := range 4 {
		cs = append(cs, stack.IPXConfig{Frame: ethernet.Kind(k), Network: ipx.Network(0xcafe0 + k), MaxPacket: 1492})
	}
	return n.AddHost(stacktest.HostConfig{Name: name, IPX: cs})
}

// ipxAddr is the address of a socket of a host, in frames of a type.
func ipxAddr(h *stacktest.Host, k ethernet.Kind, s ipx.SocketNumber) string {
	return ipx.Addr{Net: ipx.Network(0xcafe0 + uint32(k)), Node: ipx.NodeAddr(h.Link()), Socket: s}.String()
}

// ipxLab moves data over SPX and datagrams of IPX in all frame types, over wires that lose, delay and reorder.
func ipxLab(t *testing.T, n *stacktest.Net) {
	alpha, beta := ipxHost(n, "alpha"), ipxHost(n, "beta")
	l, err := beta.Listen("spx", ":5007")
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the host
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	for k := range ethernet.Kind(4) {
		if err := ipxTalk(alpha, beta, k); err != nil {
			t.Errorf("%v: %v", k, err)
		}
	}
}

func ipxTalk(alpha, beta *stacktest.Host, k ethernet.Kind) error {
	c, err := alpha.Dial("spx", ipxAddr(beta, k, 0x5007))
	if err != nil {
		return err
	}
	defer c.Close()
	sent := make([]byte, 50_000)
	for i := range sent {
		sent[i] = byte(i * int(k+3))
	}
	done := make(chan error, 1)
	go func() { // ends with the data
		_, err := c.Write(sent)
		done <- err
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
		return fmt.Errorf("the echo of a stream differs, %v", err)
	}
	if err := <-done; err != nil {
		return err
	}
	p, err := alpha.ListenPacket("ipx", "")
	if err != nil {
		return err
	}
	defer p.Close()
	to, _ := ipx.ParseAddr(ipxAddr(beta, k, 2))
	for i := range 50 { // echo requests, as datagrams
		if _, err := p.(*ipx.Conn).WriteTyped([]byte{byte(i)}, to, 2); err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.SetReadDeadline(time.Now().Add(time.Second))
	answers := 0
	for {
		if _, _, err := p.ReadFrom(got); err != nil {
			break
		}
		answers++
	}
	if answers < 30 || answers > 50 {
		return fmt.Errorf("%d answers to 50 echo requests", answers)
	}
	return nil
}

// TestIPXRepeats: the same seed gives the same capture, octet for octet.
func TestIPXRepeats(t *testing.T) {
	var first []byte
	for run := range 3 {
		var b []byte
		stacktest.Run(t, stacktest.Config{Seed: 3, Impair: "loss=5%,delay=5ms,jitter=2ms,reorder=2%,duplicate=1%"},
			func(t *testing.T, n *stacktest.Net) {
				ipxLab(t, n)
				b = n.Capture()
			})
		switch {
		case b == nil:
			t.FailNow()
		case run == 0:
			first = b
		case !bytes.Equal(first, b):
			x, y := keep(t, "first", first), keep(t, "other", b)
			t.Fatalf("run %d differs at octet %d of %d: compare %s and %s", run+1, differsAt(first, b), len(first), x, y)
		}
	}
	if frames := countFrames(t, first); frames < 1000 {
		t.Errorf("the lab's capture has only %d frames", frames)
	}
}

// ipxRow is three networks in a row, with two routers, a host at each end and one in the middle.
type ipxRow struct {
	r1, r2  *stacktest.Host
	a, b, c *stacktest.Host
}

func newIPXRow(n *stacktest.Net) (w ipxRow) {
	port := func(segment string, k ethernet.Kind, network ipx.Network) stacktest.PortConfig {
		return stacktest.PortConfig{Segment: segment, IPX: []stack.IPXConfig{{Frame: k, Network: network}}}
	}
	host := func(name, segment string, router bool, cs []stack.IPXConfig, more ...stacktest.PortConfig) *stacktest.Host {
		return n.AddHost(stacktest.HostConfig{
			Name: name, Segment: segment, IPX: cs, More: more, Stack: stack.Config{IPX: ipx.Config{Router: router}},
		})
	}
	one := func(k ethernet.Kind, network ipx.Network) []stack.IPXConfig {
		return []stack.IPXConfig{{Frame: k, Network: network}}
	}
	w.r1 = host("r1", "left", true, one(ethernet.KindRaw, 0xcafe), port("middle", ethernet.KindLLC, 0xbeef))
	w.r2 = host("r2", "middle", true, one(ethernet.KindLLC, 0xbeef), port("right", ethernet.KindII, 0xf00d))
	w.a = host("a", "left", false, one(ethernet.KindRaw, 0))
	w.b = host("b", "middle", false, one(ethernet.KindLLC, 0xbeef))
	w.c = host("c", "right", false, one(ethernet.KindII, 0xf00d))
	return w
}

// routes lists the networks that a host has routes to, with hops.
func ipxRoutes(h *stacktest.Host) (m map[ipx.Network]uint16) {
	m = map[ipx.Network]uint16{}
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		for _, r := range n.Routes() {
			m[r.Network] = r.Hops
		}
	})
	return m
}

// TestIPXRow: RIP converges, data flows over two routers, a broadcast of type 20 reaches each network once, and a cut
// is learned within the protocol's time.
func TestIPXRow(t *testing.T) {
	stacktest.Run(t, stacktest.Config{Impair: "delay=1ms"}, func(t *testing.T, n *stacktest.Net) {
		w := newIPXRow(n)
		time.Sleep(5 * time.Second) // triggered updates, not the minute's
		if m := ipxRoutes(w.r1); m[0xf00d] == 0 {
			t.Fatalf("routes of r1: %v", m)
		}
		if ports := w.a.IPXPorts(); len(ports) != 1 || ports[0].Network != 0xcafe {
			t.Errorf("the number that a learned: %+v", ports)
		}
		l, err := w.c.Listen("spx", ":5001")
		if err != nil {
			t.Fatal(err)
		}
		go func() { // ends with the connection
			if c, err := l.Accept(); err == nil {
				io.Copy(c, c)
				c.Close()
			}
		}()
		to := ipx.Addr{Net: 0xf00d, Node: ipx.NodeAddr(w.c.Link()), Socket: 0x5001}
		c, err := w.a.Dial("spx", to.String())
		if err != nil {
			t.Fatal(err)
		}
		text := []byte("over two routers")
		c.Write(text)
		got := make([]byte, len(text))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%q, %v", got, err)
		}
		c.Close()
		ipxPropagates(t, w)
		n.Partition([]string{"r1/eth1"}, []string{"r2", "b"})
		time.Sleep(5 * time.Minute) // four updates missed
		if m := ipxRoutes(w.r1); m[0xf00d] != 0 && m[0xf00d] < 16 {
			t.Errorf("routes of r1 after the cut: %v", m)
		}
		n.Heal()
		time.Sleep(2 * time.Minute)
		if m := ipxRoutes(w.a); m[0xf00d] != 3 && m[0xf00d] != 2 {
			t.Errorf("routes of a after the cut was mended: %v", m)
		}
	})
}

// ipxPropagates sends a broadcast of type 20 at one end.
func ipxPropagates(t *testing.T, w ipxRow) {
	t.Helper()
	var cs []*ipx.Conn
	for _, h := range []*stacktest.Host{w.b, w.c} {
		c, err := h.ListenPacket("ipx", ":0455")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		cs = append(cs, c.(*ipx.Conn))
	}
	from, err := w.a.ListenPacket("ipx", ":0455")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to := ipx.Addr{Node: ipx.NodeAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Socket: 0x0455}
	if _, err := from.(*ipx.Conn).WriteTyped(make([]byte, 82), to, 20); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	for i, c := range cs {
		c.SetReadDeadline(time.Now().Add(time.Second))
		heard := 0
		for {
			if _, _, err := c.ReadFrom(make([]byte, 600)); err != nil {
				break
			}
			heard++
		}
		if heard != 1 {
			t.Errorf("network %d heard it %d times", i+2, heard)
		}
	}
}
