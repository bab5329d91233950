package pcap

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"go.uber.org/goleak"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/linktest"
	"tapestry/link/pipe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is when captures of tests begin; each look at the clock is a microsecond and a nanosecond later.
var epoch = time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)

func clock() func() time.Time {
	var mu sync.Mutex
	now := epoch
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Microsecond + 1)
		return now
	}
}

// frame is an Ethernet II frame of n octets with type 0x88b5 (IEEE's for experiments), filled with c.
func frame(n int, c byte) []byte {
	b := bytes.Repeat([]byte{c}, n)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
	return b
}

// rig is a captured device on a cable.
type rig struct {
	t    testing.TB
	dev  *Device
	peer *pipe.End
	path string
}

func newRig(t testing.TB, c Config) *rig {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "lan.pcapng")
	}
	if c.Now == nil {
		c.Now = clock()
	}
	a, b := pipe.New(pipe.Config{Offload: pipe.AllOffloads})
	d, err := New(a, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(); b.Close() })
	return &rig{t, d, b, c.Path}
}

// send writes frames to the wire from our side.
func (r *rig) send(frames ...link.Frame) {
	r.t.Helper()
	if n := r.dev.Queues()[0].WriteFrames(frames); n != len(frames) {
		r.t.Fatalf("%d of %d frames left", n, len(frames))
	}
}

// receive writes frames from the other side and reads them on ours.
func (r *rig) receive(frames ...link.Frame) {
	r.t.Helper()
	want := len(frames)
	r.peer.WriteFrames(frames)
	buf := make([]link.Frame, 8)
	for got := 0; got < want; {
		n, err := r.dev.Queues()[0].ReadFrames(buf)
		if err != nil {
			r.t.Fatal(err)
		}
		link.ReleaseAll(buf[:n])
		got += n
	}
}

// close ends the capture and gives the packets of a file.
func (r *rig) close(path string) []Packet {
	r.t.Helper()
	if err := r.dev.Close(); err != nil {
		r.t.Fatal(err)
	}
	return readFile(r.t, path)
}

func readFile(t testing.TB, path string) []Packet {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readAll(b)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p
}

func readAll(b []byte) ([]Packet, error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var all []Packet
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
}

func TestCapture(t *testing.T) {
	r := newRig(t, Config{})
	r.send(link.NewFrame(frame(60, 1)))
	r.receive(link.NewFrame(frame(61, 2)), link.NewFrame(frame(1514, 3)))
	got := r.close(r.path)
	want := []struct {
		data []byte
		dir  Direction
	}{{frame(60, 1), Outbound}, {frame(61, 2), Inbound}, {frame(1514, 3), Inbound}}
	if len(got) != len(want) {
		t.Fatalf("got %d frames, want %d", len(got), len(want))
	}
	for i, p := range got {
		if !bytes.Equal(p.Data, want[i].data) || p.Length != len(p.Data) || p.Direction != want[i].dir || p.Interface != "pipe0" {
			t.Errorf("frame %d: %d octets of %d, %v, interface %q", i, len(p.Data), p.Length, p.Direction, p.Interface)
		}
	}
	if at := epoch.Add(time.Microsecond + 1); !got[0].Time.Equal(at) || !got[1].Time.After(at) {
		t.Errorf("times %v and %v, want %v and later", got[0].Time, got[1].Time, at)
	}
	if s := r.dev.Capture(); s != (Stats{3, 60 + 61 + 1514, 0}) {
		t.Errorf("counted %+v", s)
	}
}

func TestDeviceContract(t *testing.T) {
	linktest.TestDevice(t, func(t testing.TB) (dev, peer link.Device) {
		a, b := pipe.New(pipe.Config{Offload: pipe.AllOffloads})
		d, err := New(a, Config{Path: filepath.Join(t.TempDir(), "c.pcapng")})
		if err != nil {
			t.Fatal(err)
		}
		return d, b
	})
}

