package stack

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// fallbackDelay is the head start of the first address family: RFC 8305 §5 recommends 250 ms, package net takes 300.
const fallbackDelay = 300 * time.Millisecond

// Dial is [Host.DialContext] without a limit.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

// DialContext connects to address over this host, with the networks, addresses and errors of [net.Dialer]: "tcp",
// "tcp4", "tcp6", "udp", "udp4", "udp6", "ip4:icmp" and "ip6:ipv6-icmp". Names are looked up by the host, never by the
// machine. The result is a [*TCPConn], a [*UDPConn] or a [*IPConn].
//
// The networks "ipx" and "spx" have addresses like 0000cafe:020000000001:4001: node and socket are needed, the network may
// be left out, and no names are looked up. The result is a [*ipx.Conn] or a [*spx.Conn].
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if isIPX(network) {
		return h.dialIPX(ctx, network, address)
	}
	n, err := parseNetwork(network)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	as, err := h.resolve(ctx, n, "dial", address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if network != "tcp" {
		return h.dialSerial(ctx, n, as)
	}
	first, second := partition(as)
	if second == nil {
		return h.dialSerial(ctx, n, first)
	}
	return h.dialParallel(ctx, n, first, second)
}

// Listen accepts connections, with the networks, addresses and errors of [net.Listen]: "tcp", "tcp4", "tcp6". The
// result is a [*TCPListener]. On "spx", ":4001" is a socket and "" a free one; the result is a [*spx.Listener].
func (h *Host) Listen(network, address string) (net.Listener, error) {
	if isIPX(network) {
		return h.listenIPX(network, address)
	}
	n, la, err := h.listenAddress(network, address)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(n.kind, "tcp") {
		return nil, unexpectedAddress(n, la, address)
	}
	l, err := h.listenTCP(n, la)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: netAddr(n.kind, la), Err: err}
	}
	return l, nil
}

// ListenPacket opens a socket for datagrams, with the networks, addresses and errors of [net.ListenPacket]: "udp",
// "udp4", "udp6", "ip:icmp", "ip4:icmp" and "ip6:ipv6-icmp". The result is a [*UDPConn] or a [*IPConn]. On "ipx",
// ":4001" is a socket and "" a free one; the result is a [*ipx.Conn] that sends packets of type PEP.
//
// As with package net, a socket for the address of a group is one for all addresses whose port others can share, and
// [UDPConn.JoinGroup] is still needed.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	if isIPX(network) {
		return h.listenPacketIPX(network, address)
	}
	n, la, err := h.listenAddress(network, address)
	if err != nil {
		return nil, err
	}
	var c net.PacketConn
	switch {
	case n.proto != 0:
		c, err = h.listenIP(n, la)
	case strings.HasPrefix(n.kind, "udp"):
		c, err = h.listenUDP(n, la)
	default:
		return nil, unexpectedAddress(n, la, address)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: netAddr(n.kind, la), Err: err}
	}
	return c, nil
}

func unexpectedAddress(n network, la netip.AddrPort, address string) error {
	return &net.OpError{Op: "listen", Net: n.name, Addr: netAddr(n.kind, la),
		Err: &net.AddrError{Err: "unexpected address type", Addr: address}}
}

func (h *Host) listenAddress(name, address string) (network, netip.AddrPort, error) {
	n, err := parseNetwork(name)
	if err != nil {
		return n, netip.AddrPort{}, &net.OpError{Op: "listen", Net: name, Err: err}
	}
	as, err := h.resolve(context.Background(), n, "listen", address)
	if err != nil {
		return n, netip.AddrPort{}, &net.OpError{Op: "listen", Net: name, Err: err}
	}
	return n, preferIPv4(as), nil
}

// partition splits by IP version; the version of the first address comes first.
func partition(as []netip.AddrPort) (first, second []netip.AddrPort) {
	is4 := as[0].Addr().Unmap().Is4()
	for _, a := range as {
		if a.Addr().Unmap().Is4() == is4 {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	return first, second
}

type dialed struct {
	conn    net.Conn
	err     error
	primary bool
}

// dialParallel races the two IP versions, with a head start for the first (RFC 8305 §5, simplified). The first
// connection wins; if none comes about, the error is that of the first version. Both racers have ended, or will end
// by themselves at once, when it returns.
func (h *Host) dialParallel(ctx context.Context, n network, first, second []netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the loser
	results := make(chan dialed, 2)
	race := func(as []netip.AddrPort, primary bool) {
		c, err := h.dialSerial(ctx, n, as)
		results <- dialed{c, err, primary}
	}
	go race(first, true)
	head := time.NewTimer(fallbackDelay)
	defer head.Stop()
	var firstErr error
	running, started := 1, false
	for {
		select {
		case <-head.C:
			running, started = running+1, true
			go race(second, false)
		case r := <-results:
			running--
			if r.err == nil {
				closeLoser(results, running)
				return r.conn, nil
			}
			if r.primary {
				firstErr = r.err
			}
			if !started {
				head.Reset(0)
			} else if running == 0 {
				return nil, firstErr
			}
		}
	}
}

// closeLoser closes the connection of a racer that came second.
func closeLoser(results <-chan dialed, running int) {
	if running == 0 {
		return
	}
	go func() { // ends when the loser does, which the cancelled context hurries
		if r := <-results; r.conn != nil {
			r.conn.Close()
		}
	}()
}

// dialSerial tries one address after the other, and gives the first error if none answers.
func (h *Host) dialSerial(ctx context.Context, n network, as []netip.AddrPort) (net.Conn, error) {
	var first error
	for i, a := range as {
		c, err := h.dialOne(ctx, n, a, len(as)-i)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = &net.OpError{Op: "dial", Net: n.name, Addr: netAddr(n.kind, a), Err: err}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// dialOne gives the address its share of the time that is left for all of the remaining ones, but not less than 2 s.
func (h *Host) dialOne(ctx context.Context, n network, a netip.AddrPort, remaining int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, mapContextError(err)
	}
	if deadline, ok := ctx.Deadline(); ok && remaining > 1 {
		share := max(time.Until(deadline)/time.Duration(remaining), 2*time.Second)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	switch {
	case n.proto != 0:
		return asConn(h.dialIP(n, a))
	case strings.HasPrefix(n.kind, "udp"):
		return asConn(h.dialUDP(n, a))
	}
	return asConn(h.dialTCP(ctx, n, a))
}

// asConn keeps a nil pointer from becoming an interface that is not nil.
func asConn[C net.Conn](c C, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// remote is the engine's form of an address to connect to. As with package net, no address or the unspecified one is
// the host itself.
func (h *Host) remote(f family, a netip.AddrPort) (tcpip.FullAddress, error) {
	ip := a.Addr()
	if f.proto == header.IPv4ProtocolNumber && ip.IsValid() && !ip.Unmap().Is4() {
		return tcpip.FullAddress{}, &net.AddrError{Err: "non-IPv4 address", Addr: ip.String()}
	}
	r := h.fullAddress(a)
	if r.Addr.Len() > 0 {
		return r, nil
	}
	r.Addr = header.IPv6Loopback
	if f.proto == header.IPv4ProtocolNumber {
		r.Addr = header.IPv4Loopback
	}
	return r, nil
}
