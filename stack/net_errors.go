package stack

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// The errors of sockets are package net's: a *net.OpError around net.ErrClosed, os.ErrDeadlineExceeded, an
// *os.SyscallError with the number that the system's own sockets give, a *net.AddrError, or a *net.DNSError. So code
// that asks errors.Is(err, syscall.ECONNREFUSED) or err.(net.Error).Timeout() works on either.

// errno gives the system's error number for an error of the engine.
func errno(e tcpip.Error) syscall.Errno {
	switch e.(type) {
	case *tcpip.ErrConnectionRefused:
		return syscall.ECONNREFUSED
	case *tcpip.ErrConnectionReset:
		return syscall.ECONNRESET
	case *tcpip.ErrConnectionAborted:
		return syscall.ECONNABORTED
	case *tcpip.ErrAborted, *tcpip.ErrClosedForSend:
		return syscall.EPIPE
	case *tcpip.ErrTimeout:
		return syscall.ETIMEDOUT
	case *tcpip.ErrPortInUse:
		return syscall.EADDRINUSE
	case *tcpip.ErrBadLocalAddress, *tcpip.ErrNoPortAvailable:
		return syscall.EADDRNOTAVAIL
	case *tcpip.ErrHostUnreachable, *tcpip.ErrHostDown:
		return syscall.EHOSTUNREACH
	case *tcpip.ErrNetworkUnreachable, *tcpip.ErrNoNet:
		return syscall.ENETUNREACH
	case *tcpip.ErrMessageTooLong:
		return syscall.EMSGSIZE
	case *tcpip.ErrDestinationRequired:
		return syscall.EDESTADDRREQ
	case *tcpip.ErrNotConnected:
		return syscall.ENOTCONN
	}
	return errnoRare(e)
}

// errnoRare has the errors that only misuse of a socket or an exhausted host gives.
func errnoRare(e tcpip.Error) syscall.Errno {
	switch e.(type) {
	case *tcpip.ErrAddressFamilyNotSupported:
		return syscall.EAFNOSUPPORT
	case *tcpip.ErrBroadcastDisabled:
		return syscall.EACCES
	case *tcpip.ErrNotPermitted:
		return syscall.EPERM
	case *tcpip.ErrNoBufferSpace:
		return syscall.ENOBUFS
	case *tcpip.ErrUnknownDevice, *tcpip.ErrUnknownNICID, *tcpip.ErrInvalidNICID:
		return syscall.ENODEV
	case *tcpip.ErrUnknownProtocol:
		return syscall.EPROTONOSUPPORT
	case *tcpip.ErrUnknownProtocolOption:
		return syscall.ENOPROTOOPT
	case *tcpip.ErrNotSupported, *tcpip.ErrQueueSizeNotSupported:
		return syscall.EOPNOTSUPP
	}
	return syscall.EINVAL
}

// syscallError wraps an error of the engine the way package net wraps that of the named system call; nil stays nil.
func syscallError(call string, e tcpip.Error) error {
	if e == nil {
		return nil
	}
	return os.NewSyscallError(call, errno(e))
}

// mapped is a context's error as package net reports it from Dial.
type mapped struct {
	text    string
	is      error
	timeout bool
}

func (m *mapped) Error() string   { return m.text }
func (m *mapped) Timeout() bool   { return m.timeout }
func (m *mapped) Temporary() bool { return m.timeout }

// Is keeps errors.Is(err, context.Canceled) true.
func (m *mapped) Is(target error) bool { return m.is == target }

var (
	errCanceled net.Error = &mapped{text: "operation was canceled", is: context.Canceled}
	errTimeout  net.Error = &mapped{text: "i/o timeout", is: context.DeadlineExceeded, timeout: true}

	errMissingAddress = errors.New("missing address")
)

func mapContextError(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return errCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	}
	return err
}
