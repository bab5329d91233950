package apptest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tapestry/apps"
	"tapestry/internal/ipxwire"
)

// patience is how long a test waits for something that should happen at once, on a machine that is busy.
const patience = time.Minute

// Case is an app with its surroundings.
type Case struct {
	App    apps.App
	Config string         // the app's own table
	Dir    string         // of the files that Config names; default the test's folder
	Env    apps.EnvConfig // Net, Counters and Log are replaced; Clock is a [Clock] if it is nil
	NoPort bool           // the app opens no port, so that a second one can start
}

// Server is an app that runs, and what a test sees of it.
type Server struct {
	Env      apps.Env     // of the server
	Client   apps.Network // a station that reaches it
	Clock    *Clock       // nil if the case has a clock of its own
	Counters *apps.CounterSet
	OnStack  bool // the network is ours: ports are what they are asked to be, and any port can be had

	network network
	config  apps.Config
}

// TestServer runs f against the app on every network.
func TestServer(t *testing.T, c Case, f func(t *testing.T, s *Server)) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			t.Run("server", func(t *testing.T) { run(t, c, n.make(t), f) }) // its own, so that its cleanups come first
			goleak.VerifyNone(t, ignore)
		})
	}
}

func run(t *testing.T, c Case, n network, f func(t *testing.T, s *Server)) {
	s := newServer(t, c, n)
	stop := s.start(t, c.App)
	if !c.NoPort {
		s.portInUse(t, c.App)
	}
	f(t, s)
	stop()
	s.start(t, c.App)() // the ports are free again
}

func newServer(t *testing.T, c Case, n network) *Server {
	t.Helper()
	d, err := apps.ParseConfig("test.toml", []byte(c.Config))
	if err != nil {
		t.Fatal(err)
	}
	if c.Dir != "" {
		d.Dir = c.Dir
	}
	s := &Server{Client: n.client, Counters: new(apps.CounterSet), OnStack: n.onStack, network: n, config: d.Table()}
	e := c.Env
	e.Net, e.Counters, e.AppName = n.server, s.Counters, c.App.Name
	e.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	if e.Clock == nil {
		s.Clock = new(Clock)
		e.Clock = s.Clock
	}
	s.Env = apps.NewEnv(e)
	return s
}

// start gives a function that stops the server and checks how it ends.
func (s *Server) start(t *testing.T, app apps.App) (stop func()) {
	t.Helper()
	server, err := app.New(s.Env, s.config)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- server.Serve(ctx) }() // ends with ctx
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-result:
			if err != nil {
				t.Errorf("Serve: got %v, want nil after the end of its context", err)
			}
		case <-time.After(patience):
			t.Error("Serve goes on after the end of its context")
		}
	}
	t.Cleanup(stop)
	return stop
}

func (s *Server) portInUse(t *testing.T, app apps.App) {
	t.Helper()
	second, err := app.New(s.Env, s.config)
	if err == nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = second.Serve(ctx)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("New on a port in use: got %v, want an error that is EADDRINUSE", err)
	}
}

// Addr gives the address where clients find the server's port, which is a socket on SPX and IPX. A network that ends in
// 6 asks for IPv6.
func (s *Server) Addr(network string, port int) string {
	if _, ok := standIns[network]; ok {
		at := s.network.station
		at.Socket = ipxwire.Socket(port)
		return s.network.address(network, at.String())
	}
	host := s.network.hosts[0]
	if strings.HasSuffix(network, "6") {
		host = s.network.hosts[1]
	}
	return s.network.address(network, net.JoinHostPort(host.String(), strconv.Itoa(port)))
}

// AddrPort is [Server.Addr], parsed.
func (s *Server) AddrPort(network string, port int) netip.AddrPort {
	return netip.MustParseAddrPort(s.Addr(network, port))
}

// Dial connects the client to the server. The connection fails after a while instead of hanging, and is closed with
// the test.
func (s *Server) Dial(t *testing.T, network string, port int) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := s.Client.DialContext(ctx, network, s.Addr(network, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// Eventually waits for something that another goroutine does.
func Eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}