// pcapgo and the tools must read what we write.
func TestOthersRead(t *testing.T) {
	r := newRig(t, Config{SnapLen: 1000})
	udp := partial(t)
	want := udp.Clone()
	if err := link.FinishChecksum(&want); err != nil {
		t.Fatal(err)
	}
	r.send(udp)
	r.receive(link.NewFrame(frame(1200, 9)))
	r.close(r.path)

	f, err := os.Open(r.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var stats []pcapgo.NgInterfaceStatistics
	g, err := pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{StatisticsCallback: func(_ int, s pcapgo.NgInterfaceStatistics) {
		stats = append(stats, s)
	}})
	if err != nil || g.LinkType() != layers.LinkTypeEthernet {
		t.Fatalf("link type %v, %v", g.LinkType(), err)
	}
	data, ci, err := g.ReadPacketData()
	if err != nil || !bytes.Equal(data, want.AppendTo(nil)) || !ci.Timestamp.Equal(epoch.Add(time.Microsecond+1)) {
		t.Errorf("first frame %x at %v, %v; want %x", data, ci.Timestamp, err, want.AppendTo(nil))
	}
	data, ci, err = g.ReadPacketData()
	if err != nil || len(data) != 1000 || ci.Length != 1200 {
		t.Errorf("second frame %d octets of %d, %v", len(data), ci.Length, err)
	}
	if _, _, err = g.ReadPacketData(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if i, err := g.Interface(0); err != nil || i.Name != "pipe0" || i.TimestampResolution != 9 || i.SnapLength != 1000 {
		t.Errorf("interface %+v, %v", i, err)
	}
	if len(stats) != 1 || stats[0].PacketsReceived != 2 || stats[0].PacketsDropped != 0 {
		t.Errorf("statistics %+v", stats)
	}
	want.Release()
	t.Run("tcpdump", func(t *testing.T) { tcpdumpReads(t, r.path) })
	t.Run("tshark", func(t *testing.T) { tsharkReads(t, r.path) })
}

func tcpdumpReads(t *testing.T, path string) {
	out, err := exec.Command(nstest.Tool(t, "tcpdump"), "-Z", "root", "-nvvr", path).CombinedOutput()
	text := string(out)
	if err != nil || !strings.Contains(text, "[udp sum ok]") || strings.Contains(text, "bad") || strings.Contains(text, "truncated") {
		t.Errorf("%v:\n%s", err, text)
	}
}

func tsharkReads(t *testing.T, path string) {
	out, err := exec.Command(nstest.Tool(t, "tshark"), "-n", "-r", path, "-o", "udp.check_checksum:TRUE", "-T", "fields",
		"-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len",
		"-e", "udp.checksum.status").Output()
	want := "pipe0\t0x00000002\t1709208000.123457790\t60\t60\t1\n"
	if err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%v, got\n%s\nwant first\n%s", err, out, want)
	}
}

// partial is a UDP datagram over IPv4 whose checksum is left to the hardware.
func partial(t testing.TB) link.Frame {
	b := make([]byte, 60)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	copy(b[14:], []byte{0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2})
	ip := link.NewFrame(b[14:34])
	ip.NeedsChecksum, ip.CsumOffset = true, 10
	if err := link.FinishChecksum(&ip); err != nil {
		t.Fatal(err)
	}
	copy(b[14:], ip.Head())
	copy(b[34:], []byte{0x12, 0x34, 0x56, 0x78, 0, 26, 0, 0, 'h', 'e', 'l', 'l', 'o'})
	sum := 0xc633 + 0x6401 + 0xc633 + 0x6402 + 17 + 26
	sum = sum>>16 + sum&0xffff
	b[40], b[41] = byte(sum>>8), byte(sum)
	f := link.NewFrame(b)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, 34, 6
	return f
}

func TestCaptureLeavesTrafficAlone(t *testing.T) {
	r := newRig(t, Config{})
	f := partial(t)
	want := f.AppendTo(nil)
	r.send(f)
	bogus := link.NewFrame(frame(60, 7))
	bogus.NeedsChecksum, bogus.CsumStart = true, 900
	r.dev.Queues()[0].WriteFrames([]link.Frame{bogus}) // captured even if the cable does not take it
	buf := make([]link.Frame, 1)
	if n, err := r.peer.ReadFrames(buf); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if !buf[0].NeedsChecksum || !bytes.Equal(buf[0].AppendTo(nil), want) {
		t.Errorf("frame was changed: %+v %x", buf[0], buf[0].AppendTo(nil))
	}
	buf[0].Release()
	if got := r.close(r.path); len(got) != 2 || !bytes.Equal(got[1].Data, frame(60, 7)) {
		t.Errorf("got %d frames", len(got))
	}
}

