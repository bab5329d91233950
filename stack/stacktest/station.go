package stacktest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// StationConfig describes a station. The zero value of each field means its default.
type StationConfig struct {
	Name      string         // required
	Segment   string         // default "lan"
	Addresses []netip.Prefix // default the next of 198.51.100.0/24 and 2001:db8::/64
	Addr      ethernet.Addr  // default one that goes with the addresses
	// Raw stations get every frame and answer none. Others tell who asks for their addresses by ARP (RFC 826) or
	// Neighbor Discovery (RFC 4861 §7.2.4), and get neither these nor other hosts' announcements and reports to see.
	Raw    bool
	Tx, Rx string // what the wire does, as [impair.Parse] reads it; default a perfect one, whatever Config.Impair says
}

// Station is a port of a segment without a host: the test itself sends and receives there.
type Station struct {
	net  *Net
	cfg  StationConfig
	port *port

	mu   sync.Mutex
	got  []Packet
	wake chan struct{} // closed and replaced when got grows
}

// Station makes a station with addresses of its own on the segment "lan". All hosts know its name.
func (n *Net) Station(name string) *Station {
	n.t.Helper()
	return n.AddStation(StationConfig{Name: name})
}

// AddStation makes a station.
func (n *Net) AddStation(c StationConfig) *Station {
	n.t.Helper()
	if c.Name == "" || n.lookup(c.Name) != nil {
		n.t.Fatalf("stacktest: a station needs a name that no other has; got %q", c.Name)
	}
	mac, addresses := n.address()
	defaultTo(&c.Segment, "lan")
	defaultTo(&c.Addr, mac)
	if c.Addresses == nil {
		c.Addresses = addresses
	}
	s := &Station{net: n, cfg: c, wake: make(chan struct{})}
	s.port = n.Segment(c.Segment).attach(c.Name, c.Tx, c.Rx, s.receive)
	n.addName(c.Name, c.Addresses)
	return s
}

// Addr4 is the station's first IPv4 address; the zero Addr if it has none.
func (s *Station) Addr4() netip.Addr { return firstAddr(s.cfg.Addresses, netip.Addr.Is4) }

// Addr6 is the station's first IPv6 address; the zero Addr if it has none.
func (s *Station) Addr6() netip.Addr { return firstAddr(s.cfg.Addresses, netip.Addr.Is6) }

// Link is the station's hardware address.
func (s *Station) Link() ethernet.Addr { return s.cfg.Addr }

// Send puts a frame on the wire. b stays the caller's.
func (s *Station) Send(b []byte) { s.port.write([]link.Frame{link.NewFrame(b)}) }

// SendIP sends what follows an Ethernet header from this station to the host at to.
func (s *Station) SendIP(to ethernet.Addr, layers ...Layer) {
	s.Send(Build(slices.Insert(slices.Clone(layers), 0, Layer(Ethernet{Src: s.cfg.Addr, Dst: to}))...))
}

// Next gives the next packet, in the order of arrival, if there is one within d, the last instant included. With d of
// zero it gives what arrives without time passing.
func (s *Station) Next(d time.Duration) (Packet, bool) {
	until := time.NewTimer(d)
	defer until.Stop()
	for {
		p, ok, wake := s.take()
		if ok {
			return p, true
		}
		select {
		case <-wake:
		case <-until.C:
			s.net.Settle()
			p, ok, _ = s.take()
			return p, ok
		}
	}
}

// take gives the oldest packet, or what is closed when there is one.
func (s *Station) take() (p Packet, ok bool, wake <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) == 0 {
		return Packet{}, false, s.wake
	}
	p = s.got[0]
	s.got = s.got[1:]
	return p, true, nil
}

