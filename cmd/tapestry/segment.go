package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
)

func segmentsCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "segments",
		Short: "List the segments of a lab with their counters",
		Long: `Lists the segments of a running lab: ports, addresses that are known, frames that came in, frames that were dropped (by full
queues, or because a port is down) and those that were lost (by impairments).`,
		Example: "  tapestry segments\n  tapestry segments --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return gather(c, &t, "segments", nil, lab.WriteSegments)
		},
	}
	t.addLab(c)
	t.addJSON(c)
	return c
}

func portsCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "ports [segment [port]] | segment port down|up",
		Short: "List the ports of a segment, or cut a port off and join it again",
		Long: `Lists one port, the ports of one segment or of all: who is there, the port's state and, with a spanning tree, its part in it, VLANs,
frames and octets both ways, and impairments from the station (tx) and to it (rx).

A port can also be named segment/port, as for impair.

With down, the cable of a port is cut until up: no frame crosses it, and the station sees its carrier go.`,
		Example: "  tapestry ports\n  tapestry ports lan --json\n  tapestry ports lan alpha\n  tapestry ports lan alpha down\n  tapestry ports lan alpha up",
		Args:    portsArgs,
		RunE: func(c *cobra.Command, args []string) error {
			last := len(args) - 1
			if last < 1 || !isUpOrDown(args[last]) {
				return gather(c, &t, "ports", lab.SegmentArgs{Segment: strings.Join(args, "/")}, lab.WritePorts)
			}
			a := lab.PortArgs{Target: strings.Join(args[:last], "/"), Up: args[last] == "up"}
			return gather(c, &t, "ports.set", a, lab.WritePorts)
		},
		ValidArgsFunction: t.completePorts("down", "up"),
	}
	t.addLab(c)
	t.addJSON(c)
	return c
}

func portsArgs(_ *cobra.Command, args []string) error {
	switch n := len(args); {
	case n < 3:
		return nil
	case n > 3:
		return fmt.Errorf("segment, port, and down or up; got %d arguments", n)
	case !isUpOrDown(args[n-1]):
		return fmt.Errorf("%q is neither down nor up", args[n-1])
	}
	return nil
}

func isUpOrDown(word string) bool { return word == "down" || word == "up" }

func impairCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "impair [segment|port|segment port [tx|rx] [key=value… | off]]",
		Short: "Show what the wires of a lab do to frames, or change it",
		Long: `Without keys, lists the impairments of all ports, of a segment or of a port, with what they did.

With keys, changes them at once: those that are given, while the others stay; off makes the wire perfect, alone or as the first
word before others. Of a segment, the ports change that have no impairment of their own, in the direction from the station,
so that a frame suffers it once; with rx, in the direction to the station. Of a port, both directions change, or with tx or
rx one. A port is named as in the list, segment/port or segment port where several segments have one of that name; a trunk's tx is from the
first of its segments to the second.

Keys: loss=5% burst=3 gilbert=1%/30% duplicate=1% corrupt=0.1% delay=10ms jitter=2ms distribution=uniform|normal|pareto
correlation=25% reorder=1% rate=100mbit overhead=24 queue=1000 queue_bytes=64kib discipline=tail|codel target=5ms
interval=100ms mtu=1280 limit=65536 limit_bytes=64mib cut=2s@10s/1m (for how long, when from now, how often).`,
		Example: "  tapestry impair\n  tapestry impair lan loss=5% delay=10ms,jitter=2ms\n  tapestry impair lan/alpha rx rate=1mbit\n" +
			"  tapestry impair lan off",
		RunE: func(c *cobra.Command, args []string) error {
			args = joinPort(args)
			a := lab.ImpairArgs{Target: first(args)}
			if rest := args[min(1, len(args)):]; len(rest) > 0 {
				if rest[0] == "tx" || rest[0] == "rx" {
					a.Direction, rest = rest[0], rest[1:]
				}
				a.Set = strings.Join(rest, " ")
			}
			op := "impair"
			if a.Set != "" {
				op = "impair.set"
			}
			return gather(c, &t, op, a, lab.WriteImpairments)
		},
		ValidArgsFunction: t.completeImpair,
	}
	t.addLab(c)
	t.addJSON(c)
	return c
}

// joinPort makes of a segment and a port, as ports takes them, the one word segment/port.
func joinPort(args []string) []string {
	if len(args) < 2 || strings.Contains(args[0], "/") || strings.Contains(args[1], "=") || slices.Contains([]string{"tx", "rx", "off"}, args[1]) {
		return args
	}
	return append([]string{args[0] + "/" + args[1]}, args[2:]...)
}

func macCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:     "mac [segment]",
		Short:   "List or change the table of a switch",
		Long:    "Lists the Ethernet addresses that a switch knows and the ports behind which they are. The segment can be left out if there is one.",
		Example: "  tapestry mac lan\n  tapestry mac add lan 02:00:5e:10:00:09 alpha\n  tapestry mac delete lan 02:00:5e:10:00:09\n  tapestry mac flush lan",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return gather(c, &t, "mac", lab.SegmentArgs{Segment: first(args)}, lab.WriteMACs)
		},
		ValidArgsFunction: t.completePorts(),
	}
	t.addLab(c)
	t.addJSON(c)
	c.AddCommand(
		macChange("add segment mac port", "Enter a static address: whoever else sends from it, frames for it go to the port",
			"  tapestry mac add lan 02:00:5e:10:00:09 alpha\n  tapestry mac add lan 02:00:5e:10:00:09 alpha --vlan 10", 3),
		macChange("delete segment mac", "Remove an address, static or learned", "  tapestry mac delete lan 02:00:5e:10:00:09", 2),
		macFlush())
	return c
}

func macChange(use, short, example string, args int) *cobra.Command {
	var t target
	var a lab.MACArgs
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(args),
		RunE: func(c *cobra.Command, args []string) error {
			a.Segment, a.MAC = args[0], args[1]
			if len(args) > 2 {
				a.Port = args[2]
			}
			_, err := ask[any](c.Context(), &t, "mac."+c.Name(), a)
			return err
		},
		ValidArgsFunction: t.completePorts(),
	}
	c.Flags().Uint16Var(&a.VLAN, "vlan", 0, "VLAN, where the segment has some")
	t.addLab(c)
	return c
}

func macFlush() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "flush [segment]", Short: "Forget all addresses that were learned", Example: "  tapestry mac flush lan", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, err := ask[any](c.Context(), &t, "mac.flush", lab.SegmentArgs{Segment: first(args)})
			return err
		},
		ValidArgsFunction: t.completePorts(),
	}
	t.addLab(c)
	return c
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// gather asks for a list that comes in pieces, and shows it.
func gather[T any](c *cobra.Command, t *target, op string, args any, write func(io.Writer, []T) error) error {
	all := []T{}
	err := stream(c.Context(), t, op, args, func(some []T) error {
		all = append(all, some...)
		return nil
	})
	if err != nil {
		return err
	}
	return show(c, t, all, write)
}

// ports lists the ports of the running lab, for completion.
func (t *target) ports() (all []lab.PortStatus) {
	stream(context.Background(), &target{lab: t.lab}, "ports", nil, func(some []lab.PortStatus) error {
		all = append(all, some...)
		return nil
	})
	return all
}

// completePorts gives segments first, ports of the segment then, and at last words.
func (t *target) completePorts(words ...string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		const how = cobra.ShellCompDirectiveNoFileComp
		seen := map[string]bool{}
		var names []string
		for _, p := range t.ports() {
			name := p.Segment
			if len(args) > 0 {
				if name = p.Name; p.Segment != args[0] {
					continue
				}
			}
			if !seen[name] {
				names = append(names, name)
			}
			seen[name] = true
		}
		if isPort := len(args) == 1 && len(words) > 0 || len(args) == 2 && c.Name() == "add"; len(args) == 0 || isPort {
			return names, how
		}
		if len(args) == 2 {
			return words, how
		}
		return nil, how
	}
}

// impairKeys are completed behind a target.
var impairKeys = []string{"loss=", "delay=", "jitter=", "rate=", "duplicate=", "corrupt=", "reorder=", "burst=", "gilbert=", "distribution=",
	"correlation=", "queue=", "queue_bytes=", "discipline=", "overhead=", "target=", "interval=", "mtu=", "limit=", "limit_bytes=", "cut="}

func (t *target) completeImpair(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		words := append([]string{"off"}, impairKeys...)
		if len(args) == 1 {
			words = append([]string{"tx", "rx"}, words...)
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	seen := map[string]bool{}
	var names []string
	for _, p := range t.ports() {
		if !seen[p.Segment] {
			names = append(names, p.Segment)
		}
		seen[p.Segment] = true
		names = append(names, p.Segment+"/"+p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
