package xdp

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is one AF_XDP socket with its memory: ring chunks to receive into, then as many to send from.
type socket struct {
	fd    int
	chunk int
	umem  []byte
	fill  ring[uint64]       // chunks for the kernel to receive into
	rx    ring[unix.XDPDesc] // received
	tx    ring[unix.XDPDesc] // to be sent
	done  ring[uint64]       // chunks that were sent from
	batch uint32             // descriptors that the kernel copies in one system call, at least
}

// The kernel copies so many descriptors in one system call (TX_BATCH_SIZE is 16 or more), unless it is told otherwise
// (Linux 6.17).
const (
	defaultBatch = 16
	optBatch     = 9 // XDP_MAX_TX_SKB_BUDGET
)

// The kernel frees the queue of a socket that was closed, or whose process died, some time later.
const (
	freeWait  = time.Second
	freePause = 2 * time.Millisecond
)

// newSocket makes a socket for one queue of the interface and binds it.
func newSocket(c *Config, ifindex, queue int, sg bool) (*socket, error) {
	for end := time.Now().Add(freeWait); ; time.Sleep(freePause) {
		s, err := trySocket(c, ifindex, queue, sg)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			return s, err
		}
	}
}

func trySocket(c *Config, ifindex, queue int, sg bool) (*socket, error) {
	s := &socket{fd: -1, chunk: c.Chunk, batch: defaultBatch}
	if err := s.open(c); err != nil {
		s.close()
		return nil, err
	}
	if err := s.bind(c, ifindex, queue, sg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) open(c *Config) error {
	var err error
	s.fd, err = unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("xdp: this user may not open an AF_XDP socket: it takes CAP_NET_RAW; run as root: %w", err)
	case errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("xdp: this kernel is built without CONFIG_XDP_SOCKETS: %w", err)
	case err != nil:
		return fmt.Errorf("xdp: socket: %w", err)
	}
	if err := s.register(c); err != nil {
		return err
	}
	if err := s.mapRings(c.Ring); err != nil {
		return err
	}
	for i := range c.Ring {
		s.fill.push(uint64(i * c.Chunk))
	}
	s.fill.publish()
	return s.setOptions(c)
}

// register makes the memory (UMEM) and tells the kernel of it.
func (s *socket) register(c *Config) error {
	size := 2 * c.Ring * c.Chunk
	var err error
	s.umem, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("xdp: %d octets of memory for frames: %w", size, err)
	}
	reg := unix.XDPUmemReg{Addr: uint64(uintptr(unsafe.Pointer(&s.umem[0]))), Len: uint64(size), Size: uint32(c.Chunk)}
	err = setsockopt(s.fd, unix.XDP_UMEM_REG, unsafe.Pointer(&reg), unsafe.Offsetof(reg.Tx_metadata_len))
	if errors.Is(err, unix.ENOBUFS) {
		return fmt.Errorf("xdp: %d octets may not be locked in memory: raise `ulimit -l`, or ask for smaller rings: %w", size, err)
	}
	if err != nil {
		return fmt.Errorf("xdp: register %d octets: %w", size, err)
	}
	return nil
}

func (s *socket) mapRings(n int) error {
	for _, opt := range []int{unix.XDP_UMEM_FILL_RING, unix.XDP_UMEM_COMPLETION_RING, unix.XDP_RX_RING, unix.XDP_TX_RING} {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_XDP, opt, n); err != nil {
			return fmt.Errorf("xdp: rings of %d descriptors: %w", n, err)
		}
	}
	var off unix.XDPMmapOffsets
	if err := getsockopt(s.fd, unix.XDP_MMAP_OFFSETS, unsafe.Pointer(&off), unsafe.Sizeof(off)); err != nil {
		return fmt.Errorf("xdp: where the rings are (Linux 5.4 or later tells): %w", err)
	}
	var errs [4]error
	s.fill, errs[0] = mapRing[uint64](s.fd, unix.XDP_UMEM_PGOFF_FILL_RING, off.Fr, n)
	s.done, errs[1] = mapRing[uint64](s.fd, unix.XDP_UMEM_PGOFF_COMPLETION_RING, off.Cr, n)
	s.rx, errs[2] = mapRing[unix.XDPDesc](s.fd, unix.XDP_PGOFF_RX_RING, off.Rx, n)
	s.tx, errs[3] = mapRing[unix.XDPDesc](s.fd, unix.XDP_PGOFF_TX_RING, off.Tx, n)
	return errors.Join(errs[:]...)
}

// setOptions sets what is not AF_XDP's own. All chunks may be on their way at once.
func (s *socket) setOptions(c *Config) error {
	size := 2 * c.Ring * c.Chunk
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, size) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, size)
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_XDP, optBatch, c.Ring) == nil {
		s.batch = uint32(c.Ring)
	}
	if c.Spin == 0 {
		return nil
	}
	options := []struct{ opt, value int }{
		{unix.SO_PREFER_BUSY_POLL, 1},
		{unix.SO_BUSY_POLL, max(1, int(c.Spin.Microseconds()))},
		{unix.SO_BUSY_POLL_BUDGET, c.Budget},
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, o.opt, o.value); err != nil {
			return fmt.Errorf("xdp: busy polling (Linux 5.11 or later, CAP_NET_ADMIN): %w", err)
		}
	}
	return nil
}

// bind takes the queue. Without a flag for either, the kernel takes zero-copy where the driver has it.
func (s *socket) bind(c *Config, ifindex, queue int, sg bool) error {
	sa := unix.SockaddrXDP{Flags: unix.XDP_USE_NEED_WAKEUP, Ifindex: uint32(ifindex), QueueID: uint32(queue)}
	if c.NoZero {
		sa.Flags |= unix.XDP_COPY
	}
	if sg {
		sa.Flags |= unix.XDP_USE_SG
	}
	err := unix.Bind(s.fd, &sa)
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("xdp: queue %d of %s has an AF_XDP socket already: %w", queue, c.Interface, err)
	case sg && errors.Is(err, unix.EINVAL):
		return fmt.Errorf("xdp: MTU %d of %s takes several chunks of %d octets a frame, which this kernel does not do (Linux 6.6 does): `ip link set %s mtu %d` lowers it: %w",
			c.MTU, c.Interface, c.Chunk, c.Interface, c.maxMTU(), err)
	case err != nil:
		return fmt.Errorf("xdp: bind to queue %d of %s: %w", queue, c.Interface, err)
	}
	return nil
}

// isZeroCopy reports what bind got.
func (s *socket) isZeroCopy() bool {
	var o uint32
	err := getsockopt(s.fd, unix.XDP_OPTIONS, unsafe.Pointer(&o), unsafe.Sizeof(o))
	return err == nil && o&unix.XDP_OPTIONS_ZEROCOPY != 0
}

func (s *socket) close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
	s.unmap()
}

// unmap gives the memory back, when nobody uses it any more.
func (s *socket) unmap() {
	s.fill.unmap()
	s.done.unmap()
	s.rx.unmap()
	s.tx.unmap()
	if s.umem != nil {
		unix.Munmap(s.umem)
		s.umem = nil
	}
}

func setsockopt(fd, opt int, p unsafe.Pointer, n uintptr) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(opt), uintptr(p), n, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// getsockopt reads an option of exactly, or at the most, n octets.
func getsockopt(fd, opt int, p unsafe.Pointer, n uintptr) error {
	length := uint32(n)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(opt), uintptr(p), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
