package spx

import (
	"cmp"
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// ConnInfo describes a connection as tools show it.
type ConnInfo struct {
	Local     ipxwire.Addr  `json:"local"`
	Remote    ipxwire.Addr  `json:"remote"`
	ID        uint16        `json:"id"`
	PeerID    uint16        `json:"peer_id"`
	State     string        `json:"state"`
	SPX2      bool          `json:"spx2"`
	Size      int           `json:"size"`       // the longest packet that is sent, headers included
	SendQueue int           `json:"send_queue"` // packets that are not acknowledged
	RecvQueue int           `json:"recv_queue"` // packets that were not read
	RTT       time.Duration `json:"rtt"`
	Timeout   time.Duration `json:"timeout"`
}

func (s *session) info() ConnInfo {
	return ConnInfo{
		Local: s.local, Remote: s.remote, ID: s.id, PeerID: s.peerID, State: s.state.String(), SPX2: s.spx2, Size: s.size,
		SendQueue: s.send.queued(), RecvQueue: int(s.recv.nxt - s.recv.read), RTT: s.rtt.srtt, Timeout: s.rtt.timeout(),
	}
}

// conns lists the connections and the listeners, by address.
func (m *mux) conns() []ConnInfo {
	var out []ConnInfo
	for sock, p := range m.sockets {
		if p.listener != nil {
			out = append(out, ConnInfo{Local: ipxwire.Addr{Socket: sock}, State: "listen"})
		}
	}
	for _, s := range m.byID {
		out = append(out, s.info())
	}
	slices.SortFunc(out, func(a, b ConnInfo) int {
		return cmp.Or(cmp.Compare(a.Local.Socket, b.Local.Socket), a.Remote.Compare(b.Remote), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// counters are those of a mux.
type counters struct {
	in, out, outErrors                                  uint64
	opened, closed, timeouts, full                      uint64
	dataIn, dataOut, octetsIn, octetsOut                uint64
	acks, naks, naksIn, probes, retransmits, duplicates uint64
	repeatedRequests                                    uint64

	dropType, dropShort, dropBroadcast, dropID, dropConn                uint64
	dropState, dropListener, dropBacklog, dropWindow, dropAck, dropSize uint64
}

// stats lists the counters, always in the same order.
func (m *mux) list() []ipx.Stat {
	c := &m.stats
	return []ipx.Stat{
		{Name: "spx.in", Value: c.in},
		{Name: "spx.out", Value: c.out},
		{Name: "spx.out.errors", Value: c.outErrors},
		{Name: "spx.opened", Value: c.opened},
		{Name: "spx.closed", Value: c.closed},
		{Name: "spx.timeouts", Value: c.timeouts},
		{Name: "spx.full", Value: c.full},
		{Name: "spx.data.in", Value: c.dataIn},
		{Name: "spx.data.out", Value: c.dataOut},
		{Name: "spx.octets.in", Value: c.octetsIn},
		{Name: "spx.octets.out", Value: c.octetsOut},
		{Name: "spx.acks.out", Value: c.acks},
		{Name: "spx.naks.out", Value: c.naks},
		{Name: "spx.naks.in", Value: c.naksIn},
		{Name: "spx.probes", Value: c.probes},
		{Name: "spx.retransmits", Value: c.retransmits},
		{Name: "spx.duplicates", Value: c.duplicates},
		{Name: "spx.requests.repeated", Value: c.repeatedRequests},
		{Name: "spx.drop.type", Value: c.dropType},
		{Name: "spx.drop.short", Value: c.dropShort},
		{Name: "spx.drop.broadcast", Value: c.dropBroadcast},
		{Name: "spx.drop.id", Value: c.dropID},
		{Name: "spx.drop.connection", Value: c.dropConn},
		{Name: "spx.drop.state", Value: c.dropState},
		{Name: "spx.drop.listener", Value: c.dropListener},
		{Name: "spx.drop.backlog", Value: c.dropBacklog},
		{Name: "spx.drop.window", Value: c.dropWindow},
		{Name: "spx.drop.ack", Value: c.dropAck},
		{Name: "spx.drop.size", Value: c.dropSize},
	}
}
