package script

import (
	"fmt"
	"strings"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/stack/dump"
	"tapestry/stack/stacktest"
)

// inject sends a packet of the peer.
func (p *player) inject(st Step, f *flow, k Packet) {
	v := p.s.Host.IP
	var b []byte
	switch {
	case k.TCP != nil:
		b = frame(peer(v), host(v), k.TCP.Sum, f.encode(k.TCP)...)
	case k.UDP != nil:
		b = frame(peer(v), host(v), k.UDP.Sum, f.encodeDatagram(k.UDP)...)
	default:
		q, ihl := f.quoted(k.ICMP)
		if q == nil {
			p.fail(st, "the host has sent nothing that the error could quote")
		}
		b = frame(peer(v), host(v), "", k.ICMP.layers(v, q, ihl)...)
	}
	f.injected = append(f.injected, ipOf(b))
	p.history.add(p, time.Now(), Inject, b)
	p.peer.Send(b)
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
	f, got, err := p.read(&c)
	if err != nil {
		p.fail(st, "the host sent what no line can say: %v\n%s", err, indent(dump.Frame(c.Frame)))
	}
	wrong := compare(want, got)
	if f != nil && f.name != st.Flow {
		wrong = append(wrong, fmt.Sprintf("it belongs to flow %q", f.name))
	}
	if c.At.Before(from) || c.At.After(to) {
		wrong = append(wrong, fmt.Sprintf("it came %s after the step before", seconds(shown(c.At.Sub(p.last)))))
	}
	if len(wrong) > 0 {
		p.differs(st, f, want, got, c, wrong)
	}
	p.last = c.At
}

// read says what a packet of the host is, in the words of a script.
func (p *player) read(k *stacktest.Packet) (*flow, Packet, error) {
	v, got := p.s.Host.IP, Packet{Dir: Await}
	switch {
	case k.BadSum:
		return nil, got, fmt.Errorf("a checksum is wrong")
	case k.Dst != peerLink || k.SrcIP() != host(v).ip || k.DstIP() != peer(v).ip:
		return nil, got, fmt.Errorf("it is not from the host to the peer")
	case k.TCP != nil:
		f := p.flowOf(k.TCP.SourcePort(), k.TCP.DestinationPort())
		if f == nil {
			return nil, got, fmt.Errorf("no flow of this script has its ports")
		}
		f.sent = append(f.sent, ipOf(k.Frame))
		got.TCP = f.decode(k)
		return f, got, nil
	case k.UDP != nil:
		return p.readUDP(k, got)
	}
	return p.readICMP(k, got)
}

func (p *player) readUDP(k *stacktest.Packet, got Packet) (*flow, Packet, error) {
	f := p.flowOf(k.UDP.SourcePort(), k.UDP.DestinationPort())
	if f == nil {
		return nil, got, fmt.Errorf("no flow of this script has its ports")
	}
	f.sent = append(f.sent, ipOf(k.Frame))
	got.UDP = &Datagram{Len: len(k.Data)}
	if !isFill(k.Data, 0) {
		return f, got, fmt.Errorf("the payload is not what was written")
	}
	return f, got, nil
}

// readICMP reads an error of the host, which must quote a packet that it got (RFC 1122 §3.2.2).
func (p *player) readICMP(k *stacktest.Packet, got Packet) (*flow, Packet, error) {
	got.ICMP = &ICMP{Kind: icmpKindOf(k)}
	switch {
	case got.ICMP.Kind != fragNeeded:
	case k.ICMPv4 != nil:
		got.ICMP.MTU = num(uint32(k.ICMPv4.MTU()))
	default:
		got.ICMP.MTU = num(k.ICMPv6.MTU())
	}
	for _, f := range p.order {
		if len(k.Data) > header.IPv4MinimumSize && f.wasInjected(k.Data) {
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
func (p *player) differs(st Step, f *flow, want, got Packet, c stacktest.Packet, wrong []string) {
	if p.config.Update {
		p.edits.replace(st, p.timeOf(st, c), p.flowName(f), want, got)
		return
	}
	text := fmt.Sprintf("wrong: %s\n  want %s\n  got  %s", strings.Join(wrong, ", "), want, got)
	if f != nil && want.TCP != nil {
		v := p.s.Host.IP
		b := frame(host(v), peer(v), "", f.expected(want.TCP)...)
		text += "\nwant\n" + indent(dump.Frame(b))
	}
	p.fail(st, "%s\ngot at %s\n%s", text, p.since(c.At), indent(dump.Frame(c.Frame)))
}

// unexpected reports a packet that no line asks for.
func (p *player) unexpected(st Step, c stacktest.Packet) {
	f, got, err := p.read(&c)
	if p.config.Update && err == nil {
		d := shown(c.At.Sub(p.last))
		p.edits.insert(st, When{From: d, To: d}, p.flowName(f), got)
		p.last = c.At
		return
	}
	p.fail(st, "the host sent before it, at %s, what no line expects: %s %v\n%s", p.since(c.At), got, orNothing(err), indent(dump.Frame(c.Frame)))
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
func (p *player) timeOf(st Step, c stacktest.Packet) When {
	from, to := p.target(st.At)
	if tol := p.s.Host.Tolerance; !c.At.Before(from.Add(-tol)) && !c.At.After(to.Add(tol)) {
		return st.At
	}
	d := shown(c.At.Sub(p.last))
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
