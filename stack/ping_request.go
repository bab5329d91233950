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
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// ping is one request under way. It is registered for all ICMP messages of its IP version, and takes those that carry
// its identifier and sequence number.
type ping struct {
	host    *Host
	proto   tcpip.NetworkProtocolNumber
	dst     netip.Addr
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
	binary.BigEndian.PutUint32(p.mark[:], h.socks.pings.Add(1)+uint32(h.cfg.Seed))
	return p
}

func (p *ping) transport() tcpip.TransportProtocolNumber {
	if p.proto == header.IPv4ProtocolNumber {
		return header.ICMPv4ProtocolNumber
	}
	return header.ICMPv6ProtocolNumber
}

func (p *ping) register() error {
	var ok bool
	if p.untrack, ok = p.host.track(p); !ok {
		return net.ErrClosed
	}
	if e := p.host.ns.RegisterRawTransportEndpoint(p.proto, p.transport(), p); e != nil {
		p.untrack()
		return syscallError("socket", e)
	}
	return nil
}

func (p *ping) unregister() {
	p.host.ns.UnregisterRawTransportEndpoint(p.proto, p.transport(), p)
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

// HandlePacket implements [netstack.RawTransportEndpoint].
func (p *ping) HandlePacket(pkt *netstack.PacketBuffer) {
	at := p.host.ns.Clock().NowMonotonic()
	v := netstack.PayloadSince(pkt.TransportHeader())
	defer v.Release()
	m := v.AsSlice()
	if !p.intact(pkt, m) {
		return
	}
	from := fromAddress(pkt.Network().SourceAddress())
	res, ok := p.read(m, from)
	if !ok {
		return
	}
	if res.err == nil {
		res.reply.TTL = hopLimit(pkt)
	}
	res.at = at
	select {
	case p.results <- res:
	default: // a duplicate
	}
}

// intact checks the message's checksum, which the engine does only later.
func (p *ping) intact(pkt *netstack.PacketBuffer, m []byte) bool {
	if len(m) < header.ICMPv4MinimumSize {
		return false
	}
	if p.proto == header.IPv4ProtocolNumber {
		return checksum.Checksum(m, 0) == 0xffff
	}
	n := pkt.Network()
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

// read decides whether a message is about this request.
func (p *ping) read(m []byte, from netip.Addr) (pingResult, bool) {
	replyType, errorTypes := uint8(header.ICMPv4EchoReply), isError4
	if p.proto == header.IPv6ProtocolNumber {
		replyType, errorTypes = uint8(header.ICMPv6EchoReply), isError6
	}
	switch {
	case m[0] == replyType:
		ok := [4]byte(m[4:8]) == p.mark && (from == p.dst || p.manyMayAnswer())
		return pingResult{reply: PingReply{From: from, Size: len(m)}}, ok
	case errorTypes(m[0]):
		return pingResult{err: &PingError{From: from, Type: m[0], Code: m[1]}}, p.quotes(m[8:])
	}
	return pingResult{}, false
}

// manyMayAnswer: a request to a group or a broadcast address is answered from other addresses.
func (p *ping) manyMayAnswer() bool {
	return p.dst.IsMulticast() || p.proto == header.IPv4ProtocolNumber &&
		(toAddress(p.dst) == header.IPv4Broadcast || p.host.ns.IsSubnetBroadcast(0, p.proto, toAddress(p.dst)))
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

// quotes reports whether the packet that an error carries is this request (RFC 792; RFC 4443 §2.4 (c)).
func (p *ping) quotes(b []byte) bool {
	var dst netip.Addr
	var m []byte
	switch {
	case p.proto == header.IPv4ProtocolNumber && len(b) >= header.IPv4MinimumSize:
		h := header.IPv4(b)
		hdr := int(h.HeaderLength())
		if h.Protocol() != uint8(header.ICMPv4ProtocolNumber) || hdr < header.IPv4MinimumSize || len(b) < hdr {
			return false
		}
		dst, m = fromAddress(h.DestinationAddress()), b[hdr:]
	case p.proto == header.IPv6ProtocolNumber && len(b) >= header.IPv6MinimumSize:
		h := header.IPv6(b)
		dst, m = fromAddress(h.DestinationAddress()), b[header.IPv6MinimumSize:]
		switch h.NextHeader() {
		case uint8(header.ICMPv6ProtocolNumber):
		case uint8(header.IPv6FragmentExtHdrIdentifier):
			if len(m) < 8 || m[0] != uint8(header.ICMPv6ProtocolNumber) {
				return false
			}
			m = m[8:]
		default:
			return false
		}
	}
	return len(m) >= 8 && dst == p.dst && [4]byte(m[4:8]) == p.mark
}
