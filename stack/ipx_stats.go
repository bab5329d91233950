package stack

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"tapestry/stack/ipx"
)

// ipxDrops counts packets that the adapter did not send, by reason.
type ipxDrops struct{ tooLong, noPort atomic.Uint64 }

// ipxStats adds the counters of IPX, where the host has it. The names are those of Novell's MIB where it has them.
func (h *Host) ipxStats(s *statList) {
	node := h.ipx.stack.Load()
	if node == nil {
		return
	}
	node.Do(func(_ time.Time, n *ipx.Node) {
		for _, c := range n.Stats() {
			s.add(c.Name, c.Value)
		}
	})
	if t := h.ipx.conns.Load(); t != nil {
		for _, c := range t.Stats() {
			s.add(c.Name, c.Value)
		}
	}
	s.add("ipx.drop.mtu", h.ipx.drops.tooLong.Load())
	s.add("ipx.drop.removed", h.ipx.drops.noPort.Load())
}

// IPXSocket describes a socket of IPX or a connection of SPX as netstat lists it; see [Socket] for those of IP.
type IPXSocket struct {
	Network string   `json:"network"` // ipx or spx
	Local   ipx.Addr `json:"local"`   // network and node are zero where it hears all of the host's
	Remote  ipx.Addr `json:"remote,omitzero"`
	State   string   `json:"state,omitempty"` // of spx
	Owner   string   `json:"owner,omitempty"` // of ipx: who bound it
	RecvQ   int      `json:"recv_q"`          // what the application has not read: octets, of spx packets
	SendQ   int      `json:"send_q"`          // packets sent that the peer has not acknowledged, of spx
}

// IPXSockets lists the host's sockets of IPX and connections of SPX by network and local address.
func (h *Host) IPXSockets() (ss []IPXSocket) {
	node := h.ipx.stack.Load()
	if node == nil {
		return nil
	}
	node.Do(func(_ time.Time, n *ipx.Node) {
		for _, i := range n.Sockets() {
			ss = append(ss, IPXSocket{
				Network: "ipx", Local: ipx.Addr{Socket: i.Socket}, Remote: i.Remote, Owner: i.Owner, RecvQ: i.Queued,
			})
		}
	})
	if t := h.ipx.conns.Load(); t != nil {
		for _, c := range t.Conns() {
			ss = append(ss, IPXSocket{
				Network: "spx", Local: c.Local, Remote: c.Remote, State: c.State, RecvQ: c.RecvQueue, SendQ: c.SendQueue,
			})
		}
	}
	slices.SortFunc(ss, func(a, b IPXSocket) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), a.Local.Compare(b.Local), a.Remote.Compare(b.Remote))
	})
	return ss
}
