package simple

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tapestry/apps"
	"tapestry/internal/ipxwire"
)

// Config is the part of the table that all of these servers have.
type Config struct {
	Port        uint16        `toml:"port"`
	Address     netip.Addr    `toml:"address"` // default every address of the host
	TCP         bool          `toml:"tcp"`
	UDP         bool          `toml:"udp"`
	SPX         apps.Socket   `toml:"spx"`
	IPX         apps.Socket   `toml:"ipx"`
	MaxSessions int           `toml:"max_sessions"`
	IdleTimeout apps.Duration `toml:"idle_timeout"` // 0s: never
}

// Defaults are the values of keys that are absent. The sockets have the digits of the port behind an 8 on SPX and a 9
// on IPX, where no dynamic socket lies and no product's that is known: 8007 and 9007 for port 7.
func Defaults(port uint16) Config {
	return Config{
		Port: port, TCP: true, UDP: true,
		SPX: apps.Socket{Number: streamSockets | digits(port)}, IPX: apps.Socket{Number: packetSockets | digits(port)},
		MaxSessions: 8192, IdleTimeout: apps.Duration{Duration: 10 * time.Minute},
	}
}

const (
	streamSockets ipxwire.Socket = 0x8000
	packetSockets ipxwire.Socket = 0x9000
)

// digits gives a port of at most three digits as the socket that is written like it: 37 is 0x0037.
func digits(port uint16) ipxwire.Socket {
	return ipxwire.Socket(port/100<<8 | port/10%10<<4 | port%10)
}

func (c Config) check(cfg apps.Config) error {
	switch {
	case c.Port == 0:
		return apps.Invalid(cfg, "port", "must be a port from 1 to 65535", "")
	case c.MaxSessions < 1:
		return apps.Invalid(cfg, "max_sessions", "must be 1 or more", "")
	case !c.TCP && !c.UDP && !c.SPX.On && !c.IPX.On:
		return apps.Invalid(cfg, "tcp", "the app has no network", "set one of tcp, udp, spx and ipx to true, or leave the app out")
	case c.SPX.On && c.IPX.On && c.SPX.Number == c.IPX.Number:
		return apps.Invalid(cfg, "ipx", fmt.Sprintf("%04x is the socket of spx, too", uint16(c.IPX.Number)), "choose another one")
	}
	return nil
}

// Service is one server before it has a configuration.
type Service struct {
	Name    string
	Session func(context.Context, net.Conn)    // of a connection
	Answer  func(reply, request []byte) []byte // of a datagram; loops are excluded before it is called; nil: never answers
}

// Server is a service with its sockets.
type Server struct {
	service  Service
	env      apps.Env
	config   Config
	counters apps.Counters
	parts    []part
}

// part is one socket that is open, and what serves it.
type part struct {
	socket io.Closer
	serve  func(context.Context) error
}

// New checks the configuration and opens the sockets.
func New(env apps.Env, cfg apps.Config, c Config, service Service) (*Server, error) {
	if err := c.check(cfg); err != nil {
		return nil, err
	}
	s := &Server{service: service, env: env, config: c, counters: env.Counters(service.Name)}
	if err := s.open(cfg); err != nil {
		for _, p := range s.parts {
			_ = p.socket.Close()
		}
		return nil, err
	}
	return s, nil
}

// open opens what the configuration turns on; the error says which key asks for what cannot be had.
func (s *Server) open(cfg apps.Config) error {
	c := s.config
	host := ""
	if c.Address.IsValid() {
		host = c.Address.String()
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(c.Port)))
	for _, n := range []struct {
		key, address, remedy string
		isOn                 bool
		open                 func(address string) (part, error)
	}{
		{"port", address, "choose another port, or turn off what has it", c.TCP, s.openTCP},
		{"port", address, "choose another port, or turn off what has it", c.UDP, s.openUDP},
		{"spx", c.SPX.Address(), "", c.SPX.On, s.openSPX},
		{"ipx", c.IPX.Address(), "", c.IPX.On, s.openIPX},
	} {
		if !n.isOn {
			continue
		}
		p, err := n.open(n.address)
		if err != nil {
			err = fmt.Errorf("%s: %w", s.service.Name, err)
			if n.remedy == "" {
				return apps.InvalidSocket(cfg, n.key, err)
			}
			return apps.InvalidErr(cfg, n.key, err, n.remedy)
		}
		s.parts = append(s.parts, p)
	}
	return nil
}

func (s *Server) openTCP(address string) (part, error) { return s.openStream("tcp", address) }
func (s *Server) openSPX(address string) (part, error) { return s.openStream("spx", address) }

func (s *Server) openStream(network, address string) (part, error) {
	l, err := s.env.Listen(network, address)
	return part{l, func(ctx context.Context) error {
		return apps.ServeStream(ctx, s.env.Log(), l, s.service.Session, apps.Limits{
			Sessions: s.config.MaxSessions,
			Idle:     s.config.IdleTimeout.Duration,
			Clock:    s.env.Clock(),
			Counters: s.counters,
		})
	}}, err
}

func (s *Server) openUDP(address string) (part, error) {
	c, err := s.env.Inline("udp", address, s.datagrams())
	return part{c, func(ctx context.Context) error { return apps.ServeDatagrams(ctx, c) }}, err
}

func (s *Server) openIPX(address string) (part, error) {
	c, err := s.env.ListenPacket("ipx", address)
	return part{c, func(ctx context.Context) error {
		return apps.ServePackets(ctx, s.env, &singular{c, s.counters}, s.packet, s.counters)
	}}, err
}

// Serve implements [apps.Server].
func (s *Server) Serve(ctx context.Context) error {
	var serve []func(context.Context) error
	for _, p := range s.parts {
		serve = append(serve, p.serve)
	}
	return apps.ServeAll(ctx, serve...)
}

// datagrams wraps the service's answer in the protection against loops and the counters.
func (s *Server) datagrams() apps.InlineHandler {
	return func(reply, request []byte, from, to netip.AddrPort) []byte {
		s.counters.Add("udp.in", 1)
		if s.service.Answer == nil {
			return nil
		}
		switch {
		case loops(from.Port(), to.Port()):
			s.counters.Add("drop.loop", 1)
			return nil
		case isGroup(to.Addr()):
			s.counters.Add("drop.group", 1)
			return nil
		}
		reply = s.service.Answer(reply, request)
		if len(reply) > 0 {
			s.counters.Add("udp.out", 1)
		}
		return reply
	}
}

// answering are the ports whose servers answer every datagram: RFC 862, 864, 865, 867 and 868.
var answering = []uint16{7, 13, 17, 19, 37}

func loops(from, to uint16) bool {
	return from == 0 || from == to || slices.Contains(answering, from)
}

// isGroup tells whether more hosts than this one got the datagram. All of them would answer the one source, which can
// be forged. A broadcast to one subnet is not told apart here.
func isGroup(to netip.Addr) bool {
	return to.IsMulticast() || to == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
