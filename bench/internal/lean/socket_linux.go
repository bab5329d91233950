package lean

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a blocking socket.
type Socket int

// Dial connects, for network tcp or udp.
func Dial(network string, to netip.AddrPort) (Socket, error) {
	s, err := open(network, to)
	if err != nil {
		return 0, err
	}
	if err := s.connect(to); err != nil {
		s.Close()
		return 0, fmt.Errorf("connect %s %s: %w", network, to, err)
	}
	return s, nil
}

func (s Socket) connect(to netip.AddrPort) error {
	if to.Addr().Is6() {
		return unix.Connect(int(s), sockaddr(to))
	}
	a := &unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().As4(), Port: to.Port()<<8 | to.Port()>>8}
	if isBigEndian {
		a.Port = to.Port()
	}
	_, err := call(unix.SYS_CONNECT, uintptr(s), uintptr(unsafe.Pointer(a)), unix.SizeofSockaddrInet4, 0)
	return err
}

var isBigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// Listen is bound to an address and, for tcp, waits for connections.
func Listen(network string, at netip.AddrPort) (Socket, error) {
	s, err := open(network, at)
	if err != nil {
		return 0, err
	}
	err = unix.SetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(int(s), sockaddr(at))
	}
	if err == nil && network == "tcp" {
		err = unix.Listen(int(s), 1024)
	}
	if err != nil {
		s.Close()
		return 0, fmt.Errorf("listen %s %s: %w", network, at, err)
	}
	return s, nil
}

func open(network string, a netip.AddrPort) (Socket, error) {
	domain, kind := unix.AF_INET6, unix.SOCK_DGRAM
	if a.Addr().Is4() {
		domain = unix.AF_INET
	}
	if network == "tcp" {
		kind = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if network == "tcp" {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err != nil {
		unix.Close(fd)
	}
	return Socket(fd), err
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// Accept waits for a connection, which has the patience of s.
func (s Socket) Accept() (Socket, error) {
	n, err := call(unix.SYS_ACCEPT4, uintptr(s), 0, 0, unix.SOCK_CLOEXEC)
	if err != nil {
		return 0, wrap("accept", err)
	}
	return Socket(n), unix.SetsockoptInt(n, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

// SetPatience limits how long a read waits, and a write: os.ErrDeadlineExceeded comes after that.
func (s Socket) SetPatience(d time.Duration) error {
	tv := unix.NsecToTimeval(int64(d))
	if err := unix.SetsockoptTimeval(int(s), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return err
	}
	return unix.SetsockoptTimeval(int(s), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
}

// SetBuffers asks for room for n octets in each direction; root gets it, others as much as the machine allows.
func (s Socket) SetBuffers(n int) {
	for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(int(s), unix.SOL_SOCKET, o[0], n) != nil {
			unix.SetsockoptInt(int(s), unix.SOL_SOCKET, o[1], n)
		}
	}
}

// Read reads what is there, at least one octet; io.EOF is a stream's end. b is not empty.
func (s Socket) Read(b []byte) (int, error) {
	n, err := call(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
	switch {
	case err != nil:
		return 0, wrap("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of b, which is not empty.
func (s Socket) Write(b []byte) (int, error) {
	for done := 0; ; {
		n, err := call(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(&b[done])), uintptr(len(b)-done), unix.MSG_NOSIGNAL)
		if err != nil {
			return done, wrap("write", err)
		}
		if done += n; done == len(b) {
			return done, nil
		}
	}
}

// Rest waits for input as the scheduler knows it, without holding a processor: for a socket that was quiet for a while,
// since the runtime's monitor thread looks at threads that hold one every 10 ms.
func (s Socket) Rest() {
	unix.Poll([]unix.PollFd{{Fd: int32(s), Events: unix.POLLIN}}, -1)
}

// CloseWrite ends a stream.
func (s Socket) CloseWrite() error { return unix.Shutdown(int(s), unix.SHUT_WR) }

// Close closes the socket.
func (s Socket) Close() error {
	_, err := call(unix.SYS_CLOSE, uintptr(s), 0, 0, 0)
	return err
}

// call is a system call that the scheduler does not hear of. A signal does not end it.
//
//go:uintptrescapes
func call(number, a, b, c, d uintptr) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(number, a, b, c, d, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

func wrap(name string, err error) error {
	if err == unix.EAGAIN {
		return os.ErrDeadlineExceeded
	}
	return os.NewSyscallError(name, err)
}
