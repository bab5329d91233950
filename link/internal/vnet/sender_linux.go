package vnet

import (
	"unsafe"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/internal/wire"
)

// WriteFrames implements [link.Queue].
func (q *Queue) WriteFrames(f []link.Frame) int {
	if len(f) == 0 {
		return 0
	}
	s := q.senders.Get().(*sender)
	s.frames = f
	// Control holds the descriptor open but excludes no other writer, unlike Write.
	if err := q.raw.Control(s.fn); err != nil {
		s.lost = len(f)
	}
	q.Counters.AddTx(s.wrote, s.octets, s.super)
	q.Counters.DropTx(s.lost)
	link.ReleaseAll(f)
	left := len(f) - s.lost
	s.frames, s.lost, s.wrote, s.octets, s.super = nil, 0, 0, 0, 0
	q.senders.Put(s)
	return left
}

// sender is what one call of WriteFrames needs, pooled with its function value.
type sender struct {
	q       *Queue
	fn      func(fd uintptr) // s.run
	frames  []link.Frame
	header  [HeaderLen]byte
	iov     []unix.Iovec
	scratch []link.Frame // what a frame became in software

	lost                 int // frames of the caller's
	wrote, octets, super uint64
}

func (s *sender) run(fd uintptr) {
	for i := range s.frames {
		if !s.one(fd, &s.frames[i]) {
			s.lost++
		}
	}
}

// one writes f, finished in software first where the device cannot. It is left to the caller to release.
func (s *sender) one(fd uintptr, f *link.Frame) bool {
	if !wire.Carries(s.q.MTU, f) {
		return false
	}
	if wire.IsReady(f, s.q.Tx) {
		return s.write(fd, f)
	}
	var err error
	if s.scratch, err = link.Fit(s.scratch[:0], f.Clone(), s.q.Tx); err != nil {
		return false
	}
	ok := true
	for i := range s.scratch {
		g := &s.scratch[i]
		ok = ok && wire.Carries(s.q.MTU, g) && s.write(fd, g)
		g.Release()
	}
	return ok
}

// maxVector is the kernel's limit (IOV_MAX) on one vectored call.
const maxVector = 1024

// write makes one system call of f. Anything but success is a drop: there is nobody to wait.
func (s *sender) write(fd uintptr, f *link.Frame) bool {
	defer s.forget()
	if s.q.Header {
		if err := Header(s.header[:]).Encode(f); err != nil {
			return false
		}
		s.add(s.header[:])
	}
	l := f.Data.AsViewList()
	for v := l.Front(); v != nil; v = v.Next() {
		if v.Size() > 0 {
			s.add(v.AsSlice())
		}
	}
	if len(s.iov) > maxVector {
		s.flatten(f)
	}
	if !s.writev(fd) {
		return false
	}
	s.wrote++
	s.octets += uint64(f.Len())
	if f.GSO != link.GSONone {
		s.super++
	}
	return true
}

func (s *sender) add(b []byte) {
	s.iov = append(s.iov, unix.Iovec{Base: &b[0]})
	s.iov[len(s.iov)-1].SetLen(len(b))
}

// flatten puts a frame of very many chunks into one piece.
func (s *sender) flatten(f *link.Frame) {
	s.iov = s.iov[:0]
	if s.q.Header {
		s.add(s.header[:])
	}
	s.add(f.AppendTo(nil))
}

// forget lets go of the memory that the vector describes.
func (s *sender) forget() {
	clear(s.iov)
	s.iov = s.iov[:0]
}

func (s *sender) writev(fd uintptr) bool {
	for {
		_, _, errno := unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&s.iov[0])), uintptr(len(s.iov)))
		if errno != unix.EINTR {
			return errno == 0
		}
	}
}
