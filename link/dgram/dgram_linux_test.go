package dgram

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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

// octets are those of a frame.
func octets(n int, c byte) []byte {
	b := bytes.Repeat([]byte{c}, n)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
	return b
}

func device(t testing.TB, c Config) *Device {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func bound(t testing.TB, path string) *Socket {
	t.Helper()
	s, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func udp(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDevice(t *testing.T) {
	t.Run("Unix", func(t *testing.T) {
		linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
			dir := t.TempDir()
			a, b := bound(t, filepath.Join(dir, "a")), bound(t, filepath.Join(dir, "b"))
			return device(t, Config{Conn: a, Remote: b.LocalAddr(), Depth: 8192}),
				device(t, Config{Conn: b, Remote: a.LocalAddr(), Depth: 8192})
		})
	})
	t.Run("UDP", func(t *testing.T) {
		linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
			a, b := udp(t), udp(t)
			for _, c := range []*net.UDPConn{a, b} { // linktest leaves more unread than a socket holds by default
				raw, err := c.SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				raw.Control(func(fd uintptr) {
					if syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soRcvBufForce, 16<<20) != nil {
						nstest.Skip(t, "may not enlarge the socket's buffer")
					}
				})
			}
			return device(t, Config{Conn: a, Remote: b.LocalAddr(), Depth: 8192, MTU: 9000}),
				device(t, Config{Conn: b, Remote: a.LocalAddr(), Depth: 8192, MTU: 9000})
		})
	})
}

// soRcvBufForce is SO_RCVBUFFORCE of Linux.
const soRcvBufForce = 33

