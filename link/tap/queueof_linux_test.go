package tap

import (
	"testing"

	"gvisor.dev/gvisor/pkg/buffer"
	"tapestry/link"
)

// TestQueueOf holds that the queue depends on the frame's octets alone, not on how its memory is cut, and costs no
// memory.
func TestQueueOf(t *testing.T) {
	d := &Device{queues: make([]*queue, 5)}
	for _, tt := range flows {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.flow
			p.a, p.b, p.portA, p.toB, p.payload = 1, 2, 40000, 80, 1000
			b := p.frame(false)
			want := queueOf(flowHash(b), 5)
			for _, size := range []int{1, 14, 40, len(b)} {
				var f link.Frame
				for rest := b; len(rest) > 0; {
					n := min(size, len(rest))
					part := buffer.MakeWithData(rest[:n])
					f.Data.Merge(&part)
					rest = rest[n:]
				}
				if got := d.QueueOf(&f); got != want {
					t.Errorf("in chunks of %d: queue %d, want %d", size, got, want)
				}
				if n := testing.AllocsPerRun(10, func() { d.QueueOf(&f) }); n > 0 {
					t.Errorf("in chunks of %d: %v allocations", size, n)
				}
				f.Release()
			}
		})
	}
	if got := d.QueueOf(&link.Frame{}); got != 0 {
		t.Errorf("an empty frame has queue %d, want 0", got)
	}
}
