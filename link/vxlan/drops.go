package vxlan

import "sync/atomic"

// Drops count frames lost, by reason, and addresses that moved.
type Drops struct {
	Peer        uint64 `json:"peer"`        // received from a sender that is not known
	Short       uint64 `json:"short"`       // received without whole headers
	Flags       uint64 `json:"flags"`       // received without the I flag
	VNI         uint64 `json:"vni"`         // received for another network
	Long        uint64 `json:"long"`        // received, longer than the MTU allows
	Tagged      uint64 `json:"tagged"`      // in either direction with a VLAN tag, which Config.Tags does not allow
	Static      uint64 `json:"static"`      // received with a source address that is fixed to another VTEP
	Destination uint64 `json:"destination"` // not sent: no peer to send it to
	Full        uint64 `json:"full"`        // not sent: the socket or its queue has no room, or refused
	Moves       uint64 `json:"moves"`       // no drops: addresses that were behind another VTEP before
}

type drops struct {
	peer, short, flags, vni, long, tagged, static, destination, full, moves atomic.Uint64
}

// Drops tells why frames were lost.
func (d *Device) Drops() Drops {
	c := &d.drops
	return Drops{
		Peer: c.peer.Load(), Short: c.short.Load(), Flags: c.flags.Load(), VNI: c.vni.Load(), Long: c.long.Load(),
		Tagged: c.tagged.Load(), Static: c.static.Load(), Destination: c.destination.Load(), Full: c.full.Load(),
		Moves: c.moves.Load(),
	}
}
