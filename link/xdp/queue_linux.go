package xdp

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
	"gvisor.dev/gvisor/pkg/buffer"
	"tapestry/link"
	"tapestry/link/internal/wire"
)

// queue is a [link.Queue] on one socket. Everything that touches the shared memory runs inside a call of raw, which holds the
// descriptor open; Close waits for those.
type queue struct {
	*socket
	name     string
	mtu      int
	zeroCopy bool
	via      *queue         // the one to send from; nil: this one
	counters *link.Counters // the device's
	gone     func()         // the interface has been removed
	file     *os.File
	raw      syscall.RawConn
	closed   atomic.Bool
	removed  atomic.Bool // the interface has been

	rxFrames, txFrames, kicks atomic.Uint64

	// readMu is held by the reader, also while it waits; close takes it once the descriptor is closed.
	readMu sync.Mutex
	// Below is guarded by readMu.
	readFn func(fd uintptr) bool // q.read, made once
	want   []link.Frame
	got    int
	bad    int        // frames dropped in this call
	frame  link.Frame // being put together from chunks
	spin   time.Duration

	retry *time.Timer // kicks again what the device did not take

	sendMu sync.Mutex
	// Below is guarded by sendMu.
	sendFn  func(fd uintptr) // q.send, made once
	free    []uint64         // chunks to send from
	out     []link.Frame
	scratch []link.Frame // what a frame became in software
	down    bool         // the interface was when last written to

	lost                 int // frames of the caller's
	wrote, octets, super uint64
}

// newQueue takes ownership of s.
func newQueue(s *socket, c *Config, counters *link.Counters, gone func()) (*queue, error) {
	q := &queue{
		socket: s, name: c.Interface, mtu: c.MTU, spin: c.Spin, counters: counters, gone: gone,
		zeroCopy: s.isZeroCopy(), file: os.NewFile(uintptr(s.fd), c.Interface),
	}
	raw, err := q.file.SyscallConn()
	if err != nil {
		q.file.Close()
		s.unmap()
		return nil, err
	}
	q.raw, q.readFn, q.sendFn = raw, q.read, q.send
	for i := range c.Ring {
		q.free = append(q.free, uint64((c.Ring+i)*c.Chunk))
	}
	q.retry = time.AfterFunc(time.Hour, q.kickAgain)
	q.retry.Stop()
	return q, nil
}

// close unblocks the reader, and gives the memory back when nobody uses it any more.
func (q *queue) close() error {
	q.closed.Store(true)
	err := q.file.Close()
	q.readMu.Lock() // before sendMu
	defer q.readMu.Unlock()
	q.sendMu.Lock()
	defer q.sendMu.Unlock()
	q.retry.Stop()
	q.unmap()
	return err
}

// ReadFrames implements [link.Queue].
func (q *queue) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	q.readMu.Lock()
	defer q.readMu.Unlock()
	q.want, q.got, q.bad = f, 0, 0
	err := q.raw.Read(q.readFn)
	q.want = nil
	q.counters.DropRx(q.bad)
	if q.got == 0 {
		return 0, q.fail(err)
	}
	q.counters.CountRx(f[:q.got])
	q.rxFrames.Add(uint64(q.got))
	return q.got, nil
}

// fail ends the reader.
func (q *queue) fail(err error) error {
	q.frame.Release()
	if q.closed.Load() || errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	q.gone()
	return fmt.Errorf("xdp: %s is gone: it was removed while in use: %w", q.name, errors.Join(err, unix.ENODEV))
}

// read is called by the netpoller; false waits for the descriptor to become readable.
func (q *queue) read(fd uintptr) bool {
	return q.closed.Load() || q.collect(fd) || q.spin > 0 && q.poll(fd) || q.removed.Load()
}

// poll has the driver look for frames until there is one or the time for it is over.
func (q *queue) poll(fd uintptr) bool {
	for end := time.Now().Add(q.spin); !q.closed.Load(); {
		wakeRx(fd)
		if q.collect(fd) {
			return true
		}
		if time.Now().After(end) {
			break
		}
	}
	return q.closed.Load()
}

// wakeRx asks the driver to receive; with busy polling, to do so at once.
func wakeRx(fd uintptr) {
	unix.Syscall6(unix.SYS_RECVFROM, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
}

// collect copies what was received into frames and gives the chunks back. It reports whether there was a frame.
func (q *queue) collect(fd uintptr) bool {
	n := q.rx.ready()
	i := uint32(0)
	for ; i < n && q.got < len(q.want); i++ {
		d := q.rx.at(i)
		q.accept(d)
		q.fill.push(d.Addr &^ uint64(q.chunk-1))
	}
	if i > 0 {
		q.rx.release(i)
		q.fill.publish()
	}
	if q.fill.needsWakeup() {
		wakeRx(fd)
	}
	return q.got > 0
}

// accept takes the octets that d describes; the frame is complete unless another descriptor continues it.
func (q *queue) accept(d *unix.XDPDesc) {
	v := buffer.NewView(int(d.Len))
	v.Write(q.umem[d.Addr : d.Addr+uint64(d.Len)])
	part := buffer.MakeWithView(v)
	if q.frame.Data.Size() == 0 {
		q.frame.Data = part
	} else {
		q.frame.Data.Merge(&part)
	}
	if d.Options&unix.XDP_PKT_CONTD != 0 {
		return
	}
	if !wire.Carries(q.mtu, &q.frame) {
		q.bad++
		q.frame.Release()
		return
	}
	q.want[q.got] = q.frame
	q.got++
	q.frame = link.Frame{}
}

// stats reads this queue's counters, and how many frames the kernel lost.
func (q *queue) stats() (s QueueStats, lost uint64) {
	var k unix.XDPStatistics
	q.raw.Control(func(fd uintptr) {
		getsockopt(int(fd), unix.XDP_STATISTICS, unsafe.Pointer(&k), unsafe.Sizeof(k))
	})
	s = QueueStats{
		RxFrames: q.rxFrames.Load(), TxFrames: q.txFrames.Load(), Kicks: q.kicks.Load(),
		RingFull: k.Rx_ring_full, FillEmpty: k.Rx_fill_ring_empty_descs,
		Invalid: k.Rx_invalid_descs + k.Tx_invalid_descs + k.Rx_dropped,
	}
	return s, k.Rx_dropped + k.Rx_ring_full
}
