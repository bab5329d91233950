package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/diag"
)

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
	if isIPXTarget(a.Target) {
		return nil, fmt.Errorf("ping: %w", err)
	}
	to, isKnown, err := h.ipxNamed(a.Target)
	if !isKnown {
		return nil, fmt.Errorf("ping: %q is neither an address, like 0000cafe:020000000001, nor a host of this lab, "+
			"nor a server of tapestry slist", a.Target)
	}
	p.target = to
	return p, err
}

func (p ipxProber) begin(a PingArgs) PingEvent {
	e := PingEvent{Target: netAndNode(p.target), IPX: true, Size: *a.Size, Diag: p.kind == ipx.PingDiagnostic}
	if e.Diag {
		e.Size = 1 // the count of those who are to keep silent
	}
	return e
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
		if r, err = s.Ping(ctx, p.target,
			ipx.PingOptions{Kind: p.kind, Data: make([]byte, *a.Size), Timeout: a.Timeout}); err == nil {
			one(r)
		}
	}
	var op *net.OpError
	wrapped := p.h.ipxError(err, p.target.Net)
	switch {
	case errors.Is(err, syscall.EMSGSIZE):
		return fmt.Errorf("%d octets of data do not fit into the packet that the network takes; "+
			"see MAX PACKET of tapestry ipx ports", *a.Size)
	case errors.As(wrapped, &op):
		return op.Err
	}
	return wrapped
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
