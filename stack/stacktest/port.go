package stacktest

import (
	"fmt"
	"strings"

	"tapestry/link"
	"tapestry/link/impair"
	"tapestry/link/pcap"
	"tapestry/link/segment"
)

// port is a station's place on a segment: the way of a frame from one to another is
//
//	device ─event─► write: tx line ─► segment ─► rx line of each port it goes to ─event─► receive: device
//
// All but the two ends happens on the loop's goroutine.
type port struct {
	net     *Net
	station string // whose port it is, for captures and partitions
	owner   int
	tx, rx  *impair.Line
	seg     *segment.Port
	receive func(link.Frame) // on the loop's goroutine; it owns the frame
	isCut   bool             // of the loop's goroutine
}

// attach makes a port on segment s, with what its wires do. The station gets one frame at a time by receive.
func (s *Segment) attach(station, tx, rx string, receive func(link.Frame)) *port {
	n := s.net
	n.t.Helper()
	p := &port{net: n, station: station, owner: n.loop.newOwner(), receive: receive}
	p.tx, p.rx = n.line(station, tx, 0, p.enter), n.line(station, rx, 1, p.arrive)
	seg, err := s.Attach(segment.PortConfig{Name: station, MTU: n.cfg.MTU, Offload: n.cfg.Offload, Out: p.leave})
	if err != nil {
		n.t.Fatalf("stacktest: %v", err)
	}
	p.seg = seg
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports = append(n.ports, p)
	return p
}

// line makes one direction of a wire.
func (n *Net) line(station, text string, direction int, out func([]link.Frame)) *impair.Line {
	n.t.Helper()
	c, err := impair.Parse(text)
	if err != nil {
		n.t.Fatalf("stacktest: %s: %v", station, err)
	}
	l, err := impair.NewLine(c, impair.LineConfig{Clock: n.loop.newClock(true), Seed: n.seed("wire of "+station, direction), Out: out})
	if err != nil {
		n.t.Fatalf("stacktest: %s: %v", station, err)
	}
	return l
}

// write takes frames from the station.
func (p *port) write(f []link.Frame) {
	p.net.loop.push(&event{owner: p.owner, index: -1, run: func() { p.send(f) }}, 0)
}

func (p *port) send(f []link.Frame) {
	c := &p.net.capture
	c.add(p, pcap.Outbound, f)
	if p.isCut {
		c.mark(len(f), "lost: the plug is out")
		link.ReleaseAll(f)
		return
	}
	before := p.tx.Stats().Drops
	p.tx.Write(f) // no frame is captured meanwhile: what it sets off at other ports is events
	if fate := fateOf(before, p.tx.Stats().Drops, len(f)); fate != "" {
		c.mark(len(f), fate)
	}
}

// fateOf says what a line has done to n frames that it was given at once; which of them it was, it does not tell.
func fateOf(before, after impair.Drops, n int) string {
	var why []string
	for _, d := range []struct {
		reason        string
		before, after uint64
	}{
		{"loss", before.Loss, after.Loss}, {"queue", before.Queue, after.Queue}, {"mtu", before.MTU, after.MTU},
		{"limit", before.Limit, after.Limit}, {"cut", before.Cut, after.Cut},
	} {
		switch lost := d.after - d.before; {
		case lost == 0:
		case n == 1:
			why = append(why, "lost: "+d.reason)
		default:
			why = append(why, fmt.Sprintf("lost: %d of these %d, %s", lost, n, d.reason))
		}
	}
	return strings.Join(why, ", ")
}

// enter gives the segment what came through the tx line.
func (p *port) enter(f []link.Frame) {
	before := p.net.sender
	p.net.sender = p
	p.seg.Write(f)
	p.net.sender = before
}

// leave takes what the segment sends to the port.
func (p *port) leave(f []link.Frame) {
	if p.isCut || p.net.isParted(p.net.sender, p) {
		link.ReleaseAll(f)
		return
	}
	p.rx.Write(f)
}

// arrive asks for the delivery of what came through the rx line.
func (p *port) arrive(f []link.Frame) {
	for i := range f {
		frame := f[i]
		f[i] = link.Frame{}
		p.net.loop.push(&event{owner: p.owner, index: -1, wakes: true, run: func() { p.deliver(frame) }}, 0)
	}
}

func (p *port) deliver(f link.Frame) {
	if p.isCut {
		f.Release()
		return
	}
	p.net.capture.add(p, pcap.Inbound, []link.Frame{f})
	p.receive(f)
}

// close takes the port from its segment.
func (p *port) close() {
	p.tx.Close()
	p.rx.Close()
}
