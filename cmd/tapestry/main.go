package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"tapestry/bench"
	"tapestry/cmd/tapestry/internal/lab"
)

func main() { os.Exit(run()) }

func run() int {
	if status, ok := bench.Role(os.Args[1:]); ok {
		return status
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	report(err)
	return 2
}

// report prints an error; what is wrong with a lab's file begins with the file's name, as compilers write it.
func report(err error) {
	var problems lab.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(os.Stderr, problems)
		return
	}
	fmt.Fprintln(os.Stderr, "tapestry:", err)
}

// exitStatus ends the program with a status and no message.
type exitStatus int

// Error implements error.
func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tapestry",
		Short: "Hosts in user space on a virtual wire",
		Long: "Tapestry runs hosts with a TCP/IP and IPX/SPX stack of their own on a TAP device, in a network namespace of their own,\n" +
			"without root. The machine's programs talk to them as to any host.",
		Example:           "  tapestry run\n  tapestry run lab.toml\n  tapestry run -- curl http://198.51.100.2/",
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	})
	root.AddGroup(&cobra.Group{ID: "lab", Title: "Labs:"}, &cobra.Group{ID: "wire", Title: "Segments of a running lab:"},
		&cobra.Group{ID: "inside", Title: "From inside a host of a running lab:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("lab", runCommand(), checkCommand(), labsCommand(), infoCommand(), appsCommand(), shellCommand(), defaultsCommand())
	add("wire", segmentsCommand(), portsCommand(), impairCommand(), macCommand(), drawCommand())
	add("inside", pingCommand(), arpCommand(), routeCommand(), netstatCommand(), statsCommand(), dumpCommand(), ipxCommand(),
		slistCommand())
	root.AddCommand(benchCommand(), versionCommand(), manCommand())
	return root
}
