package ipxtunnel

import (
	"net"
	"net/netip"

	"tapestry/link"
	"tapestry/link/internal/spool"
)

// readBuffer is what the machine's own socket is asked to hold: a burst of short packets counts there as long ones.
const readBuffer = 1 << 20

// socket is a UDP socket of any make, read and written in the way that allocates least.
type socket struct {
	net.PacketConn
	read  func([]byte) (int, netip.AddrPort, error)
	write func([]byte, *remote) error
}

// remote is where datagrams go to.
type remote struct {
	addr netip.AddrPort
	udp  *net.UDPAddr
}

func newRemote(a netip.AddrPort) *remote { return &remote{a, net.UDPAddrFromAddrPort(a)} }

func newSocket(c net.PacketConn) *socket {
	s := &socket{PacketConn: c, read: reader(c), write: writer(c)}
	if b, ok := c.(interface{ SetReadBuffer(int) error }); ok {
		_ = b.SetReadBuffer(readBuffer) // the system may give less
	}
	return s
}

func reader(c net.PacketConn) func([]byte) (int, netip.AddrPort, error) {
	if u, ok := c.(interface {
		ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	}); ok {
		return func(b []byte) (int, netip.AddrPort, error) {
			n, a, err := u.ReadFromUDPAddrPort(b)
			return n, unmap(a), err
		}
	}
	return func(b []byte) (int, netip.AddrPort, error) {
		n, a, err := c.ReadFrom(b)
		if u, ok := a.(*net.UDPAddr); ok {
			return n, unmap(u.AddrPort()), err
		}
		return n, netip.AddrPort{}, err
	}
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func writer(c net.PacketConn) func([]byte, *remote) error {
	if u, ok := c.(interface {
		WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	}); ok {
		return func(b []byte, to *remote) error {
			_, err := u.WriteToUDPAddrPort(b, to.addr)
			return err
		}
	}
	return func(b []byte, to *remote) error {
		_, err := c.WriteTo(b, to.udp)
		return err
	}
}

// maxErrors is how many reads may fail in a row before a socket is held to be of no more use: an ICMP error about what
// was sent may come up at a read.
const maxErrors = 64

// each calls f for every datagram until the socket is closed or of no use, and says why it ended.
func (s *socket) each(f func(b []byte, from netip.AddrPort), isClosed func() bool) error {
	buf := make([]byte, maxDatagram)
	for failed := 0; ; {
		n, from, err := s.read(buf)
		switch {
		case err == nil:
			failed = 0
			f(buf[:n], from)
		case isClosed():
			return net.ErrClosed
		default:
			if failed++; failed == maxErrors {
				return err
			}
		}
	}
}

// outbox writes datagrams on a goroutine of its own.
type outbox struct {
	drops *drops
	queue spool.Queue[letter]
}

// letter is a packet on its way.
type letter struct {
	packet link.Frame // no frame: the packet alone
	sock   *socket
	to     *remote
}

func newOutbox(depth int, dr *drops) *outbox {
	o := &outbox{drops: dr}
	o.queue.Start(depth, o.run)
	return o
}

// send takes a packet, and reports whether it is sure to be tried.
func (o *outbox) send(l letter) bool {
	taken, closed := o.queue.Put(l)
	if taken {
		return true
	}
	l.packet.Release()
	if !closed {
		o.drops.full.Add(1)
	}
	return false
}

// sendBytes is send for octets.
func (o *outbox) sendBytes(b []byte, s *socket, to *remote) bool {
	return o.send(letter{link.NewFrame(b), s, to})
}

// run writes until the queue is closed and empty.
func (o *outbox) run(letters <-chan letter) {
	var b []byte
	for l := range letters {
		b = l.packet.AppendTo(b[:0])
		l.packet.Release()
		if err := l.sock.write(b, l.to); err != nil {
			o.drops.full.Add(1)
		}
	}
}

func (o *outbox) close() { o.queue.Close() }
