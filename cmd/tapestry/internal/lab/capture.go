package lab

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"tapestry/link"
	"tapestry/link/pcap"
)

// capture writes the frames that enter a segment, each once and as it was after the impairment on its way in. A nil
// capture does nothing.
type capture struct {
	device *pcap.Device
	queue  link.Queue
}

// newCapture begins a capture, if one is wanted. Where a lab's file is only tried, no file is touched: it may be the capture
// of a lab that runs.
func newCapture(name string, mtu int, p CapturePlan, isTrial bool, log *slog.Logger) (*capture, error) {
	if p.File == "" {
		return nil, nil
	}
	if isTrial {
		return nil, p.checkFolder()
	}
	d, err := pcap.New(drain{name, mtu}, pcap.Config{Path: p.File, SnapLen: p.Snaplen, MaxBytes: p.MaxBytes, Log: log})
	if err != nil {
		return nil, err
	}
	return &capture{d, d.Queues()[0]}, nil
}

func (p CapturePlan) checkFolder() error {
	if _, err := os.Stat(filepath.Dir(p.File)); err != nil {
		return fmt.Errorf("capture %s: %w; make the folder first", p.File, err)
	}
	return nil
}

// show captures frames, which stay the caller's.
func (c *capture) show(f []link.Frame) {
	if c == nil || len(f) == 0 {
		return
	}
	clones := make([]link.Frame, len(f))
	for i := range f {
		clones[i] = f[i].Clone()
	}
	c.queue.WriteFrames(clones)
}

// close ends the capture when everything is written.
func (c *capture) close() error {
	if c == nil {
		return nil
	}
	return c.device.Close()
}

// entry has the capture see what goes into the segment: what is read from a device that is bridged, or else written to
// one that is a port.
func (c *capture) entry(dev link.Device, isBridged bool) link.Device {
	if c == nil {
		return dev
	}
	e := &entry{Device: dev}
	for _, q := range dev.Queues() {
		if isBridged {
			e.queues = append(e.queues, readEntry{q, c})
		} else {
			e.queues = append(e.queues, writeEntry{q, c})
		}
	}
	return e
}

type entry struct {
	link.Device
	queues []link.Queue
}

// Queues implements [link.Device].
func (e *entry) Queues() []link.Queue { return e.queues }

// Stats implements [link.StatsReader].
func (e *entry) Stats() link.Stats {
	if s, ok := e.Device.(link.StatsReader); ok {
		return s.Stats()
	}
	return link.Stats{}
}

// SetFilter tells the device, if it can leave out frames that its station has no use for, which those are: the capture is of
// the other direction.
func (e *entry) SetFilter(wants func(head []byte) bool) {
	if f, ok := e.Device.(filterer); ok {
		f.SetFilter(wants)
	}
}

type readEntry struct {
	link.Queue
	c *capture
}

// ReadFrames implements [link.Queue].
func (e readEntry) ReadFrames(f []link.Frame) (int, error) {
	n, err := e.Queue.ReadFrames(f)
	e.c.show(f[:n])
	return n, err
}

type writeEntry struct {
	link.Queue
	c *capture
}

// WriteFrames implements [link.Queue].
func (e writeEntry) WriteFrames(f []link.Frame) int {
	e.c.show(f)
	return e.Queue.WriteFrames(f)
}

// drain is a device without anybody behind it.
type drain struct {
	name string
	mtu  int
}

// Info implements [link.Device].
func (d drain) Info() link.Info { return link.Info{Name: d.name, MTU: d.mtu, Up: true} }

// Queues implements [link.Device].
func (d drain) Queues() []link.Queue { return []link.Queue{d} }

// Close implements [link.Device].
func (d drain) Close() error { return nil }

// ReadFrames implements [link.Queue].
func (d drain) ReadFrames([]link.Frame) (int, error) { return 0, net.ErrClosed }

// WriteFrames implements [link.Queue].
func (d drain) WriteFrames(f []link.Frame) int {
	link.ReleaseAll(f)
	return len(f)
}
