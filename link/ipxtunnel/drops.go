package ipxtunnel

import "sync/atomic"

// Drops count packets lost, by reason, and what else an operator asks for.
type Drops struct {
	// Of datagrams.
	Stranger     uint64 `json:"stranger"`     // from who is not registered, or not the server
	Refused      uint64 `json:"refused"`      // registrations from outside of the access list
	Limit        uint64 `json:"limit"`        // registrations beyond a limit or the rate
	Unregistered uint64 `json:"unregistered"` // to or from a station that the server has not answered yet
	Spoofed      uint64 `json:"spoofed"`      // with a source that is another's
	Unconfirmed  uint64 `json:"unconfirmed"`  // not sent to a client that has not shown that it hears us
	// Of both.
	Short       uint64 `json:"short"`       // without a whole header
	Length      uint64 `json:"length"`      // with a length that is not there
	Long        uint64 `json:"long"`        // longer than Wire.MaxPacket
	Checksum    uint64 `json:"checksum"`    // wrong, and raw 802.3 cannot say so
	Destination uint64 `json:"destination"` // for nobody here
	Full        uint64 `json:"full"`        // a queue or the socket has no room, or refused
	// Of frames of the segment.
	Other    uint64 `json:"other"`    // no IPX, or behind a VLAN tag
	Routed   uint64 `json:"routed"`   // from a station that is not on this segment, which the server would refuse
	Stations uint64 `json:"stations"` // from a station more than ClientConfig.Stations

	Copies    uint64 `json:"copies"`    // no loss: broadcasts that came by more than one registration
	Registers uint64 `json:"registers"` // no loss: registrations that were answered
}

type drops struct {
	stranger, refused, limit, unregistered, spoofed, unconfirmed atomic.Uint64
	short, length, long, checksum, destination, full             atomic.Uint64
	other, routed, stations, copies, registers                   atomic.Uint64
}

func (c *drops) read() Drops {
	return Drops{
		Stranger: c.stranger.Load(), Refused: c.refused.Load(), Limit: c.limit.Load(),
		Unregistered: c.unregistered.Load(), Spoofed: c.spoofed.Load(), Unconfirmed: c.unconfirmed.Load(),
		Short: c.short.Load(), Length: c.length.Load(),
		Long: c.long.Load(), Checksum: c.checksum.Load(), Destination: c.destination.Load(), Full: c.full.Load(),
		Other: c.other.Load(), Routed: c.routed.Load(), Stations: c.stations.Load(),
		Copies: c.copies.Load(), Registers: c.registers.Load(),
	}
}
