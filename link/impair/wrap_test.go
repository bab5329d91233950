package impair

import (
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/pipe"
)

// picky is a device with two queues that knows flows and leaves frames out.
type picky struct {
	link.Device
	queues [2]lane
	wants  func(head []byte) bool
}

type lane struct {
	link.Queue
	written *int
}

func (l lane) WriteFrames(f []link.Frame) int {
	*l.written += len(f)
	link.ReleaseAll(f)
	return len(f)
}

func (p *picky) Queues() []link.Queue              { return []link.Queue{p.queues[0], p.queues[1]} }
func (p *picky) QueueOf(*link.Frame) int           { return 1 }
func (p *picky) SetFilter(wants func([]byte) bool) { p.wants = wants }
func newPicky(a link.Device) *picky {
	return &picky{Device: a, queues: [2]lane{{a.Queues()[0], new(int)}, {a.Queues()[0], new(int)}}}
}
func (p *picky) written() (first, second int) { return *p.queues[0].written, *p.queues[1].written }
func frameOf(b ...byte) []link.Frame {
	return []link.Frame{link.NewFrame(append(make([]byte, 14), b...))}
}
func nothing(head []byte) bool { return false }

// TestSteering has frames leave by the queue of their flow, whichever was written to, on a wire that is perfect or not.
func TestSteering(t *testing.T) {
	for _, tt := range []struct {
		name string
		tx   Config
	}{{"perfect", Config{}}, {"cut to come", Config{Cuts: []Cut{{At: time.Hour, For: 1}}}}} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pipe.New(pipe.Config{})
			defer b.Close()
			dev := newPicky(a)
			d, err := New(dev, DeviceConfig{Tx: tt.tx})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, q := range d.Queues() {
				q.WriteFrames(frameOf(1))
			}
			if first, second := dev.written(); first != 0 || second != 2 {
				t.Errorf("%d frames left by the first queue and %d by the second, want both by the second", first, second)
			}
		})
	}
}

// TestSetFilter holds that nobody's frames still take part on a wire that is impaired.
func TestSetFilter(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	dev := newPicky(a)
	d, err := New(dev, DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.SetFilter(nothing)
	if dev.wants(nil) {
		t.Error("a perfect wire carries what nobody wants")
	}
	if err := d.Set(Rx, Config{Delay: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if !dev.wants(nil) {
		t.Error("an impaired wire leaves frames out")
	}
	plain, err := New(b, DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	plain.SetFilter(nothing) // of a device that cannot: nothing happens
}
