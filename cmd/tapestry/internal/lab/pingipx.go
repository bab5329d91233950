package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/diag"
)

// isIPXTarget reports whether it is an address of IPX and can be nothing else.
func isIPXTarget(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	_, err := parseIPXTarget(s)
	return err == nil && strings.Contains(s, ":")
}

// parseIPXTarget reads network and node, or a node of this network.
func parseIPXTarget(s string) (a ipxwire.Addr, err error) {
	const colons = 5 // in a node that is written as an Ethernet address
	if i := strings.IndexAny(s, ":."); i >= 0 && strings.Count(s, ":") != colons {
		if a.Net, err = ipxwire.ParseNetwork(s[:i]); err != nil {
			return a, err
		}
		s = s[i+1:]
	}
	a.Node, err = ipxwire.ParseNode(s)
	return a, err
}

// ipxProber sends echoes or configuration requests over IPX.
type ipxProber struct {
	h      *host
	target ipxwire.Addr
	kind   ipx.PingKind
}

func (h *host) ipxProber(a PingArgs) (prober, error) {
	if _, err := h.ipxStack(); err != nil {
		return nil, fmt.Errorf("ping: %w", err)
	}
	p := ipxProber{h: h}
	if a.Diag {
		p.kind = ipx.PingDiagnostic
	}
	var err error
	if p.target, err = parseIPXTarget(a.Target); err == nil {
		return p, nil
	}
	if other := h.lab.hostCalled(a.Target); other != nil {
		p.target, err = other.ipxAddr()
		return p, err
	}
	return nil, fmt.Errorf("ping: %q is neither an address, like 0000cafe:020000000001, nor a host of this lab", a.Target)
}

// hostCalled finds a host by its name, with or without the domain; nil if there is none.
func (l *Lab) hostCalled(name string) *host {
	name = strings.TrimSuffix(name, "."+l.Plan.Domain)
	for _, h := range l.hosts {
		if h.plan.Name == name {
			return h
		}
	}
	return nil
}

// hasIPXAlone reports whether it is a host of the lab that has IPX and no address of IP.
func (l *Lab) hasIPXAlone(name string) bool {
	h := l.hostCalled(name)
	return h != nil && h.plan.IPX != nil && len(h.plan.Addresses()) == 0
}

func (p ipxProber) begin(a PingArgs) PingEvent {
	size := *a.Size
	if p.kind == ipx.PingDiagnostic {
		size = 1
	}
	return PingEvent{Target: netAndNode(p.target), IPX: true, Size: size}
}

func (p ipxProber) ask(ctx context.Context, a PingArgs, e *PingEvent, answer func(PingEvent)) error {
	s, err := p.h.ipxStack()
	if err != nil {
		return err
	}
	one := func(r ipx.PingReply) { answer(p.answered(*e, r)) }
	if p.target.Node == ipxwire.Broadcast {
		err = newSurvey(p.target, p.kind, *a.Size).run(ctx, s, one)
	} else {
		var r ipx.PingReply
		if r, err = s.Ping(ctx, p.target, ipx.PingOptions{Kind: p.kind, Data: make([]byte, *a.Size), Timeout: a.Timeout}); err == nil {
			one(r)
		}
	}
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EMSGSIZE):
		return fmt.Errorf("%d octets of data do not fit into the packet that the network takes; see MAX PACKET of tapestry ipx ports", *a.Size)
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// answered gives the event of an answer.
func (p ipxProber) answered(e PingEvent, r ipx.PingReply) PingEvent {
	hops := int(r.Hops)
	e.From, e.Bytes, e.Hops, e.RTT = netAndNode(r.From), len(r.Data), &hops, r.RTT
	if p.kind == ipx.PingDiagnostic {
		if d, err := diag.ParseResponse(r.Data); err == nil {
			e.Told = d.String()
		}
	}
	return e
}

// netAndNode gives an address without its socket: 0000cafe:020000000001.
func netAndNode(a ipxwire.Addr) string { return a.Net.String() + ":" + a.Node.String() }
