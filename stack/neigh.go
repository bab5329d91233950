package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link/ethernet"
)

// Neighbor is an entry of the ARP or Neighbor Discovery cache.
type Neighbor struct {
	Addr      netip.Addr    `json:"addr"`
	Link      ethernet.Addr `json:"-"`
	State     string        `json:"state"` // RFC 4861 §7.3.2: incomplete, reachable, stale, delay, probe, static, unreachable
	Interface string        `json:"interface"`
}

// Neighbors lists the caches of all interfaces by interface and address.
func (h *Host) Neighbors() []Neighbor {
	var ns []Neighbor
	for _, i := range h.sortedInterfaces() {
		for _, p := range []tcpip.NetworkProtocolNumber{ipv4.ProtocolNumber, ipv6.ProtocolNumber} {
			entries, err := h.ns.Neighbors(i.id, p)
			if err != nil {
				continue // the interface has no such protocol
			}
			for _, e := range entries {
				ns = append(ns, Neighbor{fromAddress(e.Addr), linkAddr(e.LinkAddr), neighborState(e.State), i.name})
			}
		}
	}
	slices.SortFunc(ns, func(a, b Neighbor) int {
		if c := strings.Compare(a.Interface, b.Interface); c != 0 {
			return c
		}
		return a.Addr.Compare(b.Addr)
	})
	return ns
}

// AddNeighbor enters a static mapping.
func (h *Host) AddNeighbor(n Neighbor) error {
	i, err := h.interfaceNamed(n.Interface)
	if err != nil {
		return err
	}
	if e := h.ns.AddStaticNeighbor(i.id, networkOf(n.Addr), toAddress(n.Addr), tcpip.LinkAddress(n.Link[:])); e != nil {
		return fmt.Errorf("stack: neighbour %s on %s: %s", n.Addr, n.Interface, e)
	}
	return nil
}

// RemoveNeighbor removes the mapping of addr, static or learned.
func (h *Host) RemoveNeighbor(iface string, addr netip.Addr) error {
	i, err := h.interfaceNamed(iface)
	if err != nil {
		return err
	}
	if e := h.ns.RemoveNeighbor(i.id, networkOf(addr), toAddress(addr)); e != nil {
		return fmt.Errorf("stack: neighbour %s on %s: %s", addr, iface, e)
	}
	return nil
}

func linkAddr(l tcpip.LinkAddress) (a ethernet.Addr) {
	copy(a[:], l)
	return a
}

func neighborState(s netstack.NeighborState) string {
	switch s {
	case netstack.Incomplete:
		return "incomplete"
	case netstack.Reachable:
		return "reachable"
	case netstack.Stale:
		return "stale"
	case netstack.Delay:
		return "delay"
	case netstack.Probe:
		return "probe"
	case netstack.Static:
		return "static"
	case netstack.Unreachable:
		return "unreachable"
	}
	return "unknown"
}
