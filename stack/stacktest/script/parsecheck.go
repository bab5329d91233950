package script

import (
	"errors"
	"fmt"
	"slices"
)

// checkPacket holds that a packet says enough to be compared, and nothing that cannot be sent.
func checkPacket(p Packet) error {
	switch {
	case p.TCP != nil:
		if err := p.TCP.check(); err != nil {
			return err
		}
		return checkDirection(p.Dir, p.TCP.Sum, p.TCP.numbers(), p.TCP.Options)
	case p.UDP != nil:
		return checkDirection(p.Dir, p.UDP.Sum, nil, nil)
	}
	return p.ICMP.check(p.Dir)
}

func checkDirection(d Direction, sum string, ns []Num, os []Option) error {
	isRaw := func(o Option) bool { return o.Kind == kindRaw }
	isAny := func(n Num) bool { return n.Any }
	switch {
	case d == Await && sum != "":
		return errors.New("a packet of the host has right checksums, or the script fails")
	case d == Await && slices.ContainsFunc(os, isRaw):
		return errors.New("raw octets can be injected only: write opt and the kind")
	case d == Inject && slices.ContainsFunc(ns, isAny):
		return errors.New("* stands for any value, and no value can be sent so")
	}
	return nil
}

// numbers are all numbers of the segment.
func (s *Segment) numbers() []Num {
	ns := []Num{s.Seq, s.Ack, s.Win, s.Urg}
	for _, o := range s.Options {
		ns = append(ns, o.N...)
	}
	return ns
}

func (s *Segment) check() error {
	switch {
	case !s.Seq.Given:
		return errors.New("a segment needs its seq")
	case s.Flags&flagACK != 0 && !s.Ack.Given:
		return errors.New("a segment with the flag A needs its ack")
	case s.Win.V > 0xffff:
		return fmt.Errorf("win %d does not fit its field (RFC 9293 §3.1)", s.Win.V)
	case s.Urg.V > 0xffff:
		return fmt.Errorf("urg %d does not fit its field (RFC 9293 §3.1)", s.Urg.V)
	}
	return checkOptions(s.Options)
}

func checkOptions(os []Option) error {
	for _, o := range os {
		limit := map[int]uint32{kindMSS: 0xffff, kindWindowScale: 0xff}[o.Kind]
		if limit > 0 && len(o.N) == 1 && o.N[0].V > limit {
			return fmt.Errorf("%s does not fit its field", o)
		}
	}
	return nil
}

func (c *ICMP) check(d Direction) error {
	switch {
	case c.MTU.V > 0xffff:
		return fmt.Errorf("mtu %d: at most 65535", c.MTU.V)
	case c.Octets.V > 512:
		return fmt.Errorf("octets %d: at most 512 are quoted", c.Octets.V)
	case c.Seq.Given && c.Forge.Given:
		return errors.New("seq quotes what was sent, forge what was not: write one")
	case d == Await && (c.Seq.Given || c.Forge.Given || c.Octets.Given):
		return errors.New("what an error of the host quotes is checked by itself")
	}
	if d == Inject && (c.MTU.Any || c.Seq.Any || c.Forge.Any || c.Octets.Any) {
		return errors.New("* stands for any value, and no value can be sent so")
	}
	return nil
}

// checkIPv6 refuses what IPv6 does not have.
func checkIPv6(e Event) error {
	p, _ := e.(Packet)
	switch {
	case p.TCP != nil && p.TCP.Sum == sumIP, p.UDP != nil && p.UDP.Sum == sumIP:
		return errors.New("the header of IPv6 has no checksum (RFC 8200 §3)")
	case p.ICMP != nil && icmpKinds[p.ICMP.Kind].type6 == 0:
		return fmt.Errorf("ICMPv6 has no %s (RFC 4443 §3)", p.ICMP.Kind)
	}
	return nil
}
