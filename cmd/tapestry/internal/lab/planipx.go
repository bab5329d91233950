package lab

import (
	"net/netip"
	"time"

	"tapestry/internal/ipxwire"
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
	Name             string
	Router           bool
	Internal         ipxwire.Network // 0: none
	NoNetBIOS        bool
	MaxHops          int           // 0: the node's default, as below
	Update, Age, Gap time.Duration // zero likewise
	Routes           []IPXRoutePlan
	Services         []IPXServicePlan
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
	Addr ipxwire.Addr // network 0: this host
	Hops uint16
}

// SPXPlan tunes SPX.
type SPXPlan struct {
	NoSPX2 bool
}

// TunnelPlan is the tunnel of IPX in UDP that emulators speak.
type TunnelPlan struct {
	Listen, Connect netip.AddrPort // one of the two
	Allow           []netip.Prefix
	MaxClients      int           // 0: the default, as below
	Idle            time.Duration // zero likewise
	Frame           string
}
