package stack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netports "gvisor.dev/gvisor/pkg/tcpip/ports"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// ping is one request under way. The engine gives it replies by their identifier, which no other request of the host
// has at the time, as it would a socket; errors come as to a raw socket, so it takes those that quote the request.
type ping struct {
	host    *Host
	proto   tcpip.NetworkProtocolNumber
	dst     netip.Addr
	own     bool    // dst is an address of this host, but not loopback
	mark    [4]byte // identifier and sequence number
	results chan pingResult
	closed  chan struct{}
	untrack func()
}

type pingResult struct {
	reply PingReply
	err   error
	at    tcpip.MonotonicTime
}

func newPing(h *Host, proto tcpip.NetworkProtocolNumber, dst netip.Addr) *ping {
	p := &ping{host: h, proto: proto, dst: dst.Unmap().WithZone(""), results: make(chan pingResult, 1), closed: make(chan struct{})}
	p.renumber()
	return p
}

// renumber takes the next identifier; the sequence number grows when all have been used.
func (p *ping) renumber() {
	n := p.host.socks.pings.Add(1) + uint32(p.host.cfg.Seed)
	binary.BigEndian.PutUint16(p.mark[:], uint16(n))
	binary.BigEndian.PutUint16(p.mark[2:], uint16(n>>16))
}

func (p *ping) transport() tcpip.TransportProtocolNumber {
	if p.proto == header.IPv4ProtocolNumber {
		return header.ICMPv4ProtocolNumber
	}
	return header.ICMPv6ProtocolNumber
}

func (p *ping) id() netstack.TransportEndpointID {
	return netstack.TransportEndpointID{LocalPort: binary.BigEndian.Uint16(p.mark[:])}
}

func (p *ping) register() error {
	ns, protos := p.host.ns, []tcpip.NetworkProtocolNumber{p.proto}
	var ok bool
	if p.untrack, ok = p.host.track(p); !ok {
		return net.ErrClosed
	}
	e := ns.RegisterTransportEndpoint(protos, p.transport(), p.id(), pingReplies{p}, netports.Flags{}, 0)
	for range 1 << 16 {
		if _, used := e.(*tcpip.ErrPortInUse); !used {
			break
		}
		p.renumber()
		e = ns.RegisterTransportEndpoint(protos, p.transport(), p.id(), pingReplies{p}, netports.Flags{}, 0)
	}
	if e == nil {
		if e = ns.RegisterRawTransportEndpoint(p.proto, p.transport(), p); e != nil {
			ns.UnregisterTransportEndpoint(protos, p.transport(), p.id(), pingReplies{p}, netports.Flags{}, 0)
		}
	}
	if e != nil {
		p.untrack()
	}
	return syscallError("socket", e)
}

func (p *ping) unregister() {
	ns := p.host.ns
	ns.UnregisterRawTransportEndpoint(p.proto, p.transport(), p)
	ns.UnregisterTransportEndpoint([]tcpip.NetworkProtocolNumber{p.proto}, p.transport(), p.id(), pingReplies{p}, netports.Flags{}, 0)
	p.untrack()
}

// Close ends the wait when the host is closed, which happens once.
func (p *ping) Close() error {
	close(p.closed)
	return nil
}

var errPingTooBig = errors.New("the request does not fit into the MTU")

// send sends the request.
func (p *ping) send(r *netstack.Route, o PingOptions) error {
	size := o.Size
	if size == 0 {
		size = 56
	}
	size = max(size, 0)
	total := size + header.ICMPv4MinimumSize // the same 8 octets with IPv6
	if total > 65535-header.IPv4MinimumSize || o.DontFragment && total > int(r.MTU()) {
		return fmt.Errorf("%w: %w", errPingTooBig, syscallError("sendto", &tcpip.ErrMessageTooLong{}))
	}
	data := buffer.NewViewSize(size)
	for i, b := 0, data.AsSlice(); i < len(b); i++ {
		b[i] = byte(i)
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		ReserveHeaderBytes: header.ICMPv4MinimumSize + int(r.MaxHeaderLength()),
		Payload:            buffer.MakeWithView(data),
	})
	defer pkt.DecRef()
	p.fillHeader(pkt, r)
	ttl := o.TTL
	if ttl == 0 {
		ttl = r.DefaultTTL()
	}
	params := netstack.NetworkHeaderParams{Protocol: p.transport(), TTL: ttl, DF: o.DontFragment}
	return syscallError("sendto", r.WritePacket(params, pkt))
}

