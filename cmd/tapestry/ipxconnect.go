package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
)

func ipxConnect() *cobra.Command {
	var t target
	var a lab.IPXConnectArgs
	quiet := 2.0
	c := &cobra.Command{
		Use:   "connect address",
		Short: "Connect over SPX, send standard input, print what comes",
		Long: fmt.Sprintf(`Connects over SPX from inside a host to an address of network, node and socket, or to a host of the lab and a socket. Sends
standard input, %d octets at most, and prints what comes, until the other side ends or says nothing for a while.`, lab.MaxConnectData),
		Example: "  echo hello | tapestry ipx connect 0000cafe:020000000001:8007\n  tapestry ipx connect beta:8013 </dev/null",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if a.Data, err = io.ReadAll(io.LimitReader(c.InOrStdin(), lab.MaxConnectData+1)); err != nil {
				return err
			}
			if len(a.Data) > lab.MaxConnectData {
				return fmt.Errorf("standard input has more than %d octets, the most that this tool sends", lab.MaxConnectData)
			}
			a.Address, a.Quiet = args[0], seconds(quiet)
			return stream(c.Context(), &t, "ipx.connect", a, func(m lab.IPXMessage) error {
				if t.json {
					return printJSON(c.OutOrStdout(), m)
				}
				_, err := c.OutOrStdout().Write(m.Data)
				return err
			})
		},
	}
	c.Flags().Float64VarP(&quiet, "quiet", "W", 2, "seconds without anything after which it ends")
	t.addTo(c)
	t.addJSON(c)
	return c
}
