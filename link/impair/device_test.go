package impair

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"tapestry/link"
	"tapestry/link/linktest"
	"tapestry/link/pcap"
	"tapestry/link/pipe"
)

// wrapped is a cable with one end in an impaired device.
func wrapped(t testing.TB, c DeviceConfig, p pipe.Config) (*Device, *pipe.End) {
	t.Helper()
	a, b := pipe.New(p)
	d, err := New(a, c)
	if err != nil {
		t.Fatal(err)
	}
	return d, b
}

func TestDevice(t *testing.T) {
	delay := Config{Delay: 100 * time.Microsecond}
	tests := []struct {
		name   string
		config DeviceConfig
		pipe   pipe.Config
	}{
		{"perfect", DeviceConfig{}, pipe.Config{}},
		{"perfect, offload", DeviceConfig{}, pipe.Config{Offload: pipe.AllOffloads}},
		{"delay", DeviceConfig{Tx: delay, Rx: delay}, pipe.Config{}},
		{"delay, offload", DeviceConfig{Tx: delay, Rx: delay}, pipe.Config{Offload: pipe.AllOffloads}},
		{"delay of one way, small MTU", DeviceConfig{Rx: delay}, pipe.Config{MTU: 1280}},
		{"jitter", DeviceConfig{Tx: Config{Delay: 50 * time.Microsecond, Jitter: 50 * time.Microsecond}}, pipe.Config{Offload: pipe.AllOffloads}},
		{"cuts to come", DeviceConfig{Tx: Config{Cuts: []Cut{{At: time.Hour, For: 1}}}}, pipe.Config{Offload: pipe.AllOffloads}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				d, peer := wrapped(t, tt.config, tt.pipe)
				return d, peer
			})
		})
	}
}

// TestDeviceAround holds the contract with a capture on either side.
func TestDeviceAround(t *testing.T) {
	delay := Config{Delay: 100 * time.Microsecond}
	nowhere := pcap.Config{Create: func(string) (io.WriteCloser, error) { return discard{}, nil }}
	linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
		a, b := pipe.New(pipe.Config{Offload: pipe.AllOffloads})
		under, err := pcap.New(a, nowhere)
		if err != nil {
			t.Fatal(err)
		}
		d, err := New(under, DeviceConfig{Tx: delay, Rx: delay})
		if err != nil {
			t.Fatal(err)
		}
		around, err := pcap.New(d, nowhere)
		if err != nil {
			t.Fatal(err)
		}
		return around, b
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }

// receive reads n frames and gives their marks.
func receive(t *testing.T, d link.Device, n int) []int {
	t.Helper()
	var ids []int
	f := make([]link.Frame, 8)
	for len(ids) < n {
		got, err := d.Queues()[0].ReadFrames(f)
		if err != nil {
			t.Fatalf("ReadFrames after %d of %d: %v", len(ids), n, err)
		}
		for i := range f[:got] {
			b := f[i].AppendTo(nil)
			ids = append(ids, int(b[14])<<24|int(b[15])<<16|int(b[16])<<8|int(b[17]))
		}
		link.ReleaseAll(f[:got])
	}
	return ids
}

func write(d link.Device, id int) int {
	return d.Queues()[0].WriteFrames([]link.Frame{marked(id, 60)})
}

