package vxlan

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiveBatch is how many datagrams one recvmmsg takes.
const receiveBatch = 32

// mmsghdr is the kernel's struct of that name.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [(unsafe.Sizeof(uintptr(0)) - 4) % 8]byte
}

// batchReader reads datagrams from the machine's own UDP socket, many a call, without allocating. It belongs to one
// goroutine.
type batchReader struct {
	raw      syscall.RawConn
	read     func(fd uintptr) bool // r.recvmmsg, made once
	messages [receiveBatch]mmsghdr
	iovecs   [receiveBatch]unix.Iovec
	names    [receiveBatch]unix.RawSockaddrInet6 // the larger of the two families
	buf      []byte                              // size octets for each
	size     int
	first    int // of the datagrams that were read and not given
	count    int
	errno    syscall.Errno
	zones    map[uint32]string // names of interfaces, for link-local addresses
}

// newReader gives the reader of a socket whose datagrams of interest have at most size octets.
func newReader(conn net.PacketConn, size int) reader {
	u, ok := conn.(*net.UDPConn)
	if !ok {
		return newSingleReader(conn)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return newSingleReader(conn)
	}
	size++ // to see what is longer
	r := &batchReader{raw: raw, buf: make([]byte, receiveBatch*size), size: size, zones: map[uint32]string{}}
	r.read = r.recvmmsg
	for i := range r.messages {
		r.iovecs[i].Base = &r.buf[i*size]
		r.iovecs[i].SetLen(size)
		h := &r.messages[i].header
		h.Iov = &r.iovecs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
	}
	return r
}

func (r *batchReader) hasNext() bool { return r.first < r.count }

// next implements reader. A datagram that was cut is as long as the buffer.
func (r *batchReader) next() ([]byte, netip.AddrPort, error) {
	if !r.hasNext() {
		r.first, r.count, r.errno = 0, 0, 0
		if err := r.raw.Read(r.read); err != nil {
			return nil, netip.AddrPort{}, err
		}
		if r.errno != 0 {
			return nil, netip.AddrPort{}, r.errno
		}
	}
	i := r.first
	r.first++
	return r.buf[i*r.size:][:r.messages[i].length], r.addr(i), nil
}

// recvmmsg is called by the netpoller when the socket may be readable; false: wait.
func (r *batchReader) recvmmsg(fd uintptr) bool {
	for i := range r.messages {
		r.messages[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.messages[0])), receiveBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			r.count = int(n)
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		default:
			r.errno = errno
		}
		return true
	}
}

// addr is the sender of datagram i.
func (r *batchReader) addr(i int) netip.AddrPort {
	name := &r.names[i]
	switch name.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port(v4.Port))
	case unix.AF_INET6:
		a := netip.AddrFrom16(name.Addr).Unmap()
		if name.Scope_id != 0 {
			a = a.WithZone(r.zone(name.Scope_id))
		}
		return netip.AddrPortFrom(a, port(name.Port))
	}
	return netip.AddrPort{}
}

// port takes network order out of a field of the machine's order.
func port(p uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], p)
	return binary.BigEndian.Uint16(b[:])
}

// zone is the name of an interface, as package net has it. There are as many as interfaces.
func (r *batchReader) zone(index uint32) string {
	if name, ok := r.zones[index]; ok {
		return name
	}
	name := strconv.Itoa(int(index))
	if ifi, err := net.InterfaceByIndex(int(index)); err == nil {
		name = ifi.Name
	}
	r.zones[index] = name
	return name
}
