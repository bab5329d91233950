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
	var v4, v6, overIPX bool
	interval, timeout := 1.0, 2.0
	var size int
	c := &cobra.Command{
		Use:   "ping host",
		Short: "Send echo requests from a host",
		Long: `Sends echo requests from inside a host of the running lab to an address or a name: over ICMP, or over IPX to an address
of network and node, or to a host that has nothing else. A host that is named is asked on a network of IPX that both are
on, if there is one. NetWare's own machines leave echoes unanswered and answer --diagnostic, which asks for their
configuration. To the node ffffffffffff of a network, all its nodes answer, and each is shown. With --json, one object a
line: first what is asked, then what came. The status is 0 if a reply came, 1 if none did, 2 for other errors.`,
		Example: "  tapestry ping 198.51.100.1\n  tapestry ping -c 3 -s 1000 2001:db8:51::1\n" +
			"  tapestry ping 0000cafe:020000000001\n  tapestry ping --ipx beta\n  tapestry ping --diagnostic 0000cafe:020000000001",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a.Target, a.Size = args[0], &size
			a.Interval, a.Timeout = seconds(interval), seconds(timeout)
			switch {
			case v4:
				a.Family = "ip4"
			case v6:
				a.Family = "ip6"
			case overIPX || a.Diag:
				a.Family = "ipx"
			}
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
	f.BoolVar(&overIPX, "ipx", false, "IPX, to a host or a server of tapestry slist that is named")
	f.BoolVar(&a.Diag, "diagnostic", false, "IPX: ask for the node's configuration instead of an echo")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6", "ipx")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6", "diagnostic")
	c.MarkFlagsMutuallyExclusive("size", "diagnostic")
	c.MarkFlagsMutuallyExclusive("ttl", "ipx")
	t.addTo(c)
	t.addJSONLines(c)
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
		return printLine(w, e)
	})
	if !t.json {
		s.Finish(w)
	}
	switch {
	case err != nil && (!errors.Is(err, context.Canceled) || s.Target == ""):
		report(interrupted(err))
		return exitStatus(2)
	case s.Received == 0:
		return exitStatus(1)
	}
	return nil
}
