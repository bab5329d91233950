//go:build linux

package bench

import (
	"net"
	"net/netip"
	"time"

	"tapestry/stack"
)

// countPackets counts datagrams, in batches where the socket has them, as the kernel's far end does.
func countPackets(f *far, c packetConn) {
	if s, ok := c.(interface{ SetReadBuffer(octets int) error }); ok {
		s.SetReadBuffer(socketBuffer)
	}
	block := make([]byte, datagramSize)
	read := func() (int, error) {
		_, _, err := c.ReadFrom(block)
		return 1, err
	}
	if u, ok := c.(*stack.UDPConn); ok {
		batch := newDatagrams(inFlight, datagramSize)
		read = func() (int, error) { return u.ReadBatch(batch) }
	}
	for {
		n, err := read()
		if err != nil {
			return
		}
		f.received.Add(uint64(n))
	}
}

// newDatagrams makes room for n.
func newDatagrams(n, size int) []stack.Datagram {
	batch := make([]stack.Datagram, n)
	for i := range batch {
		batch[i].Data = make([]byte, size)
	}
	return batch
}

// address says where all of them go, and how they are cut.
func address(batch []stack.Datagram, to netip.AddrPort, segment int) {
	for i := range batch {
		batch[i].Addr, batch[i].SegmentSize = netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), segment
	}
}

// sendPackets sends what is wished for, likewise. What the device has no room for is lost.
func sendPackets(_ *far, c packetConn) {
	block := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(block)
		if err != nil {
			return
		}
		size, d, ok := wished(block[:n])
		to, isUDP := from.(*net.UDPAddr)
		if !ok || !isUDP {
			continue
		}
		send := func() { c.WriteTo(block[:size], from) }
		if u, ok := c.(*stack.UDPConn); ok {
			batch := newDatagrams(inFlight, size)
			address(batch, to.AddrPort(), 0)
			send = func() { u.WriteBatch(batch) }
		}
		for start := time.Now(); time.Since(start) < d; {
			send()
		}
	}
}
