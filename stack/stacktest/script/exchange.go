package script

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/stack/dump"
)

// inject sends a packet of the peer.
func (p *player) inject(st Step, f *flow, k Packet) {
	c := p.s.Host
	src, dst := peerAddrs[c.IP], hostAddrs[c.IP].Addr()
	var b []byte
	switch {
	case k.TCP != nil:
		b = frame(peerLink, hostLink, src, dst, protoTCP, f.encode(k.TCP), k.TCP.Sum)
	case k.UDP != nil:
		b = frame(peerLink, hostLink, src, dst, protoUDP, datagramBytes(k.UDP, f.peer, f.local), k.UDP.Sum)
	default:
		q, ihl := f.quoted(k.ICMP)
		if q == nil {
			p.fail(st, "the host has sent nothing that the error could quote")
		}
		proto := protoICMP
		if c.IP == 6 {
			proto = protoICMPv6
		}
		b = frame(peerLink, hostLink, src, dst, proto, k.ICMP.message(c.IP == 6, q, ihl), "")
	}
	f.injected = append(f.injected, ipOf(b))
	p.history.add(p, time.Now(), Inject, b)
	p.wire.inject(b)
}

// await takes the host's next packet and compares it.
func (p *player) await(st Step, want Packet) {
	from, to := p.target(st.At)
	from, to = from.Add(-p.s.Host.Tolerance), to.Add(p.s.Host.Tolerance)
	c, ok := p.next(to)
	if !ok {
		p.missing(st, want)
		return
	}
	f, got, err := p.read(c.frame)
	if err != nil {
		p.fail(st, "the host sent what no line can say: %v\n%s", err, indent(dump.Frame(c.frame)))
	}
	wrong := compare(want, got)
	if f != nil && f.name != st.Flow {
		wrong = append(wrong, fmt.Sprintf("it belongs to flow %q", f.name))
	}
	if c.at.Before(from) || c.at.After(to) {
		wrong = append(wrong, fmt.Sprintf("it came %s after the step before", seconds(c.at.Sub(p.last))))
	}
	if len(wrong) > 0 {
		p.differs(st, f, want, got, c, wrong)
	}
	p.last = c.at
}

// next gives the host's next packet, if one comes in time.
func (p *player) next(until time.Time) (captured, bool) {
	for {
		synctest.Wait()
		p.receive()
		if len(p.waiting) > 0 {
			c := p.waiting[0]
			p.waiting = p.waiting[1:]
			return c, true
		}
		left := time.Until(until)
		if left <= 0 {
			return captured{}, false
		}
		select {
		case <-p.wire.wake:
		case <-time.After(left):
		}
	}
}

// read says what a frame of the host is, in the words of a script.
func (p *player) read(b []byte) (*flow, Packet, error) {
	k, ok := parsePacketFrame(b)
	if !ok || k.src != hostAddrs[p.s.Host.IP].Addr() || k.dst != peerAddrs[p.s.Host.IP] {
		return nil, Packet{}, fmt.Errorf("no packet from the host to the peer")
	}
	if k.bad != "" {
		return nil, Packet{}, fmt.Errorf("the %s checksum is wrong", k.bad)
	}
	got := Packet{Dir: Await}
	switch k.proto {
	case protoTCP, protoUDP:
		local, peer := binary.BigEndian.Uint16(k.payload), binary.BigEndian.Uint16(k.payload[2:])
		f := p.flowOf(local, peer)
		if f == nil {
			return nil, got, fmt.Errorf("port %d to port %d is no flow of this script", local, peer)
		}
		f.sent = append(f.sent, k.ip)
		if k.proto == protoTCP {
			got.TCP = f.decode(header.TCP(k.payload))
			return f, got, nil
		}
		got.UDP = &Datagram{Len: len(k.payload) - header.UDPMinimumSize}
		if !isFill(k.payload[header.UDPMinimumSize:], 0) {
			return f, got, fmt.Errorf("the payload is not what was written")
		}
		return f, got, nil
	}
	return p.readICMP(k, got)
}

// readICMP reads an error of the host, which must quote a packet that it got (RFC 1122 §3.2.2).
func (p *player) readICMP(k packet, got Packet) (*flow, Packet, error) {
	got.ICMP = &ICMP{Kind: icmpName(k.isV6, k.payload[0], k.payload[1])}
	if got.ICMP.Kind == "frag-needed" {
		got.ICMP.MTU = num(binary.BigEndian.Uint32(k.payload[4:]))
	}
	for _, f := range p.order {
		if len(k.payload) > 8+header.IPv4MinimumSize && f.wasInjected(k.payload[8:]) {
			return f, got, nil
		}
	}
	return nil, got, fmt.Errorf("it quotes no packet of the peer")
}

