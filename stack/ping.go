package stack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// PingOptions describes an echo request. The zero value of each field means its default.
type PingOptions struct {
	Size         int        // octets of data behind the ICMP header; default 56; negative: none
	TTL          uint8      // hop limit; default the host's
	Source       netip.Addr // default chosen by the route
	Interface    string     // default chosen by the route, or the zone of the destination
	DontFragment bool       // IPv4; a request that does not fit into the MTU is an error with either version then
}

// PingReply describes an echo reply.
type PingReply struct {
	From netip.Addr
	RTT  time.Duration
	Size int   // octets of ICMP header and data
	TTL  uint8 // what was left of the hop limit
}

// PingError is an ICMP error that came back instead of a reply.
type PingError struct {
	From       netip.Addr // the router or host that refused the request
	Type, Code uint8      // of ICMP for IPv4 or IPv6, as From has it
}

// Error tells who said what: "198.51.100.1: time exceeded (ICMP type 11 code 0)".
func (e *PingError) Error() string {
	return fmt.Sprintf("%s: %s (ICMP type %d code %d)", e.From, e.meaning(), e.Type, e.Code)
}

// TimeExceeded reports that the hop limit ended at From: what traceroute asks for.
func (e *PingError) TimeExceeded() bool {
	return e.From.Is4() && e.Type == uint8(header.ICMPv4TimeExceeded) || e.From.Is6() && e.Type == uint8(header.ICMPv6TimeExceeded)
}

// Names of codes: RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1; RFC 4443 §3.1.
var (
	unreachable4 = []string{"network unreachable", "host unreachable", "protocol unreachable", "port unreachable",
		"fragmentation needed", "source route failed", "network unknown", "host unknown", "source host isolated",
		"network prohibited", "host prohibited", "network unreachable for the type of service",
		"host unreachable for the type of service", "communication prohibited"}
	unreachable6 = []string{"no route", "communication prohibited", "beyond scope of source address",
		"address unreachable", "port unreachable", "source address failed policy", "route rejected"}
)

func (e *PingError) meaning() string {
	codes := unreachable4
	unreachable, exceeded, parameter := uint8(header.ICMPv4DstUnreachable), uint8(header.ICMPv4TimeExceeded), uint8(header.ICMPv4ParamProblem)
	if e.From.Is6() {
		codes = unreachable6
		unreachable, exceeded, parameter = uint8(header.ICMPv6DstUnreachable), uint8(header.ICMPv6TimeExceeded), uint8(header.ICMPv6ParamProblem)
	}
	switch {
	case e.Type == unreachable && int(e.Code) < len(codes):
		return codes[e.Code]
	case e.Type == unreachable:
		return "destination unreachable"
	case e.Type == exceeded:
		return "time exceeded"
	case e.Type == parameter:
		return "parameter problem"
	case e.From.Is6() && e.Type == uint8(header.ICMPv6PacketTooBig):
		return "packet too big"
	}
	return "ICMP error"
}

var errPingClosed = &net.OpError{Op: "ping", Net: "ip", Err: net.ErrClosed}

// Ping sends one echo request and waits for its reply, which can be one of several at a time. The error is a
// [*PingError] if an ICMP error came back, the context's if its time was over, and a [*net.OpError] if the request
// could not be sent.
func (h *Host) Ping(ctx context.Context, dst netip.Addr, o PingOptions) (PingReply, error) {
	if h.isClosed() != nil {
		return PingReply{}, errPingClosed
	}
	r, err := h.pingRoute(dst, o)
	if err != nil {
		return PingReply{}, pingOpError(dst, err)
	}
	defer r.Release()
	p := newPing(h, r.NetProto(), dst)
	p.own = !p.dst.IsLoopback() && h.ns.CheckLocalAddress(0, r.NetProto(), r.RemoteAddress()) != 0
	if err := p.register(); err != nil {
		return PingReply{}, pingOpError(dst, err)
	}
	defer p.unregister()
	start := h.ns.Clock().NowMonotonic()
	if err := p.send(r, o); err != nil {
		return PingReply{}, pingOpError(dst, err)
	}
	select {
	case m := <-p.results:
		m.reply.RTT = m.at.Sub(start)
		return m.reply, m.err
	case <-p.closed:
		return PingReply{}, errPingClosed
	case <-ctx.Done():
		return PingReply{}, ctx.Err()
	}
}

func pingOpError(dst netip.Addr, err error) error {
	return &net.OpError{Op: "ping", Net: "ip", Addr: ipAddr(dst), Err: err}
}

func (h *Host) pingRoute(dst netip.Addr, o PingOptions) (*netstack.Route, error) {
	if !dst.IsValid() || dst.IsUnspecified() {
		return nil, errMissingAddress
	}
	name := o.Interface
	if name == "" {
		name = dst.Zone()
	}
	nic := h.zoneID(name)
	if nic == 0 && name != "" {
		return nil, &net.AddrError{Err: "no such interface", Addr: name}
	}
	var src tcpip.Address
	if o.Source.IsValid() {
		if src = toAddress(o.Source); h.ns.CheckLocalAddress(0, networkOf(o.Source), src) == 0 {
			return nil, syscallError("bind", &tcpip.ErrBadLocalAddress{})
		}
	}
	r, e := h.ns.FindRoute(nic, src, toAddress(dst), networkOf(dst), false)
	return r, syscallError("sendto", e)
}
