package ipxtunnel

import (
	"net"
	"net/netip"
	"sync"

	"tapestry/link"
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

// outbox writes datagrams from a bounded queue, on a goroutine of its own: a socket may make its writer wait, and who
// writes frames must not.
type outbox struct {
	drops  *drops
	queue  chan letter
	mu     sync.RWMutex // held for reading while the queue may be filled
	closed bool
	done   sync.WaitGroup
}

// letter is a packet on its way.
type letter struct {
	packet link.Frame // no frame: the packet alone
	sock   *socket
	to     *remote
}

func newOutbox(depth int, dr *drops) *outbox {
	o := &outbox{drops: dr, queue: make(chan letter, depth)}
	o.done.Go(o.run)
	return o
}

// send takes a packet, and reports whether it is sure to be tried.
func (o *outbox) send(l letter) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if !o.closed {
		select {
		case o.queue <- l:
			return true
		default:
			o.drops.full.Add(1)
		}
	}
	l.packet.Release()
	return false
}

// sendBytes is send for octets.
func (o *outbox) sendBytes(b []byte, s *socket, to *remote) bool {
	return o.send(letter{link.NewFrame(b), s, to})
}

// run writes until the queue is closed and empty.
func (o *outbox) run() {
	var b []byte
	for l := range o.queue {
		b = l.packet.AppendTo(b[:0])
		l.packet.Release()
		if err := l.sock.write(b, l.to); err != nil {
			o.drops.full.Add(1)
		}
	}
}

// close ends the goroutine. The sockets were closed before: writes to them fail at once.
func (o *outbox) close() {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.queue)
	}
	o.mu.Unlock()
	o.done.Wait()
}
