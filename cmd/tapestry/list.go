package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"tapestry/apps/all"
	"tapestry/cmd/tapestry/internal/control"
	"tapestry/cmd/tapestry/internal/lab"
)

func labsCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "labs", Short: "List the labs that run",
		Long: `Lists the labs of this user that run. They are looked for in $XDG_RUNTIME_DIR/tapestry, where one that is started goes if that
variable names a folder of the user's alone, and in /tmp/tapestry-UID, where it goes otherwise.

A tool acts in the lab that --lab names, or else TAPESTRY_LAB, which a command beside a lab has in its environment; without
both in the one that runs. Of several it takes the one in $XDG_RUNTIME_DIR, if it is alone there.`,
		Example: "  tapestry labs\n  tapestry labs --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			running := control.List(dirs())
			if running == nil {
				running = []control.Running{}
			}
			return show(c, &t, running, writeLabs)
		},
	}
	t.addJSON(c)
	return c
}

func writeLabs(w io.Writer, all []control.Running) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "LAB\tPROCESS\tCONTROL SOCKET")
	for _, l := range all {
		fmt.Fprintf(t, "%s\t%d\t%s\n", l.Name, l.PID, l.Socket)
	}
	return t.Flush()
}

func infoCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "info", Short: "Show a running lab: wires, hosts, apps and their ports",
		Example: "  tapestry info\n  tapestry info --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			i, err := ask[lab.Info](c.Context(), &t, "info", nil)
			if err != nil {
				return err
			}
			return show(c, &t, i, func(w io.Writer, i lab.Info) error { return i.WriteTable(w) })
		},
	}
	t.addTo(c)
	t.addJSON(c)
	return c
}

func appsCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "apps", Short: "List the apps that a host can have",
		Example: "  tapestry apps",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			type app struct {
				Name string `json:"name"`
				Doc  string `json:"doc"`
			}
			var known []app
			for _, a := range all.Apps {
				known = append(known, app{a.Name, a.Doc})
			}
			return show(c, &t, known, func(w io.Writer, known []app) error {
				tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
				for _, a := range known {
					fmt.Fprintf(tw, "%s\t%s\n", a.Name, a.Doc)
				}
				return tw.Flush()
			})
		},
	}
	t.addJSON(c)
	return c
}

func defaultsCommand() *cobra.Command {
	names := slices.Sorted(maps.Keys(lab.Examples()))
	return &cobra.Command{
		Use: "defaults [" + strings.Join(names, "|") + "]", Short: "Print a lab's file, to begin one of your own with",
		Long: `Prints the file of the default lab, one host straight on a TAP, which is the fastest way; or with segment, one of three
hosts and the kernel on a switch with impairments; or with ipx, one with IP and IPX on one wire, a router, a server and a place for
DOSBox; or with xdp, one of a host on AF_XDP, which takes root.`,
		Example: "  tapestry defaults > lab.toml\n  tapestry defaults segment > lab.toml\n  tapestry defaults ipx > lab.toml\n  tapestry defaults xdp > lab.toml",
		Args:    cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			name := "default"
			if len(args) > 0 {
				name = args[0]
			}
			_, err := c.OutOrStdout().Write(lab.Examples()[name])
			return err
		},
	}
}
