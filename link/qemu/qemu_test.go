package qemu

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// patience is how long something that must come may take.
const patience = 10 * time.Second

func listen(t testing.TB, network string) net.Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dialer(l net.Listener) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, l.Addr().Network(), l.Addr().String())
	}
}

// must fails the test on an error of a constructor.
func must(t testing.TB) func(*Device, error) *Device {
	return func(d *Device, err error) *Device {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
}

// awaits waits for carrier, or for none.
func awaits(t testing.TB, d *Device, up bool) {
	t.Helper()
	for end := time.After(patience); ; {
		i := d.Info()
		if i.Up == up {
			return
		}
		select {
		case <-i.Changed:
		case <-end:
			t.Fatalf("carrier is %v for %v", i.Up, patience)
		}
	}
}

// joined are a server and a client.
func joined(t testing.TB, network string, c Config) (server, client *Device) {
	t.Helper()
	l := listen(t, network)
	server = must(t)(Listen(l, c))
	client = must(t)(Dial(dialer(l), c))
	awaits(t, client, true)
	awaits(t, server, true)
	return server, client
}

func TestDevice(t *testing.T) {
	for _, tt := range []struct {
		name, network string
		config        Config
	}{
		{"TCP", "tcp", Config{Depth: 8192}},
		{"Unix", "unix", Config{Depth: 8192}},
		{"jumbo", "tcp", Config{Depth: 8192, MTU: 9000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				return joined(t, tt.network, tt.config)
			})
		})
	}
	t.Run("one connection", func(t *testing.T) {
		linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
			a, b := net.Pipe()
			return must(t)(New(a, Config{Depth: 8192})), must(t)(New(b, Config{Depth: 8192}))
		})
	})
}

// reader reads one frame after the other; connections end at whoever reads.
func reader(t *testing.T, d *Device) <-chan byte {
	t.Helper()
	got := make(chan byte, 10)
	go func() {
		defer close(got)
		f := make([]link.Frame, 1)
		for {
			if _, err := d.ReadFrames(f); err != nil {
				return
			}
			b := f[0].AppendTo(nil)
			f[0].Release()
			got <- b[len(b)-1]
		}
	}()
	return got
}

// TestReconnect: connections are cut, in the midst of a frame; both ends go on with the next one.
func TestReconnect(t *testing.T) {
	l := listen(t, "tcp")
	server := must(t)(Listen(l, Config{}))
	conns := make(chan net.Conn, 10)
	client := must(t)(Dial(func(ctx context.Context) (net.Conn, error) {
		c, err := dialer(l)(ctx)
		if err == nil {
			conns <- c
		}
		return c, err
	}, Config{Retry: time.Millisecond}))
	atServer, atClient := reader(t, server), reader(t, client)
	for i := range byte(5) {
		c := <-conns
		awaits(t, client, true)
		awaits(t, server, true)
		client.WriteFrames([]link.Frame{link.NewFrame(octets(60, i))})
		server.WriteFrames([]link.Frame{link.NewFrame(octets(60, i))})
		if a, b := <-atServer, <-atClient; a != i || b != i {
			t.Fatalf("connection %d: frames %d and %d arrived", i, a, b)
		}
		before := client.Info().Changed
		c.Write([]byte{0, 0, 0, 60, 1, 2, 3})
		c.(*net.TCPConn).CloseWrite() // the server sees the end, and the client the server's
		select {
		case <-before:
		case <-time.After(patience):
			t.Fatal("the client does not see the end of the connection")
		}
	}
	client.Close()
	server.Close()
	for range atServer {
		t.Error("a frame that was never whole arrived")
	}
	for range atClient {
		t.Error("a frame that was never sent arrived")
	}
}

