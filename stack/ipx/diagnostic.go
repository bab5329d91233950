package ipx

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/diag"
)

// Limits of diagnostics.
const (
	maxDiagnostics = 16 // answers that wait for their time
	diagnosticRate = 50 // answers a second: what returns each packet to its sender would otherwise keep this node busy
)

// diagnostic answers configuration requests. Who was asked alone answers at once; what was asked of all is answered
// after a random delay, so that the answers of a whole network do not meet in one instant at the asker.
type diagnostic struct {
	n       *Node
	waiting []delayed
	rate    bucket
}

// delayed is an answer that waits.
type delayed struct {
	at  time.Time
	to  Fields
	way arrival
}

// Describe names the owner of the socket.
func (*diagnostic) Describe() SocketInfo { return SocketInfo{Owner: "diagnostic"} }

// Receive implements Receiver.
func (d *diagnostic) Receive(now time.Time, id PortID, h ipxwire.Header) {
	n, p := d.n, d.n.port(id)
	r, err := diag.ParseRequest(h.Data())
	if err != nil || p == nil || h.Source().Socket == ipxwire.SocketDiagnostic {
		n.stats.drop.diagnostic++
		return
	}
	if r.Excludes(p.Node) {
		return
	}
	f, ok := n.reverse(id, h)
	if !ok {
		return
	}
	if !d.rate.take(now, diagnosticRate) {
		n.stats.drop.diagnostic++
		return
	}
	f.Type = ipxwire.TypePEP
	w := delayed{at: now, to: f, way: n.arrived}
	switch {
	case h.Destination().Node != ipxwire.Broadcast:
		d.answer(now, &w)
	case len(d.waiting) == maxDiagnostics:
		n.stats.drop.diagnostic++
	default:
		w.at = now.Add(time.Duration(int64(n.cfg.Random()) % int64(n.cfg.DiagnosticDelay)))
		d.waiting = append(d.waiting, w)
	}
}

// answer sends what this node is.
func (d *diagnostic) answer(now time.Time, w *delayed) {
	n := d.n
	p := n.port(w.way.port)
	if p == nil {
		return
	}
	data, err := n.configuration(p.MaxPacket - ipxwire.HeaderLen).AppendTo(nil)
	if err != nil {
		n.stats.drop.diagnostic++
		return
	}
	n.stats.diagnostics++
	before := n.arrived
	n.arrived = w.way
	n.sendBack(now, w.way.port, w.to, data)
	n.arrived = before
}

// configuration describes this node in at most room octets. A router tells its networks.
func (n *Node) configuration(room int) diag.Response {
	r := diag.Response{Major: 1, Minor: 1, Components: []diag.Component{{ID: diag.IPXSPX}, {ID: diag.LANDriver}}}
	if !n.cfg.Router {
		return r
	}
	r.Minor = 0
	c := diag.Component{ID: diag.Router}
	for _, p := range n.ports {
		const head, each = 9, 11
		if p == nil || !p.up || head+each*(len(c.Networks)+1) > room || len(c.Networks) == 255 {
			continue
		}
		t := diag.LANBoard
		if p.Internal {
			t = diag.VirtualBoard
		}
		c.Networks = append(c.Networks, diag.LocalNetwork{Type: t, Network: p.Network, Node: p.Node})
	}
	r.Components = append(r.Components, c)
	return r
}

// tick sends the answers whose time has come.
func (d *diagnostic) tick(now time.Time) {
	kept := d.waiting[:0]
	for _, w := range d.waiting {
		if now.Before(w.at) {
			kept = append(kept, w)
			continue
		}
		d.answer(now, &w)
	}
	d.waiting = kept
}

// next is when tick is to be called; zero: never.
func (d *diagnostic) next() (at time.Time) {
	for i := range d.waiting {
		at = earlier(at, d.waiting[i].at)
	}
	return at
}
