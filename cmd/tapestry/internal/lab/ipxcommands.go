package lab

import (
	"context"
	"fmt"
	"time"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/rip"
)

// IPXRouteArgs are those of ipx.route.add and ipx.route.delete, as a person writes them.
type IPXRouteArgs struct {
	Network string `json:"network"`
	Gateway string `json:"gateway,omitempty"`
	Hops    uint16 `json:"hops,omitempty"`  // default 1
	Ticks   uint16 `json:"ticks,omitempty"` // default: one more than hops
}

// ipxCommands are what a lab does for the tools of IPX.
func (l *Lab) ipxCommands() map[string]control.Handler {
	return map[string]control.Handler{
		"ipx.ports":   l.ipxListing(func(h *host) any { return h.ipxPorts() }),
		"ipx.route":   l.ipxListing(func(h *host) any { return h.ipxRoutes() }),
		"ipx.servers": l.ipxListing(func(h *host) any { return h.ipxServers() }),
		"ipx.sockets": l.ipxListing(func(h *host) any { return h.IPXSockets() }),
		"ipx.stats":   l.ipxListing(func(h *host) any { return h.ipxStats() }),
		"ipx.tunnels": l.ipxTunnels,
		"ipx.connect": stream(l, (*host).ipxConnect),

		"ipx.tunnels.stats": l.ipxTunnelStats,

		"ipx.route.add":    change(l, (*host).ipxRouteAdd),
		"ipx.route.delete": change(l, (*host).ipxRouteDelete),
	}
}

// ipxListing is a listing of hosts with IPX.
func (l *Lab) ipxListing(get func(*host) any) control.Handler {
	return func(_ context.Context, r control.Request, send func(any) error) error {
		h, err := l.host(r.Host)
		if err != nil {
			return err
		}
		if _, err := h.ipxStack(); err != nil {
			return err
		}
		return send(get(h))
	}
}

func (h *host) ipxRouteAdd(a IPXRouteArgs) error {
	if _, err := h.ipxStack(); err != nil {
		return err
	}
	network, err := routeNetwork(a.Network)
	if err != nil {
		return err
	}
	gateway, err := parseIPXTarget(a.Gateway)
	if err != nil || gateway.Net == 0 {
		return fmt.Errorf("%q is no address of a router; want network and node, like 0000cafe:020000000001", a.Gateway)
	}
	return h.addIPXRoute(IPXRoutePlan{Network: network, Gateway: gateway, Hops: max(a.Hops, 1), Ticks: a.Ticks})
}

func (h *host) ipxRouteDelete(a IPXRouteArgs) error {
	if _, err := h.ipxStack(); err != nil {
		return err
	}
	network, err := routeNetwork(a.Network)
	if err != nil {
		return err
	}
	var was bool
	h.IPX().Do(func(now time.Time, n *ipx.Node) { was = n.RIP().RemoveStatic(now, network) })
	if !was {
		return fmt.Errorf("host %s has no static route to %v", h.plan.Name, network)
	}
	return nil
}

// routeNetwork reads what a route leads to.
func routeNetwork(s string) (ipxwire.Network, error) {
	if s == "default" {
		return rip.Default, nil
	}
	return ipxwire.ParseNetwork(s)
}
