package ipx

import (
	"fmt"
	"net"
	"syscall"

	"tapestry/internal/ipxwire"
)

// Errors that callers can act on. Each is also the error number that package net's users know.
var (
	ErrInUse     = fmt.Errorf("ipx: socket in use: %w", syscall.EADDRINUSE)
	ErrNoSockets = fmt.Errorf("ipx: no dynamic socket is free: %w", syscall.EADDRNOTAVAIL)
	ErrTooLong   = fmt.Errorf("ipx: packet too long: %w", syscall.EMSGSIZE)
	ErrNoRoute   = fmt.Errorf("ipx: no route: %w", syscall.ENETUNREACH)
	ErrNoPort    = fmt.Errorf("ipx: no such port: %w", syscall.ENODEV)
	ErrNobody    = fmt.Errorf("ipx: no destination node: %w", syscall.EDESTADDRREQ)
	ErrDown      = fmt.Errorf("ipx: port is down: %w", syscall.ENETDOWN)
)

// Bind has r receive what comes to a socket. Socket 0 is a free one of 4000 to 7fff. Any other may be bound, those of
// the node's own services after an Unbind.
func (n *Node) Bind(s SocketNumber, r Receiver) (SocketNumber, error) {
	if n.closed {
		return 0, net.ErrClosed
	}
	if s == 0 {
		s = n.freeSocket()
		if s == 0 {
			n.stats.openSocketFails++
			return 0, ErrNoSockets
		}
	} else if n.sockets[s] != nil {
		n.stats.openSocketFails++
		return 0, ErrInUse
	}
	n.sockets[s] = r
	return s, nil
}

// freeSocket gives a dynamic socket, or zero if all are bound. The search starts behind the last one that was given
// out, so that a packet for a socket's last owner does not soon find another. Those that NetWare's clients have are not
// given out: servers and analysers take whatever comes from there for their messages.
func (n *Node) freeSocket() SocketNumber {
	for range int(ipxwire.SocketStatic - ipxwire.SocketDynamic) {
		s := n.dynamic
		if n.dynamic++; n.dynamic == ipxwire.SocketStatic {
			n.dynamic = ipxwire.SocketDynamic
		}
		if n.sockets[s] == nil && !ipxwire.IsClientSocket(s) {
			return s
		}
	}
	return 0
}

// Unbind frees a socket.
func (n *Node) Unbind(s SocketNumber) { delete(n.sockets, s) }