// Expect gives the first packet within d for which want holds; those before it are taken too. The test fails if there is
// none.
func (s *Station) Expect(t *testing.T, d time.Duration, what string, want func(p Packet) bool) Packet {
	t.Helper()
	var others strings.Builder
	for deadline := time.Now().Add(d); ; {
		p, ok := s.Next(time.Until(deadline))
		if !ok {
			t.Fatalf("station %s: no %s within %v, but\n%s", s.cfg.Name, what, d, &others)
		}
		if want(p) {
			return p
		}
		fmt.Fprintf(&others, "%+.6fs\n%s\n", p.At.Sub(s.net.loop.start).Seconds(), p)
	}
}

// ExpectNone fails the test if within d a packet comes for which want holds.
func (s *Station) ExpectNone(t *testing.T, d time.Duration, what string, want func(p Packet) bool) {
	t.Helper()
	for deadline := time.Now().Add(d); ; {
		p, ok := s.Next(time.Until(deadline))
		if !ok {
			return
		}
		if want(p) {
			t.Fatalf("station %s: %s came\n%s", s.cfg.Name, what, p)
		}
	}
}

// receive runs on the loop's goroutine.
func (s *Station) receive(f link.Frame) {
	_ = link.FinishChecksum(&f) // one with bogus offsets is shown as it is
	p, _ := ParsePacket(f.AppendTo(nil))
	f.Release()
	p.At = time.Now()
	if !s.cfg.Raw && (p.Src == s.cfg.Addr || !s.isMine(p.Dst) || s.answer(&p)) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p)
	close(s.wake)
	s.wake = make(chan struct{})
}

// isMine leaves out what a hub sends to others.
func (s *Station) isMine(dst ethernet.Addr) bool { return dst == s.cfg.Addr || dst.IsMulticast() }

// answer reports whether p is the wire's own business: neighbours who ask, announce and report.
func (s *Station) answer(p *Packet) bool {
	switch {
	case p.ARP != nil:
		s.answerARP(p)
		return true
	case p.ICMPv6 != nil && p.ICMPv6.Type() == header.ICMPv6NeighborSolicit:
		s.answerSolicit(p)
		return true
	case p.ICMPv6 != nil:
		return p.Dst.IsMulticast()
	case p.IPv6 != nil && p.IPv6.NextHeader() == uint8(header.IPv6HopByHopOptionsExtHdrIdentifier):
		return p.Dst.IsMulticast() // MLD
	}
	return false
}

func (s *Station) has(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
}

func (s *Station) answerARP(p *Packet) {
	wanted, _ := netip.AddrFromSlice(p.ARP.ProtocolAddressTarget())
	asks, _ := netip.AddrFromSlice(p.ARP.ProtocolAddressSender())
	if p.ARP.Op() != header.ARPRequest || !s.has(wanted) || asks == wanted {
		return
	}
	s.SendIP(p.Src, ARP{Op: 2, Sender: s.cfg.Addr, SenderIP: wanted, Target: p.Src, Wanted: asks})
}

// answerSolicit: RFC 4861 §7.2.4.
func (s *Station) answerSolicit(p *Packet) {
	if len(p.ICMPv6) < header.ICMPv6NeighborSolicitMinimumSize {
		return
	}
	target := header.NDPNeighborSolicit(p.ICMPv6.MessageBody()).TargetAddress()
	wanted, _ := netip.AddrFromSlice(target.AsSlice())
	if !s.has(wanted) || p.SrcIP().IsUnspecified() {
		return
	}
	const solicitedOverride = 0x60
	body := append(wanted.AsSlice(), 2, 1) // target link-layer address option, one unit of 8 octets
	body = append(body, s.cfg.Addr[:]...)
	s.SendIP(p.Src, IPv6{Src: wanted, Dst: p.SrcIP()},
		ICMP{Type: uint8(header.ICMPv6NeighborAdvert), Rest: [4]byte{solicitedOverride}}, Payload(body))
}

func firstAddr(ps []netip.Prefix, is func(netip.Addr) bool) netip.Addr {
	for _, p := range ps {
		if is(p.Addr()) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}
