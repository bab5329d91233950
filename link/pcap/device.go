package pcap

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tapestry/link"
	"tapestry/link/internal/steer"
)

// Config describes a capture. The zero value of each field but Path means its default.
type Config struct {
	Path        string           // the first file; the others have a number before the extension
	SnapLen     int              // octets kept of a frame; default 262144
	MaxBytes    int64            // size at which the next file is begun; default 0: never
	MaxFiles    int              // files before the first is overwritten; default 10; counts only with MaxBytes
	QueueFrames int              // frames waiting for the disk; default 4096
	QueueBytes  int              // octets waiting for the disk; default 16 MiB
	Now         func() time.Time // default time.Now
	Log         *slog.Logger     // told once when the capture ends early; default: nobody
	// Create opens a file for writing, emptied if it exists. Default os.OpenFile with mode 0600: a capture holds what
	// people said.
	Create func(name string) (io.WriteCloser, error)
}

func (c Config) withDefaults() (Config, error) {
	if c.Path == "" && c.Create == nil {
		return c, errors.New("pcap: Config.Path is empty: name the file to capture to")
	}
	for _, f := range []struct {
		value *int
		def   int
	}{{&c.SnapLen, 256 << 10}, {&c.MaxFiles, 10}, {&c.QueueFrames, 4096}, {&c.QueueBytes, 16 << 20}} {
		if *f.value <= 0 {
			*f.value = f.def
		}
	}
	c.SnapLen = min(c.SnapLen, maxBlock/2)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Create == nil {
		c.Create = createFile
	}
	return c, nil
}

func createFile(name string) (io.WriteCloser, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// fileName is the name of the n-th file: lan.pcapng, lan.1.pcapng, …
func (c Config) fileName(n int) string {
	if n == 0 {
		return c.Path
	}
	ext := filepath.Ext(c.Path)
	return strings.TrimSuffix(c.Path, ext) + "." + strconv.Itoa(n) + ext
}

// Stats tell how a capture goes.
type Stats struct {
	Frames  uint64 `json:"frames"`  // written to a file, or waiting to be
	Bytes   uint64 `json:"bytes"`   // their octets as they crossed
	Dropped uint64 `json:"dropped"` // crossed, but not captured: queue full or capture ended
}

// Device is a [link.Device] that captures what crosses it. Frames that are written to any queue leave by that of their flow,
// if the wrapped device knows flows.
type Device struct {
	link.Device
	queues []link.Queue
	w      *writer
}

// New begins a capture of dev, which it owns from then on. With an error, dev is as it was, and the caller's.
func New(dev link.Device, c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	w, err := startWriter(c, dev.Info().Name)
	if err != nil {
		return nil, err
	}
	d := &Device{Device: dev, w: w}
	for _, q := range steer.Queues(dev) {
		d.queues = append(d.queues, &tapped{Queue: q, w: w})
	}
	return d, nil
}

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return d.queues }

// Close closes the device and ends the capture when all that crossed is written.
func (d *Device) Close() error {
	return errors.Join(d.Device.Close(), d.w.close())
}

// Stats gives the wrapped device's counters, and zeros if it does not count.
func (d *Device) Stats() link.Stats {
	if s, ok := d.Device.(link.StatsReader); ok {
		return s.Stats()
	}
	return link.Stats{}
}

// Capture gives the capture's counters.
func (d *Device) Capture() Stats { return d.w.stats() }

// Err is why the capture ended early, or nil.
func (d *Device) Err() error { return d.w.err() }

// tapped is a queue with an ear.
type tapped struct {
	link.Queue
	w *writer
}

// ReadFrames implements [link.Queue].
func (t *tapped) ReadFrames(f []link.Frame) (int, error) {
	n, err := t.Queue.ReadFrames(f)
	t.w.offer(f[:n], Inbound)
	return n, err
}

// WriteFrames implements [link.Queue]. Frames are captured before they leave, so that no answer comes before its question
// in the file; also those that the device drops.
func (t *tapped) WriteFrames(f []link.Frame) int {
	t.w.offer(f, Outbound)
	return t.Queue.WriteFrames(f)
}
