package stack

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand"
	"net"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	engineloop "gvisor.dev/gvisor/pkg/tcpip/link/loopback"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
)

// loopbackID is the number of the loopback interface; devices follow.
const loopbackID tcpip.NICID = 1

// Host is one station: interfaces, addresses, routes and sockets. Its methods may be called from any goroutine.
type Host struct {
	ns    *netstack.Stack
	cfg   Config
	wake  func(f func()) // see Config.waker
	ndp   *ndpEvents
	socks socketState
	tight tightWindows

	shortcuts shortcuts
	ipx       ipxHost

	mu         sync.Mutex
	interfaces map[tcpip.NICID]*Interface
	nextID     tcpip.NICID
	closers    map[*io.Closer]struct{}
	closed     bool
}

// New makes a host that has a loopback interface and nothing else.
func New(c Config) (*Host, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg:        c,
		wake:       c.waker(),
		interfaces: map[tcpip.NICID]*Interface{},
		nextID:     loopbackID + 1,
		closers:    map[*io.Closer]struct{}{},
	}
	h.ipx.host = h
	h.tight.init(c.TCP)
	h.ndp = newNDPEvents(h)
	h.ns = newEngine(c, h.shortcuts.watch(protocols(c, h.ndp)))
	h.shortcuts.init(h)
	if err := h.setOptions(); err != nil {
		h.Close()
		return nil, err
	}
	if err := h.addLoopback(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Name is the host's own name, without domain.
func (h *Host) Name() string { return h.cfg.Name }

func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = "host"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Deterministic && c.Seed == 0 {
		return c, errNoSeed
	}
	if c.Clock == nil {
		c.Clock = link.SystemClock{}
	}
	if c.Seed == 0 {
		c.Seed = rand.Int63()
	}
	if _, ok := c.Clock.(link.SystemClock); ok && !c.Deterministic {
		defaultTo(&c.TCP.AckDelay, defaultAckDelay)
	}
	var err error
	if c.TCP, err = c.TCP.withDefaults(); err != nil {
		return c, err
	}
	return c, c.tryIPX()
}

// Close ends the host: sockets are closed, devices are closed, and every goroutine of the host has ended when it
// returns. Connections are reset, not drained; close them first where their data matters.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	var closers []io.Closer
	for c := range h.closers {
		closers = append(closers, *c)
	}
	var ifs []*Interface
	for _, i := range h.interfaces {
		ifs = append(ifs, i)
	}
	h.mu.Unlock()

	for _, c := range closers {
		c.Close() // a socket's Close reports only that it was closed before
	}
	h.ipx.close()
	h.ns.Close()
	var errs []error
	for _, i := range ifs {
		errs = append(errs, i.close())
	}
	h.ns.Wait()
	h.ndp.close()
	return errors.Join(errs...)
}

// track has c closed with the host. The caller calls untrack when c was closed by itself. It is false, and c stays
// untouched, on a host that was closed already.
func (h *Host) track(c io.Closer) (untrack func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return func() {}, false
	}
	key := &c
	h.closers[key] = struct{}{}
	h.shortcuts.opened(c, 1)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.closers[key]; ok {
			h.shortcuts.opened(c, -1)
		}
		delete(h.closers, key)
	}, true
}

func (h *Host) addLoopback() error {
	if e := h.ns.CreateNICWithOptions(loopbackID, loopback{engineloop.New()}, netstack.NICOptions{Name: "lo"}); e != nil {
		return fmt.Errorf("stack: loopback: %s", e)
	}
	// The probe for a duplicate of ::1 would come back and be taken for another station's.
	if ep, e := h.ns.GetNetworkEndpoint(loopbackID, ipv6.ProtocolNumber); e == nil {
		ep.(netstack.DuplicateAddressDetector).SetDADConfigurations(netstack.DADConfigurations{})
	}
	for _, a := range []string{"127.0.0.1/8", "::1/128"} {
		p := mustPrefix(a)
		if e := h.ns.AddProtocolAddress(loopbackID, protocolAddress(p), netstack.AddressProperties{}); e != nil {
			return fmt.Errorf("stack: loopback: %s", e)
		}
		h.ns.AddRoute(tcpip.Route{Destination: subnet(p), NIC: loopbackID})
	}
	return nil
}

func (h *Host) interfaceByName(name string) (*Interface, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range h.interfaces {
		if i.name == name {
			return i, true
		}
	}
	return nil, false
}

func (h *Host) interfaceByID(id tcpip.NICID) (*Interface, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, ok := h.interfaces[id]
	return i, ok
}

// interfaceNamed is interfaceByName with the error that users of the API see.
func (h *Host) interfaceNamed(name string) (*Interface, error) {
	if i, ok := h.interfaceByName(name); ok {
		return i, nil
	}
	return nil, fmt.Errorf("stack: host %s has no interface %q", h.cfg.Name, name)
}

// isClosed is the error of calls on a closed host, or nil.
func (h *Host) isClosed() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return net.ErrClosed
	}
	return nil
}
