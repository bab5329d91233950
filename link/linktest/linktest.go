package linktest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"tapestry/link"
)

// Open makes a wire with two ends.
type Open func(t testing.TB) (dev, peer link.Device)

// patience is how long a frame that must come may take; a machine under load is slow.
const patience = 10 * time.Second

// TestDevice runs the contract.
func TestDevice(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(t *testing.T, w *wire)
	}{
		{"Info", testInfo},
		{"Sizes", testSizes},
		{"Tagged", testTagged},
		{"Batch", testBatch},
		{"Chunks", testChunks},
		{"OutOfBounds", testOutOfBounds},
		{"BadOffsets", testBadOffsets},
		{"Checksum", testChecksum},
		{"SuperFrames", testSuperFrames},
		{"ReadOnly", testReadOnly},
		{"Writers", testWriters},
		{"Close", testClose},
		{"CloseTogether", testCloseTogether},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			dev, peer := open(t)
			w := &wire{t: t, dev: newEnd(dev), peer: newEnd(peer)}
			defer w.close()
			tt.run(t, w)
		})
	}
}

// wire is what one test works with.
type wire struct {
	t         *testing.T
	dev, peer *end
}

func (w *wire) close() {
	w.dev.close(w.t, net.ErrClosed)
	w.peer.close(w.t, nil) // closing the device may have taken the peer's interface away
}

// bothWays runs f in each direction.
func (w *wire) bothWays(f func(from, to *end)) {
	f(w.dev, w.peer)
	f(w.peer, w.dev)
}

// end is a device with a reader of its own.
type end struct {
	link.Device
	frames  chan link.Frame
	readers sync.WaitGroup
	errs    chan error // one a queue, what its reader ended with
}

// depth is more frames than a test leaves unread.
const depth = 8192

func newEnd(d link.Device) *end {
	queues := d.Queues()
	e := &end{Device: d, frames: make(chan link.Frame, depth), errs: make(chan error, len(queues))}
	for _, q := range queues {
		e.readers.Go(func() { e.errs <- e.read(q) })
	}
	return e
}

// read hands on the tests' own frames until the queue ends.
func (e *end) read(q link.Queue) error {
	f := make([]link.Frame, 16)
	for {
		n, err := q.ReadFrames(f)
		if err != nil {
			return err
		}
		if n < 1 || n > len(f) {
			return fmt.Errorf("ReadFrames gave %d frames of %d", n, len(f))
		}
		for i := range f[:n] {
			if !isOurs(&f[i]) {
				f[i].Release()
				continue
			}
			e.frames <- f[i]
			f[i] = link.Frame{}
		}
	}
}

// close ends the readers, which must say want unless that is nil.
func (e *end) close(t *testing.T, want error) {
	if err := e.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	e.readers.Wait()
	close(e.errs)
	for err := range e.errs {
		if want != nil && !errors.Is(err, want) {
			t.Errorf("the reader ended with %v, want %v", err, want)
		}
	}
	close(e.frames)
	for f := range e.frames {
		f.Release()
	}
}

// write gives frames to the first queue.
func (e *end) write(f ...link.Frame) int { return e.Queues()[0].WriteFrames(f) }

// next is the next frame of the tests' own.
func (e *end) next(t *testing.T) link.Frame {
	t.Helper()
	select {
	case f := <-e.frames:
		return f
	case <-time.After(patience):
		t.Fatalf("no frame on %s for %v", e.Info().Name, patience)
	}
	return link.Frame{}
}

// expect takes the next frame and compares its octets.
func (e *end) expect(t *testing.T, want []byte) {
	t.Helper()
	f := e.next(t)
	defer f.Release()
	if got := f.AppendTo(nil); !bytes.Equal(got, want) {
		t.Fatalf("frame on %s differs:\n got %d octets %.80x\nwant %d octets %.80x", e.Info().Name, len(got), got, len(want), want)
	}
}

// stats are the device's counters, zero if it does not count.
func (e *end) stats() link.Stats {
	if s, ok := e.Device.(link.StatsReader); ok {
		return s.Stats()
	}
	return link.Stats{}
}

// counts reports whether the device counts.
func (e *end) counts() bool {
	_, ok := e.Device.(link.StatsReader)
	return ok
}

func testInfo(t *testing.T, w *wire) {
	for _, e := range []*end{w.dev, w.peer} {
		i := e.Info()
		if i.Name == "" || i.MTU < 68 || !i.Up || i.Addr.IsMulticast() {
			t.Errorf("Info = %+v: want a name, an MTU of at least 68, a station's address, carrier", i)
		}
		for _, o := range []link.Offload{i.Rx, i.Tx} {
			if o != 0 && !o.Has(link.OffloadChecksum) {
				t.Errorf("offload %v: super-frames without checksum offload", o)
			}
		}
		a, b := e.Queues(), e.Queues()
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("Queues = %v, then %v: want the same, at least one", a, b)
		}
	}
}

func testClose(t *testing.T, w *wire) {
	w.dev.write(newFrame(0, 0, 60)) // the reader is up when the answer comes
	w.peer.expect(t, octets(0, 0, 60))
	for range 2 {
		if err := w.dev.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	select {
	case err := <-w.dev.errs:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("the reader ended with %v, want net.ErrClosed", err)
		}
		w.dev.errs <- err
	case <-time.After(patience):
		t.Fatal("Close did not unblock the reader")
	}
	if _, err := w.dev.Queues()[0].ReadFrames(make([]link.Frame, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadFrames after Close = %v, want net.ErrClosed", err)
	}
	before := w.dev.stats()
	if n := w.dev.write(newFrame(0, 1, 60), newFrame(0, 2, 60)); n != 0 {
		t.Errorf("WriteFrames after Close = %d, want 0", n)
	}
	if got := w.dev.stats().TxDropped - before.TxDropped; w.dev.counts() && got != 2 {
		t.Errorf("%d drops counted after Close, want 2", got)
	}
}

// testCloseTogether closes while writers write: for the race detector.
func testCloseTogether(t *testing.T, w *wire) {
	var writers sync.WaitGroup
	for id := range 2 {
		writers.Go(func() {
			for seq := range 200 {
				w.dev.write(newFrame(id, seq, 60))
			}
		})
	}
	for range 2 {
		writers.Go(func() {
			if err := w.dev.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	writers.Wait()
}