// fillHeader writes the echo request's header (RFC 792, RFC 4443 §4.1).
func (p *ping) fillHeader(pkt *netstack.PacketBuffer, r *netstack.Route) {
	hdr := pkt.TransportHeader().Push(header.ICMPv4MinimumSize)
	pkt.TransportProtocolNumber = p.transport()
	copy(hdr[4:], p.mark[:])
	if p.proto == header.IPv4ProtocolNumber {
		h := header.ICMPv4(hdr)
		h.SetType(header.ICMPv4Echo)
		h.SetChecksum(header.ICMPv4Checksum(h, pkt.Data().Checksum()))
		p.host.ns.Stats().ICMP.V4.PacketsSent.EchoRequest.Increment()
		return
	}
	h := header.ICMPv6(hdr)
	h.SetType(header.ICMPv6EchoRequest)
	h.SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{
		Header: h, Src: r.LocalAddress(), Dst: r.RemoteAddress(),
		PayloadCsum: pkt.Data().Checksum(), PayloadLen: pkt.Data().Size(),
	}))
	p.host.ns.Stats().ICMP.V6.PacketsSent.EchoRequest.Increment()
}

// pingReplies takes a ping's replies, whose checksum the engine has verified.
type pingReplies struct{ *ping }

// HandlePacket implements [netstack.TransportEndpoint].
func (p pingReplies) HandlePacket(_ netstack.TransportEndpointID, pkt *netstack.PacketBuffer) {
	at := p.host.ns.Clock().NowMonotonic()
	b := pkt.TransportHeader().Slice()
	n := pkt.Network()
	from := fromAddress(n.SourceAddress())
	if !p.isReply(b, from) {
		return
	}
	r := PingReply{From: from, Size: len(b) + pkt.Data().Size(), TTL: hopLimit(pkt)}
	p.deliver(pingResult{reply: r, at: at})
}

// HandleError implements [netstack.TransportEndpoint]. Not all errors come this way, and none says who sent it.
func (pingReplies) HandleError(netstack.TransportError, *netstack.PacketBuffer) {}

// Abort implements [netstack.TransportEndpoint].
func (pingReplies) Abort() {}

// Wait implements [netstack.TransportEndpoint].
func (pingReplies) Wait() {}

// HandlePacket implements [netstack.RawTransportEndpoint]: errors about the request.
func (p *ping) HandlePacket(pkt *netstack.PacketBuffer) {
	v := netstack.PayloadSince(pkt.TransportHeader())
	defer v.Release()
	n := pkt.Network()
	if b := v.AsSlice(); len(b) >= 8 && p.intact(n, b) {
		p.answerSelf(pkt, b)
		if err, ok := p.readError(b, fromAddress(n.SourceAddress())); ok {
			p.deliver(pingResult{err: err})
		}
	}
}

// answerSelf takes the request, once it was delivered, for its reply: the engine delivers it on the loopback interface,
// and finds no way back from there to an IPv4 address that is not loopback's.
func (p *ping) answerSelf(pkt *netstack.PacketBuffer, b []byte) {
	isRequest := b[0] == uint8(header.ICMPv4Echo) || b[0] == uint8(header.ICMPv6EchoRequest)
	if !p.own || !isRequest || [4]byte(b[4:8]) != p.mark {
		return
	}
	r := PingReply{From: p.dst, Size: len(b), TTL: hopLimit(pkt)}
	p.deliver(pingResult{reply: r, at: p.host.ns.Clock().NowMonotonic()})
}

func (p *ping) deliver(r pingResult) {
	select {
	case p.results <- r:
	default: // a duplicate
	}
}

