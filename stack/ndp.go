package stack

import (
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// maxNDPEvents bounds what waits to be carried out.
const maxNDPEvents = 256

// ndpEvents carries out what router advertisements ask for. The engine reports them under its own locks and must not
// be called from there, so a goroutine takes them from a bounded queue; it runs while there are any. An event that
// finds the queue full is dropped and counted: routers repeat themselves.
type ndpEvents struct {
	host    *Host
	dropped atomic.Uint64
	ended   sync.WaitGroup

	mu      sync.Mutex // a leaf
	wants   map[tcpip.NICID]*wants
	queue   []func()
	running bool
	closed  bool
}

func newNDPEvents(h *Host) *ndpEvents { return &ndpEvents{host: h, wants: map[tcpip.NICID]*wants{}} }

// tell has w know the addresses that an interface is given by SLAAC, from the first one on.
func (e *ndpEvents) tell(id tcpip.NICID, w *wants) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wants[id] = w
}

func (e *ndpEvents) wantsOf(id tcpip.NICID) (w *wants, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w, ok = e.wants[id]
	return w, ok
}

// run carries out what is queued, in order.
func (e *ndpEvents) run() {
	for {
		f := e.next()
		if f == nil {
			return
		}
		f()
		e.host.shortcuts.changed()
	}
}

// next takes an event from the queue. It is nil, and another goroutine may be started, when there is none.
func (e *ndpEvents) next() func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 || e.closed {
		e.queue, e.running = nil, false
		return nil
	}
	f := e.queue[0]
	e.queue = e.queue[1:]
	return f
}

// close returns when nothing is carried out any more.
func (e *ndpEvents) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.ended.Wait()
}

func (e *ndpEvents) push(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return
	case len(e.queue) >= maxNDPEvents:
		e.dropped.Add(1)
		return
	}
	e.queue = append(e.queue, f)
	if !e.running {
		e.running = true
		e.ended.Go(e.run) // ends when the queue is empty; close waits for it
	}
}

// OnDuplicateAddressDetectionResult implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnDuplicateAddressDetectionResult(id tcpip.NICID, a tcpip.Address, r netstack.DADResult) {
	dup, ok := r.(*netstack.DADDupAddrDetected)
	if !ok {
		return
	}
	e.push(func() {
		if i, ok := e.host.interfaceByID(id); ok {
			i.nic.conflicts.seen.Add(1)
			e.host.cfg.Log.Warn("duplicate address; it is not used", "host", e.host.cfg.Name, "interface", i.name,
				"address", fromAddress(a), "station", linkAddr(dup.HolderLinkAddress).String())
		}
	})
}

// OnOffLinkRouteUpdated implements ipv6.NDPDispatcher: a default router or a route of RFC 4191.
func (e *ndpEvents) OnOffLinkRouteUpdated(id tcpip.NICID, dst tcpip.Subnet, gw tcpip.Address, _ header.NDPRoutePreference) {
	e.push(func() { e.host.ns.ReplaceRoute(tcpip.Route{Destination: dst, Gateway: gw, NIC: id}) })
}

// OnOffLinkRouteInvalidated implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnOffLinkRouteInvalidated(id tcpip.NICID, dst tcpip.Subnet, gw tcpip.Address) {
	e.push(func() { e.removeRoute(tcpip.Route{Destination: dst, Gateway: gw, NIC: id}) })
}

// OnOnLinkPrefixDiscovered implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnOnLinkPrefixDiscovered(id tcpip.NICID, dst tcpip.Subnet) {
	e.push(func() { e.host.ns.ReplaceRoute(tcpip.Route{Destination: dst, NIC: id}) })
}

// OnOnLinkPrefixInvalidated implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnOnLinkPrefixInvalidated(id tcpip.NICID, dst tcpip.Subnet) {
	e.push(func() { e.removeRoute(tcpip.Route{Destination: dst, NIC: id}) })
}

func (e *ndpEvents) removeRoute(r tcpip.Route) {
	e.host.ns.RemoveRoutes(func(t tcpip.Route) bool {
		return t.Destination == r.Destination && t.Gateway == r.Gateway && t.NIC == r.NIC
	})
}

// OnAutoGenAddress implements ipv6.NDPDispatcher. A link-local address needs the route of its link.
func (e *ndpEvents) OnAutoGenAddress(id tcpip.NICID, a tcpip.AddressWithPrefix) netstack.AddressDispatcher {
	if w, ok := e.wantsOf(id); ok {
		w.add(fromAddress(a.Address))
	}
	e.host.shortcuts.changed()
	if header.IsV6LinkLocalUnicastAddress(a.Address) {
		e.push(func() { e.host.ns.ReplaceRoute(tcpip.Route{Destination: header.IPv6LinkLocalPrefix.Subnet(), NIC: id}) })
	}
	return nil
}

// OnAutoGenAddressDeprecated implements ipv6.NDPDispatcher. Another address may be the better source (RFC 6724 §5).
func (e *ndpEvents) OnAutoGenAddressDeprecated(tcpip.NICID, tcpip.AddressWithPrefix) {
	e.host.shortcuts.changed()
}

// OnAutoGenAddressInvalidated implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnAutoGenAddressInvalidated(id tcpip.NICID, a tcpip.AddressWithPrefix) {
	if w, ok := e.wantsOf(id); ok {
		w.remove(fromAddress(a.Address))
	}
	e.host.shortcuts.changed() // a path that is asked for now waits for the engine's lock, until the address is gone
}

// OnRecursiveDNSServerOption implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnRecursiveDNSServerOption(tcpip.NICID, []tcpip.Address, time.Duration) {}

// OnDNSSearchListOption implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnDNSSearchListOption(tcpip.NICID, []string, time.Duration) {}

// OnDHCPv6Configuration implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnDHCPv6Configuration(tcpip.NICID, ipv6.DHCPv6ConfigurationFromNDPRA) {}