func TestSuperFrame(t *testing.T) {
	r := newRig(t, Config{})
	f := link.NewFrame(frame(65000, 1))
	f.GSO, f.GSOSize = link.GSOTCPv4, 1448
	r.send(f)
	if got := r.close(r.path); len(got) != 1 || !bytes.Equal(got[0].Data, frame(65000, 1)) {
		t.Errorf("got %d frames", len(got))
	}
}

func TestRotation(t *testing.T) {
	const size = 1000
	r := newRig(t, Config{MaxBytes: size, MaxFiles: 3})
	for i := range 20 {
		r.send(link.NewFrame(frame(200, byte(i))))
	}
	first := r.close(r.path)
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(r.path), "*"))
	base := strings.TrimSuffix(r.path, ".pcapng")
	if want := []string{base + ".1.pcapng", base + ".2.pcapng", r.path}; strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("files %v, want %v", names, want)
	}
	seen := len(first)
	for _, name := range names[:2] {
		seen += len(readFile(t, name))
	}
	for _, name := range names {
		if s, err := os.Stat(name); err != nil || s.Size() > size {
			t.Errorf("%s has %d octets, %v", name, s.Size(), err)
		}
	}
	if last := first; seen < 6 || seen > 9 || last == nil {
		t.Errorf("%d frames in the files that are left", seen)
	}
}

func TestRotationOfTinyFiles(t *testing.T) {
	r := newRig(t, Config{MaxBytes: 1, MaxFiles: 100})
	for i := range 5 {
		r.send(link.NewFrame(frame(60, byte(i))))
	}
	r.close(r.path)
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(r.path), "*"))
	if len(names) != 5 {
		t.Errorf("got %d files, want one a frame: %v", len(names), names)
	}
}

// limited is a disk with room for so many octets.
type limited struct {
	mu   sync.Mutex
	room int
	data []byte
}

func (l *limited) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.room, len(b))
	l.data = append(l.data, b[:n]...)
	l.room -= n
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (l *limited) Truncate(n int64) error { l.data = l.data[:n]; return nil }

func (l *limited) Close() error { return nil }

func TestFullDisk(t *testing.T) {
	disk := &limited{room: 5000}
	var log bytes.Buffer
	r := newRig(t, Config{
		Path: "lan.pcapng", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Create: func(string) (io.WriteCloser, error) { return disk, nil },
	})
	for i := range 100 {
		r.send(link.NewFrame(frame(200, byte(i)))) // fails the test if traffic stops
	}
	err := r.dev.Close()
	if !errors.Is(err, syscall.ENOSPC) || !errors.Is(r.dev.Err(), syscall.ENOSPC) {
		t.Errorf("Close %v, Err %v", err, r.dev.Err())
	}
	if n := strings.Count(log.String(), "capture ended"); n != 1 {
		t.Errorf("reported %d times: %s", n, log.String())
	}
	got, err := readAll(disk.data)
	if s := r.dev.Capture(); err != nil || s.Frames != uint64(len(got)) || s.Frames+s.Dropped != 100 || s.Dropped == 0 {
		t.Errorf("file has %d frames (%v), counted %+v", len(got), err, s)
	}
}

