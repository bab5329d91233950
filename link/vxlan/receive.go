package vxlan

import (
	"net"
	"net/netip"
)

// reader reads datagrams from a socket. It belongs to one goroutine.
type reader interface {
	// next waits for a datagram, which is valid until the next call.
	next() ([]byte, netip.AddrPort, error)
	// hasNext reports whether next will not wait.
	hasNext() bool
}

// maxDatagram is more than a UDP datagram can hold (RFC 768).
const maxDatagram = 65536

// singleReader is a reader of any socket.
type singleReader struct {
	read func([]byte) (int, netip.AddrPort, error)
	buf  []byte
}

// newSingleReader takes the way that allocates least.
func newSingleReader(c net.PacketConn) *singleReader {
	r := &singleReader{buf: make([]byte, maxDatagram)}
	if u, ok := c.(interface {
		ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	}); ok {
		r.read = u.ReadFromUDPAddrPort
		return r
	}
	r.read = func(b []byte) (int, netip.AddrPort, error) {
		n, a, err := c.ReadFrom(b)
		if u, ok := a.(*net.UDPAddr); ok {
			return n, u.AddrPort(), err
		}
		return n, netip.AddrPort{}, err
	}
	return r
}

func (r *singleReader) hasNext() bool { return false }

// next implements reader.
func (r *singleReader) next() ([]byte, netip.AddrPort, error) {
	n, from, err := r.read(r.buf)
	return r.buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}