// compare lists what of a packet is not as it was expected.
func compare(want, got Packet) (wrong []string) {
	switch {
	case want.TCP != nil && got.TCP != nil:
		return compareTCP(want.TCP, got.TCP)
	case want.UDP != nil && got.UDP != nil:
		if want.UDP.Len != got.UDP.Len {
			wrong = append(wrong, "len")
		}
	case want.ICMP != nil && got.ICMP != nil:
		if want.ICMP.Kind != got.ICMP.Kind {
			wrong = append(wrong, "kind")
		}
		if !want.ICMP.MTU.matches(got.ICMP.MTU.V) {
			wrong = append(wrong, "mtu")
		}
	default:
		return []string{"it is of another protocol"}
	}
	return wrong
}

func compareTCP(want, got *Segment) (wrong []string) {
	for _, c := range []struct {
		name string
		same bool
	}{
		{"flags", want.Flags == got.Flags || want.Flags|flagPSH == got.Flags}, // RFC 9293 §3.9.1.2: PUSH may come at any time
		{"seq", want.Seq.matches(got.Seq.V)},
		{"len", want.Len == got.Len},
		{"ack", want.Ack.matches(got.Ack.V)},
		{"win", want.Win.matches(got.Win.V)},
		{"urg", want.Urg.matches(got.Urg.V)},
		{"payload", want.Other == got.Other},
		{"options", !want.HasOptions || sameOptions(want.Options, got.Options)},
	} {
		if !c.same {
			wrong = append(wrong, c.name)
		}
	}
	return wrong
}

// differs reports a packet that is not as its line says.
func (p *player) differs(st Step, f *flow, want, got Packet, c captured, wrong []string) {
	if p.config.Update {
		p.edits.replace(st, p.timeOf(st, c), p.flowName(f), want, got)
		return
	}
	text := fmt.Sprintf("wrong: %s\n  want %s\n  got  %s", strings.Join(wrong, ", "), want, got)
	if f != nil && want.TCP != nil {
		k := p.s.Host.IP
		b := frame(hostLink, peerLink, hostAddrs[k].Addr(), peerAddrs[k], protoTCP, f.expected(want.TCP), "")
		text += "\nwant\n" + indent(dump.Frame(b))
	}
	p.fail(st, "%s\ngot at %s\n%s", text, p.since(c.at), indent(dump.Frame(c.frame)))
}

// unexpected reports a packet that no line asks for.
func (p *player) unexpected(st Step, c captured) {
	f, got, err := p.read(c.frame)
	if p.config.Update && err == nil {
		p.edits.insert(st, When{From: c.at.Sub(p.last), To: c.at.Sub(p.last)}, p.flowName(f), got)
		p.last = c.at
		return
	}
	p.fail(st, "the host sent before it, at %s, what no line expects: %s %v\n%s", p.since(c.at), got, orNothing(err), indent(dump.Frame(c.frame)))
}

// missing reports a packet that did not come.
func (p *player) missing(st Step, want Packet) {
	if p.config.Update {
		p.edits.remove(st)
		return
	}
	p.fail(st, "it did not come in time")
}

func (p *player) flowName(f *flow) string {
	if f == nil {
		return ""
	}
	return f.name
}

// timeOf is the time for a rewritten line: its own if it was right.
func (p *player) timeOf(st Step, c captured) When {
	from, to := p.target(st.At)
	if tol := p.s.Host.Tolerance; !c.at.Before(from.Add(-tol)) && !c.at.After(to.Add(tol)) {
		return st.At
	}
	d := c.at.Sub(p.last)
	return When{From: d, To: d}
}

func orNothing(err error) string {
	if err == nil {
		return ""
	}
	return "(" + err.Error() + ")"
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// historyLen is how many packets a failure shows.
const historyLen = 12

// history is the last packets both ways, as text.
type history struct{ lines []string }

func (h *history) add(p *player, at time.Time, d Direction, b []byte) {
	h.lines = append(h.lines, fmt.Sprintf("%s %c\n%s", p.since(at), d, indent(dump.Frame(b))))
	if len(h.lines) > historyLen {
		h.lines = h.lines[1:]
	}
}

// String lists the packets.
func (h *history) String() string {
	if len(h.lines) == 0 {
		return "no packets"
	}
	return "last packets:\n" + strings.Join(h.lines, "\n")
}
