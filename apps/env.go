package apps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"time"
)

// EnvConfig is what an [Env] is made of. Every field can be left out.
type EnvConfig struct {
	Net      Network                     // default [System]
	Host     HostControl                 // default a host without addresses, called HostName
	HostName string                      // names the bucket of the store too; default "localhost"
	AppName  string                      // of this app; default "app"
	Clock    Clock                       // default the machine's
	State    *StateDB                    // default none: Store gives an error that says so
	Counters *CounterSet                 // default one of this Env alone
	Log      *slog.Logger                // default discarded
	Lab      LabCommands                 // default commands that fail
	TLS      func() (Certificate, error) // default none: TLS gives an error that says what to do
}

// NewEnv makes the surroundings of one app of one host.
func NewEnv(c EnvConfig) Env {
	c.fill()
	return &env{Network: c.Net, c: c}
}

func (c *EnvConfig) fill() {
	if c.Net == nil {
		c.Net = System{}
	}
	if c.HostName == "" {
		c.HostName = "localhost"
	}
	if c.Host == nil {
		c.Host = plainHost(c.HostName)
	}
	if c.AppName == "" {
		c.AppName = "app"
	}
	if c.Clock == nil {
		c.Clock = RealClock{}
	}
	if c.Counters == nil {
		c.Counters = new(CounterSet)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Lab == nil {
		c.Lab = noLab{}
	}
	if c.TLS == nil {
		c.TLS = noTLS
	}
}

// env is what NewEnv gives.
type env struct {
	Network
	c EnvConfig
}

func (e *env) Host() HostControl             { return e.c.Host }
func (e *env) Clock() Clock                  { return e.c.Clock }
func (e *env) Counters(name string) Counters { return e.c.Counters.Group(name) }
func (e *env) Log() *slog.Logger             { return e.c.Log }
func (e *env) Lab() LabCommands              { return e.c.Lab }
func (e *env) TLS() (Certificate, error)     { return e.c.TLS() }
func (e *env) Store() (Store, error) {
	if e.c.State == nil {
		return nil, errNoState
	}
	return e.c.State.Store(e.c.HostName, e.c.AppName)
}

// Inline registers h so that a datagram it panics on is reported and dropped, and nothing else ends.
func (e *env) Inline(network, address string, h InlineHandler) (io.Closer, error) {
	return e.Network.Inline(network, address, func(reply, request []byte, from, to netip.AddrPort) (b []byte) {
		defer func() {
			if p := recover(); p != nil {
				b = nil
				e.Counters(e.c.AppName).Add("panics", 1)
				logPanic(e.c.Log, "datagram handler panicked", from, p)
			}
		}()
		return h(reply, request, from, to)
	})
}

// logPanic reports a bug of ours with the stack that led to it.
func logPanic(log *slog.Logger, what string, peer fmt.Stringer, p any) {
	log.Error(what, "peer", peer.String(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

var (
	errNoState = errors.New("apps: no state folder is configured: set state in the lab's file")
	errNoTLS   = errors.New("apps: this host has no certificate: give certificate and key in the app's table, or run in a lab, which makes one")
	errNoLab   = errors.New("apps: no lab is running")
)

func noTLS() (Certificate, error) { return Certificate{}, errNoTLS }

// plainHost is a host that is only a name.
type plainHost string

func (h plainHost) Name() string                 { return string(h) }
func (plainHost) Domain() string                 { return "" }
func (plainHost) Addresses() []netip.Prefix      { return nil }
func (plainHost) Names() map[string][]netip.Addr { return nil }

// noLab is the tools of an app that runs outside of a lab.
type noLab struct{}

func (noLab) Netstat(context.Context, io.Writer) error           { return errNoLab }
func (noLab) ARP(context.Context, io.Writer) error               { return errNoLab }
func (noLab) Stats(context.Context, io.Writer) error             { return errNoLab }
func (noLab) Ping(context.Context, io.Writer, string, int) error { return errNoLab }

// RealClock is the machine's clock.
type RealClock struct{}

// Now is [time.Now].
func (RealClock) Now() time.Time { return time.Now() }

// AfterFunc is [time.AfterFunc].
func (RealClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