// TestDirections: each is impaired by itself, and can be changed while it runs.
func TestDirections(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, peer := wrapped(t, DeviceConfig{Tx: Config{Loss: 1}}, pipe.Config{})
	defer peer.Close()
	defer d.Close()
	if n := write(d, 1); n != 1 {
		t.Errorf("WriteFrames of what the wire loses = %d, want 1: it was sent", n)
	}
	write(peer, 2)
	if ids := receive(t, d, 1); ids[0] != 2 {
		t.Errorf("the perfect direction gave %v", ids)
	}
	if err := d.Set(Tx, Config{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Set(Rx, Config{Loss: 1}); err != nil {
		t.Fatal(err)
	}
	write(d, 3)
	if ids := receive(t, peer, 1); ids[0] != 3 {
		t.Errorf("the healed direction gave %v", ids)
	}
	write(peer, 4) // will be lost
	got := make(chan []int)
	go func() { got <- receive(t, d, 1) }()
	for d.Line(Rx).Stats().Drops.Loss == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := d.Set(Both, Config{}); err != nil {
		t.Fatal(err)
	}
	write(peer, 5)
	if ids := <-got; ids[0] != 5 {
		t.Errorf("after all was healed: %v", ids)
	}
	if s := d.Stats(); s.RxFrames != 2 || s.RxDropped != 0 || s.TxFrames != 2 || s.TxDropped != 0 {
		t.Errorf("Stats = %+v, want 2 received, 2 sent: the wire's losses are no drops of a device", s)
	}
	if s := d.Line(Tx).Stats(); s.Drops.Loss != 1 {
		t.Errorf("the line of Tx: %+v", s)
	}
}

// TestPending: what is on its way when the device is closed is released, and readers are told.
func TestPending(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	slow := Config{Delay: time.Hour}
	d, peer := wrapped(t, DeviceConfig{Tx: slow, Rx: slow}, pipe.Config{})
	write(d, 1)
	write(peer, 2)
	done := make(chan error)
	go func() {
		_, err := d.Queues()[0].ReadFrames(make([]link.Frame, 4))
		done <- err
	}()
	for d.Line(Rx).Stats().Held == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the reader ended with %v", err)
	}
	peer.Close()
	before := d.Stats()
	if n := write(d, 3); n != 0 {
		t.Errorf("WriteFrames after Close = %d", n)
	}
	if s := d.Stats(); s.TxFrames != before.TxFrames || s.TxBytes != before.TxBytes || s.TxDropped != before.TxDropped+1 {
		t.Errorf("WriteFrames after Close: counters went from %+v to %+v, want a drop", before, s)
	}
	if tx, rx := d.Line(Tx).Stats(), d.Line(Rx).Stats(); tx.Drops.Closed != 2 || rx.Drops.Closed != 1 {
		t.Errorf("lines dropped %+v and %+v, want two and one", tx.Drops, rx.Drops)
	}
}

// TestRingOctets: super-frames that nobody reads fill a ring before its depth does.
func TestRingOctets(t *testing.T) {
	const size = 1 << 16
	r := newRing(defaultDepth)
	defer r.close()
	one := link.NewFrame(make([]byte, size))
	defer one.Release()
	taken := 0
	for range defaultLimitBytes/size + 2 {
		f := []link.Frame{one.Clone()}
		taken += r.put(f)
		link.ReleaseAll(f)
	}
	if taken != defaultLimitBytes/size {
		t.Errorf("the ring took %d frames of %d octets, want %d", taken, size, defaultLimitBytes/size)
	}
	f := make([]link.Frame, 1)
	if n, err := r.get(f); n != 1 || err != nil {
		t.Fatalf("get = %d, %v", n, err)
	}
	if r.put(f) != 1 {
		t.Error("there is no room where one was taken out")
	}
}

// TestDepth: a reader that does not read costs frames, not memory.
func TestDepth(t *testing.T) {
	d, peer := wrapped(t, DeviceConfig{Rx: Config{Delay: 1}, Depth: 4}, pipe.Config{})
	defer peer.Close()
	defer d.Close()
	write(peer, 0)
	receive(t, d, 1) // now the pump runs
	for id := range 10 {
		write(peer, id)
	}
	for d.Stats().RxDropped < 6 {
		time.Sleep(time.Millisecond)
	}
	if ids := receive(t, d, 4); ids[3] != 3 {
		t.Errorf("the reader found %v, want the first four", ids)
	}
}

// gone is a device that breaks after some frames.
type gone struct {
	*pipe.End
	left int
}

var errGone = errors.New("unplugged")

func (g *gone) Queues() []link.Queue { return []link.Queue{g} }

func (g *gone) ReadFrames(f []link.Frame) (int, error) {
	if g.left--; g.left < 0 {
		return 0, errGone
	}
	f[0] = marked(g.left, 60)
	return 1, nil
}

// TestGone: the reader is told that the device is gone, after the frames that came.
func TestGone(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	d, err := New(&gone{End: a, left: 5}, DeviceConfig{Rx: Config{Duplicate: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	receive(t, d, 10)
	if _, err := d.Queues()[0].ReadFrames(make([]link.Frame, 1)); !errors.Is(err, errGone) {
		t.Errorf("ReadFrames = %v, want %v", err, errGone)
	}
}

func TestDeviceErrors(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	defer a.Close()
	for _, c := range []DeviceConfig{{Tx: Config{Loss: 2}}, {Rx: Config{Loss: 2}}} {
		if d, err := New(a, c); d != nil || err == nil {
			t.Errorf("New(%+v) = %v, %v", c, d, err)
		}
	}
	if !a.Info().Up {
		t.Error("New failed and closed the device")
	}
	d, err := New(a, DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []Direction{0, 4} {
		if d.Set(dir, Config{}) == nil || d.SetUp(dir, true) == nil || d.Line(dir) != nil {
			t.Errorf("direction %d (%v) was taken", dir, dir)
		}
	}
	if s := fmt.Sprint(Tx, Rx, Both, Direction(0)); s != "tx rx both invalid" {
		t.Errorf("names: %s", s)
	}
}

// TestDeviceInfo: it is the wrapped device's, also while the wire is cut.
func TestDeviceInfo(t *testing.T) {
	d, peer := wrapped(t, DeviceConfig{Tx: Config{MTU: 1000}}, pipe.Config{MTU: 9000, Offload: pipe.AllOffloads, Names: [2]string{"x", "y"}})
	defer peer.Close()
	defer d.Close()
	if err := d.SetUp(Both, false); err != nil {
		t.Fatal(err)
	}
	if i := d.Info(); i.Name != "x" || i.MTU != 9000 || i.Tx != pipe.AllOffloads || !i.Up {
		t.Errorf("Info = %+v", i)
	}
	if write(d, 1) != 1 || d.Line(Tx).Stats().Drops.Cut != 1 {
		t.Errorf("a cut wire: %+v", d.Line(Tx).Stats())
	}
}

// TestFrameUnchanged: octets come as they were.
func TestFrameUnchanged(t *testing.T) {
	d, peer := wrapped(t, DeviceConfig{Tx: Config{Delay: 1, Rate: 1e12}}, pipe.Config{})
	defer peer.Close()
	defer d.Close()
	want := marked(7, 777)
	b := want.AppendTo(nil)
	d.Queues()[0].WriteFrames([]link.Frame{want})
	f := make([]link.Frame, 1)
	if n, err := peer.ReadFrames(f); n != 1 || err != nil || !bytes.Equal(f[0].AppendTo(nil), b) {
		t.Errorf("ReadFrames = %d, %v", n, err)
	}
	link.ReleaseAll(f)
}

// many is a device with a queue for each of several cables.
type many []*pipe.End

func (m many) Info() link.Info { return m[0].Info() }

func (m many) Queues() []link.Queue {
	var q []link.Queue
	for _, e := range m {
		q = append(q, e)
	}
	return q
}

func (m many) Close() error {
	for _, e := range m {
		e.Close()
	}
	return nil
}

// TestQueues: a frame leaves by the queue that it came by, and all share the wire.
func TestQueues(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var near, far many
	for range 3 {
		a, b := pipe.New(pipe.Config{})
		near, far = append(near, a), append(far, b)
	}
	defer far.Close()
	slow := Config{Delay: 100 * time.Microsecond, Rate: 1e9}
	d, err := New(near, DeviceConfig{Tx: slow, Rx: slow})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f := make([]link.Frame, 1)
	for id := range 30 {
		from, to := d.Queues()[id%3], far[id%3].Queues()[0]
		if id%2 == 1 {
			from, to = to, from
		}
		from.WriteFrames([]link.Frame{marked(id, 60)})
		if n, err := to.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("frame %d: %d, %v", id, n, err)
		}
		if b := f[0].AppendTo(nil); int(b[17]) != id {
			t.Errorf("queue %d gave frame %d, want %d", id%3, b[17], id)
		}
		link.ReleaseAll(f)
	}
	if tx, rx := d.Line(Tx).Stats(), d.Line(Rx).Stats(); tx.Passed != 15 || rx.Passed != 15 {
		t.Errorf("the lines passed %d and %d, want 15 each", tx.Passed, rx.Passed)
	}
}
