package spx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

func TestConn(t *testing.T) {
	tests := []struct {
		name      string
		maxPacket int
		configs   [2]Config
	}{
		{"SPX II", 1500, [2]Config{}},
		{"SPX II of a long packet", 9000, [2]Config{}},
		{"SPX", 1500, [2]Config{{NoSPX2: true}, {NoSPX2: true}}},
		{"SPX II calls SPX", 1500, [2]Config{{}, {NoSPX2: true}}},
		{"SPX calls SPX II", 1500, [2]Config{{NoSPX2: true}, {}}},
		{"a window of one", 576, [2]Config{{Window: 1, SendQueue: 1}, {Window: 1, SendQueue: 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				r := newRigs(t, tt.maxPacket, tt.configs[:]...)
				a, b := r.pair(t)
				return a, b, func() { _, _ = a.Close(), b.Close(); r.stop() }, nil
			})
		})
	}
}

func TestEcho(t *testing.T) {
	r := newRig(t, 1500, Config{})
	a, b := r.pair(t)
	t.Log(a.Info(), a.LocalAddr(), b.LocalAddr())
	if _, err := a.Write([]byte("HELLO")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, m, err := b.ReadMessage(buf)
	if err != nil || string(buf[:n]) != "HELLO" || !m.EOM {
		t.Fatalf("got %q %+v, %v", buf[:n], m, err)
	}
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(buf); err != io.EOF {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("bye")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(a)
	if err != nil || string(all) != "bye" {
		t.Fatalf("got %q, %v", all, err)
	}
}

// soon is a context for what is to happen at once.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wantErr holds that an error is a *net.OpError around another.
func wantErr(t *testing.T, what string, err, want error, timeout bool) {
	t.Helper()
	var op *net.OpError
	if !errors.As(err, &op) || !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v in a *net.OpError", what, err, want)
		return
	}
	if op.Net != "spx" || op.Timeout() != timeout {
		t.Errorf("%s: network %s, time-out %v", what, op.Net, op.Timeout())
	}
	_ = op.Error()
}

// quick are times for a test that waits for them.
var quick = Config{
	FirstTimeout: 2 * time.Millisecond, MinTimeout: time.Millisecond, MaxTimeout: 4 * time.Millisecond, Retries: 3,
}

func TestDialErrors(t *testing.T) {
	r := newRig(t, 1500, quick)
	everybody := ipxwire.Addr{Net: testNet, Node: ipxwire.Broadcast, Socket: 0x5001}
	nobody := ipxwire.Addr{Net: testNet, Node: testNodes[1], Socket: 0x5001}
	_, err := r.spx[0].Dial(soon(t), everybody)
	wantErr(t, "a broadcast address", err, syscall.EINVAL, false)
	_, err = r.spx[0].Dial(soon(t), ipxwire.Addr{Net: testNet, Node: testNodes[1]})
	wantErr(t, "no socket", err, syscall.EADDRNOTAVAIL, false)
	_, err = r.spx[0].Dial(soon(t), ipxwire.Addr{Net: testNet, Socket: 0x5001})
	wantErr(t, "no node", err, syscall.EDESTADDRREQ, false)
	_, err = r.spx[0].Dial(soon(t), nobody)
	wantErr(t, "nobody listens", err, syscall.ETIMEDOUT, true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = r.spx[0].Dial(ctx, nobody)
	wantErr(t, "a cancelled context", err, context.Canceled, false)
	slow := newRig(t, 1500, Config{})
	ctx, cancel = context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = slow.spx[0].Dial(ctx, nobody)
	wantErr(t, "a deadline", err, os.ErrDeadlineExceeded, true)
	for _, x := range []*rig{r, slow} {
		if c := x.spx[0].Conns(); len(c) != 0 {
			t.Errorf("left: %+v", c)
		}
	}
}

// TestDialNoPort: nothing can be sent at all.
func TestDialNoPort(t *testing.T) {
	r := newRig(t, 1500, quick)
	r.stacks[0].Do(func(now time.Time, n *ipx.Node) { n.SetPortUp(now, 0, false) })
	_, err := r.spx[0].Dial(soon(t), ipxwire.Addr{Net: testNet, Node: testNodes[1], Socket: 0x5001})
	if err == nil {
		t.Fatal("dialled through a port that is down")
	}
	t.Log(err)
}

func TestListener(t *testing.T) {
	r := newRig(t, 1500, Config{})
	l, err := r.spx[1].Listen(0x5001)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.spx[1].Listen(0x5001)
	wantErr(t, "a socket that has a listener", err, syscall.EADDRINUSE, false)
	if got := l.Addr(); got.Network() != "spx" || got.String() != "00000000:000000000000:5001" {
		t.Errorf("address %v %v", got.Network(), got)
	}
	if err := l.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = l.Accept()
	wantErr(t, "a deadline", err, os.ErrDeadlineExceeded, true)
	if err := l.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() {
		_, err := l.Accept()
		waiting <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Accept while Close", <-waiting, net.ErrClosed, false)
	wantErr(t, "a second Close", l.Close(), net.ErrClosed, false)
	if _, err = r.spx[1].Listen(0x5001); err != nil {
		t.Errorf("the socket is not free again: %v", err)
	}
}

// TestManyConns has many connections share a listener's socket at once.
func TestManyConns(t *testing.T) {
	const n = 50
	r := newRig(t, 1500, Config{})
	l, err := r.spx[1].Listen(0x5001)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c, err := r.dial(l)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			want := bytes.Repeat([]byte{byte(i)}, 10000)
			if _, err := c.Write(want); err != nil {
				t.Error(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d octets came back, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	if got := len(r.spx[0].Conns()); got > n {
		t.Errorf("%d connections of %d", got, n)
	}
}

func TestMessages(t *testing.T) {
	for _, c := range []Config{{}, {NoSPX2: true}} {
		r := newRig(t, 1500, c)
		a, b := r.pair(t)
		sent := []struct {
			text string
			m    MessageInfo
		}{
			{"HELLO", MessageInfo{Type: 7, EOM: true}},
			{"", MessageInfo{EOM: true, Attention: true}},
			{"begun, ", MessageInfo{Type: 1}},
			{"and ended", MessageInfo{Type: 1, EOM: true}},
			{strings.Repeat("long ", 2000), MessageInfo{Type: 0xfb, EOM: true}},
		}
		go func() {
			for _, s := range sent {
				if _, err := a.WriteMessage([]byte(s.text), s.m); err != nil {
					t.Error(err)
				}
			}
		}()
		for _, want := range []int{0, 1, 3, 4} {
			text, m := readWhole(t, b)
			wantText := sent[want].text
			if want == 3 {
				wantText = sent[2].text + wantText
			}
			if text != wantText || m != sent[want].m {
				t.Errorf("got %d octets %+v, want %d %+v", len(text), m, len(wantText), sent[want].m)
			}
		}
		_, err := a.WriteMessage(nil, MessageInfo{Type: StreamEnd})
		wantErr(t, "a reserved type", err, syscall.EINVAL, false)
		if n, err := a.WriteMessage(nil, MessageInfo{Type: StreamRelease, EOM: true}); (err == nil) != c.NoSPX2 {
			t.Errorf("type fd: %d, %v", n, err)
		}
		if err := a.CloseWrite(); (err == nil) == c.NoSPX2 {
			t.Errorf("CloseWrite: %v", err)
		}
	}
}

// readWhole reads until the end of a message.
func readWhole(t *testing.T, c *Conn) (string, MessageInfo) {
	t.Helper()
	var all strings.Builder
	b := make([]byte, 700)
	for {
		n, m, err := c.ReadMessage(b)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b[:n])
		if m.EOM {
			return all.String(), m
		}
	}
}

// TestCloseDelivers: everything written before Close arrives, although the reader is slow.
func TestCloseDelivers(t *testing.T) {
	r := newRig(t, 1500, Config{Window: 4})
	a, b := r.pair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	go func() {
		_, _ = a.Write(want)
		_ = a.Close()
	}()
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d octets arrived, %v", len(got), err)
	}
	_, err = b.Write([]byte("x"))
	wantErr(t, "writing to who closed", err, syscall.EPIPE, false)
	_, err = a.Read(nil)
	wantErr(t, "reading what is closed", err, net.ErrClosed, false)
	wantErr(t, "closing it again", a.Close(), net.ErrClosed, false)
	wantErr(t, "a deadline of what is closed", a.SetDeadline(time.Now()), net.ErrClosed, false)
}

// TestTransportClose ends everything, wakes who waits, and leaves nothing.
func TestTransportClose(t *testing.T) {
	r := newRig(t, 1500, Config{})
	a, b := r.pair(t)
	l, err := r.spx[0].Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
	go func() { _, err := l.Accept(); errs <- err }()
	if err := r.spx[0].Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		wantErr(t, "waiting", <-errs, net.ErrClosed, false)
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other end: %v", err)
	}
	_, err = r.spx[0].Dial(soon(t), r.addr(1, l))
	wantErr(t, "Dial", err, net.ErrClosed, false)
	_, err = r.spx[0].Listen(0)
	wantErr(t, "Listen", err, net.ErrClosed, false)
	if c := r.spx[0].Conns(); len(c) != 0 {
		t.Errorf("left: %+v", c)
	}
	r.stacks[0].Do(func(_ time.Time, n *ipx.Node) {
		for _, s := range n.Sockets() {
			if s.Owner == "spx" {
				t.Errorf("left: %+v", s)
			}
		}
	})
}

// TestSelf connects a stack to itself.
func TestSelf(t *testing.T) {
	r := newRig(t, 1500, Config{})
	l, err := r.spx[0].Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.spx[0].Dial(soon(t), r.addr(0, l))
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("to myself "), 100_000)
	go func() {
		_, _ = a.Write(want)
		_ = a.Close()
	}()
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d octets arrived, %v", len(got), err)
	}
}

// TestNoAllocation holds that data there and back allocates nothing.
func TestNoAllocation(t *testing.T) {
	if isRace {
		t.Skip("the race detector allocates")
	}
	r := newRig(t, 1500, Config{})
	a, b := r.pair(t)
	go func() { _, _ = io.CopyBuffer(struct{ io.Writer }{b}, struct{ io.Reader }{b}, make([]byte, 4096)) }()
	data, back := make([]byte, 64<<10), make([]byte, 64<<10)
	trip := func() {
		if _, err := a.Write(data); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(a, back); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		trip()
	}
	if n := testing.AllocsPerRun(200, trip); n > 2 { // the cable's own memory may go with a garbage collection
		t.Errorf("%v allocations for %d packets", n, 2*len(data)/1456)
	}
}
