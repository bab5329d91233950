package vnet

import (
	"bytes"
	"errors"
	"net"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"tapestry/link"
)

// pair is a queue and the descriptor at its far end: a socket pair that keeps message boundaries, as a TAP does.
func pair(t testing.TB, c Config) (*Queue, int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20)
	}
	if c.Counters == nil {
		c.Counters = new(link.Counters)
	}
	c.Name, c.Header, c.MTU = "test0", true, 1500
	q, err := NewQueue(fds[0], c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close(); unix.Close(fds[1]) })
	return q, fds[1]
}

const allOffloads = link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO

// put writes a frame of n octets behind header h.
func put(t testing.TB, fd int, h []byte, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 13)
	}
	if _, err := unix.Write(fd, append(bytes.Clone(h), b...)); err != nil {
		t.Fatal(err)
	}
	return b
}

var plain = raw(0, 0, 0, 0, 0, 0)

// TestChunks holds how frames of every kind of length lie in memory: the headers in one piece, and never more than
// about twice the octets kept alive.
func TestChunks(t *testing.T) {
	for _, n := range []int{14, 127, 128, 129, 1000, 1152, 1153, 1514, 2176, 2177, 3000, 30000, 34944, 34945, 60000, 65549} {
		q, far := pair(t, Config{Rx: allOffloads})
		h := plain
		if n > 1514 {
			h = raw(0, 1, 0, 1448, 0, 0)
		}
		for range 3 { // chunks that are used again
			want := put(t, far, h, n)
			f := make([]link.Frame, 1)
			if got, err := q.ReadFrames(f); got != 1 || err != nil {
				t.Fatalf("%d octets: ReadFrames = %d, %v", n, got, err)
			}
			if !bytes.Equal(f[0].AppendTo(nil), want) {
				t.Errorf("%d octets: the frame differs", n)
			}
			if head := len(f[0].Head()); head != min(n, headChunk) {
				t.Errorf("%d octets: %d in the first chunk, want %d", n, head, min(n, headChunk))
			}
			kept, l := 0, f[0].Data.AsViewList()
			for v := l.Front(); v != nil; v = v.Next() {
				kept += v.Capacity()
			}
			if kept > 2*n+2*headChunk {
				t.Errorf("%d octets keep %d alive", n, kept)
			}
			f[0].Release()
		}
	}
}

// TestBurst: what is there is read in one call, in order, and bad frames between good ones are dropped and counted.
func TestBurst(t *testing.T) {
	var c link.Counters
	q, far := pair(t, Config{Rx: allOffloads, Counters: &c})
	put(t, far, plain, 60)
	put(t, far, raw(1, 0, 0, 0, 60000, 0), 60) // checksum outside
	put(t, far, plain[:4], 0)                  // less than a header
	put(t, far, plain, 0)
	put(t, far, plain, 13)
	put(t, far, plain, 1515)
	put(t, far, raw(1, 77, 0, 1448, 34, 16), 3000)
	put(t, far, plain, 61)
	put(t, far, raw(0, 1, 0, 1448, 0, 0), headChunk+midChunk+bigChunk) // cut off
	put(t, far, plain, 62)
	f := make([]link.Frame, 8)
	n, err := q.ReadFrames(f)
	if n != 3 || err != nil {
		t.Fatalf("ReadFrames = %d, %v, want 3", n, err)
	}
	for i := range 3 {
		if f[i].Len() != 60+i {
			t.Errorf("frame %d has %d octets, want %d", i, f[i].Len(), 60+i)
		}
	}
	link.ReleaseAll(f[:n])
	if s := c.Stats(); s.RxFrames != 3 || s.RxBytes != 183 || s.RxDropped != 7 {
		t.Errorf("counters %+v, want 3 frames of 183 octets, 7 dropped", s)
	}
}

// TestWake: a reader that had to wait gets the frame that woke it.
func TestWake(t *testing.T) {
	q, far := pair(t, Config{})
	type result struct{ n, len int }
	got := make(chan result)
	go func() {
		f := make([]link.Frame, 8)
		for {
			n, err := q.ReadFrames(f)
			if err != nil {
				close(got)
				return
			}
			got <- result{n, f[0].Len()}
			link.ReleaseAll(f[:n])
		}
	}()
	for i := range 100 {
		put(t, far, plain, 60+i)
		if r := <-got; r != (result{1, 60 + i}) {
			t.Fatalf("ReadFrames gave %+v, want one frame of %d", r, 60+i)
		}
	}
	q.Close()
	if _, ok := <-got; ok {
		t.Error("a frame after Close")
	}
}

