package stack

import (
	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
)

// receiveOther takes up what is neither IPv4, IPv6 nor ARP in Ethernet II.
func (n *nic) receiveOther(f *link.Frame) {
	n.drops.unknown.Add(1)
}

// packetType tells for whom a frame was, from its destination address.
func packetType(eth []byte) tcpip.PacketType {
	switch {
	case eth[0]&1 == 0:
		return tcpip.PacketHost
	case string(eth[:6]) == "\xff\xff\xff\xff\xff\xff":
		return tcpip.PacketBroadcast
	}
	return tcpip.PacketMulticast
}
