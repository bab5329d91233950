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

// ndpEvents carries out what router advertisements ask for. The engine reports them under its own locks and must not
// be called from there, so one goroutine of the host takes them from a bounded queue. An event that finds the queue
// full is dropped and counted: routers repeat themselves.
type ndpEvents struct {
	host    *Host
	queue   chan func()
	done    chan struct{}
	ended   sync.WaitGroup
	dropped atomic.Uint64
}

func newNDPEvents(h *Host) *ndpEvents {
	e := &ndpEvents{host: h, queue: make(chan func(), 256), done: make(chan struct{})}
	e.ended.Go(e.run) // ends with close, which the host's Close calls
	return e
}

func (e *ndpEvents) run() {
	for {
		select {
		case f := <-e.queue:
			f()
		case <-e.done:
			return
		}
	}
}

func (e *ndpEvents) close() {
	close(e.done)
	e.ended.Wait()
}

func (e *ndpEvents) push(f func()) {
	select {
	case e.queue <- f:
	default:
		e.dropped.Add(1)
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
	if header.IsV6LinkLocalUnicastAddress(a.Address) {
		e.push(func() { e.host.ns.ReplaceRoute(tcpip.Route{Destination: header.IPv6LinkLocalPrefix.Subnet(), NIC: id}) })
	}
	return nil
}

// OnAutoGenAddressDeprecated implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnAutoGenAddressDeprecated(tcpip.NICID, tcpip.AddressWithPrefix) {}

// OnAutoGenAddressInvalidated implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnAutoGenAddressInvalidated(tcpip.NICID, tcpip.AddressWithPrefix) {}

// OnRecursiveDNSServerOption implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnRecursiveDNSServerOption(tcpip.NICID, []tcpip.Address, time.Duration) {}

// OnDNSSearchListOption implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnDNSSearchListOption(tcpip.NICID, []string, time.Duration) {}

// OnDHCPv6Configuration implements ipv6.NDPDispatcher.
func (e *ndpEvents) OnDHCPv6Configuration(tcpip.NICID, ipv6.DHCPv6ConfigurationFromNDPRA) {}
