package impair

import (
	"fmt"
	"sync"

	"tapestry/link"
	"tapestry/link/internal/steer"
	"tapestry/link/internal/wire"
)

// Direction is one way or both through a device.
type Direction uint8

// The directions, as whoever uses the device sees them.
const (
	Tx   Direction = 1 << iota // what is written to the device
	Rx                         // what is read from it
	Both = Tx | Rx
)

// String gives the name.
func (d Direction) String() string {
	if d >= 1 && d <= Both {
		return [...]string{Tx: "tx", Rx: "rx", Both: "both"}[d]
	}
	return "invalid"
}

// DeviceConfig is what a wrapped device is made with.
type DeviceConfig struct {
	Tx, Rx Config     // what is written to the device, and what is read from it; default: perfect
	Clock  link.Clock // default [link.SystemClock]
	Seed   int64      // of both directions, which decide independently
	Depth  int        // frames that wait for the reader of a queue once Rx was not perfect, 64 MiB at the most; default 8192
}

const defaultDepth = 8192

// Device is a [link.Device] whose wire is impaired. Frames that are written to any queue leave by that of their flow, if the
// wrapped device knows flows.
type Device struct {
	dev    link.Device
	lines  [2]*Line // of Tx and of Rx
	queues []link.Queue
	own    []*queue // the same

	counts counts

	mu     sync.Mutex
	closed bool
	pumps  sync.WaitGroup
}

// New wraps dev and owns it from then on. With an error, dev is as it was, and the caller's.
func New(dev link.Device, c DeviceConfig) (*Device, error) {
	if c.Depth <= 0 {
		c.Depth = defaultDepth
	}
	d := &Device{dev: dev}
	for _, q := range steer.Queues(dev) {
		own := &queue{d: d, dev: q, index: len(d.queues), ring: newRing(c.Depth)}
		d.queues, d.own = append(d.queues, own), append(d.own, own)
	}
	for i, line := range []struct {
		c   Config
		out func(int, []link.Frame)
	}{{c.Tx, d.sent}, {c.Rx, d.received}} {
		l, err := newLine(line.c, c.Clock, mix(uint64(c.Seed))+uint64(i), line.out)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Direction(i+1), err)
		}
		d.lines[i] = l
	}
	return d, nil
}

// Info gives that of the wrapped device: a cut is somewhere along the wire and takes no carrier, and Config.MTU is a limit
// that nobody announces.
func (d *Device) Info() link.Info { return d.dev.Info() }

// SetFilter tells the wrapped device, if it can leave out frames that its station has no use for, which those are: only
// while the way to the station is perfect. An impaired wire carries them like all others, for their share of its rate.
func (d *Device) SetFilter(wants func(head []byte) bool) {
	if f, ok := d.dev.(interface{ SetFilter(func([]byte) bool) }); ok {
		rx := d.lines[1]
		f.SetFilter(func(head []byte) bool { return !rx.plain.Load() || wants(head) })
	}
}

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return d.queues }

// Close closes the wrapped device and releases what is on the wire.
func (d *Device) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	err := d.dev.Close()
	for _, l := range d.lines {
		l.Close()
	}
	for _, q := range d.own {
		q.ring.close()
	}
	d.pumps.Wait()
	return err
}

// each calls f with the lines of a direction.
func (d *Device) each(dir Direction, f func(l *Line) error) error {
	if dir == 0 || dir > Both {
		return fmt.Errorf("impair: direction %d: want Tx, Rx or Both", dir)
	}
	for i, l := range d.lines {
		if dir&(1<<i) != 0 {
			if err := f(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// Set changes what happens in a direction, see [Line.Set].
func (d *Device) Set(dir Direction, c Config) error {
	return d.each(dir, func(l *Line) error { return l.Set(c) })
}

// SetUp cuts a direction or ends that, see [Line.SetUp].
func (d *Device) SetUp(dir Direction, up bool) error {
	return d.each(dir, func(l *Line) error { l.SetUp(up); return nil })
}

// Line gives the line of Tx or of Rx, to look at or to change. It is the device's: Write and Close are not for others.
// Of another direction it gives nil.
func (d *Device) Line(dir Direction) *Line {
	if dir != Tx && dir != Rx {
		return nil
	}
	return d.lines[dir-1]
}

// queue is one queue of the device.
type queue struct {
	d     *Device
	dev   link.Queue
	index int
	ring  *ring
	// Belongs to the reader: whether a goroutine reads dev, so that what was delayed can come while nothing else does.
	pumped bool
}

// WriteFrames implements [link.Queue]. What the wire loses was sent: it counts in what is returned.
func (q *queue) WriteFrames(f []link.Frame) int {
	line := q.d.lines[0]
	if line.plain.Load() {
		return q.dev.WriteFrames(f)
	}
	mtu, sent := q.d.dev.Info().MTU, 0
	for len(f) > 0 {
		n := 0
		for n < len(f) && wire.Carries(mtu, &f[n]) {
			n++
		}
		if n > 0 {
			sent += q.d.counts.write(line, f[:n], q.index)
			f = f[n:]
			continue
		}
		q.d.counts.written.DropTx(1)
		f[0].Release()
		f = f[1:]
	}
	return sent
}

// ReadFrames implements [link.Queue]. It reads the device itself until a batch comes while the line is not perfect; from
// then on a goroutine does.
func (q *queue) ReadFrames(f []link.Frame) (int, error) {
	for len(f) > 0 && !q.pumped {
		n, err := q.dev.ReadFrames(f)
		if err != nil || q.d.lines[1].plain.Load() {
			return n, err
		}
		q.d.counts.taken.CountRx(f[:n])
		q.d.lines[1].write(f[:n], q.index)
		q.pumped = q.pump()
	}
	if len(f) == 0 {
		return 0, nil
	}
	n, err := q.ring.get(f)
	q.d.counts.given.CountRx(f[:n])
	return n, err
}

// pump starts the goroutine that reads the device into the line. It ends when the device does, and Close waits for it.
func (q *queue) pump() bool {
	q.d.mu.Lock()
	defer q.d.mu.Unlock()
	if q.d.closed {
		return true
	}
	q.d.pumps.Go(func() {
		f := make([]link.Frame, 64)
		for {
			n, err := q.dev.ReadFrames(f)
			if err != nil {
				q.ring.end(err)
				return
			}
			q.d.counts.taken.CountRx(f[:n])
			q.d.lines[1].write(f[:n], q.index)
		}
	})
	return true
}
