package stack

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/waiter"
	"tapestry/link/ethernet"
)

// openBatch has the socket take its plain datagrams before the engine. The caller holds read's lock.
//
// One that shares its port, or whose own address means different stations on different interfaces, stays with the
// engine, which knows who gets what. Among the others a port and address have one owner, so no precedence is to be kept
// beyond that of the shortcut: who has an address comes before who has all.
func (c *UDPConn) openBatch() *udpBatch {
	b := c.batch()
	q := &b.queue
	if c.read.IsClosed() || !q.open() {
		return b
	}
	q.events.Store(1) // the engine's queue may hold something
	q.entry.Init(engineEvents{c}, waiter.ReadableEvents|waiter.EventErr)
	c.wq.EventRegister(&q.entry)
	for _, k := range c.takerKeys() {
		c.host.shortcuts.add(k, c)
	}
	return b
}

// takerKeys are what the socket takes.
func (c *UDPConn) takerKeys() []takerKey {
	a := c.batch().local
	if needsZone(a.Addr) || c.ep.SocketOptions().GetReuseAddress() {
		return nil
	}
	k := takerKey{v6: c.family.proto == header.IPv6ProtocolNumber, addr: fromAddress(a.Addr), port: a.Port}
	if a.Addr.Len() > 0 || !k.v6 || c.family.v6only {
		return []takerKey{k}
	}
	return []takerKey{k, {v6: false, addr: netip.Addr{}, port: a.Port}}
}

// leaveShortcut has the engine get all datagrams again, before the port is free for a socket that may want them.
func (c *UDPConn) leaveShortcut() {
	if c.batched.Load() == nil {
		return
	}
	for _, k := range c.takerKeys() {
		c.host.shortcuts.remove(k, c)
	}
}

// closeBatch gives back what a socket that was closed had for batches.
func (c *UDPConn) closeBatch() {
	b := c.batched.Load()
	if b == nil {
		return
	}
	c.read.Lock()
	defer c.read.Unlock()
	if b.queue.isOpen {
		c.leaveShortcut() // somebody may have begun to read meanwhile
		c.wq.EventUnregister(&b.queue.entry)
	}
	b.queue.close()
}

// take implements [taker].
func (c *UDPConn) take(d *datagram) bool {
	b := c.batch()
	if c.peer != nil && d.from != b.peer {
		return false
	}
	a := arrival{from: d.from, to: d.to, nic: d.nic, skip: d.off, octets: d.size, piece: d.segment}
	if h := d.frame.Head()[ethernet.HeaderLen:]; d.v6 {
		a.ttl = header.IPv6(h).HopLimit()
	} else {
		a.ttl = header.IPv4(h).TTL()
	}
	count := d.count()
	ready, full, isNew := b.queue.put(&a, d.frame, c.ep.SocketOptions().GetReceiveBufferSize())
	if full {
		b.dropped.IncrementBy(uint64(count))
	}
	if isNew {
		c.read.Signal()
	}
	return ready
}
