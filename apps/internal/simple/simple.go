package simple

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tapestry/apps"
)

// Config is the part of the table that all of these servers have.
type Config struct {
	Port        uint16        `toml:"port"`
	Address     netip.Addr    `toml:"address"` // default every address of the host
	TCP         bool          `toml:"tcp"`
	UDP         bool          `toml:"udp"`
	MaxSessions int           `toml:"max_sessions"`
	IdleTimeout apps.Duration `toml:"idle_timeout"` // 0s: never
}

// Defaults are the values of keys that are absent.
func Defaults(port uint16) Config {
	return Config{Port: port, TCP: true, UDP: true, MaxSessions: 8192, IdleTimeout: apps.Duration{Duration: 10 * time.Minute}}
}

func (c Config) check(cfg apps.Config) error {
	switch {
	case c.Port == 0:
		return apps.Invalid(cfg, "port", "must be a port from 1 to 65535", "")
	case c.MaxSessions < 1:
		return apps.Invalid(cfg, "max_sessions", "must be 1 or more", "")
	case !c.TCP && !c.UDP:
		return apps.Invalid(cfg, "tcp", "the app has neither TCP nor UDP", "set tcp or udp to true, or leave the app out")
	}
	return nil
}

// Service is one server before it has a configuration.
type Service struct {
	Name    string
	Session func(context.Context, net.Conn) // of a TCP connection
	Answer  apps.InlineHandler              // of a datagram; loops are excluded before it is called; nil: never answers
}

// Server is a service with its sockets.
type Server struct {
	service  Service
	env      apps.Env
	config   Config
	listener net.Listener // nil: no TCP
	inline   io.Closer    // nil: no UDP
}

// New checks the configuration and opens the sockets.
func New(env apps.Env, cfg apps.Config, c Config, service Service) (*Server, error) {
	if err := c.check(cfg); err != nil {
		return nil, err
	}
	s := &Server{service: service, env: env, config: c}
	if err := s.open(); err != nil {
		return nil, apps.InvalidErr(cfg, "port", err, "choose another port, or turn off what has it")
	}
	return s, nil
}

func (s *Server) open() (err error) {
	host := ""
	if s.config.Address.IsValid() {
		host = s.config.Address.String()
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(s.config.Port)))
	if s.config.TCP {
		if s.listener, err = s.env.Listen("tcp", address); err != nil {
			return fmt.Errorf("%s: %w", s.service.Name, err)
		}
	}
	if s.config.UDP {
		if s.inline, err = s.env.Inline("udp", address, s.datagrams()); err != nil {
			if s.listener != nil {
				_ = s.listener.Close()
			}
			return fmt.Errorf("%s: %w", s.service.Name, err)
		}
	}
	return nil
}

// Serve implements [apps.Server].
func (s *Server) Serve(ctx context.Context) error {
	if s.listener == nil {
		return apps.ServeDatagrams(ctx, s.inline)
	}
	err := apps.ServeStream(ctx, s.env.Log(), s.listener, s.service.Session, apps.Limits{
		Sessions: s.config.MaxSessions,
		Idle:     s.config.IdleTimeout.Duration,
		Clock:    s.env.Clock(),
		Counters: s.env.Counters(s.service.Name),
	})
	if s.inline != nil {
		err = errors.Join(err, s.inline.Close())
	}
	return err
}

// datagrams wraps the service's answer in the protection against loops and the counters.
func (s *Server) datagrams() apps.InlineHandler {
	counters := s.env.Counters(s.service.Name)
	return func(reply, request []byte, from, to netip.AddrPort) []byte {
		counters.Add("udp.in", 1)
		if s.service.Answer == nil {
			return nil
		}
		switch {
		case loops(from.Port(), to.Port()):
			counters.Add("drop.loop", 1)
			return nil
		case isGroup(to.Addr()):
			counters.Add("drop.group", 1)
			return nil
		}
		reply = s.service.Answer(reply, request, from, to)
		if len(reply) > 0 {
			counters.Add("udp.out", 1)
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
