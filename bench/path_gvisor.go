//go:build linux

package bench

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
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// stockNIC is the only interface of the stock stack.
const stockNIC = 1

// openGVisor makes a stack of gVisor's own parts alone: its TAP, its fdbased endpoint with segmentation in software,
// its socket adapter; SACK, CUBIC and buffer tuning on, as for a host of ours, and as much room for datagrams.
func openGVisor(f *far) error {
	fd, err := tun.OpenTAP(f.path.device())
	if err != nil {
		return fmt.Errorf("TAP %s: %w", f.path.device(), err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	ep, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: 1500, EthernetHeader: true, Address: tcpip.LinkAddress(stationAddr[:]),
		GVisorGSOEnabled: true, GSOMaxSize: 65536,
	})
	if err != nil {
		return err
	}
	return f.serveStock(ep)
}

func (f *far) serveStock(ep netstack.LinkEndpoint) error {
	s, err := newStock(ep, f.path.far())
	if err != nil {
		return err
	}
	return f.serve(stockSockets{s})
}

func newStock(ep netstack.LinkEndpoint, at netip.Addr) (*netstack.Stack, error) {
	s := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocolCUBIC, udp.NewProtocol},
	})
	sack, tune := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	address := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{
		Address: tcpip.AddrFromSlice(at.AsSlice()), PrefixLen: prefixLen,
	}}
	for _, err := range []tcpip.Error{
		s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack),
		s.SetTransportProtocolOption(tcp.ProtocolNumber, &tune),
		s.CreateNIC(stockNIC, ep),
		s.AddProtocolAddress(stockNIC, address, netstack.AddressProperties{}),
	} {
		if err != nil {
			return nil, fmt.Errorf("gvisor: %s", err)
		}
	}
	datagrams := tcpip.ReceiveBufferSizeOption{Min: netstack.MinBufferSize, Default: socketBuffer, Max: socketBuffer}
	if err := s.SetOption(datagrams); err != nil { // the adapter has no method for it
		return nil, fmt.Errorf("gvisor: %s", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: stockNIC}})
	return s, nil
}

// stockSockets are gVisor's gonet.
type stockSockets struct{ *netstack.Stack }

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
