package stack

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netports "gvisor.dev/gvisor/pkg/tcpip/ports"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// An inline handler is called on the goroutine that read the frame, and its answer is sent from there, so a round trip
// costs no change of goroutine. It owns its port like any socket. A datagram comes to it at one of two levels:
//
//   - (a) It is a transport endpoint of our own, which the engine calls after reassembly (inline_packet.go). The answer
//     takes the engine's way out and costs two allocations of its.
//   - (b) It is a taker of the shortcut (inline_shortcut.go). A plain datagram never gets to the engine, nor does its
//     answer if it fits into one frame, and nothing is allocated.
//
// A handler that answers the host's own addresses is called within the sender's call. So that two handlers cannot
// answer each other without end, a datagram from a port of the host that has a handler is dropped.

// inlineState is what the inline handlers of a host share.
type inlineState struct {
	hits, replies, drops atomic.Uint64

	mu    sync.RWMutex
	ports map[uint16]int // how many handlers a port has
}

// inlineStats counts datagrams given to handlers, answers sent, and datagrams or answers that were dropped.
func (h *Host) inlineStats() (hits, replies, drops uint64) {
	s := &h.socks.inline
	return s.hits.Load(), s.replies.Load(), s.drops.Load()
}

func (s *inlineState) add(port uint16, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ports == nil {
		s.ports = map[uint16]int{}
	}
	if s.ports[port] += n; s.ports[port] == 0 {
		delete(s.ports, port)
	}
}

func (s *inlineState) has(port uint16) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ports[port] > 0
}

// inlineEndpoint implements [netstack.TransportEndpoint].
type inlineEndpoint struct {
	host    *Host
	name    string
	handler func(reply, request []byte, from, to netip.AddrPort) []byte
	family  family
	res     netports.Reservation
	local   netip.AddrPort
	routes  routeCache

	once    sync.Once
	trackMu sync.Mutex
	untrack func()

	calls gate
}

// Inline registers a server for datagrams ("udp", "udp4", "udp6") that is called on the goroutine that received the
// datagram. It appends its answer to reply, which has length zero and room for a datagram of the path's MTU, and
// returns it; a result of length zero sends nothing, a longer one than has room is sent in fragments. It must not
// block, must keep neither reply nor request nor change request, and is called concurrently. If it panics, that is
// logged and the datagram dropped.
//
// The answer leaves from the address that was asked, or from the interface's own if that was a broadcast address or a
// group. Datagrams from port 0, from no address or from a group are not answered.
//
// The result's Close gives the port back and waits for calls that run; its LocalAddr method tells the address. Errors
// are those of [Host.ListenPacket].
func (h *Host) Inline(network, address string, handler func(reply, request []byte, from, to netip.AddrPort) []byte) (io.Closer, error) {
	n, la, err := h.listenAddress(network, address)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(n.kind, "udp") {
		return nil, unexpectedAddress(n, la, address)
	}
	e := &inlineEndpoint{host: h, name: n.name, handler: handler, family: familyOf(n.kind, la.Addr(), true)}
	if err := e.bind(h.fullAddress(la)); err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: netAddr(n.kind, la), Err: err}
	}
	return e, nil
}

func (e *inlineEndpoint) bind(a tcpip.FullAddress) error {
	h := e.host
	e.res = netports.Reservation{
		Networks:  []tcpip.NetworkProtocolNumber{e.family.proto},
		Transport: header.UDPProtocolNumber,
		Addr:      a.Addr,
		Port:      a.Port,
	}
	if e.family.proto == header.IPv6ProtocolNumber && !e.family.v6only && a.Addr.Len() == 0 {
		e.res.Networks = append(e.res.Networks, header.IPv4ProtocolNumber)
	}
	if a.Addr.Len() > 0 && h.ns.CheckLocalAddress(0, e.family.proto, a.Addr) == 0 {
		return syscallError("bind", &tcpip.ErrBadLocalAddress{})
	}
	if err := e.track(); err != nil {
		return err
	}
	port, terr := h.ns.ReservePort(h.ns.SecureRNG(), e.res, nil)
	if terr != nil {
		e.forget()
		return syscallError("bind", terr)
	}
	e.res.Port = port
	e.local = e.family.local(h.addrPort(tcpip.FullAddress{NIC: a.NIC, Addr: a.Addr, Port: port}))
	h.socks.inline.add(port, 1)
	if terr := h.ns.RegisterTransportEndpoint(e.res.Networks, e.res.Transport, e.id(), e, netports.Flags{}, 0); terr != nil {
		h.ns.ReleasePort(e.res)
		h.socks.inline.add(port, -1)
		e.forget()
		return syscallError("bind", terr)
	}
	for _, k := range e.keys() {
		h.shortcuts.add(k, e)
	}
	return nil
}

// track has the host close the endpoint.
func (e *inlineEndpoint) track() error {
	e.trackMu.Lock()
	defer e.trackMu.Unlock()
	var ok bool
	if e.untrack, ok = e.host.track(e); !ok {
		return net.ErrClosed
	}
	return nil
}

func (e *inlineEndpoint) forget() {
	e.trackMu.Lock()
	untrack := e.untrack
	e.trackMu.Unlock()
	untrack()
}

func (e *inlineEndpoint) id() netstack.TransportEndpointID {
	return netstack.TransportEndpointID{LocalPort: e.res.Port, LocalAddress: e.res.Addr}
}

// LocalAddr is the address that the handler answers at.
func (e *inlineEndpoint) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(e.local) }

// Close unregisters the handler and waits for calls that run.
func (e *inlineEndpoint) Close() error {
	err := error(&net.OpError{Op: "close", Net: e.name, Source: e.LocalAddr(), Err: net.ErrClosed})
	e.once.Do(func() {
		h := e.host
		for _, k := range e.keys() {
			h.shortcuts.remove(k, e)
		}
		h.ns.UnregisterTransportEndpoint(e.res.Networks, e.res.Transport, e.id(), e, netports.Flags{}, 0)
		h.ns.ReleasePort(e.res)
		h.socks.inline.add(e.res.Port, -1)
		e.calls.close()
		e.routes.release()
		e.forget()
		err = nil
	})
	return err
}

// describe lists the endpoint among the host's sockets.
func (e *inlineEndpoint) describe() Socket {
	name := "udp4"
	if e.family.proto == header.IPv6ProtocolNumber {
		name = "udp6"
	}
	return Socket{Network: name, Local: e.local, State: "inline"}
}

// Abort implements [netstack.TransportEndpoint].
func (e *inlineEndpoint) Abort() { e.Close() }

// Wait implements [netstack.TransportEndpoint].
func (*inlineEndpoint) Wait() {}

// HandleError implements [netstack.TransportEndpoint]. A server is not connected, so errors concern nobody.
func (*inlineEndpoint) HandleError(netstack.TransportError, *netstack.PacketBuffer) {}
