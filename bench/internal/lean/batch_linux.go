package lean

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Batch is room for datagrams that cross in one system call.
type Batch struct {
	Data  [][]byte // one buffer a datagram
	heads []mmsghdr
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet4
}

// mmsghdr is struct mmsghdr, which package unix lacks.
type mmsghdr struct {
	unix.Msghdr
	n uint32
	_ [4]byte
}

// NewBatch makes room for n datagrams of at most size octets.
func NewBatch(n, size int) *Batch {
	b := &Batch{Data: make([][]byte, n), heads: make([]mmsghdr, n), iovs: make([]unix.Iovec, n), names: make([]unix.RawSockaddrInet4, n)}
	for i := range b.Data {
		b.Data[i] = make([]byte, size)
		b.iovs[i].Base = &b.Data[i][0]
		b.iovs[i].SetLen(size)
		b.heads[i].Iov = &b.iovs[i]
		b.heads[i].SetIovlen(1)
	}
	return b
}

// Len is the length of datagram i as it was read.
func (b *Batch) Len(i int) int { return int(b.heads[i].n) }

// Read waits for one datagram and takes what else is there, with the senders if it is for an answer by [Batch.Reply].
func (b *Batch) Read(s Socket, forReply bool) (int, error) {
	for i := range b.heads {
		b.iovs[i].SetLen(len(b.Data[i]))
		b.name(i, forReply)
	}
	n, err := call(unix.SYS_RECVMMSG, uintptr(s), uintptr(unsafe.Pointer(&b.heads[0])), uintptr(len(b.heads)), unix.MSG_WAITFORONE)
	return n, wrapIf("recvmmsg", err)
}

// Await is Read for a server: it does not give up, but rests when the patience of s is over.
func (b *Batch) Await(s Socket, forReply bool) (int, error) {
	for {
		n, err := b.Read(s, forReply)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		s.Rest()
	}
}

// Write sends the first n datagrams, size octets each, on a connected socket, and says how many left.
func (b *Batch) Write(s Socket, n, size int) (int, error) {
	for i := range n {
		b.iovs[i].SetLen(size)
		b.name(i, false)
	}
	n, err := call(unix.SYS_SENDMMSG, uintptr(s), uintptr(unsafe.Pointer(&b.heads[0])), uintptr(n), 0)
	return n, wrapIf("sendmmsg", err)
}

// Reply sends the n datagrams that were read back to where they are from.
func (b *Batch) Reply(s Socket, n int) (int, error) {
	for i := range n {
		b.iovs[i].SetLen(b.Len(i))
	}
	n, err := call(unix.SYS_SENDMMSG, uintptr(s), uintptr(unsafe.Pointer(&b.heads[0])), uintptr(n), 0)
	return n, wrapIf("sendmmsg", err)
}

// SameName has all datagrams of [Batch.SendTo] go to where the first one is from that was read for a reply.
func (b *Batch) SameName() {
	for i := range b.names {
		b.names[i] = b.names[0]
	}
}

// SendTo sends all datagrams, size octets each.
func (b *Batch) SendTo(s Socket, size int) (int, error) {
	for i := range b.heads {
		b.iovs[i].SetLen(size)
		b.name(i, true)
	}
	n, err := call(unix.SYS_SENDMMSG, uintptr(s), uintptr(unsafe.Pointer(&b.heads[0])), uintptr(len(b.heads)), 0)
	return n, wrapIf("sendmmsg", err)
}

// name gives datagram i room for an address, or none.
func (b *Batch) name(i int, has bool) {
	b.heads[i].Name, b.heads[i].Namelen = nil, 0
	if has {
		b.heads[i].Name, b.heads[i].Namelen = (*byte)(unsafe.Pointer(&b.names[i])), unix.SizeofSockaddrInet4
	}
}

func wrapIf(name string, err error) error {
	if err == nil {
		return nil
	}
	return wrap(name, err)
}
