package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"tapestry/apps"
)

// App is the web server.
var App = apps.App{
	Name: "http",
	Doc:  "web server: files, CGI, TLS, HTTP/2 (RFC 9110, 9112, 9113, 3875)",
	New:  newServer,
}

// shutdownGrace is how long requests may go on after the end of the context.
const shutdownGrace = time.Second

// server is the web server of one host.
type server struct {
	env      apps.Env
	cfg      config
	log      *slog.Logger
	counters apps.Counters

	root     *os.Root // nil: the built-in page
	programs []*programs
	running  chan struct{} // a slot for each CGI process
	access   *accessLog    // nil: none
	writers  sync.Mutex    // of files: a precondition and the change that it allows are one step

	http               *nethttp.Server
	plain, secure, spx *listener // nil: off
	conns              tracker
}

var _ apps.Server = (*server)(nil)

func newServer(env apps.Env, table apps.Config) (apps.Server, error) {
	cfg, err := load(table)
	if err != nil {
		return nil, err
	}
	s := &server{
		env: env, cfg: cfg, log: env.Log(), counters: env.Counters("http"),
		running: make(chan struct{}, cfg.CGIProcesses),
	}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open opens folders, files and sockets.
func (s *server) open() (err error) {
	cert, err := s.cfg.certificate(s.env)
	if err != nil {
		return err
	}
	if s.cfg.Root != "" {
		if s.root, err = os.OpenRoot(s.cfg.Root); err != nil {
			return s.cfg.invalid("root", "let the server read the folder", "%w", err)
		}
	}
	if s.programs, err = openPrograms(s.cfg.CGI); err != nil {
		return s.cfg.invalid("cgi", "let the server read the folder", "%w", err)
	}
	if s.cfg.AccessLog != "" {
		if s.access, err = openAccessLog(s.cfg.AccessLog, s.env.Clock(), s.counters); err != nil {
			return s.cfg.invalid("access_log", "name a file that can be written", "%w", err)
		}
	}
	s.http = s.newHTTP(cert)
	return s.listen(cert != nil)
}

func (s *server) listen(secure bool) (err error) {
	slots := make(chan struct{}, s.cfg.MaxConnections)
	if s.cfg.Plain {
		if s.plain, err = s.listenOn("port", s.cfg.Port, slots); err != nil {
			return err
		}
	}
	if s.cfg.SPX.On {
		l, err := s.env.Listen("spx", s.cfg.SPX.Address())
		if err != nil {
			return apps.InvalidSocket(s.cfg.table, "spx", err)
		}
		s.spx = newListener(l, slots, s.cfg.WriteTimeout.Duration, s.counters)
	}
	if secure {
		s.secure, err = s.listenOn("tls_port", s.cfg.TLSPort, slots)
	}
	return err
}

func (s *server) listenOn(key string, port uint16, slots chan struct{}) (*listener, error) {
	host := ""
	if s.cfg.Address.IsValid() {
		host = s.cfg.Address.String()
	}
	l, err := s.env.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
	if err != nil {
		return nil, s.cfg.invalid(key, "choose another port, or turn off what has it", "%w", err)
	}
	return newListener(l, slots, s.cfg.WriteTimeout.Duration, s.counters), nil
}

func (s *server) newHTTP(cert *tls.Certificate) *nethttp.Server {
	h := &nethttp.Server{
		Handler:                      s,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            s.cfg.HeaderTimeout.Duration,
		IdleTimeout:                  s.cfg.IdleTimeout.Duration,
		MaxHeaderBytes:               s.cfg.MaxHeader,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what clients do wrong
		ConnState:                    s.conns.set,
		Protocols:                    new(nethttp.Protocols),
		HTTP2:                        &nethttp.HTTP2Config{SendPingTimeout: s.cfg.IdleTimeout.Duration},
	}
	h.Protocols.SetHTTP1(true)
	h.Protocols.SetHTTP2(s.cfg.HTTP2)
	if cert != nil {
		h.TLSConfig = &tls.Config{
			Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		}
		if s.cfg.HTTP2 { // said here: Serve and ServeTLS race for who sets HTTP/2 up, and Serve does it for those only who ask
			h.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	return h
}

// Serve implements [apps.Server].
func (s *server) Serve(ctx context.Context) error {
	defer s.close()
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.http.BaseContext = func(net.Listener) context.Context { return requests }

	ended := make(chan error, 3)
	n := 0
	serve := func(l *listener, f func(net.Listener) error) {
		if l != nil {
			n++
			go func() { ended <- f(l) }() // ends when its listener is closed
		}
	}
	serve(s.plain, s.http.Serve)
	serve(s.spx, s.http.Serve)
	serve(s.secure, func(l net.Listener) error { return s.http.ServeTLS(l, "", "") })

	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		err = fmt.Errorf("http: %w", err)
		n--
	}
	s.closeListeners()
	for range n {
		<-ended
	}
	s.stop(cancel)
	return err
}

// stop ends the connections: requests may finish for a while, then they are cut off.
func (s *server) stop(cancel context.CancelFunc) {
	s.http.SetKeepAlivesEnabled(false)
	grace, done := context.WithTimeout(context.Background(), shutdownGrace)
	defer done()
	s.conns.wait(grace, (*tracker).isQuiet)
	cancel()
	_ = s.http.Close() // of connections; the listeners are closed already
	s.conns.wait(context.Background(), (*tracker).isEmpty)
}

func (s *server) closeListeners() {
	for _, l := range []*listener{s.plain, s.secure, s.spx} {
		if l != nil {
			_ = l.Close() // a second time at worst
		}
	}
}

// close gives back what open took; not all of it need be there.
func (s *server) close() {
	s.closeListeners()
	var errs []error
	if s.root != nil {
		errs = append(errs, s.root.Close())
	}
	for _, p := range s.programs {
		errs = append(errs, p.root.Close())
	}
	if s.access != nil {
		errs = append(errs, s.access.Close())
	}
	if err := errors.Join(errs...); err != nil {
		s.log.Warn("http: close", "error", err)
	}
}
