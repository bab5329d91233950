package stack

import (
	"cmp"
	"net/netip"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// Socket describes an endpoint as netstat lists it.
type Socket struct {
	Network string         `json:"network"` // tcp4, tcp6, udp4, udp6
	Local   netip.AddrPort `json:"local"`
	Remote  netip.AddrPort `json:"remote,omitzero"`
	State   string         `json:"state,omitempty"` // RFC 9293 §3.3.2, for TCP
	RecvQ   int            `json:"recv_q"`          // octets that the application has not read
	SendQ   int            `json:"send_q"`          // octets sent that the peer has not acknowledged
}

// Sockets lists the host's endpoints by network and local address.
func (h *Host) Sockets() []Socket {
	var socks []Socket
	for _, ep := range h.ns.RegisteredEndpoints() {
		if s, ok := socketOf(ep); ok {
			s.SendQ += h.inFlight(s)
			socks = append(socks, s)
		}
	}
	slices.SortFunc(socks, func(a, b Socket) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), a.Local.Compare(b.Local), a.Remote.Compare(b.Remote))
	})
	return slices.Compact(socks) // a dual-stack endpoint is registered once for each IP version
}

// inFlight is how many octets of a TCP connection were sent and not acknowledged: the engine does not tell, but the
// adapter has seen them leave. A connection within the host is not seen.
func (h *Host) inFlight(s Socket) int {
	if !s.Remote.IsValid() || s.State == "" {
		return 0
	}
	k := keyOf(s.Local, s.Remote)
	for _, i := range h.sortedInterfaces() {
		if n := i.nic.flows.octets(k); n > 0 {
			return n
		}
	}
	return 0
}

// socketOf describes an endpoint of the engine, or an inline handler's.
func socketOf(te netstack.TransportEndpoint) (Socket, bool) {
	if d, ok := te.(interface{ describe() Socket }); ok {
		return d.describe(), true
	}
	ep, ok := te.(tcpip.Endpoint)
	if !ok {
		return Socket{}, false
	}
	info, ok := ep.Info().(*netstack.TransportEndpointInfo)
	if !ok {
		return Socket{}, false
	}
	s := Socket{
		Network: networkName(info),
		Local:   addrPort(info.ID.LocalAddress, info.ID.LocalPort, info.NetProto),
	}
	if info.ID.RemotePort != 0 {
		s.Remote = addrPort(info.ID.RemoteAddress, info.ID.RemotePort, info.NetProto)
	}
	if info.TransProto == header.TCPProtocolNumber {
		s.State = tcp.EndpointState(ep.State()).String()
	}
	s.RecvQ = queued(ep, tcpip.ReceiveQueueSizeOption)
	s.SendQ = queued(ep, tcpip.SendQueueSizeOption)
	return s, true
}

// queued reads the length of a queue; an endpoint that has none, or does not tell, gives 0.
func queued(ep tcpip.Endpoint, o tcpip.SockOptInt) int {
	n, err := ep.GetSockOptInt(o)
	if err != nil {
		return 0
	}
	return n
}

func networkName(info *netstack.TransportEndpointInfo) string {
	name := "raw"
	switch info.TransProto {
	case header.TCPProtocolNumber:
		name = "tcp"
	case header.UDPProtocolNumber:
		name = "udp"
	case header.ICMPv4ProtocolNumber, header.ICMPv6ProtocolNumber:
		name = "icmp"
	}
	if info.NetProto == header.IPv6ProtocolNumber {
		return name + "6"
	}
	return name + "4"
}

// addrPort gives the unspecified address of the IP version for the engine's empty one.
func addrPort(a tcpip.Address, port uint16, p tcpip.NetworkProtocolNumber) netip.AddrPort {
	ip := fromAddress(a)
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
		if p == header.IPv6ProtocolNumber {
			ip = netip.IPv6Unspecified()
		}
	}
	return netip.AddrPortFrom(ip, port)
}
