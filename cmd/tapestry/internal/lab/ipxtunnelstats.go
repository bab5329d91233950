package lab

import (
	"context"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/link/ipxtunnel"
	"tapestry/stack"
)

// ipxTunnelStats lists the counters of all tunnels.
func (l *Lab) ipxTunnelStats(_ context.Context, _ control.Request, send func(any) error) error {
	all := []stack.Stat{} // a list also where it is empty
	for _, t := range l.tunnels {
		all = append(all, tunnelStats(t.name, t.drops())...)
	}
	return send(all)
}

func (t *openTunnel) drops() ipxtunnel.Drops {
	if t.server != nil {
		return t.server.Drops()
	}
	return t.client.Drops()
}

// tunnelStats names the counters of one tunnel: ipxtunnel.dos.drop.refused.
func tunnelStats(name string, d ipxtunnel.Drops) []stack.Stat {
	name = "ipxtunnel." + name + "."
	return []stack.Stat{
		{Name: name + "registers", Value: d.Registers},
		{Name: name + "copies", Value: d.Copies},
		{Name: name + "drop.stranger", Value: d.Stranger},
		{Name: name + "drop.refused", Value: d.Refused},
		{Name: name + "drop.limit", Value: d.Limit},
		{Name: name + "drop.unregistered", Value: d.Unregistered},
		{Name: name + "drop.spoofed", Value: d.Spoofed},
		{Name: name + "drop.unconfirmed", Value: d.Unconfirmed},
		{Name: name + "drop.short", Value: d.Short},
		{Name: name + "drop.length", Value: d.Length},
		{Name: name + "drop.long", Value: d.Long},
		{Name: name + "drop.checksum", Value: d.Checksum},
		{Name: name + "drop.destination", Value: d.Destination},
		{Name: name + "drop.full", Value: d.Full},
		{Name: name + "drop.other", Value: d.Other},
		{Name: name + "drop.routed", Value: d.Routed},
		{Name: name + "drop.stations", Value: d.Stations},
	}
}
