package steer

import (
	"slices"
	"testing"

	"tapestry/link"
)

// plain is a device whose queues keep what is written.
type plain struct {
	link.Device
	queues []*memory
}

type memory struct {
	link.Queue
	written [][]byte
	writes  int
}

func (d plain) Queues() (all []link.Queue) {
	for _, q := range d.queues {
		all = append(all, q)
	}
	return all
}

func (m *memory) WriteFrames(f []link.Frame) int {
	m.writes++
	for i := range f {
		m.written = append(m.written, f[i].AppendTo(nil))
		f[i].Release()
	}
	return len(f)
}

// byFirst steers by the first octet.
type byFirst struct{ plain }

func (d byFirst) QueueOf(f *link.Frame) int { return int(f.Head()[0]) % len(d.queues) }

func write(q link.Queue, firsts ...byte) int {
	var f []link.Frame
	for i, b := range firsts {
		f = append(f, link.NewFrame([]byte{b, byte(i)}))
	}
	return q.WriteFrames(f)
}

func TestSteered(t *testing.T) {
	d := byFirst{plain{queues: []*memory{{}, {}, {}}}}
	for i, q := range Queues(d) {
		if n := write(q, 0, 0, 1, 2, 0, 4); n != 6 {
			t.Errorf("queue %d says that %d of 6 left", i, n)
		}
	}
	for i, want := range [][]byte{{0, 0, 0}, {1, 4}, {2}} {
		var got []byte
		for _, b := range d.queues[i].written {
			got = append(got, b[0])
		}
		if !slices.Equal(got, slices.Repeat(want, 3)) {
			t.Errorf("queue %d got frames of flows %v, want %v three times", i, got, want)
		}
	}
	if n := d.queues[0].writes; n != 6 {
		t.Errorf("%d writes to the first queue, want 6: frames of one flow that follow each other go together", n)
	}
}

func TestNotSteered(t *testing.T) {
	tests := []struct {
		name string
		dev  link.Device
	}{
		{"one queue", byFirst{plain{queues: []*memory{{}}}}},
		{"a device that does not know", plain{queues: []*memory{{}, {}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, q := range Queues(tt.dev) {
				if q != tt.dev.Queues()[i] {
					t.Errorf("queue %d is not the device's own", i)
				}
			}
		})
	}
}

func TestNoAllocation(t *testing.T) {
	d := byFirst{plain{queues: []*memory{{}, {}}}}
	frame := []link.Frame{link.NewFrame([]byte{0, 1})}
	defer frame[0].Release()
	steered := queue{nil, []link.Queue{discard{}, discard{}}, d}
	if n := testing.AllocsPerRun(100, func() { steered.WriteFrames(frame) }); n > 0 {
		t.Errorf("%v allocations a write", n)
	}
}

type discard struct{ link.Queue }

func (discard) WriteFrames(f []link.Frame) int { return len(f) }
