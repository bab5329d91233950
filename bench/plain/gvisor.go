package main

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// stockNIC is the only interface of the stock stack.
const stockNIC = 1

// openGVisor makes a stack of gVisor's own parts alone: its TAP, its fdbased endpoint with segmentation in software,
// its socket adapter; SACK, CUBIC and buffer tuning on, as for a host of ours.
func openGVisor(p path) (endpoint, error) {
	fd, err := tun.OpenTAP(p.device())
	if err != nil {
		return endpoint{}, fmt.Errorf("TAP %s: %w (it takes root, or a user who may open /dev/net/tun; -paths veth does without)", p.device(), err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return endpoint{}, err
	}
	ep, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: 1500, EthernetHeader: true, Address: "\x02\x00\x00\x00\x00\x02",
		GVisorGSOEnabled: true, GSOMaxSize: 65536,
	})
	if err != nil {
		return endpoint{}, err
	}
	s, err := newStock(ep, p)
	if err != nil {
		return endpoint{}, err
	}
	return endpoint{sockets: stockSockets{s}}, bringUp(p.device(), p.near)
}

func newStock(ep stack.LinkEndpoint, p path) (*stack.Stack, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocolCUBIC, udp.NewProtocol},
	})
	sack, tune := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	subnet := header.IPv4EmptySubnet
	address := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{
		Address: tcpip.AddrFromSlice(netip.MustParseAddr(p.far).AsSlice()), PrefixLen: prefixLen,
	}}
	for _, err := range []tcpip.Error{
		s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack),
		s.SetTransportProtocolOption(tcp.ProtocolNumber, &tune),
		s.CreateNIC(stockNIC, ep),
		s.AddProtocolAddress(stockNIC, address, stack.AddressProperties{}),
	} {
		if err != nil {
			return nil, fmt.Errorf("gvisor: %s", err)
		}
	}
	s.SetRouteTable([]tcpip.Route{{Destination: subnet, NIC: stockNIC}})
	return s, nil
}

// stockSockets are gVisor's gonet.
type stockSockets struct{ *stack.Stack }

func (s stockSockets) Listen(_, address string) (net.Listener, error) {
	a, err := fullAddress(address)
	if err != nil {
		return nil, err
	}
	return gonet.ListenTCP(s.Stack, a, ipv4.ProtocolNumber)
}

func (s stockSockets) ListenPacket(_, address string) (net.PacketConn, error) {
	a, err := fullAddress(address)
	if err != nil {
		return nil, err
	}
	return gonet.DialUDP(s.Stack, &a, nil, ipv4.ProtocolNumber)
}

func fullAddress(address string) (tcpip.FullAddress, error) {
	a, err := netip.ParseAddrPort(address)
	return tcpip.FullAddress{NIC: stockNIC, Addr: tcpip.AddrFromSlice(a.Addr().AsSlice()), Port: a.Port()}, err
}
