package ipxtunnel

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Wire describes the Ethernet side of a tunnel's end. The zero value of each field means its default.
type Wire struct {
	Addr ethernet.Addr // of the station behind this device; default none: a segment is
	// Frame is the type of the frames that the device gives; it takes all four. Default Ethernet II.
	Frame ethernet.Kind
	// Network is the number of the segment's IPX network, which in the tunnel is 0: DOSBox knows no other, ipxbox lets
	// none pass. Default 0: numbers are left as they are.
	Network   ipxwire.Network
	MTU       int // of the segment; default 1500
	MaxPacket int // octets of a packet, with its header; default DefaultMaxPacket
}

// ServerConfig describes a server. The zero value of each field means its default.
type ServerConfig struct {
	Conn net.PacketConn // a UDP socket that clients send to, usually at Port; required; the device owns it
	Name string         // default ipxtunnel0
	Wire

	Allow            []netip.Prefix // who may register; default everybody who can reach Conn
	MaxClients       int            // at a time; default 64
	MaxPerAddress    int            // clients of one IPv4 address or IPv6 /64; default 16
	RegistrationRate int            // new clients a minute, and as many at once; default 60

	Timeout   time.Duration // a client that says nothing for so long is forgotten; default 10 min
	KeepAlive time.Duration // a client that says nothing for so long is pinged; default 20 s; negative: never

	QueueFrames int        // waiting for Conn, and as many for the reader; default 1024
	Random      io.Reader  // default crypto/rand
	Clock       link.Clock // default the system's
	Log         *slog.Logger
}

// ClientConfig describes a client. The zero value of each field means its default.
type ClientConfig struct {
	// Listen opens a UDP socket, on any port. It is called for each registration, since servers tell clients by their
	// address and port. Required; the device owns what it gives.
	Listen func() (net.PacketConn, error)
	Server netip.AddrPort // required; port 0 is Port
	Name   string         // default ipxtunnel0
	// Wire.Addr, if it is there, is of the one station behind this device.
	Wire

	Stations       int           // registrations, each with a socket; default 16, or 1 with Addr
	StationTimeout time.Duration // a station that sends nothing for so long gives its registration up; default 30 min
	KeepAlive      time.Duration // a server that says nothing for so long is asked again; default 30 s

	QueueFrames int        // waiting for the sockets, and as many for the reader; default 1024
	Clock       link.Clock // default the system's
	Log         *slog.Logger
}

func (w Wire) withDefaults() (Wire, error) {
	setDefault(&w.MTU, 1500)
	setDefault(&w.MaxPacket, min(DefaultMaxPacket, w.MTU-frameOverhead))
	switch {
	case w.MTU > ipxwire.Max:
		return w, fmt.Errorf("ipxtunnel: an MTU of %d: want at most %d", w.MTU, ipxwire.Max)
	case w.MaxPacket < ipxwire.HeaderLen || w.MaxPacket > w.MTU-frameOverhead:
		return w, fmt.Errorf("ipxtunnel: packets of %d octets: want %d to %d, what the MTU of %d leaves",
			w.MaxPacket, ipxwire.HeaderLen, w.MTU-frameOverhead, w.MTU)
	case w.Frame > ethernet.KindSNAP:
		return w, fmt.Errorf("ipxtunnel: frame type %d is none", w.Frame)
	case w.Frame != ethernet.KindII && w.MaxPacket > ethernet.MaxLength-frameOverhead:
		return w, fmt.Errorf("ipxtunnel: packets of %d octets in frames of %v: want at most %d",
			w.MaxPacket, w.Frame, ethernet.MaxLength-frameOverhead)
	case w.Addr.IsMulticast():
		return w, fmt.Errorf("ipxtunnel: %v is a group address, no station's", w.Addr)
	case w.Network == ipxwire.AllNetworks:
		return w, fmt.Errorf("ipxtunnel: network %v means all networks: want the number of one", w.Network)
	}
	return w, nil
}

func (c ServerConfig) withDefaults() (_ ServerConfig, err error) {
	setDefault(&c.MaxClients, 64)
	setDefault(&c.MaxPerAddress, 16)
	setDefault(&c.RegistrationRate, 60)
	setDefault(&c.QueueFrames, 1024)
	setDefault(&c.Timeout, 10*time.Minute)
	if c.KeepAlive == 0 {
		c.KeepAlive = 20 * time.Second
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	c.Clock, c.Log, c.Name = common(c.Clock, c.Log, c.Name)
	if c.Conn == nil {
		return c, errors.New("ipxtunnel: ServerConfig.Conn is nil: hand in a UDP socket")
	}
	for _, p := range c.Allow {
		if !p.IsValid() {
			return c, errors.New("ipxtunnel: ServerConfig.Allow has an invalid prefix")
		}
	}
	c.Wire, err = c.Wire.withDefaults()
	return c, err
}

func (c ClientConfig) withDefaults() (_ ClientConfig, err error) {
	if c.Addr != (ethernet.Addr{}) {
		c.Stations = 1
	}
	setDefault(&c.Stations, 16)
	setDefault(&c.QueueFrames, 1024)
	setDefault(&c.StationTimeout, 30*time.Minute)
	setDefault(&c.KeepAlive, 30*time.Second)
	c.Clock, c.Log, c.Name = common(c.Clock, c.Log, c.Name)
	if c.Server.Port() == 0 {
		c.Server = netip.AddrPortFrom(c.Server.Addr(), Port)
	}
	c.Server = unmap(c.Server)
	switch a := c.Server.Addr(); {
	case c.Listen == nil:
		return c, errors.New("ipxtunnel: ClientConfig.Listen is nil: hand in what opens a UDP socket")
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast():
		return c, fmt.Errorf("ipxtunnel: server %v is no address of a single machine", c.Server)
	}
	c.Wire, err = c.Wire.withDefaults()
	return c, err
}

// common fills in what both ends have.
func common(clock link.Clock, log *slog.Logger, name string) (link.Clock, *slog.Logger, string) {
	if clock == nil {
		clock = link.SystemClock{}
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if name == "" {
		name = "ipxtunnel0"
	}
	return clock, log, name
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
