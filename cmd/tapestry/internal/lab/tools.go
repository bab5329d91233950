package lab

import (
	"context"
	"io"
	"net/netip"
)

// hostControl is what a host's apps see of it: [apps.HostControl].
type hostControl struct{ h *host }

// Name implements [apps.HostControl].
func (c hostControl) Name() string { return c.h.plan.Name }

// Domain implements [apps.HostControl].
func (c hostControl) Domain() string { return c.h.lab.Plan.Domain }

// Addresses implements [apps.HostControl].
func (c hostControl) Addresses() []netip.Prefix {
	var all []netip.Prefix
	for _, i := range c.h.Interfaces() {
		all = append(all, i.Addresses...)
	}
	return all
}

// Names implements [apps.HostControl].
func (c hostControl) Names() map[string][]netip.Addr { return c.h.lab.Plan.names() }

// tools are the commands as text, for apps that show them to their users: [apps.LabCommands].
type tools struct{ h *host }

// Netstat implements [apps.LabCommands].
func (t tools) Netstat(_ context.Context, w io.Writer) error {
	return WriteSockets(w, t.h.sockets(), true)
}

// ARP implements [apps.LabCommands].
func (t tools) ARP(_ context.Context, w io.Writer) error { return WriteNeighbors(w, t.h.neighbors()) }

// Stats implements [apps.LabCommands].
func (t tools) Stats(_ context.Context, w io.Writer) error { return WriteStats(w, t.h.stats(), false) }

// Ping implements [apps.LabCommands].
func (t tools) Ping(ctx context.Context, w io.Writer, target string, count int) error {
	var s PingSummary
	return t.h.ping(ctx, PingArgs{Target: target, Count: max(1, count)}, func(v any) error {
		return s.Write(w, v.(PingEvent))
	})
}
