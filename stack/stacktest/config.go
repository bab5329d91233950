package stacktest

import (
	"net/netip"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack"
)

// Config describes a rig. The zero value of each field means its default.
type Config struct {
	Seed    int64        // of all chance in the rig; default 1, so that a test is the same each time
	MTU     int          // of every port; default 1500
	Offload link.Offload // what crosses the wires unfinished; default none: captures have what a real wire has
	// Impair is what the wire from each host to its segment does, as [impair.Parse] reads it: "loss=1%,delay=10ms". The
	// way back is perfect, so a frame from host to host meets it once. Default a perfect wire.
	Impair string
	Limit  time.Duration // of virtual time, after which the test fails; default 24 h; negative: none

	NoCapture    bool // remember no frames
	CaptureBytes int  // how much to remember: the latest frames; default 64 MiB
	Trace        int  // how many of the frames before its failure a failed test prints; default 40; negative: none
}

// HostConfig describes a host. The zero value of each field means its default.
type HostConfig struct {
	Name      string                // required
	Segment   string                // default "lan"
	Addresses []netip.Prefix        // default the next of 198.51.100.0/24 and 2001:db8::/64; the 255th station and later ones have IPv6 alone
	Addr      ethernet.Addr         // default one that goes with the addresses
	Interface stack.InterfaceConfig // its Name defaults to "eth0"; Addr and Addresses are the ones above
	IPX       []stack.IPXConfig     // networks of IPX; default none
	Tx, Rx    string                // what the wire from the host and to it does; default Config.Impair and a perfect one
	Stack     stack.Config          // its Name, Names, Clock, Seed and Deterministic are the rig's
	More      []PortConfig          // further interfaces, as routers have: eth1, eth2 and so on
}

// PortConfig describes a further interface of a host. The zero value of each field means its default. Captures and
// partitions know it by the names of host and interface: "router/eth1".
type PortConfig struct {
	Segment   string                // default "lan"
	Addresses []netip.Prefix        // default none
	Addr      ethernet.Addr         // default one that no other station has
	Interface stack.InterfaceConfig // its Name defaults to "eth1" and so on; Addr and Addresses are the ones above
	IPX       []stack.IPXConfig     // networks of IPX; default none
	Tx, Rx    string                // as in HostConfig
}

func (c Config) withDefaults() Config {
	defaultTo(&c.Seed, 1)
	defaultTo(&c.MTU, 1500)
	defaultTo(&c.Limit, 24*time.Hour)
	if c.Limit < 0 {
		c.Limit = 1<<63 - 1
	}
	defaultTo(&c.CaptureBytes, 64<<20)
	defaultTo(&c.Trace, 40)
	return c
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
