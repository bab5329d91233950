package packet

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
	"tapestry/link/internal/vnet"
)

// Geometry of the ring. A slot holds the longest super-frame, the kernel's header and the virtio-net header.
const (
	slotSize  = 68 << 10
	blockSize = 16 * slotSize // a multiple of the page size
	blocks    = 8
	slots     = blocks * blockSize / slotSize
)

// ring is a PACKET_RX_RING of version 2. Version 3 wakes the reader when a block is full or its time is up (1 ms at
// least), which is too late for an answer.
type ring struct {
	mem        []byte
	next       int // slot to read
	withHeader bool
	aux        *aux
}

// newRing sets up the ring of a socket whose virtio-net header is chosen already (it cannot be later) and which is not
// bound.
func newRing(fd int) (*ring, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return nil, fmt.Errorf("packet: ring of version 2: %w", err)
	}
	req := unix.TpacketReq{Block_size: blockSize, Block_nr: blocks, Frame_size: slotSize, Frame_nr: slots}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return nil, fmt.Errorf("packet: ring of %d KiB: %w", blocks*blockSize>>10, err)
	}
	mem, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("packet: map the ring: %w", err)
	}
	return &ring{mem: mem}, nil
}

// close unmaps the ring. The reader must be gone.
func (r *ring) close() error {
	return unix.Munmap(r.mem)
}

// receive copies the next frame into c. The status word says whose the slot is: the reader's if TP_STATUS_USER is set.
func (r *ring) receive(fd uintptr, c *vnet.Chunks) (int, unix.Errno) {
	slot := r.mem[r.next*slotSize:][:slotSize]
	h := (*unix.Tpacket2Hdr)(unsafe.Pointer(&slot[0]))
	status := atomic.LoadUint32(&h.Status)
	if status&unix.TP_STATUS_USER == 0 {
		return 0, socketError(fd)
	}
	defer func() {
		atomic.StoreUint32(&h.Status, unix.TP_STATUS_KERNEL)
		r.next = (r.next + 1) % slots
	}()
	*r.aux = aux{status: status, tci: h.Vlan_tci, tpid: h.Vlan_tpid}
	n, start := int(h.Snaplen), int(h.Mac)
	if h.Snaplen < h.Len || start+n > slotSize {
		return 0, unix.EMSGSIZE
	}
	if r.withHeader {
		start -= vnet.HeaderLen // the kernel puts it in front of the frame
		n += vnet.HeaderLen
	}
	if start < 0 || n < 0 {
		return 0, unix.EMSGSIZE
	}
	return c.Fill(slot[start : start+n]), 0
}

// socketError is what a read would say: a pending error, or that there is nothing.
func socketError(fd uintptr) unix.Errno {
	v, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || v == 0 {
		return unix.EAGAIN
	}
	return unix.Errno(v)
}
