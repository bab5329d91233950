package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
	"tapestry/stack"
)

func arpCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:     "arp",
		Short:   "List or change the ARP and Neighbor Discovery caches of a host",
		Example: "  tapestry arp\n  tapestry arp add 198.51.100.9 02:00:5e:10:00:09\n  tapestry arp delete 198.51.100.9",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return listing(c, &t, "arp", lab.WriteNeighbors)
		},
	}
	t.addTo(c)
	t.addJSON(c)
	c.AddCommand(arpChange("add address mac", "Enter a static mapping", "  tapestry arp add 198.51.100.9 02:00:5e:10:00:09", 2))
	c.AddCommand(arpChange("delete address", "Remove a mapping, static or learned", "  tapestry arp delete 198.51.100.9", 1))
	return c
}

func arpChange(use, short, example string, args int) *cobra.Command {
	var t target
	var a lab.NeighborArgs
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(args),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if a.Addr, err = netip.ParseAddr(args[0]); err != nil {
				return fmt.Errorf("%q is no address, like 198.51.100.9", args[0])
			}
			if len(args) > 1 {
				a.MAC = args[1]
			}
			_, err = ask[any](c.Context(), &t, "arp."+c.Name(), a)
			return err
		},
	}
	c.Flags().StringVar(&a.Interface, "interface", "", "interface of the host (default: the one with the address's subnet)")
	t.addTo(c)
	return c
}

func routeCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:     "route",
		Short:   "List or change the routing table of a host",
		Example: "  tapestry route\n  tapestry route add 203.0.113.0/24 198.51.100.1\n  tapestry route delete 203.0.113.0/24 198.51.100.1",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return listing(c, &t, "route", lab.WriteRoutes)
		},
	}
	t.addTo(c)
	t.addJSON(c)
	c.AddCommand(routeChange("add destination [gateway]", "Add a route",
		"  tapestry route add default 198.51.100.1\n  tapestry route add 203.0.113.0/24 198.51.100.1"))
	c.AddCommand(routeChange("delete destination [gateway]", "Remove a route", "  tapestry route delete default 198.51.100.1"))
	return c
}

func routeChange(use, short, example string) *cobra.Command {
	var t target
	var r stack.Route
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := parseRoute(&r, args); err != nil {
				return err
			}
			_, err := ask[any](c.Context(), &t, "route."+c.Name(), r)
			return err
		},
	}
	c.Flags().StringVar(&r.Interface, "interface", "", "interface of the host (default: the one with the gateway's subnet)")
	t.addTo(c)
	return c
}

// parseRoute reads "default" or a prefix, and a gateway.
func parseRoute(r *stack.Route, args []string) error {
	var err error
	if len(args) > 1 {
		if r.Gateway, err = netip.ParseAddr(args[1]); err != nil {
			return fmt.Errorf("%q is no address of a gateway, like 198.51.100.1", args[1])
		}
	}
	if args[0] != "default" {
		if r.Destination, err = netip.ParsePrefix(args[0]); err != nil {
			return fmt.Errorf(`%q is no destination; write "default" or a prefix like 203.0.113.0/24`, args[0])
		}
		return nil
	}
	if !r.Gateway.IsValid() {
		return fmt.Errorf("a default route needs a gateway")
	}
	all := netip.IPv6Unspecified()
	if r.Gateway.Is4() {
		all = netip.IPv4Unspecified()
	}
	r.Destination = netip.PrefixFrom(all, 0)
	return nil
}
