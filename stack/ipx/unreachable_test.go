package ipx

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tapestry/internal/ipxwire"
)

// bouncer is a socket that keeps what had no route.
type bouncer struct {
	lost []Addr
	then func()
}

func (*bouncer) Receive(time.Time, PortID, ipxwire.Header) {}

func (b *bouncer) Unreachable(_ time.Time, h ipxwire.Header) {
	b.lost = append(b.lost, h.Destination())
	if b.then != nil {
		b.then()
	}
}

// TestUnreachable: who sent what had no route in the end is told, packet by packet, and may send again at once.
func TestUnreachable(t *testing.T) {
	r := newRig(t, Config{})
	b := &bouncer{}
	sock, err := r.Bind(0, b)
	if err != nil {
		t.Fatal(err)
	}
	to := addr(food, 5, 1)
	send := func() {
		if err := r.Send(r.now, Fields{Destination: to, Source: Addr{Socket: sock}}, []byte("lost")); err != nil {
			t.Error(err)
		}
	}
	b.then = func() {
		if b.then = nil; len(b.lost) == 1 {
			send()
		}
	}
	send()
	send()
	if err := r.Send(r.now, Fields{Destination: to, Source: Addr{Socket: 1}}, nil); err != nil { // of nobody who wants to know
		t.Fatal(err)
	}
	r.wait(pendingTries*pendingEvery - time.Millisecond)
	if len(b.lost) != 0 {
		t.Fatal("told before RIP's last question had its time")
	}
	r.wait(time.Millisecond)
	if len(b.lost) != 2 || b.lost[0] != to || b.lost[1] != to || len(r.pending.nets) != 1 {
		t.Fatalf("lost %v, %d networks are asked for", b.lost, len(r.pending.nets))
	}
	r.wait(pendingTries * pendingEvery)
	if len(b.lost) != 3 || len(r.pending.nets) != 0 {
		t.Errorf("lost %v in the end", b.lost)
	}
}

// TestUnreachableNeedsNumbers: a wire without a number may be any network.
func TestUnreachableNeedsNumbers(t *testing.T) {
	r := newRig(t, Config{})
	if _, err := r.AddPort(r.now, PortConfig{Name: "eth9", Node: node(9)}); err != nil {
		t.Fatal(err)
	}
	b := &bouncer{}
	sock, _ := r.Bind(0, b)
	if err := r.Send(r.now, Fields{Destination: addr(food, 5, 1), Source: Addr{Socket: sock}}, nil); err != nil {
		t.Fatal(err)
	}
	r.wait(pendingTries * pendingEvery)
	if len(b.lost) != 0 || len(r.pending.nets) != 0 {
		t.Errorf("lost %v, %d networks are asked for", b.lost, len(r.pending.nets))
	}
}

// TestPingUnreachable: a ping fails when RIP's last question was in vain, or when its time is over while RIP asks.
func TestPingUnreachable(t *testing.T) {
	for _, c := range []struct {
		name             string
		timeout, context time.Duration
		to               Addr
		want             error
		after            time.Duration
	}{
		{"no router knows", time.Minute, time.Minute, addr(food, 5, 0), syscall.ENETUNREACH, pendingTries * pendingEvery},
		{"a short time-out", time.Second - 1, time.Minute, addr(food, 5, 0), syscall.ENETUNREACH, time.Second - 1},
		{"a short context", time.Minute, time.Second - 1, addr(food, 5, 0), syscall.ENETUNREACH, time.Second - 1},
		{"one question", pendingEvery - 1, time.Minute, addr(food, 5, 0), os.ErrDeadlineExceeded, pendingEvery - 1},
		{"nobody there", 3 * time.Second, time.Minute, addr(cafe, 5, 0), os.ErrDeadlineExceeded, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, 1)
				defer e.Close()
				ctx, cancel := context.WithTimeout(t.Context(), c.context)
				defer cancel()
				start := time.Now()
				_, err := e.Ping(ctx, c.to, PingOptions{Timeout: c.timeout})
				var op *net.OpError
				if !errors.As(err, &op) || !errors.Is(err, c.want) || time.Since(start) != c.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.want, c.after)
				}
			})
		})
	}
}

// TestErrorText: each error names what was done, to whom, and the call that the kernel's socket would have failed in.
func TestErrorText(t *testing.T) {
	e := newEnd(t, 1)
	defer e.Close()
	c := listen(t, e.Stack, 0x5000)
	e.Do(func(now time.Time, n *Node) { n.SetPortUp(now, 0, false) })
	_, ping := e.Ping(t.Context(), addr(cafe, 2, 0), PingOptions{})
	_, lost := e.Ping(t.Context(), addr(food, 2, 0), PingOptions{})
	_, write := c.WriteToAddr(nil, addr(cafe, 2, 1))
	_, dial := e.Dial(Addr{}, Addr{Net: cafe, Socket: 1})
	_, bind := e.ListenPacket(Addr{Socket: 0x5000}, ipxwire.TypePEP)
	for _, x := range []struct {
		err  error
		want string
	}{
		{ping, "ping ipx 0000cafe:020000000002:0000: sendto: network is down"},
		{lost, "ping ipx 0000f00d:020000000002:0000: sendto: network is unreachable"},
		{write, "write ipx 00000000:000000000000:5000->0000cafe:020000000002:0001: sendto: network is down"},
		{dial, "dial ipx 0000cafe:000000000000:0001: connect: destination address required"},
		{bind, "listen ipx 00000000:000000000000:5000: bind: address already in use"},
	} {
		if x.err == nil || x.err.Error() != x.want {
			t.Errorf("got  %v\nwant %s", x.err, x.want)
		}
	}
}

// TestConnUnreachable: a socket that was dialled fails once, in Read or in Write; one that was not hears nothing.
func TestConnUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, 1)
		defer e.Close()
		to, buf := addr(food, 5, 0x4321), make([]byte, 10)
		c, err := e.Dial(Addr{}, to)
		if err != nil {
			t.Fatal(err)
		}
		loose := listen(t, e.Stack, 0)
		write := func() {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Error(err)
			}
		}
		start := time.Now()
		write()
		if _, err := c.Read(buf); !errors.Is(err, syscall.ENETUNREACH) || time.Since(start) != pendingTries*pendingEvery {
			t.Errorf("read: %v after %v", err, time.Since(start))
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the second read: %v", err)
		}
		write()
		if _, err := loose.WriteToAddr([]byte("x"), to); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // of the bubble's
		if _, err := c.Write(buf); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("write: %v", err)
		}
		write()
		if _, err := loose.WriteToAddr([]byte("x"), to); err != nil {
			t.Errorf("not dialled: %v", err)
		}
	})
}
