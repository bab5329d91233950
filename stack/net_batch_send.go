package stack

import (
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
)

// batchFrames is how many frames are given to a device at once at most.
const batchFrames = 64

// batchWriter is the memory of one call of WriteBatch.
type batchWriter struct {
	conn  *UDPConn
	batch *udpBatch
	to    netip.AddrPort // where way leads
	way   way
	hop   nextHop

	frames    [batchFrames]link.Frame
	count     int    // of frames
	datagrams uint64 // in frames
}

var batchWriters = sync.Pool{New: func() any { return &batchWriter{hop: newNextHop()} }}

func (w *batchWriter) write(c *UDPConn, ms []Datagram) (n int, err error) {
	w.conn, w.batch = c, c.batch()
	for n < len(ms) && err == nil {
		if plain := w.plain(ms[n:]); plain > 0 {
			w.build(ms[n : n+plain])
			n += plain
			continue
		}
		w.flush()
		if err = c.writeEach(&ms[n]); err == nil {
			n++
		}
	}
	w.flush()
	w.conn, w.batch, w.way = nil, nil, way{}
	return n, err
}

// plain is how many of ms, from the first on, go one way without the engine.
func (w *batchWriter) plain(ms []Datagram) (n int) {
	if !w.fits(&ms[0], w.find(ms[0].Addr)) {
		return 0
	}
	for n = 1; n < len(ms) && ms[n].Addr == ms[0].Addr && w.fits(&ms[n], true); n++ {
	}
	return n
}

// fits reports whether the datagrams in m need no fragments on a way that was found.
func (w *batchWriter) fits(m *Datagram, found bool) bool {
	size := m.pieceSize()
	return found && m.SegmentSize >= 0 && size <= w.way.room && len(m.Data) <= min(maxSegments*size, w.way.longest())
}

// find makes w.way the way to a destination, which the caller gives as the user did. It is false for what the engine
// has to do itself, errors included.
func (w *batchWriter) find(to netip.AddrPort) bool {
	if w.way.nic != nil && to == w.to {
		return true
	}
	k, port, ok := w.conn.plainRoute(to)
	if !ok {
		return false
	}
	r := w.batch.routes.find(w.conn.host.ns, k)
	if r == nil {
		return false
	}
	defer r.Release()
	if r.Loop() != netstack.PacketOut || r.OutgoingNIC() == loopbackID || r.IsOutboundBroadcast() {
		return false
	}
	i, ok := w.conn.host.interfaceByID(r.OutgoingNIC())
	if !ok || i.nic.noIPv6 && k.proto == header.IPv6ProtocolNumber {
		return false
	}
	hop, ok := w.hop.of(r)
	if !ok {
		return false
	}
	if i.nic != w.way.nic {
		w.flush()
	}
	w.way.set(r, i.nic, hop, w.conn.hopLimit(r), w.batch.local.Port, port)
	w.to = to
	return true
}

// plainRoute says which route leads to a destination, as the engine would look for it, and its port.
func (c *UDPConn) plainRoute(to netip.AddrPort) (k routeKey, port uint16, ok bool) {
	b := c.batch()
	if c.peer != nil {
		if to.IsValid() {
			return k, 0, false
		}
		to = b.peer
	}
	ip := to.Addr()
	if !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || to.Port() == 0 || b.local.NIC != 0 || needsZone(b.local.Addr) {
		return k, 0, false
	}
	if c.peer == nil {
		if _, err := c.destination("", to); err != nil {
			return k, 0, false
		}
	}
	a := c.host.fullAddress(to)
	k = routeKey{nic: a.NIC, local: b.local.Addr, remote: a.Addr, proto: header.IPv6ProtocolNumber}
	if k.nic == 0 {
		k.nic = tcpip.NICID(c.ep.SocketOptions().GetBindToDevice())
	}
	if a.Addr.Len() == header.IPv4AddressSize {
		k.proto = header.IPv4ProtocolNumber
	}
	return k, to.Port(), k.local.Len() == 0 || k.local.Len() == k.remote.Len()
}

// hopLimit is what SetTTL has set, or the default.
func (d *datagrams) hopLimit(r *netstack.Route) uint8 {
	if ttl := d.ttl.Load(); ttl != 0 {
		return uint8(ttl)
	}
	return r.DefaultTTL()
}

// build makes frames of datagrams that go one way.
func (w *batchWriter) build(ms []Datagram) {
	for c := (cursor{ms: ms}); len(c.ms) > 0; {
		if w.count == batchFrames {
			w.flush()
		}
		run := w.way.measure(c)
		id := uint16(w.batch.ids.Add(uint32(run.pieces)) - uint32(run.pieces))
		w.frames[w.count] = w.way.frame(&c, run, id)
		w.count++
		w.datagrams += uint64(run.pieces)
	}
}

// flush hands the frames to their device, which counts those that it has no room for.
func (w *batchWriter) flush() {
	if w.count == 0 {
		return
	}
	w.batch.udpOut.IncrementBy(w.datagrams)
	w.batch.ipOut.IncrementBy(w.datagrams)
	w.way.nic.write(w.frames[:w.count], w.way.hash())
	clear(w.frames[:w.count])
	w.count, w.datagrams = 0, 0
}

// nextHop asks the engine for the link address of a route's next hop. It has the callback made once, so that asking
// allocates nothing.
type nextHop struct {
	found chan netstack.ResolvedFieldsResult
	tell  func(netstack.ResolvedFieldsResult)
}

func newNextHop() nextHop {
	found := make(chan netstack.ResolvedFieldsResult, 1)
	return nextHop{found: found, tell: func(r netstack.ResolvedFieldsResult) { found <- r }}
}

// of gives the link address, if it is known. Asking keeps the engine's neighbour state going as sending does: an entry
// that is stale is probed (RFC 4861 §7.3.3).
func (h *nextHop) of(r *netstack.Route) (tcpip.LinkAddress, bool) {
	if e := r.ResolvedFields(h.tell); e != nil {
		*h = newNextHop() // the old one will be called, with the answer to this question
		return "", false
	}
	res := <-h.found
	return res.RouteInfo.RemoteLinkAddress, res.Err == nil && len(res.RouteInfo.RemoteLinkAddress) == header.EthernetAddressSize
}
