package vxlan

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Config describes a tunnel end. The zero value of each field means its default.
type Config struct {
	Conn net.PacketConn // a UDP socket bound to the port that peers send to; required; the device owns it
	VNI  uint32         // the network, up to MaxVNI; default 0, which is one as well
	Name string         // default vxlan and the VNI
	Addr ethernet.Addr  // of the station behind this device; default none: a segment is

	// Peers are the VTEPs that frames are flooded to, and that may send to us from any port (RFC 7348 §5 has them choose one). Port 0
	// is 4789. Peers that are in Group belong into Allow, or they would get each flooded frame twice.
	Peers []netip.AddrPort
	// Allow lists who else may send to us; answers go to Port. Peers and Allow must not both be empty.
	Allow []netip.Prefix
	// Group is a multicast group that frames are flooded to, and that is joined (RFC 7348 §4.2). Port 0 is 4789. Default none.
	Group netip.AddrPort
	// Interface is where Group is, by its name. Default: chosen by the routes.
	Interface string
	// Port is where VTEPs within Allow listen; default Group's, else 4789.
	Port uint16

	Static     []Entry       // addresses whose VTEP is fixed
	NoLearning bool          // flood what Static does not tell
	Age        time.Duration // of a learned address that says nothing; default 5 min
	MaxAddrs   int           // in the table; default 8192
	MaxPerPeer int           // learned behind one VTEP; default a quarter of MaxAddrs

	MTU         int // of the segment; default what UnderlayMTU leaves
	UnderlayMTU int // default 1500
	QueueFrames int // waiting for a Conn that is not the machine's own socket; default 1024
	Tags        bool

	TTL          uint8 // of the outer packet, also to Group; default the socket's, 1 to Group
	TOS          uint8 // DSCP and ECN of the outer packet; default 0
	Fragment     bool  // let the underlay fragment
	ZeroChecksum bool  // no outer UDP checksum: see the package's comment

	Clock link.Clock   // default the system's
	Log   *slog.Logger // told of addresses that move; default: nobody
}

// Octets that the encapsulation takes of an IP packet: IP, UDP, VXLAN and the inner Ethernet header.
const (
	overhead4 = 20 + 8 + HeaderLen + ethernet.HeaderLen
	overhead6 = 40 + 8 + HeaderLen + ethernet.HeaderLen
)

// Limits of an MTU: what IPv4 needs (RFC 791 §3.2), what one UDP datagram holds.
const (
	minMTU = 68
	maxMTU = 65535 - overhead4
)

func (c Config) withDefaults() (Config, error) {
	if c.Clock == nil {
		c.Clock = link.SystemClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Name == "" {
		c.Name = fmt.Sprintf("vxlan%d", c.VNI)
	}
	if c.Age <= 0 {
		c.Age = 5 * time.Minute
	}
	setDefault(&c.MaxAddrs, 8192)
	setDefault(&c.MaxPerPeer, max(1, c.MaxAddrs/4))
	setDefault(&c.UnderlayMTU, 1500)
	setDefault(&c.QueueFrames, 1024)
	c.setPorts()
	if c.MTU == 0 {
		c.MTU = c.UnderlayMTU - c.overhead()
	}
	return c, c.check()
}

func setDefault(v *int, def int) {
	if *v <= 0 {
		*v = def
	}
}

// setPorts gives every VTEP its port.
func (c *Config) setPorts() {
	if c.Group.IsValid() {
		c.Group = withPort(c.Group, Port)
		if c.Port == 0 {
			c.Port = c.Group.Port()
		}
	}
	if c.Port == 0 {
		c.Port = Port
	}
	peers := make([]netip.AddrPort, len(c.Peers))
	for i, p := range c.Peers {
		peers[i] = withPort(p, Port)
	}
	static := make([]Entry, len(c.Static))
	for i, e := range c.Static {
		static[i] = Entry{Addr: e.Addr, VTEP: withPort(e.VTEP, c.Port), Static: true}
	}
	c.Peers, c.Static = peers, static
}

func withPort(a netip.AddrPort, def uint16) netip.AddrPort {
	port := a.Port()
	if port == 0 {
		port = def
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), port)
}

// overhead is that of the larger of the families in use.
func (c Config) overhead() int {
	v6 := c.Group.Addr().Is6()
	for _, p := range c.Peers {
		v6 = v6 || p.Addr().Is6()
	}
	for _, p := range c.Allow {
		v6 = v6 || p.Addr().Is6()
	}
	if v6 {
		return overhead6
	}
	return overhead4
}

func (c Config) check() error {
	switch {
	case c.Conn == nil:
		return errors.New("vxlan: Config.Conn is nil: hand in a UDP socket")
	case c.VNI > MaxVNI:
		return fmt.Errorf("vxlan: network identifier %d: want at most %d", c.VNI, MaxVNI)
	case c.MTU < minMTU || c.MTU > maxMTU:
		return fmt.Errorf("vxlan: an MTU of %d (underlay %d): want %d to %d", c.MTU, c.UnderlayMTU, minMTU, maxMTU)
	case c.Addr.IsMulticast():
		return fmt.Errorf("vxlan: %v is a group address, no station's", c.Addr)
	case len(c.Peers) == 0 && len(c.Allow) == 0:
		return errors.New("vxlan: neither Config.Peers nor Config.Allow: name who may send to this network")
	case c.Group.IsValid() && !c.Group.Addr().IsMulticast():
		return fmt.Errorf("vxlan: Config.Group %v is not a group address: a single VTEP belongs into Peers", c.Group)
	case len(c.Static) > c.MaxAddrs:
		return fmt.Errorf("vxlan: %d static addresses in a table of %d: raise MaxAddrs", len(c.Static), c.MaxAddrs)
	}
	return c.checkVTEPs()
}

func (c Config) checkVTEPs() error {
	for _, p := range c.Peers {
		if !p.Addr().IsValid() || p.Addr().IsMulticast() || p.Addr().IsUnspecified() {
			return fmt.Errorf("vxlan: peer %v is no address of a single VTEP", p)
		}
	}
	for _, p := range c.Allow {
		if !p.IsValid() {
			return fmt.Errorf("vxlan: Config.Allow has an invalid prefix")
		}
	}
	for _, e := range c.Static {
		if err := c.checkStatic(e); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkStatic(e Entry) error {
	if e.Addr.IsZero() || e.Addr.IsMulticast() {
		return fmt.Errorf("vxlan: static entry for %v: want a station's address", e.Addr)
	}
	if a := e.VTEP.Addr(); !a.IsValid() || a.IsMulticast() || a.IsUnspecified() {
		return fmt.Errorf("vxlan: static entry for %v: %v is no address of a single VTEP", e.Addr, e.VTEP)
	}
	return nil
}
