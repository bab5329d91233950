package lab

import (
	"slices"

	"tapestry/stack"
)

// speaksIP reports whether an interface of the host does: it has an address, or IPv6 makes itself one.
func (h *host) speaksIP() bool {
	for _, p := range h.ports {
		if p.speaksIPv6() {
			return true
		}
	}
	return slices.ContainsFunc(h.Interfaces(), func(i stack.InterfaceInfo) bool { return len(i.Addresses) > 0 })
}

func (p *port) speaksIPv6() bool {
	return !p.plan.Config.NoIPv6 && p.device.Info().MTU >= minMTU6
}

// reachable leaves out what others cannot reach: on a host without IP, sockets of TCP and UDP are open for itself alone.
func (h *host) reachable(all []Endpoint) []Endpoint {
	if h.speaksIP() {
		return all
	}
	return slices.DeleteFunc(all, func(e Endpoint) bool { return !isIPXNetwork(e.Network) })
}

// routes lists the host's routes. The engine has fe80::/64 on every interface, also where IPv6 is off and nothing takes
// it.
func (h *host) routes() []stack.Route {
	return slices.DeleteFunc(h.Routes(), func(r stack.Route) bool {
		a := r.Destination.Addr()
		return a.Is6() && a.IsLinkLocalUnicast() && slices.ContainsFunc(h.ports, func(p *port) bool {
			return p.name == r.Interface && !p.speaksIPv6()
		})
	})
}
