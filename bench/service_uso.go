//go:build linux

package bench

import (
	"net"
	"time"

	"tapestry/bench/internal/lean"
	"tapestry/stack"
)

// countBlocks counts octets, in batches where the socket has them.
func countBlocks(f *far, c packetConn) {
	if s, ok := c.(interface{ SetReadBuffer(octets int) error }); ok {
		s.SetReadBuffer(socketBuffer) // as the kernel's far end has it
	}
	if u, ok := c.(*stack.UDPConn); ok {
		countBatches(f, u)
		return
	}
	for block := make([]byte, usoRoom); ; {
		n, _, err := c.ReadFrom(block)
		if err != nil {
			return
		}
		f.received.Add(uint64(n))
	}
}

func countBatches(f *far, c *stack.UDPConn) {
	if err := c.SetCoalescing(true); err != nil {
		return
	}
	for ms := newDatagrams(usoBatch, usoRoom); ; {
		n, err := c.ReadBatch(ms)
		if err != nil {
			return
		}
		var octets uint64
		for _, m := range ms[:n] {
			octets += uint64(m.N)
		}
		f.received.Add(octets)
	}
}

// sendBlocks sends what is wished for, in batches where the socket has them, and else a datagram at a time.
func sendBlocks(_ *far, c packetConn) {
	block, ms := make([]byte, usoRoom), newDatagrams(usoBatch, usoBlock)
	for {
		n, from, err := c.ReadFrom(block)
		if err != nil {
			return
		}
		_, d, ok := wished(block[:n])
		to, isUDP := from.(*net.UDPAddr)
		if !ok || !isUDP {
			continue
		}
		send := func() { c.WriteTo(block[:usoSegment], from) } // what the device has no room for is lost
		if u, ok := c.(*stack.UDPConn); ok {
			address(ms, to.AddrPort(), usoSegment)
			send = func() { u.WriteBatch(ms) }
		}
		for start := time.Now(); time.Since(start) < d; {
			send()
		}
	}
}

func kernelCountBlocks(f *far, s lean.Socket) {
	if coalesces(s) != nil {
		return
	}
	for b := lean.NewBatch(usoBatch, usoRoom); ; {
		n, err := b.Await(s, false)
		if err != nil {
			continue // an ICMP error of a client that is gone
		}
		for i := range n {
			f.received.Add(uint64(b.Len(i)))
		}
	}
}
