package linktest

import (
	"testing"

	"tapestry/link"
)

// NoAllocation holds that a frame with that content goes from one device to the other without garbage. Each has one
// queue, and nobody else is on the wire. Under the race detector it is skipped: sync.Pool drops there what it is given.
func NoAllocation(t *testing.T, from, to link.Device, data []byte) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector has sync.Pool drop what it is given")
	}
	out, in, f := from.Queues()[0], to.Queues()[0], make([]link.Frame, 1)
	got := testing.AllocsPerRun(1000, func() {
		f[0] = link.NewFrame(data)
		out.WriteFrames(f)
		if n, err := in.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
		f[0].Release()
	})
	if got >= 1 {
		t.Errorf("%v allocations a frame, want 0", got)
	}
}

// Stream measures bursts of 32 frames with that content from one device to the other, on one goroutine.
func Stream(b *testing.B, from, to link.Device, data []byte) {
	out, in, f := from.Queues()[0], to.Queues()[0], make([]link.Frame, 32)
	b.ReportAllocs()
	b.SetBytes(int64(len(f) * len(data)))
	for b.Loop() {
		for i := range f {
			f[i] = link.NewFrame(data)
		}
		for left := out.WriteFrames(f); left > 0; {
			n, err := in.ReadFrames(f)
			if err != nil {
				b.Fatal(err)
			}
			link.ReleaseAll(f[:n])
			left -= n
		}
	}
}
