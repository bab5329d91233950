package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
)

func pingCommand() *cobra.Command {
	var t target
	var a lab.PingArgs
	var v4, v6 bool
	interval, timeout := 1.0, 2.0
	var size int
	c := &cobra.Command{
		Use:   "ping host",
		Short: "Send echo requests from a host",
		Long: `Sends ICMP echo requests from inside a host of the running lab to an address or a name. The status is 0 if a reply
came, 1 if none did, 2 for other errors.`,
		Example: "  tapestry ping 198.51.100.1\n  tapestry ping -c 3 -s 1000 2001:db8:51::1",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a.Target, a.Size = args[0], &size
			a.Interval, a.Timeout = seconds(interval), seconds(timeout)
			a.Family = map[[2]bool]string{{true, false}: "ip4", {false, true}: "ip6"}[[2]bool{v4, v6}]
			return ping(c, &t, a)
		},
	}
	f := c.Flags()
	f.IntVarP(&a.Count, "count", "c", 0, "requests to send (default: until Ctrl-C)")
	f.Float64VarP(&interval, "interval", "i", 1, "seconds between requests")
	f.IntVarP(&size, "size", "s", 56, "octets of data in a request")
	f.Float64VarP(&timeout, "timeout", "W", 2, "seconds to wait for a reply")
	f.Uint8VarP(&a.TTL, "ttl", "t", 0, "time to live (default: the host's)")
	f.BoolVarP(&v4, "ipv4", "4", false, "IPv4 only")
	f.BoolVarP(&v6, "ipv6", "6", false, "IPv6 only")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	t.addTo(c)
	t.addJSON(c)
	return c
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

func ping(c *cobra.Command, t *target, a lab.PingArgs) error {
	var s lab.PingSummary
	w := c.OutOrStdout()
	err := stream(c.Context(), t, "ping", a, func(e lab.PingEvent) error {
		if !t.json {
			return s.Write(w, e)
		}
		s.Count(e)
		return printJSON(w, e)
	})
	if !t.json {
		s.Finish(w)
	}
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		report(err)
		return exitStatus(2)
	case s.Received == 0:
		return exitStatus(1)
	}
	return nil
}
