package xdp

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is a queue in memory shared with the kernel: one side advances producer, the other consumer; both count on and
// wrap at 32 bits. The fill and transmit rings are produced here, the receive and completion rings are consumed here.
// One goroutine at a time uses a ring.
type ring[T uint64 | unix.XDPDesc] struct {
	mem                       []byte
	producer, consumer, flags *atomic.Uint32
	entries                   []T
	next                      uint32 // this side's own count, published by publish or release
}

// mapRing maps a ring of n entries, which the kernel has been told to make.
func mapRing[T uint64 | unix.XDPDesc](fd int, at int64, off unix.XDPRingOffset, n int) (ring[T], error) {
	var entry T
	size := int(off.Desc) + n*int(unsafe.Sizeof(entry))
	mem, err := unix.Mmap(fd, at, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return ring[T]{}, fmt.Errorf("xdp: map a ring of %d octets: %w", size, err)
	}
	return ring[T]{
		mem:      mem,
		producer: (*atomic.Uint32)(unsafe.Pointer(&mem[off.Producer])),
		consumer: (*atomic.Uint32)(unsafe.Pointer(&mem[off.Consumer])),
		flags:    (*atomic.Uint32)(unsafe.Pointer(&mem[off.Flags])),
		entries:  unsafe.Slice((*T)(unsafe.Pointer(&mem[off.Desc])), n),
	}, nil
}

func (r *ring[T]) unmap() {
	if r.mem != nil {
		unix.Munmap(r.mem)
		*r = ring[T]{}
	}
}

// at is the i-th entry from this side's count on. The number of entries is a power of two.
func (r *ring[T]) at(i uint32) *T { return &r.entries[(r.next+i)&uint32(len(r.entries)-1)] }

// ready is how many entries there are to consume.
func (r *ring[T]) ready() uint32 { return r.producer.Load() - r.next }

// release gives n consumed entries back.
func (r *ring[T]) release(n uint32) {
	r.next += n
	r.consumer.Store(r.next)
}

// push writes an entry that the kernel does not see before publish. There is room: no ring has fewer entries than there
// are chunks for it.
func (r *ring[T]) push(v T) {
	*r.at(0) = v
	r.next++
}

func (r *ring[T]) publish() { r.producer.Store(r.next) }

// pending is how many published entries the kernel has not consumed.
func (r *ring[T]) pending() uint32 { return r.next - r.consumer.Load() }

// needsWakeup reports whether the kernel wants a system call to go on (XDP_USE_NEED_WAKEUP).
func (r *ring[T]) needsWakeup() bool { return r.flags.Load()&unix.XDP_RING_NEED_WAKEUP != 0 }