// process is another process's socket.
func process(t *testing.T, dir, name string) *net.UnixConn {
	t.Helper()
	var a *net.UnixAddr
	if name != "" {
		a = &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unixgram"}
	}
	c, err := net.DialUnix("unixgram", a, &net.UnixAddr{Name: filepath.Join(dir, "port"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// next reads a frame and gives its last octet.
func next(t *testing.T, d *Device) byte {
	t.Helper()
	f := make([]link.Frame, 1)
	if n, err := d.ReadFrames(f); n != 1 || err != nil {
		t.Fatalf("ReadFrames = %d, %v", n, err)
	}
	b := f[0].AppendTo(nil)
	f[0].Release()
	return b[len(b)-1]
}

func write(d *Device, c byte) int { return d.WriteFrames([]link.Frame{link.NewFrame(octets(60, c))}) }

// TestPeer: the peer is who sent last.
func TestPeer(t *testing.T) {
	dir := t.TempDir()
	d := device(t, Config{Conn: bound(t, filepath.Join(dir, "port"))})
	if n := write(d, 1); n != 0 || d.Peer() != nil || d.Stats().TxDropped != 1 {
		t.Errorf("a frame to nobody: WriteFrames = %d, peer %v", n, d.Peer())
	}
	buf := make([]byte, 100)
	for i, name := range []string{"first", "second", "first"} {
		p := process(t, dir, name)
		p.Write(octets(60, byte(i)))
		if got := next(t, d); got != byte(i) {
			t.Errorf("%s: frame %d, want %d", name, got, i)
		}
		if n := write(d, 42); n != 1 {
			t.Errorf("%s: WriteFrames = %d", name, n)
		}
		if n, err := p.Read(buf); n != 60 || err != nil || buf[59] != 42 {
			t.Errorf("%s: read %d octets, %v", name, n, err)
		}
		p.Close()
		os.Remove(filepath.Join(dir, name))
	}
	if d.Moves() != 2 {
		t.Errorf("%d moves, want 2", d.Moves())
	}
	process(t, dir, "").Write(octets(60, 7)) // has no name
	if got := next(t, d); got != 7 || !strings.HasSuffix(d.Peer().String(), "first") {
		t.Errorf("from a socket without a name: %d, then the peer is %v", got, d.Peer())
	}
	write(d, 1) // finds out that the first is gone
	for end := time.Now().Add(patience); d.Peer() != nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if d.Peer() != nil || d.Stats().TxDropped != 2 {
		t.Errorf("the peer is still %v, counted %+v", d.Peer(), d.Stats())
	}
}

func TestStrangers(t *testing.T) {
	a, b, stranger := udp(t), udp(t), udp(t)
	defer b.Close()
	defer stranger.Close()
	d := device(t, Config{Conn: a, Remote: b.LocalAddr(), MTU: 100})
	stranger.WriteTo(octets(60, 1), a.LocalAddr())
	for _, bad := range [][]byte{{}, octets(60, 1)[:13], octets(115, 1), octets(400, 1)} {
		b.WriteTo(bad, a.LocalAddr())
	}
	b.WriteTo(octets(114, 2), a.LocalAddr())
	if got := next(t, d); got != 2 || d.Strangers() != 1 || d.Stats().RxDropped != 5 {
		t.Errorf("frame %d, %d strangers, counted %+v; want 2, 1, 5 drops", got, d.Strangers(), d.Stats())
	}
}

// TestStalledPeer: a process that does not read stalls nobody, and gets all that found room when it does.
func TestStalledPeer(t *testing.T) {
	dir := t.TempDir()
	d := device(t, Config{Conn: bound(t, filepath.Join(dir, "port")), Depth: 20})
	p := process(t, dir, "p")
	p.Write(octets(60, 1))
	next(t, d)
	total := 0
	for total < 10_000 && d.Stats().TxDropped == 0 {
		total += write(d, 2)
	}
	if total == 10_000 {
		t.Fatal("nothing was dropped")
	}
	buf := make([]byte, 100)
	for i := range total {
		if n, err := p.Read(buf); n != 60 || err != nil {
			t.Fatalf("frame %d of %d: %d octets, %v", i, total, n, err)
		}
	}
}

func TestSocketFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "port")
	s := bound(t, path)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v, %v, want a socket with 0600", info.Mode(), err)
	}
	if _, err := ListenUnix(path); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second time: %v, want that it is in use", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}

	stale := bound(t, path)
	stale.UnixConn.Close() // as when a process ends
	again := bound(t, path)
	if err := stale.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close of the stale one: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("it removed its successor's file: %v", err)
	}
	again.Close()

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("on a file: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file is %q, %v", b, err)
	}
	os.Remove(path)
	stream, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), "not a datagram socket") {
		t.Errorf("on a stream socket: %v", err)
	}
	for _, bad := range []string{"", strings.Repeat("x", 108), filepath.Join(dir, "none", "s")} {
		if _, err := ListenUnix(bad); err == nil {
			t.Errorf("ListenUnix(%q) succeeded", bad)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	c := udp(t)
	defer c.Close()
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"no socket", Config{}, "Conn is nil"},
		{"no peer", Config{Conn: c}, "name the peer"},
		{"MTU", Config{Conn: c, Remote: c.LocalAddr(), MTU: 67}, "68 to"},
		{"group address", Config{Conn: c, Remote: c.LocalAddr(), Addr: ethernet.Broadcast}, "group address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

// client is the one of the package's comment, which sends what it reads back with the last octet changed.
const client = `import os, socket, sys
me = os.path.abspath(sys.argv[3]) if sys.argv[3] else ""
if os.path.exists(me):
    os.unlink(me)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(me)
s.connect(sys.argv[1])
s.send(bytes.fromhex(sys.argv[2]))
frame = s.recv(65536)
s.send(frame[:-1] + b"\x2a")
`

// startClient runs the client, bound to that path, or to an abstract name if it is empty. A command is put in front of it.
func startClient(t *testing.T, d *Device, port, me string, front ...string) *bytes.Buffer {
	t.Helper()
	args := append(front, nstest.Tool(t, "python3"), "-c", client, port, "020000000002020000000001"+"88b5"+strings.Repeat("07", 46), me)
	cmd := exec.Command(args[0], args[1:]...)
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(patience, func() { cmd.Process.Kill(); d.Close() })
	t.Cleanup(func() {
		guard.Stop()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return out
}

// TestPython has the client here, where its path is left over from the last time, and in another network namespace.
func TestPython(t *testing.T) {
	dir := t.TempDir()
	path, me := filepath.Join(dir, "port"), filepath.Join(dir, "client.sock")
	d := device(t, Config{Conn: bound(t, path)})
	answer := func(front ...string) {
		out := startClient(t, d, path, me, front...)
		converse(t, d, out)
	}
	answer()
	answer(otherNamespace(t)...)
}

// otherNamespace is the front of a command that is to run in a network namespace of its own.
func otherNamespace(t *testing.T) []string {
	nstest.Require(t)
	return []string{nstest.Tool(t, "unshare"), "-n"}
}

// TestUnreachableName has a client in another network namespace with a name that means nothing here: what goes to it is
// counted as dropped.
func TestUnreachableName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "port")
	d := device(t, Config{Conn: bound(t, path)})
	out := startClient(t, d, path, "", otherNamespace(t)...)
	if got := next(t, d); got != 7 {
		t.Errorf("the first frame ends with %d, want 7\n%s", got, out)
	}
	write(d, 3)
	for end := time.Now().Add(patience); d.Stats().TxDropped == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if d.Peer() != nil || d.Stats().TxDropped != 1 {
		t.Errorf("the peer is %v, counted %+v, want none and one drop", d.Peer(), d.Stats())
	}
}

// converse takes part in what the client does.
func converse(t *testing.T, d *Device, out *bytes.Buffer) {
	t.Helper()
	if got := next(t, d); got != 7 {
		t.Errorf("the first frame ends with %d, want 7\n%s", got, out)
	}
	if n := write(d, 3); n != 1 {
		t.Errorf("WriteFrames = %d", n)
	}
	if got := next(t, d); got != 42 {
		t.Errorf("the frame that came back ends with %d, want 42\n%s", got, out)
	}
}

func FuzzDatagram(f *testing.F) {
	f.Add(octets(60, 1), "a")
	f.Add(octets(14, 1), "")
	f.Add([]byte{1}, "b")
	f.Fuzz(func(t *testing.T, b []byte, from string) {
		d := &Device{info: link.Info{MTU: 1500}}
		ok := d.accepts(b, sender{path: from})
		if ok && (len(b) < ethernet.HeaderLen || len(b) > 1518) {
			t.Errorf("a frame of %d octets", len(b))
		}
		if (d.peer != nil) != (ok && from != "") {
			t.Errorf("after a frame from %q (%v) the peer is %v", from, ok, d.peer)
		}
	})
}

func BenchmarkUnix(b *testing.B) {
	dir := b.TempDir()
	x, y := bound(b, filepath.Join(dir, "x")), bound(b, filepath.Join(dir, "y"))
	linktest.Stream(b, device(b, Config{Conn: x, Remote: y.LocalAddr()}), device(b, Config{Conn: y, Remote: x.LocalAddr()}), octets(1514, 1))
}
