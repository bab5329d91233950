package pcap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/pipe"
	"tapestry/link/segment"
)

// collector takes all frames but every n-th and notes when they came.
type collector struct {
	clock  *fakeClock
	octet  []byte // the last of each frame
	at     []time.Duration
	refuse int
}

// WriteFrames implements [Sink].
func (c *collector) WriteFrames(f []link.Frame) int {
	n := 0
	for i := range f {
		b := f[i].AppendTo(nil)
		c.octet = append(c.octet, b[len(b)-1])
		if c.clock != nil {
			c.at = append(c.at, c.clock.Now().Sub(epoch))
		}
		if c.refuse == 0 || len(c.octet)%c.refuse != 0 {
			n++
		}
		f[i].Release()
	}
	return n
}

// fakeClock goes on to the time of a call as soon as one is asked for.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) link.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	go f()
	return stopped{}
}

type stopped struct{}

func (stopped) Stop() bool               { return false }
func (stopped) Reset(time.Duration) bool { return false }

// capture has a frame at each time, the last octet being its number; odd ones went out.
func capture(at ...time.Duration) []byte {
	b := appendInterface(appendSection(nil), "tap0", 1000)
	for i, d := range at {
		r := record{link.NewFrame(frame(60, byte(i))), epoch.Add(d), Direction(1 + i%2)}
		b = appendPacket(b, &r, 1000)
		r.frame.Release()
	}
	return b
}

// cutFrame is capture with a frame at the end of which only 20 octets were kept.
func cutFrame(at ...time.Duration) []byte {
	r := record{link.NewFrame(frame(60, 9)), epoch, Inbound}
	defer r.frame.Release()
	return appendPacket(capture(at...), &r, 20)
}

func TestReplay(t *testing.T) {
	const s = time.Second
	b := cutFrame(0, 3*s, 2*s, 10*s) // the third goes back in time
	all := []byte{0, 1, 2, 3}
	tests := []struct {
		name   string
		c      ReplayConfig
		refuse int
		want   Replayed
		octets []byte
		at     []time.Duration
	}{
		{"original times", ReplayConfig{}, 0, Replayed{4, 0, 1, 0, 1, 10 * s}, all, []time.Duration{0, 3 * s, 3 * s, 10 * s}},
		{"fast", ReplayConfig{Fast: true}, 0, Replayed{4, 0, 1, 0, 1, 10 * s}, all, []time.Duration{0, 0, 0, 0}},
		{"four times the speed", ReplayConfig{Speed: 4}, 0, Replayed{4, 0, 1, 0, 1, 10 * s}, all,
			[]time.Duration{0, 750 * time.Millisecond, 750 * time.Millisecond, 2500 * time.Millisecond}},
		{"half the speed", ReplayConfig{Speed: 0.5}, 0, Replayed{4, 0, 1, 0, 1, 10 * s}, all, []time.Duration{0, 6 * s, 6 * s, 20 * s}},
		{"no long pauses", ReplayConfig{MaxPause: 4 * s}, 0, Replayed{4, 0, 1, 0, 1, 10 * s}, all, []time.Duration{0, 3 * s, 3 * s, 7 * s}},
		{"one direction", ReplayConfig{Direction: Outbound}, 0, Replayed{2, 0, 1, 2, 1, 7 * s}, []byte{1, 3}, []time.Duration{0, 7 * s}},
		{"another interface", ReplayConfig{Interface: "tap1"}, 0, Replayed{0, 0, 1, 4, 1, 0}, nil, nil},
		{"its interface", ReplayConfig{Interface: "tap0", Fast: true}, 0, Replayed{4, 0, 1, 0, 1, 10 * s}, all, []time.Duration{0, 0, 0, 0}},
		{"full queue", ReplayConfig{Fast: true}, 2, Replayed{2, 2, 1, 0, 1, 10 * s}, all, []time.Duration{0, 0, 0, 0}},
		{"twice", ReplayConfig{Loops: 2, Gap: 5 * s, Direction: Outbound}, 0, Replayed{4, 0, 2, 4, 2, 7 * s}, []byte{1, 3, 1, 3},
			[]time.Duration{0, 7 * s, 12 * s, 19 * s}},
		{"three times, faster, without long pauses", ReplayConfig{Loops: 3, Speed: 2, MaxPause: 4 * s, Direction: Outbound}, 0,
			Replayed{6, 0, 3, 6, 3, 7 * s}, []byte{1, 3, 1, 3, 1, 3}, []time.Duration{0, 2 * s, 2 * s, 4 * s, 4 * s, 6 * s}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := &fakeClock{now: epoch}
			tt.c.Clock = clock
			var told Replayed
			tt.c.Progress = func(r Replayed) { told = r }
			w := &collector{clock: clock, refuse: tt.refuse}
			got, err := Replay(context.Background(), w, bytes.NewReader(b), tt.c)
			if err != nil || got != tt.want || told != got {
				t.Errorf("got %+v, %v, last told %+v; want %+v", got, err, told, tt.want)
			}
			if !bytes.Equal(w.octet, tt.octets) || !slices.Equal(w.at, tt.at) {
				t.Errorf("frames %v at %v, want %v at %v", w.octet, w.at, tt.octets, tt.at)
			}
		})
	}
}