// TestSoftware: what Rx does not allow is finished after reading, also when it becomes more frames than asked for.
func TestSoftware(t *testing.T) {
	q, far := pair(t, Config{})
	super := superFrame(10 * 1000)
	h := make(Header, HeaderLen)
	if err := h.Encode(&super); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(far, super.AppendTo(h)); err != nil {
		t.Fatal(err)
	}
	super.Release()
	f, total := make([]link.Frame, 3), 0
	for calls := 0; total < 10*1000; calls++ {
		n, err := q.ReadFrames(f)
		if err != nil || n == 0 {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
		for i := range f[:n] {
			if f[i].GSO != link.GSONone || f[i].NeedsChecksum || f[i].Len() > 1514 {
				t.Errorf("frame of %d octets: %v, needs checksum: %v", f[i].Len(), f[i].GSO, f[i].NeedsChecksum)
			}
			total += f[i].Len() - 54
			f[i].Release()
		}
		if calls > 10 {
			t.Fatal("too many calls")
		}
	}
	if total != 10*1000 {
		t.Errorf("%d octets of payload, want 10000", total)
	}
}

// superFrame is a TCP super-frame of n octets of payload.
func superFrame(n int) link.Frame {
	b := make([]byte, 54+n)
	copy(b[12:], []byte{8, 0, 0x45, 0, byte((40 + n) >> 8), byte(40 + n), 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2})
	b[46] = 5 << 4
	f := link.NewFrame(b)
	f.NeedsChecksum, f.CsumStart, f.CsumOffset, f.GSO, f.GSOSize = true, 34, 16, link.GSOTCPv4, 1000
	return f
}

// TestFull: a writer never waits. What does not fit is dropped and counted.
func TestFull(t *testing.T) {
	var c link.Counters
	q, _ := pair(t, Config{Counters: &c})
	const frames = 100_000
	left := 0
	for range frames {
		left += q.WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))})
	}
	s := c.Stats()
	if left == 0 || left == frames || s.TxFrames != uint64(left) || s.TxDropped != uint64(frames-left) {
		t.Errorf("%d of %d left, counters %+v", left, frames, s)
	}
}

// TestManyChunks writes a frame of more chunks than one system call takes.
func TestManyChunks(t *testing.T) {
	q, far := pair(t, Config{})
	want := make([]byte, 1500)
	var f link.Frame
	for i := range want {
		want[i] = byte(i)
		part := link.NewFrame(want[i : i+1])
		f.Data.Merge(&part.Data)
	}
	if n := q.WriteFrames([]link.Frame{f}); n != 1 {
		t.Fatalf("WriteFrames = %d, want 1", n)
	}
	got := make([]byte, 4096)
	n, err := unix.Read(far, got)
	if err != nil || !bytes.Equal(got[HeaderLen:n], want) {
		t.Errorf("read %d octets, %v: the frame differs", n, err)
	}
}

func TestClose(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	q, far := pair(t, Config{})
	put(t, far, plain, 60)
	f := make([]link.Frame, 4)
	if n, err := q.ReadFrames(f); n != 1 || err != nil {
		t.Fatalf("ReadFrames = %d, %v", n, err)
	}
	f[0].Release()
	if n, err := q.ReadFrames(nil); n != 0 || err != nil {
		t.Errorf("ReadFrames of nothing = %d, %v", n, err)
	}
	errs := make(chan error)
	go func() {
		_, err := q.ReadFrames(f)
		errs <- err
	}()
	q.Close()
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadFrames = %v, want net.ErrClosed", err)
	}
}

// TestNoAllocation: the data path is free of it.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops pooled memory at random")
	}
	q, far := pair(t, Config{Rx: allOffloads, Tx: allOffloads})
	for _, n := range []int{60, 1514} {
		msg, f, back := append(bytes.Clone(plain), make([]byte, n)...), make([]link.Frame, 4), make([]byte, 4096)
		got := testing.AllocsPerRun(500, func() {
			if _, err := unix.Write(far, msg); err != nil {
				t.Fatal(err)
			}
			read, err := q.ReadFrames(f)
			if read != 1 || err != nil {
				t.Fatalf("ReadFrames = %d, %v", read, err)
			}
			if q.WriteFrames(f[:1]) != 1 {
				t.Fatal("WriteFrames dropped")
			}
			unix.Read(far, back)
		})
		if got != 0 {
			t.Errorf("%d octets: %v allocations a frame read and written, want 0", n, got)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	for _, bb := range []struct {
		name string
		len  int
		head []byte
	}{{"60", 60, plain}, {"1514", 1514, plain}, {"60000", 60000, raw(0, 1, 0, 1448, 0, 0)}} {
		b.Run(bb.name, func(b *testing.B) {
			q, far := pair(b, Config{Rx: allOffloads, Tx: allOffloads})
			msg, f, back := append(bytes.Clone(bb.head), make([]byte, bb.len)...), make([]link.Frame, 4), make([]byte, 1<<17)
			b.SetBytes(int64(bb.len))
			b.ReportAllocs()
			for b.Loop() {
				unix.Write(far, msg)
				n, err := q.ReadFrames(f)
				if err != nil {
					b.Fatal(err)
				}
				q.WriteFrames(f[:n])
				unix.Read(far, back)
			}
		})
	}
}
