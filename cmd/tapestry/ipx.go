package main

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
	"tapestry/internal/ipxwire"
)

func ipxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ipx",
		Short: "List what a host knows over IPX: networks, routes, servers, sockets",
		Long: `Lists what a host of the running lab knows over IPX. A host has IPX where the lab's file gives one of its interfaces the key
ipx. To ask another node for a sign of life: tapestry ping 0000cafe:020000000001.`,
		Example: "  tapestry ipx ports\n  tapestry ipx route\n  tapestry ipx servers --json\n  tapestry ipx route add 0000f00d 0000cafe:020000000001",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SetFlagErrorFunc(func(at *cobra.Command, err error) error {
		if at == c {
			return fmt.Errorf("%w; flags stand behind one of the commands, like tapestry ipx ports --json; see %s --help", err,
				at.CommandPath())
		}
		return fmt.Errorf("%w; see %s --help", err, at.CommandPath())
	})
	route := ipxListing("route", "List the networks that the host knows, by RIP or by its file",
		`Lists the networks that the host knows, by RIP or by its file. HOPS are the routers on the way, TICKS the time in 1/18 s. A route that
nobody announces any more is gone after AGES IN.`, lab.WriteIPXRoutes)
	route.AddCommand(ipxRouteAdd(), ipxRouteDelete())
	c.AddCommand(
		ipxListing("ports", "List the networks that the host is on",
			"Lists the networks that the host is on: one for each framing of each interface, and the one within.",
			lab.WriteIPXPorts),
		route, ipxServers(),
		ipxListing("sockets", "List the sockets of IPX and the connections of SPX",
			"Lists the sockets that packets come to, with who takes them, and the connections of SPX.",
			lab.WriteIPXSockets),
		ipxStats(), ipxTunnels(), ipxConnect(),
	)
	return c
}

// ipxListing shows one of the host's lists.
func ipxListing[T any](name, short, long string, write func(io.Writer, []T) error) *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: name, Short: short, Long: long,
		Example: fmt.Sprintf("  tapestry ipx %s\n  tapestry ipx %s --host beta --json", name, name),
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return listing(c, &t, "ipx."+name, write) },
	}
	t.addTo(c)
	t.addJSON(c)
	return c
}

func ipxServers() *cobra.Command {
	return serverListing("servers", "List the servers that the host knows by SAP", "ipx servers", lab.WriteIPXServers)
}

func slistCommand() *cobra.Command {
	return serverListing("slist", "List the servers on IPX that a host knows, as NetWare's SLIST", "slist",
		lab.WriteServerList)
}

func serverListing(name, short, words string, write func(io.Writer, []lab.IPXServer) error) *cobra.Command {
	var t target
	var typ string
	c := &cobra.Command{
		Use: name + " [pattern]", Short: short,
		Long: `Lists the servers that the host knows by SAP or by its file. A pattern has * and ? for parts of a name. Who has just
joined a network asks for its servers; others are heard of within a minute.`,
		Example: fmt.Sprintf("  tapestry %s\n  tapestry %s 'FS*' --type 0004\n  tapestry %s --host beta --json", words,
			words, words),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			wants, err := serverFilter(args, typ)
			if err != nil {
				return err
			}
			all, err := ask[[]lab.IPXServer](c.Context(), &t, "ipx.servers", nil)
			if err != nil {
				return err
			}
			some := []lab.IPXServer{} // a list also where it is empty
			for _, s := range all {
				if wants(s) {
					some = append(some, s)
				}
			}
			return show(c, &t, some, write)
		},
	}
	c.Flags().StringVar(&typ, "type", "", "only those of this type, in hexadecimal: 0004 is a file server")
	t.addTo(c)
	t.addJSON(c)
	return c
}

// serverFilter tells which servers are asked for.
func serverFilter(args []string, typ string) (func(lab.IPXServer) bool, error) {
	pattern := "*"
	if len(args) > 0 {
		pattern = strings.ToUpper(args[0])
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%q is no pattern; use * and ? for parts of a name", args[0])
	}
	number, err := ipxwire.ParseSocket(typ)
	if err != nil {
		return nil, fmt.Errorf("%q is no type of a server; want up to four hexadecimal digits, like 0004", typ)
	}
	return func(s lab.IPXServer) bool {
		fits, _ := path.Match(pattern, s.Name)
		return fits && (typ == "" || s.Type == lab.Hex16(number))
	}, nil
}

func ipxStats() *cobra.Command {
	var t target
	var all bool
	c := &cobra.Command{
		Use: "stats", Short: "List the counters of IPX and SPX",
		Long:    "Lists the counters of IPX and SPX: names of Novell's MIB where there are such, every drop with its reason.",
		Example: "  tapestry ipx stats\n  tapestry ipx stats -a --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return listing(c, &t, "ipx.stats", statsWriter(all)) },
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "also counters that are zero")
	t.addTo(c)
	t.addJSON(c)
	return c
}

func ipxRouteAdd() *cobra.Command {
	var t target
	var r lab.IPXRouteArgs
	c := &cobra.Command{
		Use: "add network gateway", Short: "Add a static route",
		Long:    "Adds a static route: to the network through a router on one of the host's own networks.",
		Example: "  tapestry ipx route add 0000f00d 0000cafe:020000000001\n  tapestry ipx route add f00d cafe:020000000001 --hops 2",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			r.Network, r.Gateway = args[0], args[1]
			_, err := ask[any](c.Context(), &t, "ipx.route.add", r)
			return err
		},
	}
	c.Flags().Uint16Var(&r.Hops, "hops", 1, "routers on the way, 1 to 15")
	c.Flags().Uint16Var(&r.Ticks, "ticks", 0, "time on the way in 1/18 s (default: one more than hops)")
	t.addTo(c)
	return c
}

func ipxRouteDelete() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "delete network", Short: "Remove a static route",
		Example: "  tapestry ipx route delete 0000f00d",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, err := ask[any](c.Context(), &t, "ipx.route.delete", lab.IPXRouteArgs{Network: args[0]})
			return err
		},
	}
	t.addTo(c)
	return c
}

func ipxTunnels() *cobra.Command {
	var t target
	var stats, all bool
	c := &cobra.Command{
		Use: "tunnels", Short: "List who joined the lab by a tunnel of IPX in UDP",
		Long: `Lists the emulators that joined a tunnel's server of the lab, and the stations of the lab for which a tunnel's client joined
another server. With -s, the counters of the tunnels: registrations, and each reason for which a packet was dropped.`,
		Example: "  tapestry ipx tunnels\n  tapestry ipx tunnels -s --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if stats {
				return listing(c, &t, "ipx.tunnels.stats", statsWriter(all))
			}
			return listing(c, &t, "ipx.tunnels", lab.WriteIPXTunnels)
		},
	}
	c.Flags().BoolVarP(&stats, "statistics", "s", false, "the counters")
	c.Flags().BoolVarP(&all, "all", "a", false, "with -s, also counters that are zero")
	t.addLab(c)
	t.addJSON(c)
	return c
}
