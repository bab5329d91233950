package stacktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tapestry/link/segment"
	"tapestry/stack"
	"tapestry/stack/stacktest"
)

// hears reports whether a ping crosses within a second.
func hears(from, to *stacktest.Host) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := from.Ping(ctx, to.Addr4(), stack.PingOptions{})
	return err == nil
}

func TestPartition(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		a, b, c := n.Host("a"), n.Host("b"), n.Host("c")
		check := func(when string, ab, ac, bc bool) {
			t.Helper()
			for _, x := range []struct {
				from, to *stacktest.Host
				want     bool
			}{{a, b, ab}, {b, a, ab}, {a, c, ac}, {c, a, ac}, {b, c, bc}, {c, b, bc}} {
				if got := hears(x.from, x.to); got != x.want {
					t.Errorf("%s: %s hears %s: %v, want %v", when, x.to.Name(), x.from.Name(), got, x.want)
				}
			}
		}
		check("at first", true, true, true)
		n.Partition([]string{"a"}, []string{"b"})
		check("a apart from b", false, true, true)
		n.Partition([]string{"a", "b"}, []string{"c"})
		check("c apart", true, false, false)
		n.Partition([]string{"A"}, []string{"B"})
		check("a apart from b, by names in capitals", false, true, true)
		n.Heal()
		check("healed", true, true, true)
		n.Cut(b)
		check("b cut", false, true, false)
		n.Uncut(b)
		check("b back", true, true, true)
	})
}

// TestKill: a host that vanishes sends nothing, its own sockets fail, and the peer finds out by its retransmissions.
func TestKill(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		alpha, beta := n.Host("alpha"), n.Host("beta")
		serveEcho(t, beta)
		c, err := alpha.Dial("tcp", "beta:7")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		own, err := beta.Dial("tcp", "alpha:9")
		if err == nil {
			own.Close()
			t.Fatal("nobody listens there")
		}
		n.Kill(beta)
		if _, err := beta.Dial("tcp", "alpha:9"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a dead host dials: %v", err)
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := c.Read(make([]byte, 1)); !isTimeout(err) {
			t.Errorf("the peer of a dead host read %v", err)
		}
		n.Restart(beta)
		if !hears(alpha, beta) {
			t.Error("nobody is there after a restart")
		}
		c.SetReadDeadline(time.Time{})
		c.Write([]byte("x"))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) || err == io.EOF {
			t.Errorf("the restarted host did not reset a connection that it does not know: %v", err)
		}
	})
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// TestImpair: what a wire does can be changed while it runs, and takes the time it says.
func TestImpair(t *testing.T) {
	stacktest.Run(t, stacktest.Config{Impair: "delay=5ms"}, func(t *testing.T, n *stacktest.Net) {
		a, b := n.Host("a"), n.Host("b")
		hears(a, b) // resolves the address
		for _, x := range []struct {
			name, impair string
			want         time.Duration
		}{
			{"as configured", "", 10 * time.Millisecond},
			{"both ways", "delay=20ms", 45 * time.Millisecond},
		} {
			if x.impair != "" {
				n.Impair(a, x.impair)
			}
			r, err := a.Ping(context.Background(), b.Addr4(), stack.PingOptions{})
			if err != nil || r.RTT.Round(time.Microsecond) != x.want {
				t.Errorf("%s: %v, %v, want %v", x.name, r.RTT, err, x.want)
			}
		}
		n.Impair(a, "loss=100%")
		if hears(a, b) {
			t.Error("a frame came through a wire that loses all")
		}
	})
}

// TestSegments: hosts behind two switches and a cable hear each other until it is cut.
func TestSegments(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		west, east := n.Segment("west"), n.AddSegment(segment.Config{Name: "east", Kind: segment.Hub})
		cable, _ := n.Connect(west, east)
		a := n.AddHost(stacktest.HostConfig{Name: "a", Segment: "west"})
		b := n.AddHost(stacktest.HostConfig{Name: "b", Segment: "east"})
		if !hears(a, b) {
			t.Error("the cable carries nothing")
		}
		cable.Shut()
		if hears(a, b) {
			t.Error("the cable carries on after it was shut")
		}
	})
}

// TestMany: more hosts than IPv4's /24 has addresses.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: each of 260 hosts tells all others that it is there")
	}
	stacktest.Run(t, stacktest.Config{NoCapture: true}, func(t *testing.T, n *stacktest.Net) {
		first := n.Host("first")
		for i := range 259 {
			n.Host(fmt.Sprintf("h%d", i))
		}
		last := n.Hosts()[259]
		if last.Addr4().IsValid() || !last.Addr6().IsValid() {
			t.Fatalf("the 260th host has %v and %v", last.Addr4(), last.Addr6())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := first.Ping(ctx, last.Addr6(), stack.PingOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// TestTraceTellsLoss: who reads a trace sees which frames did not get far.
func TestTraceTellsLoss(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		a, b := n.Host("a"), n.Host("b")
		for _, c := range []struct {
			name, want string
			do         func()
		}{
			{"perfect", " a out\n", func() {}},
			{"loss", " a out, lost: loss\n", func() { a.SetTx("loss=100%") }},
			{"mtu", " a out, lost: mtu\n", func() { a.SetTx("mtu=68") }},
			{"cut", " a out, lost: the plug is out\n", func() { n.Cut(a) }},
		} {
			c.do()
			p, err := a.Dial("udp", b.Addr4().String()+":9")
			if err != nil {
				t.Fatal(err)
			}
			p.Write(make([]byte, 100))
			p.Close()
			if got := n.Trace(6); !strings.Contains(got, c.want) || c.name == "perfect" && strings.Contains(got, "lost") {
				t.Errorf("%s: no %q in\n%s", c.name, c.want, got)
			}
		}
	})
}
