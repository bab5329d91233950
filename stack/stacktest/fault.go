package stacktest

import (
	"errors"
	"strings"

	"tapestry/link/impair"
)

// Partition parts the stations: those named in different groups do not hear each other any more; those in no group hear
// everybody. It replaces an earlier partition.
func (n *Net) Partition(groups ...[]string) {
	n.t.Helper()
	m := map[string]int{}
	for i, g := range groups {
		for _, name := range g {
			n.group(m, name, i+1)
		}
	}
	n.do(func() { n.groups = m })
}

// group puts the ports of a station into a group of m.
func (n *Net) group(m map[string]int, name string, group int) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	found := false
	for _, p := range n.ports {
		if strings.EqualFold(p.station, name) {
			m[p.station], found = group, true
		}
	}
	if !found {
		n.t.Errorf("stacktest: Partition: no station has the name %q", name)
	}
}

// Heal ends a partition.
func (n *Net) Heal() { n.do(func() { n.groups = nil }) }

func (n *Net) isParted(from, to *port) bool {
	if n.groups == nil || from == nil {
		return false
	}
	a, b := n.groups[from.station], n.groups[to.station]
	return a != 0 && b != 0 && a != b
}

// Impair changes what the wire of a host does, in both directions each: "loss=5%,delay=10ms", as [impair.Parse] reads
// it. Frames that are on the wire already arrive as they were to. Empty: a perfect wire. A text that is wrong fails the test
// and changes nothing.
func (n *Net) Impair(h *Host, text string) {
	n.t.Helper()
	n.set(text, h.port.tx, h.port.rx)
}

// SetTx changes what the wire from the host does.
func (h *Host) SetTx(text string) { h.net.t.Helper(); h.net.set(text, h.port.tx) }

// SetRx changes what the wire to the host does.
func (h *Host) SetRx(text string) { h.net.t.Helper(); h.net.set(text, h.port.rx) }

// Wire gives what the wires from the host and to it have done to frames.
func (h *Host) Wire() (tx, rx impair.Stats) { return h.port.tx.Stats(), h.port.rx.Stats() }

// set may be called on any goroutine, so it cannot end a test whose text is wrong.
func (n *Net) set(text string, lines ...*impair.Line) {
	n.t.Helper()
	c, err := impair.Parse(text)
	if err != nil {
		n.t.Errorf("stacktest: the wire stays as it was: %v", err)
		return
	}
	n.do(func() {
		for _, l := range lines {
			err = errors.Join(err, l.Set(c))
		}
	})
	if err != nil {
		n.t.Errorf("stacktest: the wire stays as it was: %v", err)
	}
}

// Cut pulls the plugs of a host without a word to it: nothing leaves or arrives, not even what is on the wire.
func (n *Net) Cut(h *Host) { n.setCut(h, true) }

// Uncut puts the plugs back.
func (n *Net) Uncut(h *Host) { n.setCut(h, false) }

func (n *Net) setCut(h *Host, isCut bool) {
	n.do(func() {
		for _, p := range h.ports() {
			p.isCut = isCut
		}
	})
}

// Kill ends a host as a power failure does: no FIN and no RST reaches anybody. Its sockets fail with net.ErrClosed.
func (n *Net) Kill(h *Host) {
	n.t.Helper()
	n.Cut(h)
	if err := h.Host.Close(); err != nil {
		n.t.Errorf("stacktest: killing host %s: %v", h.name, err)
	}
	n.Settle()
}

// Restart boots a host that was killed, or, if it was not, kills it first. It has its addresses, and none of its state.
// No other goroutine may use h meanwhile.
func (n *Net) Restart(h *Host) {
	n.t.Helper()
	n.Kill(h)
	if err := h.start(); err != nil {
		n.t.Fatalf("stacktest: restarting host %s: %v", h.name, err)
	}
	n.Uncut(h)
}
