package stack

import (
	"fmt"
	"math"
	"net/netip"
	"runtime/debug"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// scratchPool has memory for requests that arrived in pieces.
var scratchPool = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// HandlePacket implements [netstack.TransportEndpoint]: one datagram in, at most one out.
func (e *inlineEndpoint) HandlePacket(id netstack.TransportEndpointID, pkt *netstack.PacketBuffer) {
	if !e.calls.enter() {
		return
	}
	defer e.calls.leave()
	size, ok := e.validate(id, pkt)
	if !ok {
		return
	}
	s := &e.host.socks.inline
	if !answerable(id) {
		s.drops.Add(1)
		return
	}
	r := e.route(id, pkt)
	if r == nil {
		s.drops.Add(1)
		return
	}
	defer r.Release()
	if (r.Loop()&netstack.PacketLoop != 0 || r.OutgoingNIC() == loopbackID) && s.has(id.RemotePort) {
		s.drops.Add(1)
		return
	}
	s.hits.Add(1)
	e.serve(id, pkt, r, size)
}

// validate checks length and checksum (RFC 768) and gives the length of the payload. It counts what the engine's own
// UDP counts.
func (e *inlineEndpoint) validate(id netstack.TransportEndpointID, pkt *netstack.PacketBuffer) (int, bool) {
	hdr := header.UDP(pkt.TransportHeader().Slice())
	stats := e.host.ns.Stats().UDP
	lengthValid, sumValid := header.UDPValid(hdr, func() uint16 { return pkt.Data().Checksum() },
		uint16(pkt.Data().Size()), pkt.NetworkProtocolNumber, id.RemoteAddress, id.LocalAddress, pkt.RXChecksumValidated)
	switch {
	case !lengthValid:
		stats.MalformedPacketsReceived.Increment()
		return 0, false
	case !sumValid:
		stats.ChecksumErrors.Increment()
		return 0, false
	}
	stats.PacketsReceived.Increment()
	return min(int(hdr.Length())-header.UDPMinimumSize, pkt.Data().Size()), true
}

// answerable: an answer to no port, to nobody or to a group would go astray (RFC 1122 §4.1.3.6).
func answerable(id netstack.TransportEndpointID) bool {
	a := id.RemoteAddress
	return id.RemotePort != 0 && !a.Unspecified() && a != header.IPv4Broadcast &&
		!header.IsV4MulticastAddress(a) && !header.IsV6MulticastAddress(a)
}

// route finds the way back. The caller releases it.
func (e *inlineEndpoint) route(id netstack.TransportEndpointID, pkt *netstack.PacketBuffer) *netstack.Route {
	k := e.routeKey(id, pkt.NetworkProtocolNumber, pkt.NICID)
	if pkt.NetworkPacketInfo.LocalAddressBroadcast || header.IsV4MulticastAddress(k.local) || header.IsV6MulticastAddress(k.local) {
		k.local, k.nic = tcpip.Address{}, pkt.NICID
	}
	return e.routes.find(e.host.ns, k)
}

// routeKey is the way back from a unicast address to who asked over interface nic.
func (*inlineEndpoint) routeKey(id netstack.TransportEndpointID, proto tcpip.NetworkProtocolNumber, nic tcpip.NICID) routeKey {
	k := routeKey{local: id.LocalAddress, remote: id.RemoteAddress, proto: proto}
	if needsZone(k.local) || needsZone(k.remote) {
		k.nic = nic
	}
	return k
}

// serve calls the handler and sends its answer.
func (e *inlineEndpoint) serve(id netstack.TransportEndpointID, pkt *netstack.PacketBuffer, r *netstack.Route, size int) {
	s := &e.host.socks.inline
	request, scratch := payload(pkt, size)
	if scratch != nil {
		defer scratchPool.Put(scratch)
	}
	room := int(r.MTU()) - header.UDPMinimumSize
	v := buffer.NewViewSize(room)
	from := e.host.addrPort(tcpip.FullAddress{NIC: pkt.NICID, Addr: id.RemoteAddress, Port: id.RemotePort})
	to := e.host.addrPort(tcpip.FullAddress{NIC: pkt.NICID, Addr: id.LocalAddress, Port: id.LocalPort})
	reply, ok := e.call(v.AsSlice()[:0:room], request, from, to)
	if !ok || len(reply) == 0 {
		v.Release()
		if !ok {
			s.drops.Add(1)
		}
		return
	}
	if e.send(r, id, fill(v, reply)) {
		s.replies.Add(1)
	} else {
		s.drops.Add(1)
	}
}

// call runs the handler. A panic is the handler's bug, and costs this one datagram.
func (e *inlineEndpoint) call(reply, request []byte, from, to netip.AddrPort) (out []byte, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			e.host.cfg.Log.Error("inline handler panicked", "local", e.local, "from", from,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			ok = false
		}
	}()
	return e.handler(reply, request, from, to), true
}

