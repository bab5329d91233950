package vnet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/internal/wire"
)

// Config describes a queue.
type Config struct {
	Name     string         // the device's, for errors
	Header   bool           // a virtio-net header is in front of each frame
	MTU      int            // largest layer-3 packet
	Rx, Tx   link.Offload   // what may be left unfinished; the rest is finished in software
	Counters *link.Counters // the device's
	// Receive reads one frame into c and says how many octets, with the header, and what is wrong with it:
	// unix.EMSGSIZE means that it was cut off. Default: readv(2).
	Receive func(fd uintptr, c *Chunks) (int, unix.Errno)
	// Amend corrects a frame after its header was read. Nil: nothing to correct.
	Amend func(f *link.Frame)
	// Gap is free space in front of each frame, for Amend.
	Gap int
	// Exists says, after the interface went down (unix.ENETDOWN), whether it is there. Nil: it is.
	Exists func(syscall.RawConn) bool
	// Gone is called when the kernel says that the device is no more.
	Gone func()
	// Spin is how long a reader that finds nothing may go on trying before it parks, where trials show that it pays.
	// Zero: 50 µs; negative: not at all.
	Spin time.Duration
}

// Queue is a [link.Queue] on a file descriptor.
type Queue struct {
	Config
	file    *os.File
	raw     syscall.RawConn
	closed  atomic.Bool
	senders sync.Pool

	// The reader's.
	chunks  Chunks
	readFn  func(fd uintptr) bool // q.read, made once
	want    []link.Frame
	frame   link.Frame // being made: a variable would be allocated for each, because Amend could keep it
	got     int
	waited  bool // this call had to wait for its first frame
	burst   burst
	spinner spinner
	spun    bool         // the frame came while spinning
	down    bool         // the interface was when last looked at
	pending []link.Frame // segments of a super-frame that the caller has not asked for yet
	err     unix.Errno

	spins, hits atomic.Uint64
}

// NewQueue takes ownership of fd, which must not block and be ready for the netpoller.
func NewQueue(fd int, c Config) (*Queue, error) {
	q := &Queue{Config: c, file: os.NewFile(uintptr(fd), c.Name)}
	raw, err := q.file.SyscallConn()
	if err != nil {
		q.file.Close()
		return nil, err
	}
	q.raw, q.readFn, q.chunks.Gap, q.chunks.WithHeader = raw, q.read, c.Gap, c.Header
	if q.Receive == nil {
		q.Receive = q.readv
	}
	if q.spinner.bound = c.Spin; c.Spin == 0 {
		q.spinner.bound = defaultSpin
	}
	q.senders.New = func() any {
		s := &sender{q: q}
		s.fn = s.run
		return s
	}
	return q, nil
}

// Close unblocks the reader and returns when nobody uses the descriptor any more.
func (q *Queue) Close() error {
	if q.closed.Swap(true) {
		return nil
	}
	return q.file.Close()
}

// Control calls f with the descriptor, which stays open meanwhile.
func (q *Queue) Control(f func(fd uintptr)) error { return q.raw.Control(f) }

// ReadFrames implements [link.Queue].
func (q *Queue) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	q.want, q.got, q.waited, q.spun, q.err = f, 0, false, false, 0
	q.drainPending()
	if q.got == 0 {
		if err := q.poll(); err != nil {
			return 0, q.fail(err)
		}
	}
	q.spinner.read(q.got)
	q.endWait()
	q.want = nil
	q.Counters.CountRx(f[:q.got])
	return q.got, nil
}

// recheck is how often a reader looks whether an interface that went down has been removed: nothing tells it.
const recheck = 200 * time.Millisecond

// poll reads what is there, and blocks for at least one frame.
func (q *Queue) poll() error {
	for {
		err := q.raw.Read(q.readFn)
		switch {
		case q.got > 0:
			q.setDown(false)
			return nil // an error comes again
		case q.err == unix.ENETDOWN, errors.Is(err, os.ErrDeadlineExceeded):
			if q.Exists != nil && !q.Exists(q.raw) {
				return unix.ENODEV
			}
			q.err = 0
			q.setDown(true)
		case err != nil:
			return err
		case q.err != 0:
			return q.err
		default:
			return net.ErrClosed // read saw it first
		}
	}
}