// intact checks the checksum of a message, which the engine does only later.
func (p *ping) intact(n header.Network, m []byte) bool {
	if p.proto == header.IPv4ProtocolNumber {
		return checksum.Checksum(m, 0) == 0xffff
	}
	pseudo := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, n.SourceAddress(), n.DestinationAddress(), uint16(len(m)))
	return checksum.Checksum(m, pseudo) == 0xffff
}

func hopLimit(pkt *netstack.PacketBuffer) uint8 {
	b := pkt.NetworkHeader().Slice()
	if pkt.NetworkProtocolNumber == header.IPv4ProtocolNumber {
		return header.IPv4(b).TTL()
	}
	return header.IPv6(b).HopLimit()
}

// isReply reports whether a message is the reply to this request.
func (p *ping) isReply(m []byte, from netip.Addr) bool {
	want := uint8(header.ICMPv4EchoReply)
	if p.proto == header.IPv6ProtocolNumber {
		want = uint8(header.ICMPv6EchoReply)
	}
	return len(m) >= 8 && m[0] == want && [4]byte(m[4:8]) == p.mark && (from == p.dst || p.manyMayAnswer())
}

// manyMayAnswer: a request to a group or a broadcast address is answered from other addresses.
func (p *ping) manyMayAnswer() bool {
	return p.dst.IsMulticast() || p.proto == header.IPv4ProtocolNumber &&
		(toAddress(p.dst) == header.IPv4Broadcast || p.host.ns.IsSubnetBroadcast(0, p.proto, toAddress(p.dst)))
}

// readError decides whether a message is an error about this request.
func (p *ping) readError(m []byte, from netip.Addr) (error, bool) {
	isError := isError4
	if p.proto == header.IPv6ProtocolNumber {
		isError = isError6
	}
	if len(m) < 8 || !isError(m[0]) || !p.quoted(m[8:]) {
		return nil, false
	}
	return &PingError{From: from, Type: m[0], Code: m[1]}, true
}

func isError4(t uint8) bool {
	switch header.ICMPv4Type(t) {
	case header.ICMPv4DstUnreachable, header.ICMPv4TimeExceeded, header.ICMPv4ParamProblem:
		return true
	}
	return false
}

// isError6: RFC 4443 §2.1, error messages have the high bit clear.
func isError6(t uint8) bool { return t < 128 }

// quoted reports whether b, which an error carries, starts with this request (RFC 792; RFC 4443 §2.4 (c)).
func (p *ping) quoted(b []byte) bool {
	dst, m := quote4(b)
	if p.proto == header.IPv6ProtocolNumber {
		dst, m = quote6(b)
	}
	return len(m) >= 8 && dst == p.dst && [4]byte(m[4:8]) == p.mark
}

// quote4 gives the destination and the ICMP message of a packet that can be cut; nil if it has none.
func quote4(b []byte) (netip.Addr, []byte) {
	if len(b) < header.IPv4MinimumSize {
		return netip.Addr{}, nil
	}
	h := header.IPv4(b)
	size := int(h.HeaderLength())
	if h.Protocol() != uint8(header.ICMPv4ProtocolNumber) || size < header.IPv4MinimumSize || len(b) < size {
		return netip.Addr{}, nil
	}
	return fromAddress(h.DestinationAddress()), b[size:]
}

// quote6 is quote4 for IPv6. Of extension headers this host's requests have the fragment header at most.
func quote6(b []byte) (netip.Addr, []byte) {
	if len(b) < header.IPv6MinimumSize {
		return netip.Addr{}, nil
	}
	h := header.IPv6(b)
	next, m := h.NextHeader(), b[header.IPv6MinimumSize:]
	if next == uint8(header.IPv6FragmentExtHdrIdentifier) && len(m) >= header.IPv6FragmentHeaderSize {
		next, m = m[0], m[header.IPv6FragmentHeaderSize:]
	}
	if next != uint8(header.ICMPv6ProtocolNumber) {
		return netip.Addr{}, nil
	}
	return fromAddress(h.DestinationAddress()), m
}
