package lean

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is a blocking descriptor that is no socket.
type File int

// Read reads, once.
func (f File) Read(b []byte) (int, error) {
	n, err := call(unix.SYS_READ, uintptr(f), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
	return n, wrapIf("read", err)
}

// Write writes, once.
func (f File) Write(b []byte) (int, error) {
	n, err := call(unix.SYS_WRITE, uintptr(f), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
	return n, wrapIf("write", err)
}

// AwaitInput waits until a descriptor can be read.
func AwaitInput(fd int) error {
	p := &unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	_, err := call(unix.SYS_PPOLL, uintptr(unsafe.Pointer(p)), 1, 0, 0)
	return wrapIf("ppoll", err)
}
