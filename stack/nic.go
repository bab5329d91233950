package stack

import (
	"fmt"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// gsoMax is the largest IP packet of a super-frame: what the total length of IPv4 can say (RFC 791 §3.1).
const gsoMax = 65535

// nic is the adapter between a device and the engine: the only place that knows both. The engine sees a
// netstack.LinkEndpoint; frames that arrive are demultiplexed in recv.go.
type nic struct {
	iface  *Interface
	dev    link.Device
	queues []link.Queue
	steer  steerer // nil: one queue, or a device that does not know
	addr   ethernet.Addr
	noIPv6 bool
	is4    atomic.Bool // IPv6 is off for good: the MTU may be less than it needs
	trust  bool        // layer-4 checksums are taken as good

	ip4, ip6, arp netstack.NetworkEndpoint // set by bind, before the first frame is read
	handlers      handlers
	flows         flows
	wants         wants
	drops         drops
	conflicts     conflicts
	acks          delayedAcks
	paths         atomic.Pointer[paths]
	ipx           atomic.Pointer[ipxPorts] // nil: none
	ipxOut        []link.Frame             // of the node of IPX, under its lock

	info atomic.Pointer[link.Info]

	mu         sync.RWMutex
	dispatcher netstack.NetworkDispatcher
}

func newNIC(i *Interface, dev link.Device, c InterfaceConfig) *nic {
	info := dev.Info()
	n := &nic{
		iface: i, dev: dev, queues: dev.Queues(), addr: c.Addr, noIPv6: c.NoIPv6 || info.MTU < minMTU6, trust: c.NoVerify,
	}
	n.info.Store(&info)
	n.acks.init(i.host.cfg, n.write)
	n.wants.init(n.addr, &n.drops.otherHost)
	if d, ok := dev.(steerer); ok && len(n.queues) > 1 {
		n.steer = d
	}
	if d, ok := dev.(filterer); ok {
		d.SetFilter(n.wants.frame)
	}
	return n
}

// bind looks up the engine's endpoints of this interface, so that a frame finds its own without a lock.
func (n *nic) bind() error {
	for _, b := range []struct {
		proto tcpip.NetworkProtocolNumber
		ep    *netstack.NetworkEndpoint
	}{{ipv4.ProtocolNumber, &n.ip4}, {ipv6.ProtocolNumber, &n.ip6}, {arp.ProtocolNumber, &n.arp}} {
		ep, err := n.iface.host.ns.GetNetworkEndpoint(n.iface.id, b.proto)
		if err != nil {
			return fmt.Errorf("stack: interface %s: %s", n.iface.name, err)
		}
		*b.ep = ep
	}
	if n.noIPv6 {
		n.ip6.Disable()
		n.is4.Store(true)
	}
	return nil
}

// deviceInfo is the device's description; it is read again when the device said that it changed.
func (n *nic) deviceInfo() link.Info {
	info := n.info.Load()
	select {
	case <-info.Changed:
	default:
		return *info
	}
	fresh := n.dev.Info()
	n.info.CompareAndSwap(info, &fresh) // else somebody else has read it
	n.iface.host.shortcuts.changed()
	return *n.info.Load()
}

// mtuFor is what the engine is told of a device's MTU: while IPv6 is on, no less than RFC 8200 §5 has every link carry. With
// less, the engine's reports of group memberships never come to an end.
// Deviates: a device whose MTU falls below that later is used as if it had not, for IPv4 too.
func (n *nic) mtuFor(mtu int) uint32 {
	if !n.is4.Load() {
		mtu = max(mtu, minMTU6)
	}
	return uint32(mtu)
}

// The methods of netstack.LinkEndpoint.

func (n *nic) MTU() uint32                             { return n.mtuFor(n.deviceInfo().MTU) }
func (n *nic) SetMTU(uint32)                           {}
func (n *nic) MaxHeaderLength() uint16                 { return ethernet.HeaderLen }
func (n *nic) LinkAddress() tcpip.LinkAddress          { return tcpip.LinkAddress(n.addr[:]) }
func (n *nic) SetLinkAddress(tcpip.LinkAddress)        {}
func (n *nic) Wait()                                   {}
func (n *nic) Close()                                  {}
func (n *nic) SetOnCloseAction(func())                 {}
func (n *nic) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// Capabilities leaves out both checksum offloads. With the transmit one the engine would send SYN-ACK and pure ACK
// without any checksum; super-frames ask for theirs by themselves. Received checksums are judged frame by frame.
func (n *nic) Capabilities() netstack.LinkEndpointCapabilities {
	return netstack.CapabilityResolutionRequired
}

// GSOMaxSize implements netstack.GSOEndpoint.
func (n *nic) GSOMaxSize() uint32 { return gsoMax }

// SupportedGSO implements netstack.GSOEndpoint. Where the device takes super-frames of one IP version only, it
// segments those of the other by itself.
func (n *nic) SupportedGSO() netstack.SupportedGSO {
	if n.deviceInfo().Tx&(link.OffloadTSO4|link.OffloadTSO6) != 0 {
		return netstack.HostGSOSupported
	}
	return netstack.GVisorGSOSupported
}

func (n *nic) Attach(d netstack.NetworkDispatcher) {
	if d != nil {
		smallNeighborCaches(d)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dispatcher = d
}

func (n *nic) IsAttached() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.dispatcher != nil
}

// AddHeader writes the Ethernet II header (RFC 894).
func (n *nic) AddHeader(pkt *netstack.PacketBuffer) {
	header.Ethernet(pkt.LinkHeader().Push(ethernet.HeaderLen)).Encode(&header.EthernetFields{
		SrcAddr: pkt.EgressRoute.LocalLinkAddress,
		DstAddr: pkt.EgressRoute.RemoteLinkAddress,
		Type:    pkt.NetworkProtocolNumber,
	})
}

func (n *nic) ParseHeader(pkt *netstack.PacketBuffer) bool {
	_, ok := pkt.LinkHeader().Consume(ethernet.HeaderLen)
	return ok
}
