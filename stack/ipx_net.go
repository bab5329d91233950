package stack

import (
	"context"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// The networks "ipx" and "spx" of Dial, Listen and ListenPacket. Their addresses are network:node:socket in
// hexadecimal, as ipx.ParseAddr reads them: there are no names. To listen, ":4001" is enough, which is a socket of
// all of this host, and "" is a free one. To dial, node and socket are needed, since there is no address of the host
// itself as TCP's ":80" has one; only the network may be left out, and is then the one of the host's first port.

// isIPX reports whether a network of Dial or Listen is IPX's.
func isIPX(network string) bool { return network == "ipx" || network == "spx" }

// ipxAddress reads an address of Dial or Listen.
func (h *Host) ipxAddress(op, network, address string) (a ipx.Addr, err error) {
	switch {
	case h.ipx.stack.Load() == nil:
		err = net.UnknownNetworkError(network + " (host " + h.cfg.Name +
			" has no IPX: give an interface of it a network with Interface.AddIPX, or in a lab's file with ipx = { … })")
	case h.isClosed() != nil:
		err = net.ErrClosed
	case address != "":
		a, err = ipxwire.ParseAddr(address)
	case op == "dial":
		err = errMissingAddress
	}
	if err == nil && op == "dial" && a.Node.IsZero() {
		err = &net.AddrError{Err: "no node in address: want network:node:socket, like 0000cafe:020000000001:4001", Addr: address}
	}
	if err != nil {
		return a, &net.OpError{Op: op, Net: network, Err: err}
	}
	return a, nil
}

// dialIPX is DialContext for "ipx" and "spx".
func (h *Host) dialIPX(ctx context.Context, network, address string) (net.Conn, error) {
	a, err := h.ipxAddress("dial", network, address)
	if err != nil {
		return nil, err
	}
	to := ipx.NetAddr{Addr: a, SPX: network == "spx"}
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: to, Err: mapContextError(err)}
	}
	if to.SPX {
		return asConn(h.SPX().Dial(ctx, a))
	}
	return asConn(h.IPX().Dial(ipx.Addr{}, a))
}

// listenPacketIPX is ListenPacket for "ipx" and, in vain, "spx".
func (h *Host) listenPacketIPX(network, address string) (net.PacketConn, error) {
	a, err := h.ipxAddress("listen", network, address)
	if err != nil {
		return nil, err
	}
	if network != "ipx" {
		return nil, unexpectedIPX(network, a, address)
	}
	c, err := h.IPX().ListenPacket(a, ipxwire.TypePEP)
	if err != nil {
		return nil, err // not a nil pointer in an interface
	}
	return c, nil
}

// listenIPX is Listen for "spx" and, in vain, "ipx".
func (h *Host) listenIPX(network, address string) (net.Listener, error) {
	a, err := h.ipxAddress("listen", network, address)
	if err != nil {
		return nil, err
	}
	if network != "spx" {
		return nil, unexpectedIPX(network, a, address)
	}
	if !h.hasIPX(a) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: ipx.NetAddr{Addr: a, SPX: true},
			Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)}
	}
	l, err := h.SPX().Listen(a.Socket)
	if err != nil {
		return nil, err // not a nil pointer in an interface
	}
	return l, nil
}

// hasIPX reports whether network and node of an address are the host's, as far as they are given.
func (h *Host) hasIPX(a ipx.Addr) (ok bool) {
	if a.Net == 0 && a.Node.IsZero() {
		return true
	}
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		ok = slices.ContainsFunc(n.Ports(), func(p ipx.PortInfo) bool {
			return (a.Net == 0 || a.Net == p.Network) && (a.Node.IsZero() || a.Node == p.Node)
		})
	})
	return ok
}

func unexpectedIPX(network string, a ipx.Addr, address string) error {
	return &net.OpError{Op: "listen", Net: network, Addr: ipx.NetAddr{Addr: a, SPX: network == "spx"},
		Err: &net.AddrError{Err: "unexpected address type", Addr: address}}
}