// setDown has the reader come back without a frame while the interface is down.
func (q *Queue) setDown(down bool) {
	if down {
		q.file.SetReadDeadline(time.Now().Add(recheck))
	} else if q.down {
		q.file.SetReadDeadline(time.Time{})
	}
	q.down = down
}

// fail ends the reader: no later call finds memory or frames here.
func (q *Queue) fail(err error) error {
	q.chunks.Release()
	link.ReleaseAll(q.pending)
	q.pending = nil
	if q.closed.Load() || errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	if q.Gone != nil {
		q.Gone()
	}
	return fmt.Errorf("%s is gone: it was removed or detached while in use: %w", q.Name, err)
}

// read is called by the netpoller; false waits for the descriptor to become readable.
func (q *Queue) read(fd uintptr) bool {
	for q.got == 0 && q.err == 0 && !q.closed.Load() {
		if !q.try(fd) && (q.waited || !q.spin(fd)) {
			return false
		}
	}
	if !q.waited && q.got > 0 && q.got < len(q.want) && q.burst.looks() {
		q.readMore(fd)
	}
	return true
}

// maxBurst is how many octets of a batch lead to no more reading: what was read should be in the cache still when it is
// used.
const maxBurst = 256 << 10

// readMore reads what else is there, after a frame that was found at once.
func (q *Queue) readMore(fd uintptr) {
	before, octets := q.got, int64(0)
	for at := 0; q.got < len(q.want) && q.err == 0 && octets < maxBurst && q.try(fd); at = q.got {
		for i := range q.want[at:q.got] {
			octets += q.want[at+i].Data.Size()
		}
	}
	q.burst.found(q.got > before)
}

// try reads once; false: nothing is there.
func (q *Queue) try(fd uintptr) bool {
	n, errno := q.Receive(fd, &q.chunks)
	switch errno {
	case 0:
		q.accept(n)
	case unix.EINTR:
	case unix.EMSGSIZE, unix.EINVAL: // cut off, or a kind of super-frame that the header cannot express
		q.Counters.DropRx(1)
	case unix.EAGAIN:
		return false
	default:
		q.err = errno
	}
	return true
}

// readv is the default Receive.
func (q *Queue) readv(fd uintptr, c *Chunks) (int, unix.Errno) {
	v := c.Vector()
	n, _, errno := unix.Syscall(unix.SYS_READV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	return int(n), errno
}

// accept makes a frame of n octets that were read.
func (q *Queue) accept(n int) {
	if q.Header {
		n -= HeaderLen
	}
	if n <= 0 || n > MaxRead-q.Gap {
		q.Counters.DropRx(1)
		return
	}
	q.frame = link.Frame{Data: q.chunks.Take(n)}
	if !q.inspect(&q.frame) {
		q.Counters.DropRx(1)
		q.frame.Release()
		return
	}
	q.deliver(q.frame)
	q.frame = link.Frame{}
}

// inspect gives f its metadata and reports whether it is a frame that this wire can have carried.
func (q *Queue) inspect(f *link.Frame) bool {
	if q.Header && q.chunks.Header().Decode(f) != nil {
		return false
	}
	if q.Amend != nil {
		q.Amend(f)
	}
	return wire.Carries(q.MTU, f)
}

// deliver hands f to the caller, finished in software as far as the configuration wants it.
func (q *Queue) deliver(f link.Frame) {
	if wire.IsReady(&f, q.Rx) {
		q.want[q.got] = f
		q.got++
		return
	}
	var err error
	if q.pending, err = link.Fit(q.pending, f, q.Rx); err != nil {
		q.Counters.DropRx(1)
	}
	q.drainPending()
}

func (q *Queue) drainPending() {
	n := copy(q.want[q.got:], q.pending)
	q.got += n
	rest := copy(q.pending, q.pending[n:])
	clear(q.pending[rest:])
	q.pending = q.pending[:rest]
}
