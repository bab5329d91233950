package main

import (
	"fmt"
	"io"
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
	return &cobra.Command{
		Use: "defaults", Short: "Print the file of the default lab, to begin one of your own with",
		Example: "  tapestry defaults > lab.toml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(lab.DefaultFile())
			return err
		},
	}
}