// payload gives the first size octets of the data in one piece: in place where they lie in one chunk, else in scratch
// memory, which the caller puts back.
func payload(pkt *netstack.PacketBuffer, size int) ([]byte, *[64 << 10]byte) {
	l, off := pkt.AsViewList()
	off += pkt.HeaderSize()
	v := l.Front()
	for ; v != nil && off >= v.Size(); v = v.Next() {
		off -= v.Size()
	}
	if v == nil || size == 0 {
		return nil, nil
	}
	if b := v.AsSlice()[off:]; len(b) >= size {
		return b[:size:size], nil
	}
	scratch := scratchPool.Get().(*[64 << 10]byte)
	n := 0
	for ; v != nil && n < size; v = v.Next() {
		n += copy(scratch[n:size], v.AsSlice()[off:])
		off = 0
	}
	return scratch[:n:n], scratch
}

// fill makes reply the content of v, in which it lies already unless the handler made its own or outgrew it.
func fill(v *buffer.View, reply []byte) *buffer.View {
	b := v.AsSlice()
	if len(reply) <= len(b) && &b[0] == &reply[0] {
		v.CapLength(len(reply))
		return v
	}
	v.Release()
	return buffer.NewViewWithData(reply)
}

// send sends one datagram from the port and address that were asked. It takes v.
func (e *inlineEndpoint) send(r *netstack.Route, id netstack.TransportEndpointID, v *buffer.View) bool {
	length := header.UDPMinimumSize + v.Size()
	if length > math.MaxUint16 || e.tooLong(r, length) {
		v.Release()
		return false
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		ReserveHeaderBytes: header.UDPMinimumSize + int(r.MaxHeaderLength()),
		Payload:            buffer.MakeWithView(v),
	})
	defer pkt.DecRef()
	hdr := header.UDP(pkt.TransportHeader().Push(header.UDPMinimumSize))
	pkt.TransportProtocolNumber = header.UDPProtocolNumber
	hdr.Encode(&header.UDPFields{SrcPort: id.LocalPort, DstPort: id.RemotePort, Length: uint16(length)})
	if r.RequiresTXTransportChecksum() {
		setUDPChecksum(hdr, r, pkt.Data().Checksum())
	}
	params := netstack.NetworkHeaderParams{Protocol: header.UDPProtocolNumber, TTL: r.DefaultTTL()}
	if terr := r.WritePacket(params, pkt); terr != nil {
		e.routes.forget(r)
		e.host.ns.Stats().UDP.PacketSendErrors.Increment()
		return false
	}
	e.host.ns.Stats().UDP.PacketsSent.Increment()
	return true
}

// tooLong: the length field of IPv4 counts the header, too.
func (*inlineEndpoint) tooLong(r *netstack.Route, length int) bool {
	return r.NetProto() == header.IPv4ProtocolNumber && length > math.MaxUint16-header.IPv4MinimumSize
}

// setUDPChecksum sets the checksum; one that computes to zero is sent as all ones (RFC 768).
func setUDPChecksum(hdr header.UDP, r *netstack.Route, payloadSum uint16) {
	pseudo := r.PseudoHeaderChecksum(header.UDPProtocolNumber, hdr.Length())
	sum := hdr.CalculateChecksum(checksum.Combine(pseudo, payloadSum))
	if sum != math.MaxUint16 {
		sum = ^sum
	}
	hdr.SetChecksum(sum)
}
