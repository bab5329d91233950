package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack"
)

// To add a command: its arguments here, its arm in Commands, and its tool in package main.

// NeighborArgs are those of arp.add and arp.delete.
type NeighborArgs struct {
	Addr      netip.Addr `json:"addr"`
	MAC       string     `json:"mac,omitempty"`
	Interface string     `json:"interface,omitempty"` // default: the host's first
}

// DumpArgs are those of dump.
type DumpArgs struct {
	Interface string `json:"interface,omitempty"` // default: all
	Snaplen   int    `json:"snaplen,omitempty"`   // octets of each frame; default: all
}

// Frame is a frame that passed a host's interface.
type Frame struct {
	Time      time.Time `json:"time"`
	Interface string    `json:"interface"`
	Out       bool      `json:"out"` // from the host
	Length    int       `json:"length"`
	Data      []byte    `json:"data"`               // with checksums that are left to the device finished
	GSOSize   int       `json:"gso_size,omitempty"` // of a super-frame
	Missed    uint64    `json:"missed,omitempty"`   // frames that this listener was too slow for, so far
}

// Commands are what a lab does for the tools.
func (l *Lab) Commands(at Place) map[string]control.Handler {
	all := map[string]control.Handler{
		"info":         func(_ context.Context, _ control.Request, send func(any) error) error { return send(l.Info(at)) },
		"netstat":      l.listing(func(h *host) any { return h.sockets() }),
		"interfaces":   l.listing(func(h *host) any { return h.interfaces() }),
		"stats":        l.listing(func(h *host) any { return h.stats() }),
		"arp":          l.listing(func(h *host) any { return h.neighbors() }),
		"route":        l.listing(func(h *host) any { return h.routes() }),
		"arp.add":      change(l, (*host).addNeighbor),
		"arp.delete":   change(l, (*host).deleteNeighbor),
		"route.add":    change(l, func(h *host, r stack.Route) error { return h.AddRoute(h.complete(r)) }),
		"route.delete": change(l, func(h *host, r stack.Route) error { return h.RemoveRoute(h.complete(r)) }),
		"ping":         stream(l, (*host).ping),
		"dump":         stream(l, (*host).dump),
	}
	maps.Copy(all, l.segmentCommands())
	maps.Copy(all, l.ipxCommands())
	return all
}

// host finds a host by name; empty is the first.
func (l *Lab) host(name string) (*host, error) {
	var known []string
	for _, h := range l.hosts {
		if name == "" || h.plan.Name == name {
			return h, nil
		}
		known = append(known, h.plan.Name)
	}
	return nil, fmt.Errorf("lab %s has no host %q%s", l.Plan.Name, name, didYouMean(name, known))
}

func (l *Lab) listing(get func(*host) any) control.Handler {
	return func(_ context.Context, r control.Request, send func(any) error) error {
		h, err := l.host(r.Host)
		if err != nil {
			return err
		}
		return send(get(h))
	}
}

func change[T any](l *Lab, f func(*host, T) error) control.Handler {
	return stream(l, func(h *host, _ context.Context, args T, _ func(any) error) error { return f(h, args) })
}

func stream[T any](l *Lab, f func(*host, context.Context, T, func(any) error) error) control.Handler {
	return func(ctx context.Context, r control.Request, send func(any) error) error {
		h, err := l.host(r.Host)
		if err != nil {
			return err
		}
		var args T
		if err := r.DecodeArgs(&args); err != nil {
			return err
		}
		return f(h, ctx, args, send)
	}
}

// complete fills in the interface of a route: that with the gateway's subnet, else the first.
func (h *host) complete(r stack.Route) stack.Route {
	if r.Interface != "" {
		return r
	}
	for _, p := range h.plan.Interfaces {
		if r.Gateway.IsValid() && containing(p.Config.Addresses, r.Gateway) {
			r.Interface = p.Config.Name
			return r
		}
	}
	r.Interface = h.plan.Interfaces[0].Config.Name
	return r
}

func (h *host) addNeighbor(a NeighborArgs) error {
	mac, err := ethernet.ParseAddr(a.MAC)
	if err != nil {
		return err
	}
	if !a.Addr.IsValid() {
		return errors.New("no address given")
	}
	return h.AddNeighbor(stack.Neighbor{Addr: a.Addr, Link: mac, Interface: h.interfaceOf(a)})
}

func (h *host) deleteNeighbor(a NeighborArgs) error {
	for _, n := range h.Neighbors() {
		if n.Addr == a.Addr && (a.Interface == "" || a.Interface == n.Interface) {
			return h.RemoveNeighbor(n.Interface, a.Addr)
		}
	}
	return fmt.Errorf("host %s has no entry for %s", h.plan.Name, a.Addr)
}

func (h *host) interfaceOf(a NeighborArgs) string {
	if a.Interface != "" {
		return a.Interface
	}
	for _, p := range h.plan.Interfaces {
		if containing(p.Config.Addresses, a.Addr) {
			return p.Config.Name
		}
	}
	return h.plan.Interfaces[0].Config.Name
}

// dump sends the frames that pass until the client ends it.
func (h *host) dump(ctx context.Context, a DumpArgs, send func(any) error) error {
	frames := make(chan Frame)
	var ends []func()
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range h.ports {
		if a.Interface != "" && a.Interface != p.name {
			continue
		}
		l, end := p.device.listen()
		ends = append(ends, end)
		go forward(ctx, l, p.name, a.Snaplen, frames) // ends with the request
	}
	if ends == nil {
		return fmt.Errorf("host %s has no interface %q", h.plan.Name, a.Interface)
	}
	if err := send(nil); err != nil { // the listeners are there
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-frames:
			if err := send(f); err != nil {
				return err
			}
		}
	}
}

func forward(ctx context.Context, l *listener, name string, snaplen int, to chan<- Frame) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-l.frames:
			l.taken(s)
			f := describe(s, name, snaplen)
			f.Missed = l.missed.Load()
			select {
			case to <- f:
			case <-ctx.Done():
				return
			}
		}
	}
}

func describe(s sighting, name string, snaplen int) Frame {
	f := Frame{Time: s.when, Interface: name, Out: s.out, Length: s.frame.Len()}
	if s.frame.GSO != link.GSONone {
		f.GSOSize = int(s.frame.GSOSize)
	}
	_ = link.FinishChecksum(&s.frame) // one with bogus offsets is shown as it is
	f.Data = s.frame.AppendTo(nil)
	s.frame.Release()
	if snaplen > 0 && len(f.Data) > snaplen {
		f.Data = f.Data[:snaplen]
	}
	return f
}