func TestFullDiskAtStart(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer a.Close()
	defer b.Close()
	if _, err := New(a, Config{Path: "/dev/full"}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("capture to a full disk: %v", err)
	}
	if _, err := New(a, Config{Path: filepath.Join(t.TempDir(), "none", "a.pcapng")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("capture to a missing folder: %v", err)
	}
	if _, err := New(a, Config{}); err == nil {
		t.Error("capture without a name began")
	}
	if !a.Info().Up {
		t.Error("New closed a device that it did not take")
	}
}

func TestRotationFails(t *testing.T) {
	opened := 0
	disk := &limited{room: 1 << 20}
	r := newRig(t, Config{Path: "lan.pcapng", MaxBytes: 500, Create: func(name string) (io.WriteCloser, error) {
		if opened++; opened > 1 {
			return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EACCES}
		}
		return disk, nil
	}})
	for i := range 10 {
		r.send(link.NewFrame(frame(200, byte(i))))
	}
	if err := r.dev.Close(); !errors.Is(err, syscall.EACCES) {
		t.Errorf("Close: %v", err)
	}
	if s := r.dev.Capture(); s.Frames != 1 || s.Dropped != 9 {
		t.Errorf("counted %+v", s)
	}
}

// stuck is a disk that answers only when told.
type stuck struct {
	limited
	go_ chan struct{}
	n   int
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.n++; s.n > 1 { // the first is the header
		<-s.go_
	}
	return s.limited.Write(b)
}

func TestSlowDisk(t *testing.T) {
	disk := &stuck{limited: limited{room: 1 << 20}, go_: make(chan struct{})}
	r := newRig(t, Config{Path: "x", QueueFrames: 8, Create: func(string) (io.WriteCloser, error) { return disk, nil }})
	for range 100 {
		r.send(link.NewFrame(frame(60, 1)))
	}
	if s := r.dev.Capture(); s.Frames > 16 || s.Frames < 8 || s.Frames+s.Dropped != 100 {
		t.Errorf("with a disk that is stuck: %+v", s)
	}
	close(disk.go_)
	if err := r.dev.Close(); err != nil {
		t.Error(err)
	}
	got, err := readAll(disk.data)
	if s := r.dev.Capture(); err != nil || uint64(len(got)) != s.Frames {
		t.Errorf("file has %d frames (%v), counted %+v", len(got), err, s)
	}
}

func TestQueueBytes(t *testing.T) {
	disk := &stuck{limited: limited{room: 1 << 20}, go_: make(chan struct{})}
	r := newRig(t, Config{Path: "x", QueueBytes: 1000, Create: func(string) (io.WriteCloser, error) { return disk, nil }})
	for range 20 {
		r.send(link.NewFrame(frame(400, 1)))
	}
	if s := r.dev.Capture(); s.Frames > 4 || s.Dropped < 16 {
		t.Errorf("with a disk that is stuck: %+v", s)
	}
	close(disk.go_)
}

func TestClosedDevice(t *testing.T) {
	r := newRig(t, Config{})
	r.dev.Close()
	if err := r.dev.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := r.dev.Queues()[0].ReadFrames(make([]link.Frame, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
	if n := r.dev.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(frame(60, 1))}); n != 0 {
		t.Errorf("%d frames left after Close", n)
	}
	if s := r.dev.Capture(); s.Dropped != 1 || s.Frames != 0 {
		t.Errorf("counted %+v", s)
	}
}

func BenchmarkCapture(b *testing.B) {
	r := newRig(b, Config{Path: "x", Now: time.Now, QueueFrames: 1 << 16, QueueBytes: 1 << 30, Create: func(string) (io.WriteCloser, error) {
		return nopCloser{io.Discard}, nil
	}})
	data := frame(1514, 1)
	f := make([]link.Frame, 1)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		f[0] = link.NewFrame(data)
		r.dev.w.offer(f, Outbound)
		f[0].Release()
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// steered is a device of two queues that sends everything by the second.
type steered struct {
	link.Device
	second link.Queue
}

func (s steered) Queues() []link.Queue  { return []link.Queue{never{}, s.second} }
func (steered) QueueOf(*link.Frame) int { return 1 }

type never struct{ link.Queue }

func (never) WriteFrames([]link.Frame) int { panic("written to the other queue than the flow's") }

// TestSteering has a captured device send by the queue of a flow.
func TestSteering(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	d, err := New(steered{a, a.Queues()[0]}, Config{Path: filepath.Join(t.TempDir(), "a.pcapng")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := d.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 1 {
		t.Errorf("%d frames left, want 1", n)
	}
}
