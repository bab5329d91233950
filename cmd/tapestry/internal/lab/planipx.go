package lab

import (
	"net/netip"

	"tapestry/internal/ipxwire"
	"tapestry/link/ipxtunnel"
	"tapestry/stack/ipx"
)

// IPXPlan is IPX on an interface, in one framing.
type IPXPlan struct {
	Frame     string          // of frames, or "auto"
	Network   ipxwire.Network // 0: learned
	MaxPacket int             // 0: the node's default
	Checksum  bool
	Ticks     uint16 // 0: the node's default
	path      string // of the table
}

// HostIPXPlan is what a host does with IPX beside its own sockets.
type HostIPXPlan struct {
	Config   ipx.Config
	Internal ipxwire.Network // 0: none
	Routes   []IPXRoutePlan
	Services []IPXServicePlan
}

// IPXRoutePlan is a static route.
type IPXRoutePlan struct {
	Network     ipxwire.Network
	Gateway     ipxwire.Addr // without socket
	Hops, Ticks uint16
}

// IPXServicePlan is a static service.
type IPXServicePlan struct {
	Type uint16
	Name string
	Addr ipxwire.Addr // node 0: this host
	Hops uint16
}

// TunnelPlan is the tunnel of IPX in UDP that emulators speak: a server or a client.
type TunnelPlan struct {
	Listen netip.AddrPort // of a server's socket
	Server *ipxtunnel.ServerConfig
	Client *ipxtunnel.ClientConfig
	Frame  string
	wire   *ipxtunnel.Wire // of one of the two
}

// line is what a drawing says of the network.
func (p IPXPlan) line() string {
	switch {
	case p.Network != 0:
		return "IPX " + p.Network.String() + " " + p.Frame
	case p.Frame != autoFrame:
		return "IPX auto " + p.Frame
	}
	return "IPX auto"
}

// lines are what a drawing says of the host's part.
func (p *HostIPXPlan) lines() (lines []string) {
	if p.Internal != 0 {
		lines = append(lines, "IPX "+p.Internal.String()+" within")
	}
	if p.Config.Router {
		lines = append(lines, "IPX router")
	}
	return lines
}
