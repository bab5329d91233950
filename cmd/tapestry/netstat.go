package main

import (
	"io"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
	"tapestry/stack"
)

func netstatCommand() *cobra.Command {
	var t target
	var all, routes, stats, interfaces bool
	c := &cobra.Command{
		Use:     "netstat",
		Short:   "List the sockets of a host, or with flags its routes, counters or interfaces",
		Example: "  tapestry netstat\n  tapestry netstat -a\n  tapestry netstat -r --json\n  tapestry netstat -i",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case routes:
				return listing(c, &t, "route", lab.WriteRoutes)
			case stats:
				return listing(c, &t, "stats", statsWriter(all))
			case interfaces:
				return listing(c, &t, "interfaces", lab.WriteInterfaces)
			}
			return listing(c, &t, "netstat", func(w io.Writer, s []lab.OpenSocket) error { return lab.WriteSockets(w, s, all) })
		},
	}
	f := c.Flags()
	f.BoolVarP(&all, "all", "a", false, "also sockets that listen; with -s also counters that are zero")
	f.BoolVarP(&routes, "route", "r", false, "the routing table")
	f.BoolVarP(&stats, "statistics", "s", false, "the counters")
	f.BoolVarP(&interfaces, "interfaces", "i", false, "the interfaces")
	c.MarkFlagsMutuallyExclusive("route", "statistics", "interfaces")
	t.addTo(c)
	t.addJSON(c)
	return c
}

func statsCommand() *cobra.Command {
	var t target
	var all bool
	c := &cobra.Command{
		Use:   "stats",
		Short: "List the counters of a host and its apps",
		Long: `Lists the counters of a host, its apps and the wires that it is straight on: MIB-II names where there are such, every drop
with its reason, each queue of a wire that has several, and how often its reader spun and how often a frame came meanwhile.`,
		Example: "  tapestry stats\n  tapestry stats -a --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return listing(c, &t, "stats", statsWriter(all))
		},
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "also counters that are zero")
	t.addTo(c)
	t.addJSON(c)
	return c
}

func statsWriter(all bool) func(io.Writer, []stack.Stat) error {
	return func(w io.Writer, s []stack.Stat) error { return lab.WriteStats(w, s, all) }
}

// listing asks for a list and shows it.
func listing[T any](c *cobra.Command, t *target, op string, write func(io.Writer, []T) error) error {
	v, err := ask[[]T](c.Context(), t, op, nil)
	if err != nil {
		return err
	}
	if v == nil {
		v = []T{} // JSON's null is no list
	}
	return show(c, t, v, write)
}
