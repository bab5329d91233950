package stack

import (
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Batches of datagrams. A socket that writes batches builds whole frames itself over a route whose neighbour is
// resolved, with one super-frame for a run of datagrams of equal size to one station, and hands all of them to the
// device at once. What is not plain (a neighbour that is not resolved, a group, a broadcast address, the host itself, a
// datagram that needs fragments) goes through the engine, in its place among the others. From its first batch on a
// socket sends single datagrams like this, too.
//
// A socket that has read a batch once takes plain datagrams before the engine, see the file net_batch_queue.go.

// Datagram is one datagram of a batch, or several of equal size to or from one station.
type Datagram struct {
	// Data is what is sent, or room for what is received; its length says how much.
	Data []byte
	// Addr is the destination, not set on a connected socket, or the sender.
	Addr netip.AddrPort
	// N is how many octets of Data were sent or received. It is set by ReadBatch and WriteBatch.
	N int
	// SegmentSize above zero says that Data holds datagrams of this size, the last of which may be shorter: they are
	// sent as with the UDP_SEGMENT of Linux, but for sizes that need fragments, which are allowed, and received as with
	// UDP_GRO after [UDPConn.SetCoalescing].
	SegmentSize int
}

// maxSegments is how many datagrams one Datagram may hold, as in Linux (UDP_MAX_SEGMENTS).
const maxSegments = 128

// udpBatch is what a socket has once it was used with batches.
type udpBatch struct {
	local     tcpip.FullAddress
	peer      netip.AddrPort // of a connected socket
	ways      ways
	ids       atomic.Uint32 // IPv4 identification
	coalesces atomic.Bool
	queue     datagramQueue

	udpOut, ipOut, dropped *tcpip.StatCounter
}

// batch gives the socket's state for batches, which is made when first needed.
func (c *UDPConn) batch() *udpBatch {
	if b := c.batched.Load(); b != nil {
		return b
	}
	all := c.host.ns.Stats()
	b := &udpBatch{udpOut: all.UDP.PacketsSent, ipOut: all.IP.PacketsSent, dropped: all.UDP.ReceiveBufferErrors}
	b.local, _ = c.ep.GetLocalAddress() // a socket that a user has is bound
	if p, ok := c.peer.(*net.UDPAddr); ok {
		b.peer, _ = udpAddrPort(p)
	}
	b.ids.Store(uint32(c.host.ns.InsecureRNG().Uint32()))
	if !c.batched.CompareAndSwap(nil, b) {
		return c.batched.Load()
	}
	return b
}

// WriteBatch sends the datagrams of ms in their order and returns how many it sent; if that is less than all of them,
// the error says why the next one was not. As with single datagrams, that one was sent does not say that it arrived: a
// device that is full drops, and counts what it dropped.
//
// Data is not kept. It allocates nothing for a destination that was written to lately, and writers do not wait for each
// other.
func (c *UDPConn) WriteBatch(ms []Datagram) (int, error) {
	err := c.writeError("sendmmsg")
	if err != nil {
		return 0, c.opError("write", c.peer, err)
	}
	w := batchWriters.Get().(*batchWriter)
	n, err := w.write(c, ms)
	batchWriters.Put(w)
	if err != nil {
		return n, c.opError("write", c.destinationOf(&ms[n]), err)
	}
	return n, nil
}

// writeError is why nothing can be written: the end of the socket, or what ICMP said of what was written before.
func (c *UDPConn) writeError(call string) error {
	if err := c.write.Check(); err != nil {
		return err
	}
	if c.peer == nil {
		return nil
	}
	return c.write.result(call, c.ep.LastError())
}

func (c *UDPConn) destinationOf(m *Datagram) net.Addr {
	if c.peer != nil || !m.Addr.IsValid() {
		return c.peer
	}
	return net.UDPAddrFromAddrPort(m.Addr)
}

// pieceSize is how long the datagrams in m are, but for the last.
func (m *Datagram) pieceSize() int {
	if m.SegmentSize > 0 && m.SegmentSize < len(m.Data) {
		return m.SegmentSize
	}
	return len(m.Data)
}

// writeEach sends the datagrams of m through the engine.
func (c *UDPConn) writeEach(m *Datagram) error {
	size := m.pieceSize()
	if m.SegmentSize < 0 || len(m.Data) > maxSegments*size {
		return os.NewSyscallError("sendmmsg", syscall.EINVAL)
	}
	var to *tcpip.FullAddress
	v4 := false
	if c.peer != nil && !m.Addr.IsValid() {
		v4 = c.batch().peer.Addr().Is4()
	} else {
		a, err := c.destination("sendmmsg", m.Addr)
		if err != nil {
			return err
		}
		to, v4 = &a, a.Addr.Len() == 4
	}
	if err := c.fits("sendmmsg", m.Data, v4); err != nil {
		return err
	}
	for rest := m.Data; ; {
		n := min(size, len(rest))
		if err := c.datagrams.send("sendmmsg", rest[:n], to); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) == 0 {
			m.N = len(m.Data)
			return nil
		}
	}
}
