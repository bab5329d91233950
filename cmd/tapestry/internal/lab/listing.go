package lab

import (
	"fmt"
	"io"
	"net/netip"
	"text/tabwriter"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/stack"
)

// Neighbor is an entry of a host's ARP or Neighbor Discovery cache.
type Neighbor struct {
	Addr      netip.Addr `json:"addr"`
	MAC       string     `json:"mac"`
	State     string     `json:"state"`
	Interface string     `json:"interface"`
}

// InterfaceStatus is a host's interface with its counters.
type InterfaceStatus struct {
	Name      string         `json:"name"`
	MAC       string         `json:"mac"`
	MTU       int            `json:"mtu"`
	Up        bool           `json:"up"`
	Addresses []netip.Prefix `json:"addresses"`
	Rx        string         `json:"rx_offloads"`
	Tx        string         `json:"tx_offloads"`
	Counters  link.Stats     `json:"counters"`
}

func (h *host) neighbors() []Neighbor {
	all := []Neighbor{} // a list also where it is empty
	for _, n := range h.Neighbors() {
		all = append(all, Neighbor{n.Addr, n.Link.String(), n.State, n.Interface})
	}
	return all
}

func (h *host) interfaces() []InterfaceStatus {
	var all []InterfaceStatus
	for _, i := range h.Interfaces() {
		all = append(all, InterfaceStatus{i.Name, i.Link.String(), i.MTU, i.Up, i.Addresses, i.Rx.String(), i.Tx.String(), i.Device})
	}
	return all
}

// stats are the host's counters and after them those of its apps.
func (h *host) stats() []stack.Stat {
	all := h.Host.Stats()
	for _, p := range h.ports {
		if p.wire != nil {
			all = append(all, p.wire.stats()...)
		}
	}
	for _, c := range h.counters.Snapshot() {
		all = append(all, stack.Stat{Name: c.Name, Value: c.Value})
	}
	return all
}

func table(w io.Writer, header string) *tabwriter.Writer {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, header)
	return t
}

// OpenSocket is a socket of any protocol, as netstat lists it.
type OpenSocket struct {
	Network string `json:"network"` // tcp4, tcp6, udp4, udp6, ipx, spx
	Local   string `json:"local"`
	Remote  string `json:"remote,omitempty"`
	State   string `json:"state,omitempty"`
	RecvQ   int    `json:"recv_q"` // octets
	SendQ   int    `json:"send_q"` // likewise
}

// sockets lists those of IP, then those of IPX.
func (h *host) sockets() []OpenSocket {
	all := []OpenSocket{}
	for _, s := range h.Sockets() {
		k := OpenSocket{s.Network, s.Local.String(), "", s.State, s.RecvQ, s.SendQ}
		if s.Remote.IsValid() {
			k.Remote = s.Remote.String()
		}
		all = append(all, k)
	}
	for _, s := range h.IPXSockets() {
		k := OpenSocket{s.Network, socketAddr(s.Local), "", s.State, s.RecvQ, s.SendQ}
		if s.Remote != (ipxwire.Addr{}) {
			k.Remote = s.Remote.String()
		}
		all = append(all, k)
	}
	return all
}

// WriteSockets lists sockets as netstat does: those that listen only if all is set.
func WriteSockets(w io.Writer, socks []OpenSocket, all bool) error {
	t := table(w, "PROTO\tRECV-Q\tSEND-Q\tLOCAL\tREMOTE\tSTATE")
	for _, s := range socks {
		remote := "*"
		if s.Remote != "" {
			remote = s.Remote
		}
		if all || s.Remote != "" {
			fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\n", s.Network, s.RecvQ, s.SendQ, s.Local, remote, s.State)
		}
	}
	return t.Flush()
}

// WriteNeighbors lists the ARP and Neighbor Discovery caches.
func WriteNeighbors(w io.Writer, all []Neighbor) error {
	t := table(w, "ADDRESS\tMAC\tSTATE\tINTERFACE")
	for _, n := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", n.Addr, n.MAC, n.State, n.Interface)
	}
	return t.Flush()
}

// WriteRoutes lists the routing table.
func WriteRoutes(w io.Writer, all []stack.Route) error {
	t := table(w, "DESTINATION\tGATEWAY\tINTERFACE")
	for _, r := range all {
		gateway := "on link"
		if r.Gateway.IsValid() {
			gateway = r.Gateway.String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Destination, gateway, r.Interface)
	}
	return t.Flush()
}

// WriteInterfaces lists interfaces with their counters.
func WriteInterfaces(w io.Writer, all []InterfaceStatus) error {
	t := table(w, "INTERFACE\tMTU\tUP\tRX\tRX OCTETS\tRX GSO\tRX DROP\tTX\tTX OCTETS\tTX GSO\tTX DROP\tMAC\tADDRESSES")
	for _, i := range all {
		c := i.Counters
		fmt.Fprintf(t, "%s\t%d\t%t\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", i.Name, i.MTU, i.Up,
			c.RxFrames, c.RxBytes, c.RxGSO, c.RxDropped, c.TxFrames, c.TxBytes, c.TxGSO, c.TxDropped, i.MAC, list(i.Addresses))
	}
	return t.Flush()
}

// WriteStats lists counters; those that are zero only if all is set.
func WriteStats(w io.Writer, stats []stack.Stat, all bool) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, s := range stats {
		if all || s.Value != 0 {
			fmt.Fprintf(t, "%s\t%d\n", s.Name, s.Value)
		}
	}
	return t.Flush()
}