// TestServerGone: a client dials in vain until the server is there again.
func TestServerGone(t *testing.T) {
	dials := make(chan chan net.Conn)
	client := must(t)(Dial(func(ctx context.Context) (net.Conn, error) {
		answer := make(chan net.Conn, 1)
		select {
		case dials <- answer:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if c := <-answer; c != nil {
			return c, nil
		}
		return nil, errors.New("refused")
	}, Config{Retry: time.Microsecond, MaxRetry: time.Millisecond}))
	if client.Info().Up {
		t.Error("carrier without a connection")
	}
	if n := client.WriteFrames([]link.Frame{link.NewFrame(octets(60, 1))}); n != 0 || client.Stats().TxDropped != 1 {
		t.Errorf("WriteFrames without carrier = %d", n)
	}
	for range 5 {
		answer := <-dials
		answer <- nil
	}
	near, far := net.Pipe()
	defer far.Close()
	answer := <-dials
	answer <- near
	awaits(t, client, true)
}

func TestLosesItsPeer(t *testing.T) {
	near, far := net.Pipe()
	d := must(t)(New(near, Config{Name: "vm7"}))
	far.Close()
	f := make([]link.Frame, 1)
	_, err := d.ReadFrames(f)
	if err == nil || errors.Is(err, net.ErrClosed) || !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "vm7 has no peer") {
		t.Errorf("ReadFrames = %v, want that vm7 has no peer any more", err)
	}
	if i := d.Info(); i.Up || i.Changed != nil {
		t.Errorf("Info = %+v", i)
	}
	d.Close()
	if _, err := d.ReadFrames(f); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestStalledPeer: a VM that does not read stalls nobody.
func TestStalledPeer(t *testing.T) {
	near, far := net.Pipe() // nothing is buffered
	defer far.Close()
	d := must(t)(New(near, Config{Depth: 4}))
	total := 0
	for range 1000 {
		total += d.WriteFrames([]link.Frame{link.NewFrame(octets(1514, 1))})
	}
	// 4 in the queue, one in the write, and 64 KiB gathered for it
	if total < 4 || total > 5+1+(64<<10)/1518 || d.Stats().TxDropped != uint64(1000-total) {
		t.Errorf("%d of 1000 frames were taken, counted %+v; want 4 to 49", total, d.Stats())
	}
}

// TestForeignPeer: what does not speak the framing is disconnected, and the next may come.
func TestForeignPeer(t *testing.T) {
	l := listen(t, "tcp")
	d := must(t)(Listen(l, Config{}))
	got := reader(t, d)
	c := connect(t, l, []byte("GET / HTTP/1.0\r\n\r\n"))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open: %v", err)
	}
	connect(t, l, framed(nil, 60, octets(60, 7)))
	if b := <-got; b != 7 {
		t.Errorf("then a frame with %d, want 7", b)
	}
}

// TestStrangeFrames: what is no frame is skipped.
func TestStrangeFrames(t *testing.T) {
	l := listen(t, "tcp")
	d := must(t)(Listen(l, Config{}))
	got := reader(t, d)
	connect(t, l, framed(framed(framed(nil, 9000, octets(9000, 1)), 3, []byte{1, 2, 3}), 60, octets(60, 7)))
	if b := <-got; b != 7 || d.Stats().RxDropped != 2 {
		t.Errorf("a frame with %d, counted %+v, want 7 and two drops", b, d.Stats())
	}
}

// connect connects as a VM would and sends b.
func connect(t *testing.T, l net.Listener, b []byte) net.Conn {
	t.Helper()
	c, err := dialer(l)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	c.Write(b)
	return c
}

func TestConfigErrors(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	for _, c := range []Config{{MTU: 67}, {MTU: 65536}, {Addr: ethernet.Broadcast}} {
		if d, err := New(a, c); err == nil {
			d.Close()
			t.Errorf("New(%+v) succeeded", c)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	a, b := joined(t, "unix", Config{})
	linktest.NoAllocation(t, a, b, octets(1400, 1))
}

func BenchmarkUnix(b *testing.B) {
	x, y := joined(b, "unix", Config{})
	linktest.Stream(b, x, y, octets(1514, 1))
}