// TestReplayLate: frames that are late are sent at once, and those after them are due when they always were.
func TestReplayLate(t *testing.T) {
	const s = time.Second
	clock := &fakeClock{now: epoch}
	w := &collector{clock: clock}
	slow := SinkFunc(func(f []link.Frame) int {
		n := w.WriteFrames(f)
		clock.AfterFunc(4*s, func() {})
		return n
	})
	if _, err := Replay(context.Background(), slow, bytes.NewReader(capture(0, s, 2*s, 9*s)), ReplayConfig{Clock: clock}); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{0, 4 * s, 4 * s, 9 * s}; !slices.Equal(w.at, want) {
		t.Errorf("frames at %v, want %v", w.at, want)
	}
}

// TestReplayTimes: whatever times a capture tells, nothing overflows.
func TestReplayTimes(t *testing.T) {
	b := capture(0, math.MaxInt64, -1<<62, math.MaxInt64)
	for _, speed := range []float64{1, 1e-300, 1e300} {
		clock := &fakeClock{now: epoch}
		got, err := Replay(context.Background(), &collector{}, bytes.NewReader(b), ReplayConfig{Clock: clock, Speed: speed, Loops: 2})
		if err != nil || got.Sent != 8 {
			t.Errorf("speed %v: %+v, %v", speed, got, err)
		}
	}
}

func TestReplayEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	good := capture(0, 1)
	if got, err := Replay(ctx, &collector{}, bytes.NewReader(good), ReplayConfig{}); !errors.Is(err, context.Canceled) || got.Sent != 0 {
		t.Errorf("cancelled before: %+v, %v", got, err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	got, err := Replay(ctx, &collector{}, bytes.NewReader(capture(0, 1, time.Hour)), ReplayConfig{})
	if !errors.Is(err, context.DeadlineExceeded) || got.Sent != 2 {
		t.Errorf("in a pause: %+v, %v, want two frames sent", got, err)
	}
	if got, err := Replay(context.Background(), &collector{}, bytes.NewReader(good[:len(good)-4]), ReplayConfig{Fast: true}); !errors.Is(err, ErrCorrupt) || got.Sent != 1 {
		t.Errorf("corrupt file: %+v, %v", got, err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	got, err = Replay(ctx, &collector{}, bytes.NewReader(good), ReplayConfig{Fast: true, Loops: -1, Progress: func(r Replayed) {
		if r.Loops == 100 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || got.Loops != 100 || got.Sent != 200 {
		t.Errorf("without end: %+v, %v, want to be cancelled after 100 loops", got, err)
	}
}

func TestReplayErrors(t *testing.T) {
	b := capture(0)
	tests := []struct {
		name string
		from io.Reader
		c    ReplayConfig
		want string
	}{
		{"speed below zero", bytes.NewReader(b), ReplayConfig{Speed: -1}, "positive"},
		{"speed without end", bytes.NewReader(b), ReplayConfig{Speed: math.Inf(1)}, "positive"},
		{"no speed", bytes.NewReader(b), ReplayConfig{Speed: math.NaN()}, "positive"},
		{"pause", bytes.NewReader(b), ReplayConfig{MaxPause: -1}, "below zero"},
		{"gap", bytes.NewReader(b), ReplayConfig{Gap: -1}, "below zero"},
		{"a pipe, twice", io.MultiReader(bytes.NewReader(b)), ReplayConfig{Loops: 2}, "no Seek"},
		{"nothing, for ever", bytes.NewReader(capture()), ReplayConfig{Loops: -1}, "no frame"},
		{"no capture", strings.NewReader("GIF89a"), ReplayConfig{}, ErrFormat.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Replay(context.Background(), &collector{}, tt.from, tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Replay = %v, want %q", err, tt.want)
			}
		})
	}
}

// TestReplayIntoSegment: a port takes the frames, a station elsewhere on the segment gets them.
func TestReplayIntoSegment(t *testing.T) {
	s, err := segment.New(segment.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	from, err := s.Attach(segment.PortConfig{Name: "replay", Out: link.ReleaseAll})
	if err != nil {
		t.Fatal(err)
	}
	w := &collector{}
	if _, err := s.Attach(segment.PortConfig{Name: "station", Out: func(f []link.Frame) { w.WriteFrames(f) }}); err != nil {
		t.Fatal(err)
	}
	got, err := Replay(context.Background(), SinkFunc(from.Write), bytes.NewReader(capture(0, 1, 2)), ReplayConfig{})
	if err != nil || got.Sent != 3 || !bytes.Equal(w.octet, []byte{0, 1, 2}) {
		t.Errorf("replayed %+v, %v; the station has %v", got, err, w.octet)
	}
}

// Captures of others replay over a cable and are captured again as they were.
func TestReplayCaptures(t *testing.T) {
	dir := os.Getenv("TAPESTRY_CAPTURES")
	if dir == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds *.pcap or *.pcapng")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.pcap*"))
	if len(names) == 0 {
		nstest.Skip(t, "no *.pcap in "+dir)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) { replayCapture(t, name) })
	}
}

func replayCapture(t *testing.T, name string) {
	want := readFile(t, name)
	a, b := pipe.New(pipe.Config{Depth: len(want) + 1, MTU: 65535})
	defer b.Close()
	path := filepath.Join(t.TempDir(), "again.pcapng")
	d, err := New(a, Config{Path: path, QueueFrames: len(want) + 1})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := Replay(context.Background(), d.Queues()[0], f, ReplayConfig{Fast: true})
	if err != nil || n.Sent+n.Cut != len(want) {
		t.Errorf("replayed %+v of %d frames, %v", n, len(want), err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	got := readFile(t, path)
	for i, w := range want {
		if len(w.Data) < w.Length {
			continue
		}
		if len(got) == 0 || !bytes.Equal(got[0].Data, w.Data) {
			t.Fatalf("frame %d is not the one that was replayed", i)
		}
		got = got[1:]
	}
}
