package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"tapestry/apps"
	"tapestry/internal/ipxwire"
	"tapestry/stack"
	"tapestry/stack/ipx"
)

// app is an app of a host that has its sockets.
type app struct {
	plan   AppPlan
	server apps.Server
	net    *recorder
}

// startApps makes all apps of all hosts and then serves; problems of all their tables come together.
func (l *Lab) startApps(ctx context.Context) error {
	var ps Problems
	for _, h := range l.hosts {
		for _, p := range h.plan.Apps {
			a, err := h.newApp(p)
			if err != nil {
				ps.add(l.Plan.doc, l.Plan.portKey(p.path, err), h.explain(a, err))
				continue
			}
			h.apps = append(h.apps, a)
		}
	}
	if len(ps) > 0 {
		l.stop() // ends the ones that were made as soon as they serve
	}
	for _, h := range l.hosts {
		for _, a := range h.apps {
			l.apps.Go(func() { h.serve(ctx, a) }) // ends when ctx does
		}
	}
	return ps.err()
}

func (h *host) newApp(p AppPlan) (*app, error) {
	a := &app{plan: p, net: &recorder{Host: h.Host}}
	env := apps.NewEnv(apps.EnvConfig{
		Net: a.net, Host: hostControl{h}, HostName: h.plan.Name, AppName: p.App.Name, State: h.lab.state, Counters: &h.counters,
		Log: h.lab.log.With("host", h.plan.Name, "app", p.App.Name), Lab: tools{h},
		TLS: h.lab.ca.certificates(h.plan, h.lab.Plan.Domain),
	})
	var err error
	a.server, err = p.App.New(env, h.lab.Plan.doc.Table(strings.Split(p.path, ".")...))
	return a, err
}

// serve runs an app to its end. A panic outside of its sessions ends this app and no other.
func (h *host) serve(ctx context.Context, a *app) {
	log := h.lab.log.With("host", h.plan.Name, "app", a.plan.App.Name)
	defer func() {
		if p := recover(); p != nil {
			log.Error("the app panicked and ended", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if err := a.server.Serve(ctx); err != nil {
		log.Error("the app ended", "error", err)
	}
}

// portKey gives the key of the port or socket that is in use, if the table has it, else the table.
func (p *Plan) portKey(table string, err error) string {
	key := table + ".port"
	if _, ok := elsewhere(err); ok && lineOf(p.doc, table+".address") != lineOf(p.doc, table) {
		return table + ".address"
	}
	if network, ok := taken(err); ok && isIPXNetwork(network.Net) {
		key = table + "." + network.Net
	}
	if errors.Is(err, syscall.EADDRINUSE) && lineOf(p.doc, key) != lineOf(p.doc, table) {
		return key
	}
	return table
}

// elsewhere gives the address that an app wants and the host does not have.
func elsewhere(err error) (op *net.OpError, ok bool) {
	return op, errors.Is(err, syscall.EADDRNOTAVAIL) && errors.As(err, &op) && op.Addr != nil && !isIPXNetwork(op.Net)
}

// taken gives what an app wanted and another has.
func taken(err error) (op *net.OpError, ok bool) {
	return op, errors.Is(err, syscall.EADDRINUSE) && errors.As(err, &op) && op.Addr != nil
}

// isIPXNetwork reports whether a network of package net has sockets in place of ports; the key of an app has its name.
func isIPXNetwork(network string) bool { return network == "ipx" || network == "spx" }

// nodeSockets are open on every host with IPX.
var nodeSockets = map[ipxwire.Socket]string{
	ipxwire.SocketEcho: "echo", ipxwire.SocketError: "errors", ipxwire.SocketSAP: "SAP", ipxwire.SocketRIP: "RIP",
	ipxwire.SocketDiagnostic: "diagnostic",
}

// noSuchAddress says which addresses the host has.
func (h *host) noSuchAddress(op *net.OpError) error {
	host, _, _ := net.SplitHostPort(op.Addr.String())
	var own []string
	for _, a := range h.plan.Addresses() {
		own = append(own, a.Addr().String())
	}
	switch {
	case !h.speaksIP():
		return fmt.Errorf("host %s has no address %s, as it speaks no IP; remove this key, or give an interface of it that address", h.plan.Name, host)
	case own == nil:
		return fmt.Errorf("host %s has no address %s; remove this key to listen on all it has", h.plan.Name, host)
	}
	return fmt.Errorf("host %s has no address %s, but %s; write one of these, or remove this key to listen on all", h.plan.Name, host, strings.Join(own, ", "))
}

// explain names the app that has a port which another wants, and says what else is in the way.
func (h *host) explain(a *app, err error) error {
	if op, ok := elsewhere(err); ok {
		return h.noSuchAddress(op)
	}
	op, ok := taken(err)
	if !ok {
		return err
	}
	owner := "another app of this host"
	for _, other := range h.apps {
		if other.net.has(op.Net, op.Addr) {
			owner = "app " + other.plan.App.Name + " of this host (" + other.plan.path + ")"
		}
	}
	kind, number := "port", op.Addr.String()
	if isIPXNetwork(op.Net) {
		kind, number = "socket", fmt.Sprintf("%04x", portOf(op.Addr))
		if service, ok := nodeSockets[ipxwire.Socket(portOf(op.Addr))]; ok {
			return fmt.Errorf("socket %s belongs to every host with IPX (%s); give the app another, or true for its usual one", number, service)
		}
	}
	return fmt.Errorf("%s used twice: %s %s belongs to %s; give one of them another %[1]s, or remove it", kind, op.Net, number, owner)
}

// recorder is the host's network, and notes what an app opens on it.
type recorder struct {
	*stack.Host

	mu     sync.Mutex
	opened []Endpoint
}

// Endpoint is a socket that an app listens on.
type Endpoint struct {
	Network string `json:"network"`        // tcp, udp, ip:icmp, spx, …
	Port    int    `json:"port,omitempty"` // of IPX and SPX the socket
}

func (r *recorder) note(network string, a net.Addr) {
	e := Endpoint{Network: strings.TrimRight(network, "46"), Port: portOf(a)}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.opened {
		if o == e {
			return
		}
	}
	r.opened = append(r.opened, e)
}

func (r *recorder) has(network string, a net.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.opened {
		same := o.Network == strings.TrimRight(network, "46") || isIPXNetwork(o.Network) && isIPXNetwork(network)
		if same && o.Port == portOf(a) {
			return true
		}
	}
	return false
}

// Listen implements [apps.Network].
func (r *recorder) Listen(network, address string) (net.Listener, error) {
	l, err := r.Host.Listen(network, address)
	if err == nil {
		r.note(network, l.Addr())
	}
	return l, err
}

// ListenPacket implements [apps.Network].
func (r *recorder) ListenPacket(network, address string) (net.PacketConn, error) {
	c, err := r.Host.ListenPacket(network, address)
	if err == nil {
		r.note(network, c.LocalAddr())
	}
	return c, err
}

// Inline implements [apps.Network].
func (r *recorder) Inline(network, address string, f apps.InlineHandler) (io.Closer, error) {
	c, err := r.Host.Inline(network, address, f)
	if err == nil {
		_, port, _ := net.SplitHostPort(address)
		n, _ := strconv.Atoi(port)
		r.note(network, &net.UDPAddr{Port: n})
	}
	return c, err
}

// portOf gives the port of a socket's address; zero if it has none.
func portOf(a net.Addr) int {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	case ipx.NetAddr:
		return int(a.Socket)
	}
	return 0
}
