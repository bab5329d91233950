package pcap

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"tapestry/link"
)

// flushSize is how much is gathered before it goes to the disk, if more is waiting.
const flushSize = 64 << 10

// writer owns the files of a capture.
type writer struct {
	c      Config
	device string // the interface's name
	queue  *queue
	done   chan struct{} // closed when the goroutine has ended

	frames, bytes, dropped atomic.Uint64
	failed                 atomic.Bool

	// Of the goroutine alone.
	file    io.WriteCloser
	number  int   // of the file
	written int64 // octets of whole blocks in the file
	buf     []byte
	pending Stats // frames in buf
	isBegun bool  // the file has a frame, or buf has
	start   Stats // when the file was begun

	mu    sync.Mutex
	cause error // why failed is set
}

// startWriter begins the first file, so that a wrong name is told at once, and starts the goroutine that writes until close.
func startWriter(c Config, device string) (*writer, error) {
	w := &writer{c: c, device: device, queue: newQueue(c.QueueFrames, c.QueueBytes), done: make(chan struct{})}
	if err := w.open(); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

// offer captures frames that the caller still owns.
func (w *writer) offer(f []link.Frame, dir Direction) {
	if len(f) == 0 {
		return
	}
	var frames, bytes uint64
	if !w.failed.Load() {
		frames, bytes = w.queue.put(f, w.c.Now(), dir)
	}
	w.frames.Add(frames)
	w.bytes.Add(bytes)
	if n := uint64(len(f)) - frames; n > 0 {
		w.dropped.Add(n)
	}
}

func (w *writer) stats() Stats {
	return Stats{Frames: w.frames.Load(), Bytes: w.bytes.Load(), Dropped: w.dropped.Load()}
}

func (w *writer) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

// close waits until everything is written and gives the error that ended the capture, if one did. Twice is allowed.
func (w *writer) close() error {
	w.queue.close()
	<-w.done
	return w.err()
}

// run is the goroutine. It ends when the queue is closed and empty.
func (w *writer) run() {
	defer close(w.done)
	var batch []record
	for {
		batch = w.queue.take(batch)
		if len(batch) == 0 {
			break
		}
		for i := range batch {
			w.write(&batch[i])
			batch[i].frame.Release()
		}
		w.check(w.flush())
	}
	w.check(w.finish())
}

// write appends one frame to the file, or counts it as lost if the capture has ended.
func (w *writer) write(r *record) {
	_ = link.FinishChecksum(&r.frame) // one with bogus offsets is written as it is
	size := packetBlockLen(min(r.frame.Len(), w.c.SnapLen)) + statisticsLen
	if full := w.written + int64(len(w.buf)+size); w.isBegun && w.c.MaxBytes > 0 && full > w.c.MaxBytes {
		w.check(w.rotate())
	}
	if w.failed.Load() {
		w.lose(Stats{Frames: 1, Bytes: uint64(r.frame.Len())})
		return
	}
	w.buf = appendPacket(w.buf, r, w.c.SnapLen)
	w.isBegun = true
	w.pending.Frames++
	w.pending.Bytes += uint64(r.frame.Len())
	if len(w.buf) >= flushSize {
		w.check(w.flush())
	}
}

// lose turns frames that were counted as captured into dropped ones.
func (w *writer) lose(s Stats) {
	w.frames.Add(-s.Frames)
	w.bytes.Add(-s.Bytes)
	w.dropped.Add(s.Frames)
}

// rotate ends the file and begins the next.
func (w *writer) rotate() error {
	if err := w.finish(); err != nil {
		return err
	}
	w.number = (w.number + 1) % w.c.MaxFiles
	return w.open()
}

// open begins a file.
func (w *writer) open() error {
	name := w.c.fileName(w.number)
	f, err := w.c.Create(name)
	if err != nil {
		return fmt.Errorf("pcap: %w", err)
	}
	w.file, w.written = f, 0
	w.start, w.isBegun = w.stats(), false
	w.buf = appendSection(w.buf[:0])
	w.buf = appendInterface(w.buf, w.device, w.c.SnapLen)
	if err := w.flush(); err != nil {
		f.Close()
		w.file = nil
		return err
	}
	return nil
}

// finish ends the file with its statistics.
func (w *writer) finish() error {
	if w.file == nil {
		return nil
	}
	now := w.stats()
	w.buf = appendStatistics(w.buf, w.c.Now(), now.Frames+now.Dropped-w.start.Frames-w.start.Dropped, now.Dropped-w.start.Dropped)
	err := w.flush()
	if w.file != nil {
		if e := w.file.Close(); err == nil && e != nil {
			err = fmt.Errorf("pcap: %w", e)
		}
		w.file = nil
	}
	return err
}

// flush writes what was gathered.
func (w *writer) flush() error {
	if len(w.buf) == 0 || w.file == nil {
		return nil
	}
	n, err := w.file.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("pcap: %w", err)
	}
	w.written += int64(n)
	w.buf, w.pending = w.buf[:0], Stats{}
	return nil
}

// check ends the capture at the first error. The file is cut after the last whole write, so that readers do not stumble.
func (w *writer) check(err error) {
	if err == nil || w.failed.Swap(true) {
		return
	}
	w.mu.Lock()
	w.cause = err
	w.mu.Unlock()
	if t, ok := w.file.(interface{ Truncate(int64) error }); ok {
		_ = t.Truncate(w.written)
	}
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
	w.lose(w.pending)
	w.buf, w.pending = nil, Stats{}
	w.c.Log.Error("capture ended, traffic goes on", "file", w.c.fileName(w.number), "error", err)
}
